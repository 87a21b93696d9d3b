"""`sallyport labels`: labels that a source set and somebody lifts, by name and with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from adapter.cli.options import AsJson, SiteFolder  # noqa: TC001  # typer reads the annotations
from adapter.cli.staff import By, author, local, on_site_told, patient_id
from adapter.fhir.instants import instant_text

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from adapter.services.labelling import Decided, Relabelled
    from adapter.wired import Services

Record = Annotated[
    str, typer.Argument(help="Type/id of one record, or FEED:NUMBER for all that a feed holds of a person.")
]
Why = Annotated[str, typer.Option("--because", help="Why; it stands with the decision and in nobody else's view.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Security labels that a source set, lifted or put back by a person.")
    group.command("lift", epilog=_LIFT)(lift)
    group.command("restore", epilog=_RESTORE)(restore)
    group.command("list", epilog="Example: sallyport labels list --site county")(list_)
    app.add_typer(group, name="labels")


_LIFT = (
    "Example: sallyport labels lift --site county jail-medical-hl7:J1 --label CEL --label R "
    "--because 'the jail withdrew it by letter' --by 'P. Officer'"
)
_RESTORE = (
    "Example: sallyport labels restore --site county jail-medical-hl7:J1 --because 'the letter was about another' "
    "--by 'P. Officer'"
)


def lift(
    site: SiteFolder,
    record: Record,
    label: Annotated[list[str], typer.Option("--label", help="Code of a label, such as CEL or R; may be repeated.")],
    why: Why,
    by: By,
) -> None:
    """Lift labels that the source set and no longer means. It holds for the next request, until the source tells anew.

    What follows from the content of a record or from the law of its unit is not lifted.
    """

    async def work(services: Services) -> list[Relabelled]:
        what = await _named(services, record)
        return await services.labelling.lift(what, label, author(services, by), why=why)

    _told("lifted", on_site_told(site, work))


def restore(site: SiteFolder, record: Record, why: Why, by: By) -> None:
    """Put back what was lifted last; it holds for the next request."""

    async def work(services: Services) -> list[Relabelled]:
        what = await _named(services, record)
        return await services.labelling.restore(what, author(services, by), why=why)

    _told("put back", on_site_told(site, work))


def list_(site: SiteFolder, as_json: AsJson = False) -> None:
    """List what was lifted and put back, by whom and why."""

    async def work(services: Services) -> tuple[list[Decided], ZoneInfo]:
        return await services.labelling.listed(), services.zone

    found, zone = on_site_told(site, work)
    if as_json:
        print(orjson.dumps([_as_dict(one) for one in found]).decode())
        return
    for record, one in found:
        codes = " ".join(code for _, code in one.labels)
        print(
            f"{local(one.at, zone)}  {one.act:<8}{codes}  {record or 'a destroyed record'}, by {one.author}: {one.why}"
        )
    if not found:
        print("no label was lifted")


async def _named(services: Services, record: str) -> str:
    return f"Patient/{await patient_id(services, record)}" if ":" in record else record


def _told(word: str, found: list[Relabelled]) -> None:
    for record, labels in found:
        print(f"{word}: {record} now {' '.join(code for _, code in labels)}")


def _as_dict(one: Decided) -> dict[str, object]:
    decision = one.decision
    return {
        "at": instant_text(decision.at),
        "act": decision.act,
        "record": one.record,
        "labels": [{"system": system, "code": code} for system, code in decision.labels],
        "author": decision.author,
        "why": decision.why,
    }
