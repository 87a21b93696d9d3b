"""The two CSV extracts of jails: the roster of Alder County jail and the charge list of Birch County jail.

The roster has the 17 fixed columns of the CorEMR roster (https://docs.coremr.com/integrations), one line a
booking, Windows-1252 with CRLF; the charge list has one line a charge, UTF-8 with LF. All cells are quoted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.fictional.dirt import (
    ALIAS_ROW,
    AMERICAN,
    DUPLICATE_ROW,
    ISO,
    SHORT,
    Written,
    renamed,
    soil_row,
    write_down,
)
from adapter.fictional.draws import below, between, chance, pick
from adapter.fictional.partners import CHARGES, ROSTER

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable
    from datetime import date, datetime
    from random import Random

    from adapter.fictional.life import Booking, Life
    from adapter.fictional.people import Person

ROSTER_FILE = "roster.csv"
ROSTER_ENCODING = "cp1252"
ROSTER_COLUMNS = (
    "Last",
    "First",
    "Middle",
    "PatientID",
    "DOB",
    "SSN",
    "Sex",
    "Race",
    "Facility",
    "Agency",
    "Housing",
    "Bed",
    "Booking#",
    "BookingDate",
    "ReleaseDate",
    "Height",
    "Photo",
)
CHARGES_FILE = "charges.csv"
CHARGES_ENCODING = "utf-8"
CHARGES_COLUMNS = (
    "Individual ID",
    "Last Name",
    "First Name",
    "Middle Name",
    "Alias",
    "Race",
    "DOB",
    "Sex",
    "SSN",
    "SID",
    "County of Residence",
    "Booking Number",
    "Booking Date",
    "Release Date",
    "Custody Status",
    "Holds",
    "Facility",
    "Arresting Agency",
    "Charge ID",
    "Offense Date",
    "Charge Status",
    "Charge Description",
    "Charge Statute",
    "Charge Class",
    "Charge Degree",
    "BondID",
    "Bond Amount",
    "Bond Type",
    "Bond Status",
)

_NOON = 12
_PODS = ("A", "B", "C", "D", "INTAKE", "MED")
_AGENCIES = ("Alder County Sheriff", "Alder City Police", "State Patrol", "Birch County Sheriff")
_RACE_WORDS = {
    "W": "White",
    "B": "Black",
    "I": "American Indian",
    "A": "Asian",
    "P": "Pacific Islander",
    "O": "Other",
    "U": "Unknown",
}
_OFFENSES = (
    ("Failure to appear", "A 14-2", "Misdemeanor", "1"),
    ("Possession of a controlled substance", "A 30-7", "Felony", "4"),
    ("Criminal trespass", "A 22-1", "Misdemeanor", "2"),
    ("Theft under $500", "A 25-3", "Petty", ""),
    ("Driving under the influence", "A 42-4", "Misdemeanor", "1"),
    ("Disorderly conduct", "A 20-1", "Petty", ""),
    ("Assault", "A 18-3", "Felony", "3"),
)


def line(cells: Iterable[str], end: str) -> str:
    """One CSV line with every cell in quotes (RFC 4180), closed with ``end``."""
    return '"' + '","'.join([cell.replace('"', '""') for cell in cells]) + '"' + end


def roster_lines(person: Person, life: Life, rng: Random, tally: Counter[str]) -> list[str]:
    """The lines of ``person`` in the roster: one a booking, some twice, some under an alias besides."""
    written = write_down(person, ROSTER, ISO, rng, tally)
    lines: list[str] = []
    for booking in life.bookings:
        shown = written
        if booking.inmate != life.bookings[0].inmate and person.alias is not None:
            shown = renamed(written, person.alias)
        cells = soil_row(_roster_cells(shown, booking, rng), ROSTER, rng, tally)
        lines.append(line(cells, "\r\n"))
        if chance(rng, DUPLICATE_ROW):
            tally["duplicate_row"] += 1
            lines.append(lines[-1])
    if person.alias is not None and chance(rng, ALIAS_ROW):
        tally["alias_row"] += 1
        other = renamed(written, person.alias)
        lines.append(line(_roster_cells(other, life.bookings[0], rng), "\r\n"))
    return lines


def charge_lines(person: Person, life: Life, rng: Random, tally: Counter[str]) -> list[str]:
    """The lines of ``person`` in the charge list: one a charge."""
    written = write_down(person, CHARGES, AMERICAN, rng, tally)
    alias = "" if person.alias is None else f"{person.alias[1].upper()}, {person.alias[0].upper()}"
    lines: list[str] = []
    for booking in life.birch:
        who = [
            booking.inmate,
            written.last.upper(),
            written.first.upper(),
            written.middle.upper(),
            alias,
            _RACE_WORDS.get(written.race, written.race),
            birth(written),
            written.sex,
            written.ssn,
            "" if person.faint == CHARGES else person.state_id,
            pick(rng, ("Birch", "Alder", "Alder", "")),
        ]
        stay = [
            booking.number,
            stamp(booking.at, written.dates),
            "" if booking.released is None else stamp(booking.released, written.dates),
            "In Custody" if booking.released is None else "Released",
            pick(rng, ("", "", "", "Parole", "Other jurisdiction")),
            "Birch County Detention",
            pick(rng, _AGENCIES),
        ]
        lines.extend(
            line([*who, *stay, *_charge(booking, place, written.dates, rng)], "\n")
            for place in range(between(rng, 1, 3))
        )
    return lines


def stamp(at: datetime, dates: str) -> str:
    """``at`` in the clerk's date format; two-digit years lose the time of day."""
    if dates == ISO:
        return f"{at.year}-{at.month:02d}-{at.day:02d} {at.hour:02d}:{at.minute:02d}:{at.second:02d}"
    if dates == SHORT:
        return f"{at.month}/{at.day}/{at.year % 100:02d}"
    half = "AM" if at.hour < _NOON else "PM"
    return f"{at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at.minute:02d}:{at.second:02d} {half}"


def birth(written: Written) -> str:
    """The birth date in the clerk's format, at midnight where that has a time; a sentinel if unknown."""
    if written.born_sentinel:
        return "1900-01-01 00:00:00" if written.dates == ISO else "1/1/1900 12:00:00 AM"
    return "" if written.born is None else _midnight(written.born, written.dates)


def _midnight(day: date, dates: str) -> str:
    if dates == ISO:
        return f"{day.isoformat()} 00:00:00"
    if dates == SHORT:
        return f"{day.month}/{day.day}/{day.year % 100:02d}"
    return f"{day.month}/{day.day}/{day.year} 12:00:00 AM"


def _roster_cells(written: Written, booking: Booking, rng: Random) -> list[str]:
    pod = pick(rng, _PODS)
    feet, inches = between(rng, 5, 6), below(rng, 12)
    height = f"{feet}{inches:02d}" if chance(rng, 0.6) else f"{feet}'{inches:02d}\""
    return [
        written.last.upper(),
        written.first.upper(),
        written.middle.upper(),
        booking.inmate,
        birth(written),
        written.ssn,
        written.sex,
        written.race,
        "ALDER",
        pick(rng, _AGENCIES),
        f"POD {pod}",
        str(between(rng, 1, 48)) if chance(rng, 0.9) else "",
        booking.number,
        stamp(booking.at, written.dates),
        "" if booking.released is None else stamp(booking.released, written.dates),
        height if chance(rng, 0.9) else "",
        f"{booking.inmate}.jpg" if chance(rng, 0.5) else "",
    ]


def _charge(booking: Booking, place: int, dates: str, rng: Random) -> list[str]:
    text, statute, grade, degree = pick(rng, _OFFENSES)
    charge = f"{booking.number}-{place + 1}"
    bonded = chance(rng, 0.5)
    return [
        charge,
        _midnight(booking.at.date(), dates),
        pick(rng, ("Filed", "Pending", "Dismissed")),
        text,
        statute,
        grade,
        degree,
        f"{charge}-B" if bonded else "",
        f"{between(rng, 1, 50) * 100}.00" if bonded else "",
        pick(rng, ("Cash", "Surety", "Personal recognizance")) if bonded else "",
        pick(rng, ("Posted", "Set")) if bonded else "",
    ]
