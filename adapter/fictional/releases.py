"""The universal releases that people of Alder County sign at the county's release registry.

A person is asked partner by partner and class by class, may refuse everything, may sign the Part 2 section
with the elements of 42 CFR 2.31(a) or leave it deficient, may revoke for one partner or for all. When
somebody signs again, the earlier form is revoked for all at that instant: at most one form of a person is in
force. What else is signed there, and what makes a form different, comes from `papers`.

A form is written down here with all that decides what it permits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from adapter.fictional.draws import between, chance, pick, weighted
from adapter.fictional.partners import OTP, PART2_RECIPIENTS, RECIPIENTS, ZONE

if TYPE_CHECKING:
    from random import Random

REFUSED = 0.12
REVOKED_FOR_ALL = 0.08
REVOKED_FOR_ONE = 0.1
REVISED = 0.15
ENDS_TODAY = 0.01
ENDED_YESTERDAY = 0.01

UNIVERSAL = "universal-release"
CONDITION_OF_RELEASE = "condition-of-release"
PROCEEDINGS = "proceedings"
VERSIONS = ("2025-1", "2026-1")
TEXTS = {
    (UNIVERSAL, "2025-1"): "2256fa2c9fc24da17e4303d3b986b70b7fe2343f856ca4c009b8289b5ca1a2e7",
    (UNIVERSAL, "2026-1"): "2b6a2b970c3e6c44d8081aaf90da126a57970fcd2d80829943dc75248c773ae5",
    (CONDITION_OF_RELEASE, "2026-1"): "50ef10397836442853ff9abe7a917d080552ab920867675c01b3b77ebb4862c4",
    (PROCEEDINGS, "2026-1"): "db29e32677b0d5ba029353e656e5ad653a80e860c6e90ddbb2a65ba00a04acab",
}
"""SHA-256 of the text of each version."""
_SECOND_VERSION = date(2026, 1, 1)
_TERM = timedelta(days=365)
_CLASSES = (
    (("mental-health", "substance-use"), 0.5),
    (("mental-health",), 0.3),
    (("substance-use",), 0.2),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the person allows one partner: for which purposes, which classes."""

    partner: str
    purposes: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTwo:
    """The Part 2 section. Signed without every element of 42 CFR 2.31(a) it makes the form deficient."""

    signed: bool
    partners: tuple[str, ...]
    discloser: str
    amount: str
    purpose: str
    revocation_statement: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A written revocation; ``partners`` None means all of them."""

    at: datetime
    partners: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refusal of part: of what all that is named has in common."""

    partner: str | None = None
    classes: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The condition of release or disposition that a consent of 42 CFR 2.35 serves, and who imposed it."""

    partners: tuple[str, ...]
    order: str
    need: str
    revocable_from: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One signed form. It is valid through the whole day ``expires`` in the county's time zone.

    ``ends_with`` names an event that ends it before, ``ended`` is when that was. ``case`` is the number of the court
    case a form is about. ``minor``: who signed was under 18. ``electronic``: not signed on paper.
    """

    form: str = UNIVERSAL
    submission: str
    version: str
    signed: datetime
    expires: date
    refused: bool
    choices: tuple[Choice, ...]
    part2: PartTwo | None = None
    revocations: tuple[Revocation, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    ends_with: str = ""
    ended: datetime | None = None
    case: str = ""
    condition: Condition | None = None
    minor: bool = False
    electronic: bool = False


def releases(rng: Random, number: int, today: date, *, offer_part2: bool) -> tuple[Release, ...]:
    """The forms of person ``number`` as signed; ``offer_part2`` when a Part 2 program treats them."""
    signings = sorted(between(rng, 2, 500) for _ in range(2 if chance(rng, REVISED) else 1))
    days = [today - timedelta(days=back) for back in dict.fromkeys(reversed(signings))]
    forms = [_form(rng, f"r{number:07d}-{place + 1}", day, offer_part2=offer_part2) for place, day in enumerate(days)]
    for place, later in enumerate(forms[1:]):
        forms[place] = replace(forms[place], revocations=(Revocation(at=later.signed, partners=None),))
    forms[-1] = _revoked(rng, _bounded(rng, forms[-1], today), today)
    return tuple(forms)


def _form(rng: Random, submission: str, day: date, *, offer_part2: bool) -> Release:
    refused = chance(rng, REFUSED)
    choices = () if refused else _choices(rng)
    return Release(
        submission=submission,
        version=VERSIONS[0] if day < _SECOND_VERSION else VERSIONS[1],
        signed=datetime(day.year, day.month, day.day, between(rng, 9, 16), between(rng, 0, 59), tzinfo=ZONE),
        expires=day + _TERM,
        refused=refused,
        choices=choices,
        part2=_part2(rng, choices) if choices and chance(rng, 0.8 if offer_part2 else 0.15) else None,
    )


def _choices(rng: Random) -> tuple[Choice, ...]:
    found = []
    for partner, purposes in RECIPIENTS:
        if not chance(rng, 0.6):
            continue
        kept = tuple(purpose for purpose in purposes if chance(rng, 0.8)) or (pick(rng, purposes),)
        found.append(Choice(partner=partner, purposes=kept, classes=weighted(rng, _CLASSES)))
    return tuple(found)


def _part2(rng: Random, choices: tuple[Choice, ...]) -> PartTwo | None:
    named = tuple(choice.partner for choice in choices if choice.partner in PART2_RECIPIENTS and chance(rng, 0.8))
    if not named:
        return None
    section = PartTwo(
        signed=True,
        partners=named,
        discloser=OTP,
        amount="Results and dates of screenings",
        purpose="Treatment and discharge planning",
        revocation_statement=True,
    )
    lacks = weighted(
        rng,
        (
            ("nothing", 0.75),
            ("signature", 0.08),
            ("statement", 0.06),
            ("discloser", 0.04),
            ("purpose", 0.04),
            ("amount", 0.03),
        ),
    )
    if lacks == "signature":
        return replace(section, signed=False)
    if lacks == "statement":
        return replace(section, revocation_statement=False)
    if lacks == "discloser":
        return replace(section, discloser="")
    if lacks == "purpose":
        return replace(section, purpose="")
    return replace(section, amount="") if lacks == "amount" else section


def _bounded(rng: Random, form: Release, today: date) -> Release:
    """Let a few forms end today or yesterday, where an off-by-one day shows."""
    mark = rng.random()
    if mark < ENDS_TODAY:
        return replace(form, expires=today)
    return replace(form, expires=today - timedelta(days=1)) if mark < ENDS_TODAY + ENDED_YESTERDAY else form


def _revoked(rng: Random, form: Release, today: date) -> Release:
    mark = rng.random()
    if form.refused or not form.choices or mark >= REVOKED_FOR_ALL + REVOKED_FOR_ONE:
        return form
    yesterday = today - timedelta(days=1)
    days = (yesterday - form.signed.date()).days
    at = form.signed + timedelta(days=between(rng, 0, max(days, 0)), minutes=30)
    partners = None if mark < REVOKED_FOR_ALL else (pick(rng, form.choices).partner,)
    return replace(form, revocations=(Revocation(at=at, partners=partners),))
