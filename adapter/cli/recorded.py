"""`sallyport record list`, `end`, `reviews` and `review`: what was recorded, and what was done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from adapter.cli.options import AsJson, SiteFolder  # noqa: TC001  # typer reads the annotations
from adapter.cli.staff import By, PatientName, Words, author, local, on_site_told, patient_id
from adapter.consent.standing import fact_of
from adapter.errors import RequestError
from adapter.fhir.instants import instant_text
from adapter.services.reviews import BREACH, FINDINGS
from adapter.store.shapes import END

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from adapter.services.authorities import Listed
    from adapter.services.reviews import Review
    from adapter.wired import Services

_KINDS = {
    "hold": "hold",
    "restriction": "restriction",
    "treatment": "treatment relationship",
    "suspension": "suspended accounting",
    "subpoena": "subpoena without an order",
    "K": "lawful custody (K)",
    "J": "serious and imminent threat (J)",
    "E": "medical emergency (E)",
    "O": "court order (O)",
    "X": "consent for one proceeding (X)",
}
_REVIEWS = {
    "supervisor": "a supervisor reviews the threat",
    "emergency": "somebody else reviews the emergency, and the patient is told",
    "breach": "no emergency: the disclosures are reviewed as a possible breach",
    "counsel": "counsel decides",
}


def register(group: typer.Typer) -> None:
    """Add the commands to the group `record`."""
    group.command("list", epilog="Example: sallyport record list --site county jail-roster:J1")(list_)
    group.command(
        epilog="Example: sallyport record end --site county 5c0f… --because 'identity confirmed' --by 'R. Desk'"
    )(end)
    group.command(epilog="Example: sallyport record reviews --site county")(reviews)
    group.command(epilog="Example: sallyport record review --site county 5c0f… --finding justified --by 'Lt. Bell'")(
        review
    )


def list_(site: SiteFolder, patient: PatientName, as_json: AsJson = False) -> None:
    """List what is recorded of a person, on all records known to be theirs, with what was done about it."""

    async def work(services: Services) -> tuple[list[Listed], ZoneInfo, int]:
        ident = await patient_id(services, patient)
        return await services.authorities.listed(ident), services.zone, services.now()

    found, zone, at = on_site_told(site, work)
    if as_json:
        print(orjson.dumps([as_dict(one) for one in found]).decode())
        return
    for one in found:
        print(f"{one.fact.id}  {_state(one, at)}\n{in_words(one, zone)}")
    if not found:
        print("nothing is recorded of this person")


def end(
    site: SiteFolder,
    ident: Annotated[str, typer.Argument(help="Id of what was recorded, as `record list` tells it.")],
    because: Annotated[str, typer.Option("--because", help="Why it ends.")],
    by: By,
) -> None:
    """End something that was recorded, now: a hold is released, an order vacated, a restriction lifted."""

    async def work(services: Services) -> bool:
        return await services.authorities.end(ident, author(services, by), because=because)

    print("ended" if on_site_told(site, work) else "it had ended already; nothing changed")


def reviews(site: SiteFolder, as_json: AsJson = False) -> None:
    """List the open reviews: threats, emergencies, orders without a mandate, subpoenas; the most urgent first."""

    async def work(services: Services) -> tuple[list[tuple[Review, int]], ZoneInfo, int]:
        found = await services.reviews.open()
        counts = [len(await services.reviews.affected(one.about)) if one.kind == BREACH else 0 for one in found]
        return list(zip(found, counts, strict=True)), services.zone, services.now()

    found, zone, at = on_site_told(site, work)
    if as_json:
        listed = [
            as_dict(one.about) | {"review": one.kind, "due": instant_text(one.due), "disclosures": count}
            for one, count in found
        ]
        print(orjson.dumps(listed).decode())
        return
    for one, count in found:
        late = "OVERDUE since" if one.due < at else "due"
        touched = f"; {count} disclosures to look at" if one.kind == BREACH else ""
        print(f"{one.about.fact.id}  {_REVIEWS[one.kind]}, {late} {local(one.due, zone)}{touched}")
        print(in_words(one.about, zone))
    if not found:
        print("no review is open")


def review(
    site: SiteFolder,
    ident: Annotated[str, typer.Argument(help="Id of what is reviewed, as `record reviews` tells it.")],
    finding: Annotated[str, typer.Option("--finding", help="justified or not-justified.")],
    by: By,
    words: Words = "",
) -> None:
    """Close a review. It takes two: the reviewer is not who recorded it, and not who is named in it as having acted.

    A threat or an emergency that was not justified ends with that; an emergency then is to be reviewed as a breach.
    """

    async def work(services: Services) -> tuple[Review, list[str]]:
        if finding not in FINDINGS:
            raise RequestError(f"--finding is one of {', '.join(FINDINGS)}", expression="finding")
        closed = await services.reviews.close(ident, author(services, by), finding=finding, words=words)
        next_open = [one.kind for one in await services.reviews.open() if one.about.fact.id == ident]
        return closed, next_open

    closed, next_open = on_site_told(site, work)
    print(f"closed: {_REVIEWS[closed.kind]}; {finding}")
    for kind in next_open:
        print(f"now open: {_REVIEWS[kind]}")


def _state(one: Listed, at: int) -> str:
    if one.fact.stop <= at:
        return "ended"
    return "in force" if one.fact.start <= at else "to come"


def in_words(one: Listed, zone: ZoneInfo) -> str:
    """A recorded fact for a person to read, in indented lines."""
    fact, told = one.fact, _decisive(one)
    towards = f" for {told['recipient']}" if told.get("recipient") else ""
    kind = _KINDS[fact.kind] + (f", {told['value']}" if fact.kind == "hold" else "")
    lines = [f"{kind}{towards}, recorded {local(fact.recorded, zone)} by {fact.author}"]
    lines.append(f"from {local(fact.start, zone)}, {_until(fact.stop, zone)}")
    lines += [f"{name}: {told[name]}" for name in ("purpose", "classes", "units") if told.get(name)]
    lines += [
        f"{name}: {_plain(value)}" for name, value in orjson.loads(fact.evidence).items() if value not in ("", None)
    ]
    lines += [
        f"{act.act.replace(':', ' review: ')} {local(act.at, zone)} by {act.author}"
        + (f": {act.words}" if act.words else "")
        for act in one.acts
    ]
    return "\n".join(f"  {line}" for line in lines)


def _until(stop: int, zone: ZoneInfo) -> str:
    return "until somebody ends it" if stop >= END else f"until {local(stop, zone)}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _decisive(one: Listed) -> dict[str, Any]:
    """What decisions read of it, by name."""
    told = orjson.loads(one.fact.fact)
    if told is None:
        return {}
    fact = fact_of(told)
    return {
        "recipient": fact.recipient.removeprefix("Organization/"),
        "purpose": fact.purpose,
        "value": fact.value,
        "classes": ", ".join(fact.classes),
        "units": ", ".join(unit.removeprefix("Organization/") for unit in fact.units),
    }


def as_dict(one: Listed) -> dict[str, Any]:
    """A recorded fact for programs."""
    fact = one.fact
    return {
        "id": fact.id,
        "kind": fact.kind,
        "start": instant_text(fact.start),
        "stop": None if fact.stop >= END else instant_text(fact.stop),
        "author": fact.author,
        "recorded": instant_text(fact.recorded),
        **_decisive(one),
        "evidence": orjson.loads(fact.evidence),
        "acts": [
            {"act": act.act, "author": act.author, "at": instant_text(act.at), "words": act.words} for act in one.acts
        ],
    }
