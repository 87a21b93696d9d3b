"""`sallyport explain`: why an answer was what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from adapter.cli.options import AsJson, SiteFolder, on_site
from adapter.errors import ConfigurationError, Problem
from adapter.services.access import Wanted
from adapter.services.explain import PRIVACY_OFFICER

if TYPE_CHECKING:
    from adapter.services.trace import Explanation
    from adapter.wired import Services

DENIED = 3
COMPLIANCE = "HCOMPL"
"""Health compliance, the purpose of use of a privacy officer: v3-ActReason."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples: sallyport explain --site county --request 4f2k…   |   "
        "sallyport explain --site county --recipient pretrial --purpose supervision Observation/abc…"
    )(explain)
    app.command(epilog="Example: sallyport officer --site county --recipient registry --minutes 30")(officer)


def explain(
    site: SiteFolder,
    resource: Annotated[str | None, typer.Argument(help="Type/id of the resource to decide now.")] = None,
    request: Annotated[str | None, typer.Option("--request", help="X-Request-Id of an answer that was given.")] = None,
    recipient: Annotated[str | None, typer.Option("--recipient", help="Partner key, as in partners.yaml.")] = None,
    purpose: Annotated[
        str | None, typer.Option("--purpose", help="Purpose of use, such as pretrial-release or TREAT.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell why an answer was what it was: every rule that was weighed, the losing ones too.

    A request is told as it was and, where something has changed since, as it would be decided now. Of a search it
    tells what was given and what was withheld of the same persons. Exit code 3 when the (first) decision is DENY.
    """
    if request is None and not (resource and recipient and purpose):
        raise typer.BadParameter("give --request, or --recipient, --purpose and a resource")

    async def work(services: Services) -> list[Explanation]:
        if request is not None:
            return await services.explain.request(request)
        assert resource and recipient and purpose  # noqa: S101, PT018 - checked above
        return [await services.explain.resource(f"Organization/{recipient}", purpose, resource)]

    found = on_site(site, work)
    if as_json:
        print(orjson.dumps([explanation.as_dict() for explanation in found]).decode())
    else:
        for explanation in found:
            print_explanation(explanation)
    if found[0].effect == "DENY":
        raise typer.Exit(DENIED)


def officer(
    site: SiteFolder,
    recipient: Annotated[str, typer.Option("--recipient", help="Key of the partner the privacy officer works for.")],
    client: Annotated[
        str, typer.Option("--client", help="Name of the person or software, for the ledger.")
    ] = "privacy-officer",
    user: Annotated[str, typer.Option("--user", help="Who uses it, where the partner's users sign.")] = "",
    minutes: Annotated[int, typer.Option("--minutes", min=1, max=480, help="Life of the token.")] = 60,
) -> None:
    """Issue a token with which a privacy officer of the site asks why over REST (`POST /fhir/$explain`).

    It serves the purpose HCOMPL alone, for which no agreement should grant anything. It is printed once and kept
    nowhere; every question asked with it is in the disclosure ledger.
    """

    async def work(services: Services) -> str:
        if recipient not in services.site.partners:
            expected = ", ".join(sorted(services.site.partners))
            problem = Problem(where="partners.yaml", path="", message=f"no partner `{recipient}`", expected=expected)
            raise ConfigurationError([problem])
        wanted = Wanted(recipient=recipient, purposes=[COMPLIANCE], rights=[PRIVACY_OFFICER], user=user)
        await services.access.check_user(services.store, wanted, at=services.now())
        return await services.tokens.issue(
            client=client,
            organisation=f"Organization/{recipient}",
            purposes=wanted.purposes,
            rights=wanted.rights,
            lifetime=60 * minutes,
            user=user,
        )

    print(on_site(site, work))


def print_explanation(explanation: Explanation) -> None:
    """One decision for a person to read."""
    print(f"{explanation.effect}  {explanation.question}")
    for line in explanation.lines:
        print(f"  - {line}")
