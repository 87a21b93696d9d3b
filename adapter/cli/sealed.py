"""`sallyport record seal`, `unseal`, `expunge`, `destroy`, `sealed`: what a court takes out of every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from adapter.cli.options import AsJson, SiteFolder  # noqa: TC001  # typer reads the annotations
from adapter.cli.staff import By, Key, Words, author, local, on_site_told, patient_id
from adapter.fhir.instants import instant_text

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from adapter.services.sealing import Sealed
    from adapter.services.shredding import Copies
    from adapter.wired import Services

Record = Annotated[
    str, typer.Argument(help="Type/id of one record, or FEED:NUMBER for all that a feed holds of a person.")
]
Authority = Annotated[str, typer.Option("--authority", help="The order or statute, such as 'order 2026-77'.")]
Ident = Annotated[str, typer.Argument(help="Id of a sealing, as `record sealed` tells it.")]
_STATES = {"seal": "sealed", "expunge": "sealed, to be destroyed"}
_ENDED = {"seal": "opened", "expunge": "destroyed"}


def register(group: typer.Typer) -> None:
    """Add the commands to the group `record`."""
    group.command(
        epilog="Examples: "
        "sallyport record seal --site county Encounter/5c0f… --authority 'order 2026-77' --by 'R. Desk'"
        "   |   sallyport record seal --site county jail-roster:J1 --authority 'order 2026-77' --by 'R. Desk'"
    )(seal)
    group.command(
        epilog="Example: "
        "sallyport record expunge --site county jail-roster:J1 --authority 'order 2026-78' --by 'R. Desk'"
    )(expunge)
    group.command(epilog="Example: sallyport record destroy --site county 5c0f… --by 'P. Officer'")(destroy)
    group.command(
        epilog="Example: sallyport record unseal --site county 5c0f… --because 'order vacated' --by 'R. Desk'"
    )(unseal)
    group.command(epilog="Example: sallyport record sealed --site county")(sealed)


def seal(
    site: SiteFolder, record: Record, authority: Authority, by: By, words: Words = "", request: Key = None
) -> None:
    """Seal a record, with whatever was derived from it: it is in no answer from the next request on.

    What its source sends of it later is sealed with it. Consents are not sealed: they decide what may be released.
    """
    print(_sealed(site, record, authority, author_of=(by, request), words=words, destroying=False))


def expunge(
    site: SiteFolder, record: Record, authority: Authority, by: By, words: Words = "", request: Key = None
) -> None:
    """Ask that a record be destroyed. It is sealed with that; somebody else confirms with `record destroy`."""
    print(_sealed(site, record, authority, author_of=(by, request), words=words, destroying=True))


def _sealed(
    site: SiteFolder, record: str, authority: str, *, author_of: tuple[str, str | None], words: str, destroying: bool
) -> str:
    async def work(services: Services) -> str:
        what = f"Patient/{await patient_id(services, record)}" if ":" in record else record
        made = await services.sealing.seal(
            what, author(services, *author_of), authority=authority, words=words, expunge=destroying
        )
        return f"sealed {made.records} records under {made.row.id}"

    told = on_site_told(site, work)
    return f"{told}\nto be destroyed: somebody else confirms with `sallyport record destroy`" if destroying else told


def destroy(site: SiteFolder, ident: Ident, by: By) -> None:
    """Confirm a destruction, as somebody else than who asked for it; repeated, it finishes what was cut short.

    The records, their versions and what finds them are deleted, and their raw lines in the inbox written over. Left are
    their keyed names, who destroyed them and why. Their keys are destroyed with them, so that every backup taken before
    has lost them too; copies of these keys have to be made anew. What partners were given is not reached.
    """

    async def work(services: Services) -> tuple[Sealed, int, Copies]:
        done = await services.sealing.confirm(ident, author(services, by))
        return done, await services.sealing.waiting(), await services.shredding.copies()

    done, waiting, copies = on_site_told(site, work)
    print(f"destroyed {done.records} records")
    if copies.generation is not None:
        print(f"backups have lost them: the keys are of generation {copies.generation} now")
    if count := len(copies.outdated):
        told = "1 copy of the keys is" if count == 1 else f"{count} copies of the keys are"
        print(f"{told} out of date and still open them; copy again: `sallyport backup-keys list` tells where")
    if waiting:
        print(f"{waiting} receipts are erased once they are brought in and nothing of them waits in quarantine")


def unseal(
    site: SiteFolder,
    ident: Ident,
    because: Annotated[str, typer.Option("--because", help="Why, such as the order that vacates it.")],
    by: By,
) -> None:
    """Open a seal: the records are in answers again, as today's consents, agreements and law permit."""

    async def work(services: Services) -> Sealed:
        return await services.sealing.open(ident, author(services, by), because=because)

    print(f"opened: {on_site_told(site, work).records} records")


def sealed(site: SiteFolder, as_json: AsJson = False) -> None:
    """List what was sealed and destroyed: by whom, under which order, how many records. No content."""

    async def work(services: Services) -> tuple[list[Sealed], ZoneInfo]:
        return await services.sealing.listed(), services.zone

    found, zone = on_site_told(site, work)
    if as_json:
        print(orjson.dumps([_as_dict(one) for one in found]).decode())
        return
    for one in found:
        row = one.row
        print(f"{row.id}  {_state(one)}\n  {row.what}, {one.records} records, under {row.authority}")
        print(f"  {local(row.at, zone)} by {row.author}" + (f": {row.words}" if row.words else ""))
        if row.ended is not None:
            print(f"  {_ENDED[row.kind]} {local(row.ended, zone)} by {row.second}")
    if not found:
        print("nothing is sealed")


def _state(one: Sealed) -> str:
    return (_STATES if one.row.ended is None else _ENDED)[one.row.kind]


def _as_dict(one: Sealed) -> dict[str, object]:
    row = one.row
    return {
        "id": row.id,
        "what": row.what,
        "state": _state(one),
        "records": one.records,
        "authority": row.authority,
        "words": row.words,
        "author": row.author,
        "at": instant_text(row.at),
        "second": row.second,
        "ended": None if row.ended is None else instant_text(row.ended),
    }
