"""What happened to one person: bookings, court cases and clinic visits, and which systems know them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from adapter.fictional.draws import between, chance, pick
from adapter.fictional.partners import CHARGES, COURT, EHR, JAIL_HL7, MAIN, OTP, RELEASES, ROSTER, ZONE
from adapter.fictional.people import local_number

if TYPE_CHECKING:
    from random import Random

    from adapter.fictional.people import Person

KNOWN_TO: dict[str, float] = {
    ROSTER: 0.55,
    CHARGES: 0.2,
    JAIL_HL7: 0.8,
    COURT: 0.4,
    MAIN: 0.35,
    OTP: 0.12,
    RELEASES: 0.45,
}
"""Share of the people whom each system knows; of jail medical, the share of those in the roster."""

SECOND_JAIL_NUMBER = 0.04
"""Share of those booked again whom the last booking made somebody new, under their alias if any."""

_SECOND = 50_000_000  # second numbers come from the upper half of the same scatter, so that none collide
_HORIZON = 900  # days before the extract


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One stay in jail; ``inmate`` is the jail's number of the person, ``released`` None while in."""

    number: str
    inmate: str
    at: datetime
    released: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order of the court. ``kind`` is the order type, ``ends`` None when it is open-ended."""

    id: str
    kind: str
    day: date
    ends: date | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One court case with its orders."""

    id: str
    filed: date
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit to a unit of the clinic."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Everything the county's systems could know of one person, and the numbers they gave out.

    ``numbers`` maps a feed to the ids of the person's records there (the clinic has one per unit, in the
    order of ``visits``); a feed that does not know the person is absent.
    """

    numbers: dict[str, tuple[str, ...]]
    bookings: tuple[Booking, ...] = ()
    birch: tuple[Booking, ...] = ()
    cases: tuple[Case, ...] = ()
    visits: dict[str, tuple[Visit, ...]]


_ORDERS: tuple[tuple[str, str], ...] = (
    ("release-conditions", "Report weekly to pretrial services; complete a behavioral health evaluation"),
    ("release-conditions", "No contact with the complaining witness; reside within the county"),
    ("competency-evaluation", "Evaluation of competency to proceed, to be completed before the next setting"),
    ("treatment-court", "Placement in treatment court; attend all appointments and reviews"),
    ("disposition", "Deferred judgment entered"),
    ("disposition", "Case dismissed on motion of the State"),
)


def life(seed: int, person: Person, rng: Random, today: date) -> Life:
    """Draw the life of ``person`` up to the day before ``today``."""
    known = {system: chance(rng, share) for system, share in KNOWN_TO.items()}
    if not any(known[system] for system in (ROSTER, CHARGES, COURT, MAIN, OTP, RELEASES)):
        known[ROSTER] = True
    numbers: dict[str, tuple[str, ...]] = {}
    bookings = _bookings(seed, person, rng, today) if known[ROSTER] else ()
    if bookings:
        numbers[ROSTER] = tuple(dict.fromkeys(booking.inmate for booking in bookings))
        if known[JAIL_HL7]:
            numbers[JAIL_HL7] = numbers[ROSTER]
    if known[CHARGES]:
        numbers[CHARGES] = (local_number(seed, "birch", person.number),)
    if known[COURT]:
        numbers[COURT] = ("D" + local_number(seed, "party", person.number),)
    units = [unit for unit in (MAIN, OTP) if known[unit]]
    if units:
        numbers[EHR] = tuple(_chart(seed, unit, person.number) for unit in units)
    if known[RELEASES]:
        numbers[RELEASES] = (f"q{local_number(seed, 'registry', person.number)}-reg",)
    return Life(
        numbers=numbers,
        bookings=bookings,
        birch=_birch(seed, person, rng, today) if known[CHARGES] else (),
        cases=_cases(seed, person, rng, today) if known[COURT] else (),
        visits={unit: _visits(rng, today) for unit in units},
    )


def _chart(seed: int, unit: str, number: int) -> str:
    return ("rm" if unit == MAIN else "ro") + local_number(seed, unit, number)


def _days(rng: Random, today: date, count: int, first: int = 3) -> list[date]:
    """``count`` different days before ``today``, the nearest ``first`` days back, in order of time."""
    backs = {between(rng, first, _HORIZON) for _ in range(count)}
    return [today - timedelta(days=back) for back in sorted(backs, reverse=True)]


def _moment(rng: Random, day: date, first: int, last: int) -> datetime:
    """A time on ``day`` from ``first`` to before ``last`` o'clock, never where the clock changes."""
    return datetime(day.year, day.month, day.day, between(rng, first, last - 1), between(rng, 0, 59), tzinfo=ZONE)


def _bookings(seed: int, person: Person, rng: Random, today: date) -> tuple[Booking, ...]:
    first = "J" + local_number(seed, "jail", person.number)
    second = "J" + local_number(seed, "jail", person.number + _SECOND)
    days = _days(rng, today, pick(rng, (1, 1, 1, 2, 3)))
    renamed = len(days) > 1 and chance(rng, SECOND_JAIL_NUMBER)
    found = []
    for turn, day in enumerate(days):
        last = turn == len(days) - 1
        number = local_number(seed, "booking", 3 * person.number + turn)
        at = _moment(rng, day, 5, 19)
        found.append(
            Booking(
                number=f"B{day.year}{number}",
                inmate=second if renamed and last else first,
                at=at,
                released=_released(rng, at, today, stays=last and chance(rng, 0.4)),
            )
        )
    return tuple(found)


def _released(rng: Random, at: datetime, today: date, *, stays: bool) -> datetime | None:
    day = at.date() + timedelta(days=between(rng, 2, 60))
    return None if stays or day >= today else _moment(rng, day, 8, 17)


def _birch(seed: int, person: Person, rng: Random, today: date) -> tuple[Booking, ...]:
    day = _days(rng, today, 1)[0]
    at = _moment(rng, day, 5, 19)
    inmate = local_number(seed, "birch", person.number)
    number = f"{day.year}-{local_number(seed, 'birch-booking', person.number)}"
    return (Booking(number=number, inmate=inmate, at=at, released=_released(rng, at, today, stays=chance(rng, 0.3))),)


def _cases(seed: int, person: Person, rng: Random, today: date) -> tuple[Case, ...]:
    found = []
    for turn, filed in enumerate(_days(rng, today, pick(rng, (1, 1, 1, 2)), first=30)):
        number = f"{filed.year}CR{local_number(seed, 'case', 2 * person.number + turn)}"
        orders = []
        for place in range(pick(rng, (0, 1, 1, 2))):
            kind, text = pick(rng, _ORDERS)
            day = filed + timedelta(days=between(rng, 1, 28))
            ends = None if kind == "disposition" or chance(rng, 0.3) else day + timedelta(days=between(rng, 30, 365))
            orders.append(Order(id=f"{number}-{place + 1}", kind=kind, day=day, ends=ends, text=text))
        found.append(Case(id=number, filed=filed, orders=tuple(orders)))
    return tuple(found)


def _visits(rng: Random, today: date) -> tuple[Visit, ...]:
    return tuple(Visit(at=_moment(rng, day, 8, 17)) for day in _days(rng, today, pick(rng, (1, 1, 2))))
