"""What each recipient may have, by the obvious reading of the county's forms.

This is the answer sheet of the fictional county, written without any of the adapter's own decision code: one
screening, one recipient, one purpose, one instant, asked one plain question at a time. It assumes that
everybody's records have been linked rightly.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING

from adapter.fictional.partners import ASKERS, CLASSES, JUSTICE_PURPOSES, ZONE
from adapter.fictional.releases import UNIVERSAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapter.fictional.releases import Choice, PartTwo, Release, Revocation
    from adapter.fictional.screenings import Screening


def permitted(
    screenings: Sequence[Screening], forms: Sequence[Release], as_of: datetime
) -> list[tuple[str, str, list[int]]]:
    """For each recipient and purpose the places in ``screenings`` of what may be disclosed at ``as_of``.

    A unit always sees its own screenings. Every pair of the county's table is listed, most of them with
    nothing.
    """
    found = []
    units = {screening.unit for screening in screenings}
    for recipient, purposes in ASKERS:
        own: list[int] = []
        if recipient in units:
            own = [place for place, screening in enumerate(screenings) if screening.unit == recipient]
        for purpose in purposes:
            granting = [(form, choice) for form in forms for choice in granted(form, recipient, purpose, as_of)]
            places = own
            if granting:
                places = [
                    place
                    for place, screening in enumerate(screenings)
                    if place in own or any(covers(form, choice, screening, purpose) for form, choice in granting)
                ]
            found.append((recipient, purpose, places))
    return found


def granted(form: Release, recipient: str, purpose: str, as_of: datetime) -> list[Choice]:
    """The choices by which ``form`` lets ``recipient`` ask for ``purpose`` at ``as_of``; mostly none."""
    if form.refused or as_of < form.signed or as_of.astimezone(ZONE).date() > form.expires:
        return []
    if deficient(form) or form.minor or (form.ended is not None and form.ended <= as_of):
        return []
    for revocation in form.revocations:
        if effective(form, revocation) <= as_of and (revocation.partners is None or recipient in revocation.partners):
            return []
    return [choice for choice in form.choices if choice.partner == recipient and purpose in choice.purposes]


def effective(form: Release, revocation: Revocation) -> datetime:
    """When a revocation has effect: when it comes, or from the day that a consent of 42 CFR 2.35 states."""
    if form.condition is None:
        return revocation.at
    return max(revocation.at, datetime.combine(form.condition.revocable_from, time(), ZONE))


def refused(form: Release, choice: Choice, screening: Screening, purpose: str) -> bool:
    """Whether a refusal of part reaches this screening for this partner and purpose."""
    for refusal in form.refusals:
        labels = {CLASSES[name] for name in refusal.classes}
        if (
            refusal.partner in {None, choice.partner}
            and (not labels or not labels.isdisjoint(screening.instrument.labels))
            and (not refusal.purposes or purpose in refusal.purposes)
        ):
            return True
    return False


def covers(form: Release, choice: Choice, screening: Screening, purpose: str) -> bool:
    """Whether ``choice`` reaches ``screening``: every label chosen, nothing refused, for Part 2 its own section.

    On the universal release a record of a program never goes into a proceeding; what is signed for one case is about
    such records alone.
    """
    if refused(form, choice, screening, purpose):
        return False
    if form.form != UNIVERSAL and not screening.part2:
        return False
    if form.form == UNIVERSAL and screening.part2 and purpose in JUSTICE_PURPOSES:
        return False
    chosen = {CLASSES[name] for name in choice.classes}
    if not chosen.issuperset(screening.instrument.labels):
        return False
    if not screening.part2:
        return True
    section = form.part2
    return (
        "SUD" in chosen
        and section is not None
        and section.signed
        and choice.partner in section.partners
        and section.discloser == screening.unit
    )


def deficient(form: Release) -> bool:
    """Whether the Part 2 section is signed but lacks an element; nothing rests on such a form until mended.

    42 CFR 2.31(c); 45 CFR 164.508(b)(2): an authorization that is not filled out completely is not valid. A
    section that is not signed at all is no part of what was signed and leaves the rest of the form alone.
    """
    return form.part2 is not None and form.part2.signed and not complete(form, form.part2)


def complete(form: Release, section: PartTwo) -> bool:
    """Whether a Part 2 section is signed with every element it needs (42 CFR 2.31(a); 2.35 has no right to revoke)."""
    return (
        section.signed
        and bool(section.partners)
        and bool(section.discloser)
        and bool(section.amount)
        and bool(section.purpose)
        and (section.revocation_statement or form.condition is not None)
    )
