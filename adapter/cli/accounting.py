"""`sallyport accounting`: what was disclosed of a person, for the person and for the privacy office."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from adapter.cli.options import SiteFolder  # noqa: TC001  # typer reads the annotations
from adapter.cli.staff import (
    PatientName,
    Until,
    author,
    first_instant,
    last_instant,
    local_day,
    on_site_told,
    patient_id,
)
from adapter.errors import RequestError
from adapter.fhir.dates import interval
from adapter.services.accounting import ACCOUNTING
from adapter.services.accounting_law import LONGEST
from adapter.services.page import html, markdown

if TYPE_CHECKING:
    from adapter.services.accounting import Account
    from adapter.wired import Services


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples: sallyport accounting --site county jail-roster:J1 --html --by 'R. Desk' > accounting.html"
        "   |   "
        "sallyport accounting --site county jail-roster:J1 --from 2026-01-01 --until 2026-06-30 --csv --by 'R. Desk'"
        "   |   "
        "sallyport accounting --site county jail-roster:J1 --officer --by 'R. Desk'"
    )(accounting)


def accounting(
    site: SiteFolder,
    patient: PatientName,
    by: Annotated[str, typer.Option("--by", help="Your name; it stands in the ledger with the accounting.")],
    since: Annotated[str | None, typer.Option("--from", help="First day; default is six years before the end.")] = None,
    until: Until = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Rows for a spreadsheet.")] = False,
    as_html: Annotated[bool, typer.Option("--html", help="One HTML file that prints well.")] = False,
    as_fhir: Annotated[bool, typer.Option("--fhir", help="A Bundle of AuditEvents.")] = False,
    officer: Annotated[
        bool,
        typer.Option(
            "--officer", help="For the privacy office: every question, suspended ones too. Not to be given out."
        ),
    ] = False,
) -> None:
    """Print the accounting of disclosures of a person, over all records that are confirmed to be theirs.

    One list for each law: 45 CFR 164.528 (six years), 42 CFR 2.25 (three), 42 CFR 2.24 where this site is an
    intermediary; then the questions that gave nothing. No content of any record. What a law enforcement or oversight
    agency asked to suspend is left out without a trace until that ends. Giving it stands in the ledger.
    """

    async def work(services: Services) -> str:
        if as_csv + as_html + as_fhir > 1:
            raise RequestError("choose one of --csv, --html and --fhir", expression="format")
        ident = await patient_id(services, patient)
        stop = min(last_instant(until, services.zone) or services.now() + 1, services.now() + 1)
        first = first_instant(since, services.zone)
        start = _earliest(services, stop) if first is None else first
        if start >= stop:
            raise RequestError("expected a first day before the last", expression="from")
        by_whom = author(services, by)
        account = await services.accounting.of(ident, since=start, until=stop)
        if account.unmatched and not officer:
            raise RequestError(
                "an agency that is no partner asked for a suspension, so it cannot be told what to leave out: see "
                "--officer, end it and record it again under the key of a partner",
                expression="suspension",
            )
        await services.authorities.enter(by_whom, ACCOUNTING, f"Patient/{ident}{' for the office' if officer else ''}")
        return _printed(services, account, fhir=as_fhir, csv=as_csv, page=as_html, officer=officer)

    sys.stdout.write(on_site_told(site, work))


def _earliest(services: Services, stop: int) -> int:
    """The first instant of the longest period that a law reaches back."""
    day = LONGEST.first_day(local_day(stop, services.zone))
    return interval(day.isoformat(), services.zone)[0]


def _printed(services: Services, account: Account, *, fhir: bool, csv: bool, page: bool, officer: bool) -> str:
    if fhir:
        events = [{"resource": event} for event in services.audit.events(account, officer=officer)]
        return orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": events}).decode() + "\n"
    if csv:
        return services.account_page.rows(account, officer=officer)
    blocks = services.account_page.blocks(account, services.zone, officer=officer)
    return html(blocks) if page else markdown(blocks)
