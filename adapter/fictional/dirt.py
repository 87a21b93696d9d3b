"""How clerks and systems get people's data wrong: every kind of dirt, by name, with its share.

The traits are those of published jail, court and clinic extracts: sentinels for missing values, suffixes
inside the surname, aliases, one-word names, ``NULL`` as text, several date formats in one file, masked
numbers, code junk. The two tables at the end are the whole of it: ``PERSON`` acts on a person as one system
wrote them down (once for all the rows of that system), ``ROW`` on one finished line of a CSV extract.
"""

# ruff: noqa: ARG001 - every kind of dirt has the same shape, whether or not it draws

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapter.fictional.draws import below, chance, pick
from adapter.fictional.names import LAST, NICKNAMES
from adapter.fictional.partners import CHARGES, COURT, EHR, JAIL_HL7, RELEASES, ROSTER

if TYPE_CHECKING:
    from collections import Counter
    from datetime import date
    from random import Random

    from adapter.fictional.people import Person

ISO, AMERICAN, SHORT = "iso", "american", "short"
"""``2026-03-02 08:10:00``; ``3/2/2026 8:10:00 AM``; ``3/2/26`` (two-digit year, no time)."""

_SHORTEST_FOR_TYPO = 4  # a shorter name would not be recognised after a slip
_MONTHS = 12


@dataclass(slots=True, kw_only=True)
class Written:
    """A person as one system wrote them down: a sheet that each kind of dirt scribbles on.

    ``ssn`` and ``sex`` are the text in the record; ``born`` is None when the record lacks a birth date, and
    ``born_sentinel`` marks one that stands for "unknown". ``dates`` is the date format of the record.
    """

    first: str
    middle: str
    last: str
    suffix: str
    alias: tuple[str, str] | None
    born: date | None
    born_sentinel: bool
    sex: str
    race: str
    ssn: str
    dates: str


PersonDirt = Callable[[Written, "Random"], bool]
"""Changes the record; tells whether there was anything to change."""
RowDirt = Callable[[list[str], "Random"], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How often a kind of dirt occurs: ``probability`` for each record of the ``feeds``."""

    probability: float
    feeds: tuple[str, ...]


def clean(person: Person, dates: str) -> Written:
    """``person`` as a system without faults would write them down, in the date format ``dates``."""
    ssn = person.ssn
    return Written(
        first=person.first,
        middle=person.middle,
        last=person.last,
        suffix=person.suffix,
        alias=person.alias,
        born=person.born,
        born_sentinel=False,
        sex=person.sex,
        race=person.race,
        ssn=f"{ssn[:3]}-{ssn[3:5]}-{ssn[5:]}",
        dates=dates,
    )


def write_down(person: Person, feed: str, dates: str, rng: Random, tally: Counter[str]) -> Written:
    """``person`` as the system behind ``feed`` has them, dirt and all; ``dates`` is its usual date format."""
    written = soil(clean(person, dates), feed, rng, tally)
    if person.faint == feed:
        tally["look_alike_without_ssn"] += 1
        written.ssn = ""
    return written


def soil(written: Written, feed: str, rng: Random, tally: Counter[str]) -> Written:
    """Put on ``written`` the dirt that befalls this record of ``feed``; ``tally`` counts what was applied."""
    draw = rng.random
    for name, operator, probability in _PERSON_BY_FEED[feed]:
        if draw() < probability and operator(written, rng):
            tally[name] += 1
    return written


def renamed(written: Written, name: tuple[str, str]) -> Written:
    """The same person written down once more, under the first and last name ``name``."""
    other = copy(written)
    other.first, other.last = name
    return other


def soil_row(cells: list[str], feed: str, rng: Random, tally: Counter[str]) -> list[str]:
    """``cells`` of one CSV line with the dirt that befalls it."""
    for operator, probability in _ROW_BY_FEED[feed]:
        if rng.random() < probability:
            tally[operator.__name__] += 1
            cells = operator(cells, rng)
    return cells


def nickname(written: Written, rng: Random) -> bool:
    """The short form of the given name, as said at the counter."""
    short = NICKNAMES.get(written.first)
    if short is None:
        return False
    written.first = short
    return True


def alias_as_name(written: Written, rng: Random) -> bool:
    """The alias stands where the name belongs."""
    if written.alias is None:
        return False
    written.first, written.last = written.alias
    return True


def mononym(written: Written, rng: Random) -> bool:
    """One name alone, in the field of the surname."""
    written.first = written.middle = written.suffix = ""
    return True


def suffix_in_last_name(written: Written, rng: Random) -> bool:
    """``Jr`` behind the surname, in the same field."""
    if not written.suffix:
        return False
    written.last = written.last + pick(rng, (" ", ", ", " ")) + written.suffix
    written.suffix = ""
    return True


def suffix_lost(written: Written, rng: Random) -> bool:
    """No suffix at all."""
    applied = bool(written.suffix)
    written.suffix = ""
    return applied


def former_name_in_last_name(written: Written, rng: Random) -> bool:
    """A former surname in brackets behind the surname."""
    written.last = f"{written.last} (maiden: {pick(rng, LAST)})"
    return True


def null_text(written: Written, rng: Random) -> bool:
    """``NULL`` spelled out where there is no middle name."""
    written.middle = "NULL"
    return True


def middle_name_lost(written: Written, rng: Random) -> bool:
    """No middle name."""
    applied = bool(written.middle)
    written.middle = ""
    return applied


def middle_initial(written: Written, rng: Random) -> bool:
    """The initial of the middle name."""
    written.middle = written.middle[:1]
    return bool(written.middle)


def typo_in_name(written: Written, rng: Random) -> bool:
    """Two neighbouring letters of the surname change places, or one is struck."""
    last = written.last
    if len(last) < _SHORTEST_FOR_TYPO:
        return False
    at = 1 + below(rng, len(last) - 2)
    swapped = last[:at] + last[at + 1] + last[at] + last[at + 2 :]
    written.last = swapped if chance(rng, 0.5) else last[:at] + last[at + 1 :]
    return True


def typo_in_birth_date(written: Written, rng: Random) -> bool:
    """Day and month change places where that gives another date."""
    born = written.born
    if born is None or born.day > _MONTHS or born.day == born.month:
        return False
    written.born = born.replace(month=born.day, day=born.month)
    return True


def sentinel_birth_date(written: Written, rng: Random) -> bool:
    """1 January 1900 for "unknown"."""
    written.born_sentinel = True
    return True


def missing_birth_date(written: Written, rng: Random) -> bool:
    """No birth date."""
    written.born = None
    return True


def missing_ssn(written: Written, rng: Random) -> bool:
    """No social security number."""
    written.ssn = ""
    return True


def masked_ssn(written: Written, rng: Random) -> bool:
    """The last four digits alone."""
    written.ssn = pick(rng, ("XXX-XX-", "XXXXX")) + written.ssn[-4:]
    return True


def sentinel_ssn(written: Written, rng: Random) -> bool:
    """A number that stands for "none"."""
    written.ssn = pick(rng, ("999-99-9999", "000-00-0000", "111-11-1111"))
    return True


def typo_in_ssn(written: Written, rng: Random) -> bool:
    """The last two digits change places where that gives another number."""
    start, tens, ones = written.ssn[:9], written.ssn[9:10], written.ssn[10:]
    written.ssn = start + ones + tens
    return tens != ones


def sex_junk(written: Written, rng: Random) -> bool:
    """Another spelling of the sex, or no code at all."""
    spellings = {"M": ("M ", "m", "MALE"), "F": ("F ", "f", "FEMALE")}.get(written.sex, ("U", "N"))
    written.sex = pick(rng, (*spellings, "U"))
    return True


def race_junk(written: Written, rng: Random) -> bool:
    """A misspelt race, or an ethnicity in its place."""
    spelling = {"W": "WHTE", "U": "UNKOWN", "A": "FILLIPINO"}.get(written.race, "HISPANIC")
    written.race = pick(rng, (spelling, "H"))
    return True


def american_dates(written: Written, rng: Random) -> bool:
    """``M/D/YYYY h:mm:ss AM`` throughout the record."""
    written.dates = AMERICAN
    return True


def iso_dates(written: Written, rng: Random) -> bool:
    """``YYYY-MM-DD hh:mm:ss`` throughout the record."""
    written.dates = ISO
    return True


def two_digit_years(written: Written, rng: Random) -> bool:
    """``M/D/YY`` throughout the record, the time of day lost."""
    written.dates = SHORT
    return True


def trailing_spaces(cells: list[str], rng: Random) -> list[str]:
    """Fields padded to a fixed width."""
    return [cell + "  " if place in {0, 1, 6} and cell else cell for place, cell in enumerate(cells)]


def dagger(cells: list[str], rng: Random) -> list[str]:
    """A dagger in the housing column: an old system's keep-separate mark, in the Windows character set."""
    return [*cells[:10], cells[10] + pick(rng, (" †", " ‡")), *cells[11:]]


def sentinel_release(cells: list[str], rng: Random) -> list[str]:
    """A far date for "still here"."""
    return (
        [*cells[:14], pick(rng, ("9999-12-31 00:00:00", "2999-12-31 00:00:00")), *cells[15:]]
        if not cells[14]
        else cells
    )


def release_before_booking(cells: list[str], rng: Random) -> list[str]:
    """Release and admission in each other's columns."""
    return [*cells[:13], cells[14], cells[13], *cells[15:]] if cells[14] else cells


def null_cells(cells: list[str], rng: Random) -> list[str]:
    """``NULL``, ``null`` or dashes where a value is missing."""
    word = pick(rng, ("NULL", "null", "--"))
    return [cell or (word if place in {8, 11, 15, 16} else "") for place, cell in enumerate(cells)]


_EVERYWHERE = (ROSTER, CHARGES, JAIL_HL7, COURT, EHR, RELEASES)
_JUSTICE = (ROSTER, CHARGES, JAIL_HL7, COURT)
_CSV = (ROSTER, CHARGES)

PERSON: dict[PersonDirt, Share] = {
    nickname: Share(probability=0.04, feeds=_EVERYWHERE),
    alias_as_name: Share(probability=0.15, feeds=_JUSTICE),
    mononym: Share(probability=0.004, feeds=_JUSTICE),
    typo_in_name: Share(probability=0.01, feeds=_EVERYWHERE),
    suffix_in_last_name: Share(probability=0.6, feeds=(ROSTER, CHARGES, COURT)),
    suffix_lost: Share(probability=0.2, feeds=_EVERYWHERE),
    former_name_in_last_name: Share(probability=0.004, feeds=(ROSTER, CHARGES)),
    middle_name_lost: Share(probability=0.3, feeds=_EVERYWHERE),
    middle_initial: Share(probability=0.25, feeds=_EVERYWHERE),
    null_text: Share(probability=0.02, feeds=_CSV),
    typo_in_birth_date: Share(probability=0.006, feeds=_EVERYWHERE),
    sentinel_birth_date: Share(probability=0.006, feeds=_JUSTICE),
    missing_birth_date: Share(probability=0.01, feeds=(JAIL_HL7, COURT, EHR)),
    typo_in_ssn: Share(probability=0.005, feeds=_EVERYWHERE),
    masked_ssn: Share(probability=0.06, feeds=(ROSTER, CHARGES, COURT, RELEASES)),
    sentinel_ssn: Share(probability=0.03, feeds=_JUSTICE),
    missing_ssn: Share(probability=0.15, feeds=_EVERYWHERE),
    sex_junk: Share(probability=0.03, feeds=_CSV),
    race_junk: Share(probability=0.03, feeds=_CSV),
    american_dates: Share(probability=0.3, feeds=(ROSTER,)),
    iso_dates: Share(probability=0.1, feeds=(CHARGES,)),
    two_digit_years: Share(probability=0.12, feeds=_CSV),
}
"""Dirt on a person as one system wrote them down, applied in this order."""

ROW: dict[RowDirt, Share] = {
    release_before_booking: Share(probability=0.004, feeds=(ROSTER,)),
    sentinel_release: Share(probability=0.2, feeds=(ROSTER,)),
    dagger: Share(probability=0.01, feeds=(ROSTER,)),
    null_cells: Share(probability=0.03, feeds=(ROSTER,)),
    trailing_spaces: Share(probability=0.03, feeds=(ROSTER,)),
}
"""Dirt on one line of a CSV extract, applied in this order."""

DUPLICATE_ROW = 0.02
ALIAS_ROW = 0.3
"""Share of roster lines that occur twice, and of people with an alias who have a line under it besides."""

TEST_ROW_EVERY = 400
"""One ``TEST ONLY`` line in the roster for this many people."""

_PERSON_BY_FEED = {
    feed: tuple(
        (operator.__name__, operator, share.probability) for operator, share in PERSON.items() if feed in share.feeds
    )
    for feed in _EVERYWHERE
}
_ROW_BY_FEED = {
    feed: tuple((operator, share.probability) for operator, share in ROW.items() if feed in share.feeds)
    for feed in _CSV
}
