"""`sallyport record`: what the custodian's staff knows of a person and the law lets it change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli import recorded, sealed
from adapter.cli.options import SiteFolder  # noqa: TC001  # typer reads the annotations
from adapter.cli.staff import (
    By,
    From,
    Key,
    PatientName,
    Until,
    Words,
    author,
    first_instant,
    last_instant,
    on_site_told,
    partner,
    patient_id,
)
from adapter.consent.vocabulary import PURPOSES
from adapter.errors import RequestError
from adapter.services import recordings
from adapter.services.authorities import Whom
from adapter.services.decisions import LOCAL_PURPOSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.services.recordings import Recording
    from adapter.wired import Services

KNOWN_PURPOSES = PURPOSES.keys() | LOCAL_PURPOSES
Partner = Annotated[str | None, typer.Option("--partner", help="Towards this partner alone; default is everyone.")]
Classes = Annotated[
    list[str] | None,
    typer.Option("--class", help="Class of data, as agreements name it; may be given several times."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="What the custodian's staff knows of a person: holds, restrictions, referrals, legal bases.",
    )
    for command, examples in (
        (basis, _BASIS),
        (hold, _HOLD),
        (restriction, _RESTRICTION),
        (referral, _REFERRAL),
        (suspension, _SUSPENSION),
        (subpoena, _SUBPOENA),
    ):
        group.command(epilog=examples)(command)
    recorded.register(group)
    sealed.register(group)
    app.add_typer(group, name="record")


_BASIS = (
    "Examples: sallyport record basis --site county jail-roster:J1 --basis E --recipient cottonwood --purpose TREAT "
    "--class screening-summary --fact recipient_name='Dr. Wren' --fact recipient_facility=Cottonwood "
    "--fact discloser='N. Hale' --fact disclosed_at=2026-11-22T12:00:00-07:00 --fact nature='found unconscious' "
    "--by 'N. Hale'   |   sallyport record basis --site county jail-roster:J1 --basis O --recipient court "
    "--purpose HLEGAL --class screening-summary --source riverside-main --fact court='District Court' "
    "--fact order=2026-77 --fact scope='screening results' --fact authority=hipaa --fact notes=no --fact mandate=yes "
    "--fact expires=2027-01-31T00:00:00-07:00 --fact reviewer='county counsel' --by 'R. Desk'"
)
_HOLD = (
    "Examples: sallyport record hold --site county jail-roster:J1 --identity --by 'R. Desk'   |   "
    "sallyport record hold --site county jail-roster:J1 --oral --partner pretrial --by 'R. Desk'"
)
_RESTRICTION = "Example: sallyport record restriction --site county riverside-ehr:e1 --source riverside --by 'R. Desk'"
_REFERRAL = "Example: sallyport record referral --site county jail-roster:J1 --to cottonwood --days 90 --by 'R. Desk'"
_SUBPOENA = (
    "Example: sallyport record subpoena --site county jail-roster:J1 --served-by 'county attorney' --by 'R. Desk'"
)
_SUSPENSION = (
    "Examples: sallyport record suspension --site county jail-roster:J1 --agency police --oral --by 'R. Desk'   |   "
    "sallyport record suspension --site county jail-roster:J1 --agency police --until 2027-03-01 --by 'R. Desk'"
)


def basis(
    site: SiteFolder,
    patient: PatientName,
    basis: Annotated[str, typer.Option("--basis", help="K custody, J threat, E emergency, O order, X proceeding.")],
    recipient: Annotated[str, typer.Option("--recipient", help="Partner that may rely on it.")],
    purpose: Annotated[str, typer.Option("--purpose", help="Purpose of use, such as TREAT or pretrial-release.")],
    classes: Annotated[
        list[str], typer.Option("--class", help="Class of data, as agreements name it; may be given several times.")
    ],
    by: By,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Only records of this unit; may be given several times.")
    ] = None,
    fact: Annotated[
        list[str] | None,
        typer.Option("--fact", help="NAME=VALUE, one for each fact the law wants; a missing one is named."),
    ] = None,
    since: From = None,
    until: Until = None,
    request: Key = None,
) -> None:
    """Record that a partner may rely on a legal basis other than a consent, with the facts the law wants recorded.

    Without --until it holds for as long as the basis may: K 72 hours, J and E 24 hours, X 90 days, an order until it
    expires. J and E are then open for review by somebody else: `sallyport record reviews`.
    """

    async def work(services: Services) -> str:
        if purpose not in KNOWN_PURPOSES:
            expected = ", ".join(sorted(KNOWN_PURPOSES))
            raise RequestError(f"`{purpose}` is no purpose of use; expected one of {expected}", expression="purpose")
        asked = recordings.Assertion(
            basis=basis,
            recipient=partner(services, recipient),
            purpose=purpose,
            classes=tuple(classes),
            units=tuple(partner(services, one) for one in source or ()),
            facts=tuple(map(_fact, fact or ())),
            start=first_instant(since, services.zone),
            stop=last_instant(until, services.zone),
        )
        whom = Whom(patient=await patient_id(services, patient))
        ident = await services.authorities.assert_basis(asked, whom, author(services, by, request))
        return await _told(services, whom.patient, ident)

    print(on_site_told(site, work))


def hold(
    site: SiteFolder,
    patient: PatientName,
    by: By,
    identity: Annotated[
        bool, typer.Option("--identity", help="The identity is in doubt: nothing passes to anyone.")
    ] = False,
    oral: Annotated[
        bool,
        typer.Option("--oral", help="Consents were revoked by word of mouth: silent until the paper comes."),
    ] = False,
    partner: Partner = None,
    words: Words = "",
    request: Key = None,
) -> None:
    """Hold a person's records: at once, for everyone or towards one partner, until it is ended."""

    def made(services: Services) -> Recording:
        if identity is oral:
            raise RequestError("say which hold it is: --identity or --oral, one of them", expression="hold")
        if identity and partner is not None:
            raise RequestError("an identity in doubt is so for everyone; leave --partner out", expression="partner")
        reason = recordings.IDENTITY if identity else recordings.ORAL
        return recordings.hold(reason, partner=_organisation(services, partner), words=words)

    _record(site, patient, by, request, made)


def restriction(
    site: SiteFolder,
    patient: PatientName,
    source: Annotated[str, typer.Option("--source", help="Partner that agreed to the restriction.")],
    by: By,
    partner: Partner = None,
    classes: Classes = None,
    until: Until = None,
    words: Words = "",
    request: Key = None,
) -> None:
    """Record a restriction that a source agreed to with the person: it wins over consents, not over an emergency."""

    def made(services: Services) -> Recording:
        return recordings.restriction(
            source=_organisation(services, source),
            partner=_organisation(services, partner),
            classes=classes or (),
            words=words,
            stop=last_instant(until, services.zone),
        )

    _record(site, patient, by, request, made)


def referral(
    site: SiteFolder,
    patient: PatientName,
    to: Annotated[str, typer.Option("--to", help="Partner that the person was referred to.")],
    by: By,
    roster: Annotated[
        bool, typer.Option("--confirmed-roster", help="The partner confirmed that the person is on its roster.")
    ] = False,
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="How long; default and longest is the site's treatment window.")
    ] = None,
    since: From = None,
    words: Words = "",
    request: Key = None,
) -> None:
    """Record a treatment relationship that no encounter tells of yet."""

    def made(services: Services) -> Recording:
        window = services.site.site.treatment_window_days
        if days is not None and days > window:
            raise RequestError(f"a treatment relationship lasts at most {window} days at this site", expression="days")
        return recordings.referral(
            to=_organisation(services, to),
            how="confirmed roster" if roster else "referral",
            days=days or window,
            words=words,
            start=first_instant(since, services.zone),
        )

    _record(site, patient, by, request, made)


def suspension(
    site: SiteFolder,
    patient: PatientName,
    agency: Annotated[str, typer.Option("--agency", help="Partner, by key or name, that asked for it.")],
    by: By,
    oral: Annotated[bool, typer.Option("--oral", help="Asked for by word of mouth: it lapses after 30 days.")] = False,
    until: Until = None,
    words: Words = "",
    request: Key = None,
) -> None:
    """Record that an agency asked to keep disclosures to it out of the person's accounting, 45 CFR 164.528(a)(2).

    Until it ends the accounting shows nothing of them, and nothing of the suspension: `sallyport accounting`.
    """

    def made(services: Services) -> Recording:
        return recordings.suspension(
            agency=_agency(services, agency), oral=oral, stop=last_instant(until, services.zone), words=words
        )

    _record(site, patient, by, request, made)


def subpoena(
    site: SiteFolder,
    patient: PatientName,
    served_by: Annotated[str, typer.Option("--served-by", help="Who served it.")],
    by: By,
    words: Words = "",
    request: Key = None,
) -> None:
    """Record that a subpoena came without a court order: it opens nothing and is for counsel to see.

    Answer whoever served it neither yes nor no; the rules restrict what may be said of an identified patient.
    """
    _record(site, patient, by, request, lambda _: recordings.subpoena(by=served_by, words=words))


def _record(site: Path, patient: str, by: str, request: str | None, made: Callable[[Services], Recording]) -> None:
    async def work(services: Services) -> str:
        what = made(services)
        whom = Whom(patient=await patient_id(services, patient))
        ident = await services.authorities.record(what, whom, author(services, by, request))
        return await _told(services, whom.patient, ident)

    print(on_site_told(site, work))


async def _told(services: Services, patient: str, ident: str) -> str:
    (one,) = (one for one in await services.authorities.listed(patient) if one.fact.id == ident)
    return f"recorded {ident}\n{recorded.in_words(one, services.zone)}"


def _organisation(services: Services, key: str | None) -> str:
    return "" if key is None else partner(services, key)


def _agency(services: Services, name: str) -> str:
    """An agency by its key: only a partner is ever disclosed to, and one that cannot be told apart would be shown."""
    for key, one in services.site.partners.items():
        if name.casefold() in {key.casefold(), one.name.casefold()}:
            return key
    return partner(services, name).removeprefix("Organization/")


def _fact(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise RequestError("--fact is NAME=VALUE, such as --fact order=2026-77", expression="fact")
    return name, value
