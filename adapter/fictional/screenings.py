"""The screenings of one person: what was asked where, when, and what came out.

One ``Screening`` is one result that a screening summary will be made of: one feed, unit, instrument, result
code and effective time. The clinic may send it as observations, as a questionnaire response, or as both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adapter.fictional.draws import between, chance, weighted
from adapter.fictional.instruments import (
    AUDIT,
    AUDIT_C,
    BJMHS,
    C_SSRS,
    CIWA_AR,
    COWS,
    DAST10,
    GAD7,
    GAIN_SS,
    PHQ9,
    TCU_DS5,
    UNSCORED,
)
from adapter.fictional.partners import EHR, JAIL_HL7, JAIL_MEDICAL, MAIN, OTP, PART2_UNITS, ZONE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from adapter.fictional.instruments import Instrument
    from adapter.fictional.life import Booking, Visit

UNKNOWN_TIME = 0.04
"""Share of screenings whose sender kept the day alone."""
REPEATED_IN_JAIL = 0.5
"""Share of withdrawal scales that are repeated: low at 08:00, high at 20:00 of one day."""
REPEATED_AT_CLINIC = 0.03

_SHAPES = (("observation", 0.5), ("response", 0.25), ("both", 0.25))
_BOOKING_SCREENS = ((BJMHS, 0.85), (C_SSRS, 0.55), (TCU_DS5, 0.3), (AUDIT_C, 0.12), (GAIN_SS, 0.06))
_LATER_SCREENS = ((PHQ9, 0.12), (GAD7, 0.08))
_WITHDRAWAL_SCREENS = ((CIWA_AR, 0.14), (COWS, 0.12))
_VISIT_SCREENS = {
    MAIN: ((PHQ9, 0.5), (GAD7, 0.4), (AUDIT, 0.2), (DAST10, 0.15)),
    OTP: ((DAST10, 0.7), (AUDIT, 0.4), (PHQ9, 0.2)),
}
_ANSWER_SHARES = {
    "well": ((0, 0.7), (1, 0.25), (2, 0.04), (3, 0.01)),
    "unwell": ((0, 0.15), (1, 0.3), (2, 0.35), (3, 0.2)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """One result. ``effective`` is an instant with its offset, or a day where no more is known.

    ``shape`` says how the clinic sends it: as ``observation``, as questionnaire ``response``, or as ``both``.
    ``booking`` is the number of the stay in jail it belongs to; ``visit`` the place of the clinic visit among
    the unit's visits. ``answers`` stand beside ``instrument.items``.
    """

    feed: str
    unit: str
    instrument: Instrument
    effective: str
    score: int | None
    category: str | None
    answers: tuple[int, ...] = ()
    shape: str = "observation"
    booking: str = ""
    visit: int = 0

    @property
    def part2(self) -> bool:
        """Whether the unit that screened is a Part 2 program."""
        return self.unit in PART2_UNITS


def jail_screenings(rng: Random, bookings: Sequence[Booking]) -> list[Screening]:
    """What jail medical screens: at booking, later the same day, and withdrawal scales the day after."""
    found: list[Screening] = []
    for booking in bookings:
        intake = booking.at + timedelta(minutes=between(rng, 10, 90))
        for instrument, share in _BOOKING_SCREENS:
            if chance(rng, share):
                found.append(_in_jail(rng, instrument, intake, booking))
        for instrument, share in _LATER_SCREENS:
            if chance(rng, share):
                found.append(_in_jail(rng, instrument, intake + timedelta(minutes=between(rng, 30, 120)), booking))
        for instrument, share in _WITHDRAWAL_SCREENS:
            if chance(rng, share):
                found.extend(_withdrawal(rng, instrument, booking))
    return found


def clinic_screenings(rng: Random, unit: str, visits: Sequence[Visit]) -> list[Screening]:
    """What one unit of the clinic screens at each of its visits."""
    found: list[Screening] = []
    for number, visit in enumerate(visits):
        for instrument, share in _VISIT_SCREENS[unit]:
            if not chance(rng, share):
                continue
            shape = weighted(rng, _SHAPES)
            if chance(rng, REPEATED_AT_CLINIC):
                times = [_clock(visit.at, 8), _clock(visit.at, 20)]
                ills: list[bool | None] = [False, True]
            else:
                times, ills = [visit.at], [None]
            for at, ill in zip(times, ills, strict=True):
                known = ill is not None or not chance(rng, UNKNOWN_TIME)
                found.append(_clinic(rng, unit, instrument, at, known=known, ill=ill, shape=shape, visit=number))
    return found


def _in_jail(rng: Random, instrument: Instrument, at: datetime, booking: Booking) -> Screening:
    score, category, answers = _outcome(rng, instrument, ill=None)
    return Screening(
        feed=JAIL_HL7,
        unit=JAIL_MEDICAL,
        instrument=instrument,
        effective=_when(at, known=not chance(rng, UNKNOWN_TIME)),
        score=score,
        category=category,
        answers=answers,
        booking=booking.number,
    )


def _withdrawal(rng: Random, instrument: Instrument, booking: Booking) -> list[Screening]:
    morning = _clock(booking.at + timedelta(days=1), 8)
    runs: list[tuple[datetime, int, int]] = [(morning, 0, 7)]
    if chance(rng, REPEATED_IN_JAIL):
        runs.append((_clock(morning, 20), 16, min(30, instrument.highest)))
    return [
        Screening(
            feed=JAIL_HL7,
            unit=JAIL_MEDICAL,
            instrument=instrument,
            effective=at.isoformat(),
            score=between(rng, low, high),
            category=None,
            booking=booking.number,
        )
        for at, low, high in runs
    ]


def _clinic(
    rng: Random,
    unit: str,
    instrument: Instrument,
    at: datetime,
    *,
    known: bool,
    ill: bool | None,
    shape: str,
    visit: int,
) -> Screening:
    score, category, answers = _outcome(rng, instrument, ill=ill)
    return Screening(
        feed=EHR,
        unit=unit,
        instrument=instrument,
        effective=_when(at, known=known),
        score=score,
        category=category,
        answers=answers,
        shape=shape,
        visit=visit,
    )


def _outcome(
    rng: Random, instrument: Instrument, *, ill: bool | None
) -> tuple[int | None, str | None, tuple[int, ...]]:
    """Score, category and item answers; ``ill`` fixes the half of the range, None leaves it to chance."""
    if instrument.levels:
        return None, weighted(rng, instrument.levels), ()
    unwell = chance(rng, 0.4) if ill is None else ill
    if instrument.items:
        shares = _ANSWER_SHARES["unwell" if unwell else "well"]
        answers = tuple(weighted(rng, shares) for _ in instrument.items)
        return sum(answers), instrument.band(sum(answers)), answers
    half = instrument.highest // 2
    score = between(rng, half, instrument.highest) if unwell else between(rng, 0, half - 1)
    while (instrument.id, score) in UNSCORED:
        score = between(rng, 0, instrument.highest)
    return score, instrument.band(score), ()


def _when(at: datetime, *, known: bool) -> str:
    text = at.isoformat()
    return text if known else text[:10]


def _clock(day: datetime, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZONE)
