"""What makes the forms of Alder County different from each other, and the papers signed beside the universal release.

Some people refuse part of what they allow, end a release with an event instead of a day, or sign electronically. Whom
a Part 2 program treats may sign a consent of 42 CFR 2.35 for the court that made treatment a condition in an open
case, or one of 2.31(d) for use in that case. Events are drawn only where they have not come yet: whether the registry
would hear of one that has depends on which records anybody can join.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from adapter.fictional.draws import between, chance, pick
from adapter.fictional.partners import OTP, PROCEEDING, RECIPIENTS, ZONE
from adapter.fictional.people import YOUNGEST
from adapter.fictional.releases import (
    CONDITION_OF_RELEASE,
    PROCEEDINGS,
    Choice,
    Condition,
    PartTwo,
    Refusal,
    Release,
    Revocation,
)

if TYPE_CHECKING:
    from random import Random

    from adapter.fictional.life import Case, Life

PARTLY_REFUSED = 0.15
BY_EVENT = 0.3
ELECTRONIC = 0.5
CONDITIONED = 0.7
FOR_PROCEEDINGS = 0.4
REVOKED_EARLY = 0.3

_TERM = timedelta(days=365)
_BOTH = ("mental-health", "substance-use")
_IMPOSED = {
    "treatment-court": ("treatment-court", ("diversion", "supervision")),
    "release-conditions": ("pretrial", ("pretrial-release",)),
}
"""Who makes which kind of order a condition, and for what it may ask."""
_FORMS_SINCE = date(2026, 1, 1)


def papers(
    rng: Random, number: int, forms: tuple[Release, ...], lived: Life, *, today: date, born: date
) -> tuple[Release, ...]:
    """The universal releases of person ``number`` with what makes them different, and what else was signed."""
    kept = [_different(rng, form, lived) for form in forms]
    if OTP in lived.visits:
        for case in lived.cases:
            kept += _of_case(rng, number, case, today)
    return tuple(replace(form, minor=_under_age(born, form.signed.date())) for form in kept)


def _under_age(born: date, day: date) -> bool:
    return (day.year - born.year) - ((day.month, day.day) < (born.month, born.day)) < YOUNGEST


def _different(rng: Random, form: Release, lived: Life) -> Release:
    changed = replace(form, electronic=chance(rng, ELECTRONIC))
    if form.choices and chance(rng, PARTLY_REFUSED):
        changed = replace(changed, refusals=(_refusal(rng, form),))
    if form.choices and not form.revocations and chance(rng, BY_EVENT):
        event, case = _event(form, lived)
        changed = replace(changed, ends_with=event, case=case)
    return changed


def _refusal(rng: Random, form: Release) -> Refusal:
    """A refusal that leaves something: of a partner that was not chosen, of a class, of a purpose."""
    turn, choice = between(rng, 0, 2), pick(rng, form.choices)
    others = [partner for partner, _ in RECIPIENTS if partner not in {one.partner for one in form.choices}]
    if turn == 0 and others:
        return Refusal(partner=pick(rng, others))
    if turn == 1:
        return Refusal(partner=choice.partner if chance(rng, 0.5) else None, classes=(pick(rng, choice.classes),))
    return Refusal(partner=choice.partner, purposes=(pick(rng, choice.purposes),))


def _event(form: Release, lived: Life) -> tuple[str, str]:
    """An event to come that ends a form, and the number of the case it is of."""
    stays = (*lived.bookings, *lived.birch)
    inside = any(stay.released is None and stay.at < form.signed for stay in stays)
    left = any(stay.released is not None and stay.released >= form.signed for stay in stays)
    if inside and not left:
        return "release", ""
    pending = [case for case in lived.cases if _open(case)]
    return ("disposition", pending[0].id) if pending else ("", "")


def _open(case: Case) -> bool:
    return all(order.kind != "disposition" for order in case.orders)


def _of_case(rng: Random, number: int, case: Case, today: date) -> list[Release]:
    found: list[Release] = []
    orders = [order for order in case.orders if order.kind in _IMPOSED]
    if not orders or not _open(case):
        return found
    first, last = max(orders[-1].day, _FORMS_SINCE), today - timedelta(days=2)
    if first > last:
        return found
    day = first + timedelta(days=between(rng, 0, (last - first).days))
    if chance(rng, CONDITIONED):
        partner, purposes = _IMPOSED[orders[-1].kind]
        found.append(
            _condition(rng, number, case, day, Choice(partner=partner, purposes=purposes, classes=_BOTH), today)
        )
    if chance(rng, FOR_PROCEEDINGS):
        choice = Choice(partner=pick(rng, ("court", "defender")), purposes=(PROCEEDING,), classes=_BOTH)
        found.append(_paper(rng, PROCEEDINGS, number, case, day, choice))
    return found


def _paper(rng: Random, form: str, number: int, case: Case, day: date, choice: Choice) -> Release:
    return Release(
        form=form,
        submission=f"{form[0]}{number:07d}-{case.id}",
        version="2026-1",
        signed=datetime(day.year, day.month, day.day, between(rng, 9, 16), between(rng, 0, 59), tzinfo=ZONE),
        expires=day + _TERM,
        refused=False,
        choices=(choice,),
        part2=PartTwo(
            signed=True,
            partners=(choice.partner,),
            discloser=OTP,
            amount="Results and dates of screenings",
            purpose="Taking part in treatment in this case",
            revocation_statement=form != CONDITION_OF_RELEASE,
        ),
        case=case.id,
        electronic=chance(rng, ELECTRONIC),
    )


def _condition(rng: Random, number: int, case: Case, day: date, choice: Choice, today: date) -> Release:
    """A consent of 42 CFR 2.35; some are revoked, before or after the day from which that has effect."""
    form = _paper(rng, CONDITION_OF_RELEASE, number, case, day, choice)
    free = day + timedelta(days=between(rng, 30, 600))
    condition = Condition(
        partners=(choice.partner,),
        order="Take part in treatment as directed",
        need="To tell whether the condition is kept",
        revocable_from=free,
    )
    revocations: tuple[Revocation, ...] = ()
    if chance(rng, REVOKED_EARLY):
        at = form.signed + timedelta(days=between(rng, 0, max((today - day).days - 1, 0)))
        partners = (choice.partner,) if chance(rng, 0.5) else None
        revocations = (Revocation(at=at, partners=partners),)
    # The court takes signatures on paper alone.
    return replace(form, condition=condition, revocations=revocations, ends_with="disposition", electronic=False)
