"""`sallyport consent`: paper that staff has in hand, and revocations."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.options import SiteFolder  # noqa: TC001  # typer reads the annotations
from adapter.cli.staff import INVALID, By, Key, author, on_site_told, partner
from adapter.errors import RequestError

if TYPE_CHECKING:
    from adapter.services.paper import Taken
    from adapter.wired import Services


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Consents signed on paper, and revocations.")
    group.command(
        epilog="Example: sallyport consent record --site county --form universal-release paper.json --by 'R. Desk'"
    )(record)
    group.command(
        epilog="Examples: sallyport consent revoke --site county r1 --partner pretrial --by 'R. Desk'   |   "
        "sallyport consent revoke --site county r1 --all --oral --by 'R. Desk'"
    )(revoke)
    app.add_typer(group, name="consent")


def record(
    site: SiteFolder,
    file: Annotated[Path, typer.Argument(help="The form as JSON, as the release registry exports it.", exists=True)],
    form: Annotated[str, typer.Option("--form", help="The form, as forms/*.yaml name it.")],
    by: By,
) -> None:
    """Take in a form that was signed on paper. It is kept raw before anything else happens, like every release.

    Exit code 4 when the form is deficient: it then waits in quarantine, and nothing passes on consents of this person
    until it is mended.
    """

    async def work(services: Services) -> Taken:
        return await services.papers.record(form, file.read_bytes(), author(services, by))

    _tell(on_site_told(site, work), "taken in")


def revoke(
    site: SiteFolder,
    submission: Annotated[str, typer.Argument(help="The submission of the form that is revoked.")],
    by: By,
    partners: Annotated[
        list[str] | None, typer.Option("--partner", help="Revoked towards this partner; may be given several times.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Revoked towards everyone.")] = False,
    oral: Annotated[
        bool, typer.Option("--oral", help="Revoked by word of mouth: a hold at once, until the paper comes.")
    ] = False,
    request: Key = None,
) -> None:
    """Revoke a form, of single partners or of everything. It holds for the next request, and never for the past.

    A written revocation stays on the form whatever the registry exports of it later, and ends the hold that stood for
    it.
    """

    async def work(services: Services) -> Taken | tuple[str, list[str]]:
        if everything is bool(partners):
            raise RequestError("say what is revoked: --all, or one --partner after another", expression="partner")
        for key in partners or ():
            partner(services, key)
        if oral:
            return await services.papers.hold(submission, partners or (), author(services, by, request))
        return await services.papers.revoke(submission, partners or (), author(services, by, request))

    done = on_site_told(site, work)
    if isinstance(done, tuple):
        patient, held = done
        print(f"held until the paper comes: Patient/{patient}")
        for ident in held:
            print(f"  {ident}")
    else:
        _tell(done, "revoked")


def _tell(taken: Taken, word: str) -> None:
    print(f"{word}: Patient/{taken.patient}, receipt {taken.report.receipt}")
    for ident in taken.released:
        print(f"  the hold {ident} has ended")
    if taken.waiting:
        for one in taken.waiting:
            at = f" at {one.element}" if one.element else ""
            print(f"  it waits in quarantine: {one.code}{at}; expected {one.expected}", file=sys.stderr)
        print("  mend the file and record it again; until then no consent of this person permits", file=sys.stderr)
        raise typer.Exit(INVALID)
