"""Which law wants a disclosure in which list, for how long, and what each law exempts.

One log holds everything that was asked; what a person is given is drawn from it law by law. Whatever cannot be told
apart any more, because the grounds of the past are not held, stands in every list: too much is no harm here.

45 CFR 164.528; 42 CFR 2.24, 2.25.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from adapter.consent.bases import CONSENT, EMERGENCY, ORDER, OWN, PROCEEDING, THREAT
from adapter.consent.vocabulary import PART2

if TYPE_CHECKING:
    from adapter.consent.segment import Segment

HEALTH: Final = frozenset({"hipaa", "part2"})
"""Regimes whose records are protected health information; a justice record stands under local law."""
ACCOUNTED: Final = THREAT | EMERGENCY | ORDER
"""Grounds that 45 CFR 164.528(a)(1) does not exempt.

It exempts treatment, payment and operations, what the person authorized, and correctional institutions having lawful
custody; a business associate discloses for operations. An emergency is treatment mostly, and is listed all the same.
"""
CONSENTED: Final = CONSENT | PROCEEDING
"""Grounds that rest on a consent under 42 CFR 2.31."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list that a law wants: how far back it reaches in years, and what it is called."""

    code: str
    title: str
    citation: str
    years: int

    def first_day(self, on: date) -> date:
        """The first day of the period before a request made ``on`` a day."""
        year = on.year - self.years
        # A leap day has no counterpart in most years: the day before it reaches far enough.
        return date(year, 2, 28) if (on.month, on.day) == (2, 29) else on.replace(year=year)


HIPAA: Final = Listing(
    code="hipaa", title="Disclosures of protected health information", citation="45 CFR 164.528", years=6
)
BY_CONSENT: Final = Listing(
    code="part2", title="Disclosures of substance use disorder records by consent", citation="42 CFR 2.25", years=3
)
INTERMEDIARY: Final = Listing(
    code="intermediary", title="Whom the intermediary has disclosed to", citation="42 CFR 2.24", years=3
)
LISTINGS: Final = (HIPAA, BY_CONSENT, INTERMEDIARY)
LONGEST: Final = max(LISTINGS, key=lambda one: one.years)


def is_part2(segment: Segment) -> bool:
    """Whether a record is one of a Part 2 program: by its unit, or because its sender said so."""
    return segment.regime == "part2" or any(code == PART2 for _, code in segment.labels)


def listings(segment: Segment, grounds: int, *, intermediary: bool) -> tuple[Listing, ...]:
    """The lists in which a disclosure on these grounds belongs; on none that is known, every list it may belong in.

    ``intermediary``: the operator of this site is one, 42 CFR 2.11.
    """
    if grounds == OWN or segment.tier == "directory":
        return ()
    found = []
    part2 = is_part2(segment)
    if (segment.regime in HEALTH or part2) and (not grounds or grounds & ACCOUNTED):
        found.append(HIPAA)
    if part2 and (not grounds or grounds & CONSENTED):
        found.append(BY_CONSENT)
        if intermediary:
            found.append(INTERMEDIARY)
    return tuple(found)
