"""`sallyport identity`: who is who, for the analyst: what to review, what was decided, what was joined wrongly."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from adapter.cli.options import AsJson, SiteFolder, bar
from adapter.cli.staff import By, PatientName, author, local, on_site_told, patient_id
from adapter.errors import RequestError
from adapter.fhir.instants import instant_text
from adapter.identity.match import Band
from adapter.services.identity_rules import OWN
from adapter.services.identity_training import trained, written

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from adapter.identity.training import Trained
    from adapter.identity.traits import Traits
    from adapter.services.consequences import Past
    from adapter.services.identities import History, Item
    from adapter.wired import Services

_STATES = {
    Band.NONE: "told otherwise of itself than before; held",
    Band.REVIEW: "to review",
    Band.LINK: "likely one person; nothing passes between the two until it is confirmed",
    Band.CONFIRMED: "confirmed to be one person",
}
Other = Annotated[str, typer.Argument(help="The other record, named in the same way.")]
Why = Annotated[str, typer.Option("--because", help="Why; it stands with the decision and in nobody else's view.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Who is who: pairs of records to review, confirm or take apart.")
    for name, command, examples in (
        ("review", review, _REVIEW),
        ("decide", decide, _DECIDE),
        ("accept", accept, _ACCEPT),
        ("unlink", unlink, _UNLINK),
        ("list", list_, "Example: sallyport identity list --site county jail-roster:J1"),
        ("train", train, _TRAIN),
    ):
        group.command(name, epilog=examples)(command)
    app.add_typer(group, name="identity")


_REVIEW = (
    "Examples: sallyport identity review --site county   |   "
    "sallyport identity review --site county jail-roster:J1 riverside-ehr:e1 --by 'R. Desk'"
)
_DECIDE = (
    "Examples: sallyport identity decide --site county jail-roster:J1 riverside-ehr:e1 --same "
    "--because 'photo and signature agree' --by 'R. Desk'   |   "
    "sallyport identity decide --site county jail-roster:J1 court-cases:D1 --different "
    "--because 'brothers' --by 'R. Desk'"
)
_ACCEPT = (
    "Example: sallyport identity accept --site county jail-roster:J1 --because 'fingerprints agree' --by 'R. Desk'"
)
_UNLINK = (
    "Example: sallyport identity unlink --site county jail-roster:J1 riverside-ehr:e1 "
    "--because 'the clinic filed it under a namesake' --by 'R. Desk'"
)
_TRAIN = (
    "Examples: sallyport identity train --site county > proposed.yaml   |   "
    "sallyport identity train --site county --write"
)


def review(
    site: SiteFolder,
    one: Annotated[str | None, typer.Argument(help="A record; with another one, what both tell is shown.")] = None,
    other: Annotated[str | None, typer.Argument(help="The other record.")] = None,
    by: Annotated[str, typer.Option("--by", help="Your name, to look at two records; it stands in the ledger.")] = "",
    links: Annotated[bool, typer.Option("--links/--no-links", help="Likely pairs to confirm too.")] = True,
    most: Annotated[int, typer.Option("--most", min=1, help="So many pairs of a kind.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what waits for a decision, without names; or show what two records tell of who they are."""
    if one is not None:
        _show(site, one, other, by)
        return

    async def work(services: Services) -> tuple[list[Item], dict[str, int], ZoneInfo]:
        found = await services.identities.open(links=links, count=most)
        return found, await services.identities.counts(), services.zone

    found, counts, zone = on_site_told(site, work)
    if as_json:
        print(orjson.dumps({"counts": counts, "items": [as_dict(item) for item in found]}).decode())
        return
    for item in found:
        print(in_words(item, zone))
    print(
        f"{counts['doubted']:,} held, {counts['review']:,} to review, {counts['link']:,} likely, "
        f"{counts['confirmed']:,} confirmed"
    )


def _show(site: Any, one: str, other: str | None, by: str) -> None:
    async def work(services: Services) -> tuple[Traits, Traits, Item, ZoneInfo]:
        if other is None:
            raise RequestError("name two records to compare, or none for the list", expression="other")
        first, second = await patient_id(services, one), await patient_id(services, other)
        return *await services.identities.shown(first, second, author(services, by)), services.zone

    first, second, item, zone = on_site_told(site, work)
    print(in_words(item, zone))
    for name, left, right in zip(_SHOWN, _told(first), _told(second), strict=True):
        print(f"  {name:<11}{left or '-':<40}{right or '-'}")


_SHOWN = ("names", "birth date", "sex", "SSN ends", "numbers")


def _told(traits: Traits) -> tuple[str, ...]:
    """What a person compares; of an SSN the last four digits, of fingerprint numbers only that one is told."""
    names = "; ".join(
        " ".join(filter(None, (name.given, name.middle, name.family, name.suffix))) for name in traits.names
    )
    kinds = [word for word, value in (("state", traits.state_id), ("FBI", traits.fbi)) if value]
    numbers = [*kinds, *(number.rpartition("|")[2] for number in traits.numbers)]
    return names, traits.birth_date, traits.sex, traits.ssn_last4, ", ".join(numbers)


def decide(
    site: SiteFolder,
    one: PatientName,
    other: Other,
    why: Why,
    by: By,
    same: Annotated[bool | None, typer.Option("--same/--different", help="One person, or two.")] = None,
) -> None:
    """Decide whether two records are one person's. It holds for the next request, and counts until decided again."""

    async def work(services: Services) -> Band:
        if same is None:
            raise RequestError("say what you found: --same or --different", expression="same")
        first, second = await patient_id(services, one), await patient_id(services, other)
        return await services.identities.decide(first, second, author(services, by), same=same, why=why)

    state = on_site_told(site, work)
    print(_STATES[state] if state else "decided: two persons")


def accept(site: SiteFolder, one: PatientName, why: Why, by: By) -> None:
    """Take what a held record now tells of itself for right: its hold ends and its pairs are looked for anew."""

    async def work(services: Services) -> int:
        ident = await patient_id(services, one)
        return await services.identities.accept(ident, author(services, by), why=why)

    print(f"accepted; {on_site_told(site, work)} records concerned")


def unlink(
    site: SiteFolder,
    one: PatientName,
    other: Other,
    why: Why,
    by: By,
    held: Annotated[
        bool, typer.Option("--hold/--no-hold", help="Hold both records until somebody ends that; default is to hold.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Take two records apart that were confirmed to be one person, and list the disclosures that rested on it.

    What is listed names requests, recipients and resources by their ids and nothing of their content. Whether it is a
    breach to notify is for the privacy officer (45 CFR 164.402).
    """

    async def work(services: Services) -> tuple[Past, ZoneInfo]:
        first, second = await patient_id(services, one), await patient_id(services, other)
        past = await services.identities.unlink(first, second, author(services, by), why=why, held=held)
        return past, services.zone

    past, zone = on_site_told(site, work)
    if as_json:
        unmade = [each._asdict() | {"at": instant_text(each.at)} for each in past.unmade]
        print(orjson.dumps({"looked": past.looked, "beyond": past.beyond, "unmade": unmade}).decode())
        return
    print("taken apart" + ("; both records are on hold: end it with `sallyport record end`" if held else ""))
    for each in past.unmade:
        told = f"{each.recipient} for {each.purpose}: {each.resource}, request {each.request_id}"
        print(f"  {local(each.at, zone)}  {told}")
    print(f"{len(past.unmade)} of {past.looked} disclosures since would not have been made without the link")
    if past.beyond:
        print(f"{past.beyond} cannot be told: what was in force then is not held any more")


def list_(site: SiteFolder, one: PatientName, as_json: AsJson = False) -> None:
    """List the pairs of a record and what was decided of it, who and why."""

    async def work(services: Services) -> tuple[History, ZoneInfo]:
        return await services.identities.of(await patient_id(services, one)), services.zone

    found, zone = on_site_told(site, work)
    if as_json:
        decisions = [
            {
                "one": one_._asdict(),
                "other": other_._asdict(),
                "verdict": each.verdict,
                "author": each.author,
                "why": each.why,
                "at": instant_text(each.at),
            }
            for each, one_, other_ in found.decisions
        ]
        print(orjson.dumps({"pairs": [as_dict(item) for item in found.pairs], "decisions": decisions}).decode())
        return
    for item in found.pairs:
        print(in_words(item, zone))
    for each, one_, other_ in found.decisions:
        whom = one_.patient if each.patient == each.other else f"{one_.patient} and {other_.patient}"
        print(f"{each.verdict}: {whom}, {local(each.at, zone)} by {each.author}: {each.why}")
    if not found.pairs and not found.decisions:
        print("no other record is known to be, or may be, this person's")


def train(
    site: SiteFolder,
    write: Annotated[bool, typer.Option("--write", help=f"Put them into the site folder as {OWN}.")] = False,
) -> None:
    """Learn weights from the records of this site, on top of those it has, and print them.

    With --write they count from the next start on, which weighs every pair anew. Nothing is known of the truth, so
    nothing is measured: look at pairs of the review band before and after.
    """

    async def work(services: Services) -> Trained:
        day = datetime.fromtimestamp(services.now() // 1_000_000, tz=UTC).astimezone(services.zone).date().isoformat()
        with bar("records drawn", "records") as advance:
            return await trained(
                services.store,
                services.people.pairing,
                services.site.folder,
                day=day,
                progress=lambda n: advance(n, n, n),
            )

    found = on_site_told(site, work)
    text = written(found.document)
    if write:
        (site / OWN).write_text(text, encoding="utf-8")
        print(f"{OWN}: learned from {found.pairs:,} pairs, of which about {found.likely:,.0f} are one person's")
    else:
        print(text, end="")


def in_words(item: Item, zone: ZoneInfo) -> str:
    """A pair for a person to read, without names."""
    if item.other is None:
        return f"{item.one.source}  {item.one.patient}\n  {_STATES[item.state]}"
    lines = [f"{item.one.source}  {item.one.patient}", f"{item.other.source}  {item.other.patient}"]
    if item.state:
        lines.append(f"  {_STATES[item.state]}, since {local(item.since, zone)}")
    agreeing = ", ".join(f"{name.replace('_', ' ')} {level}" for name, level in item.levels.items())
    return "\n".join([*lines, f"  {item.score:.1f} bits: {agreeing}"])


def as_dict(item: Item) -> dict[str, Any]:
    """A pair for programs."""
    return {
        "one": item.one._asdict(),
        "other": None if item.other is None else item.other._asdict(),
        "state": item.state.name.lower() if item.other else "doubted",
        "bits": item.score,
        "since": instant_text(item.since) if item.since else None,
        "levels": dict(item.levels),
    }
