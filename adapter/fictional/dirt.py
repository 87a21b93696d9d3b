"""How clerks and systems of Alder County get people's data wrong: every kind of dirt, by name, with its share.

The traits are those of published jail, court and clinic extracts: sentinels for missing values, suffixes inside the
surname, aliases, one-word names, ``NULL`` as text, several date formats in one file, masked numbers, code junk. The
two tables at the end are the whole of it: ``PERSON`` acts on a person as one system wrote them down (once for all
the rows of that system), ``ROW`` on one finished line of a CSV extract.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A person as one system wrote them down.

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


PersonDirt = Callable[[Written, "Random"], Written]
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


def soil(written: Written, feed: str, rng: Random, tally: Counter[str]) -> Written:
    """``written`` with the dirt that befalls this record of ``feed``; ``tally`` counts what was applied."""
    for operator, probability in _PERSON_BY_FEED[feed]:
        if rng.random() < probability:
            soiled = operator(written, rng)
            if soiled is not written:
                tally[operator.__name__] += 1
                written = soiled
    return written


def soil_row(cells: list[str], feed: str, rng: Random, tally: Counter[str]) -> list[str]:
    """``cells`` of one CSV line with the dirt that befalls it."""
    for operator, probability in _ROW_BY_FEED[feed]:
        if rng.random() < probability:
            tally[operator.__name__] += 1
            cells = operator(cells, rng)
    return cells


def nickname(written: Written, rng: Random) -> Written:  # noqa: ARG001 - every operator has this shape
    """The short form of the given name, as said at the counter."""
    short = NICKNAMES.get(written.first)
    return written if short is None else replace(written, first=short)


def alias_as_name(written: Written, rng: Random) -> Written:  # noqa: ARG001
    """The alias stands where the name belongs."""
    return (
        written if written.alias is None else replace(written, first=written.alias[0], last=written.alias[1])
    )


def mononym(written: Written, rng: Random) -> Written:  # noqa: ARG001
    """One name alone, in the field of the surname."""
    return replace(written, first="", middle="", suffix="")


def suffix_in_last_name(written: Written, rng: Random) -> Written:
    """``Jr`` behind the surname, in the same field."""
    if not written.suffix:
        return written
    joint = pick(rng, (" ", ", ", " "))
    return replace(written, last=f"{written.last}{joint}{written.suffix}", suffix="")


def suffix_lost(written: Written, rng: Random) -> Written:  # noqa: ARG001
    """No suffix at all."""
    return replace(written, suffix="") if written.suffix else written


def former_name_in_last_name(written: Written, rng: Random) -> Written:
    """A former surname in brackets behind the surname."""
    return replace(written, last=f"{written.last} (maiden: {LAST[below(rng, len(LAST))]})")


def null_text(written: Written, rng: Random) -> Written:  # noqa: ARG001
    """``NULL`` spelled out where there is no middle name."""
    return replace(written, middle="NULL")


def middle_name_lost(written: Written, rng: Random) -> Written:  # noqa: ARG001
    """No middle name."""
    return replace(written, middle="") if written.middle else written


def middle_initial(written: Written, rng: Random) -> Written:  # noqa: ARG001
    """The initial of the middle name."""
    return replace(written, middle=written.middle[0]) if written.middle else written


def typo_in_name(written: Written, rng: Random) -> Written:
    """Two neighbouring letters of the surname change places, or one is struck."""
    last = written.last
    if len(last) < 4:  # noqa: PLR2004 - too short to be recognised after a slip
        return written
    at = 1 + below(rng, len(last) - 2)
    swapped = last[:at] + last[at + 1] + last[at] + last[at + 2 :]
    return replace(written, last=swapped if chance(rng, 0.5) else last[:at] + last[at + 1 :])


def typo_in_birth_date(written: Written, rng: Random) -> Written:  # noqa: ARG001
    """Day and month change places where that gives a date."""
    born = written.born
    if born is None or born.day > 12 or born.day == born.month:  # noqa: PLR2004 - months of a year
        return written
    return replace(written, born=born.replace(month=born.day, day=born.month))


def sentinel_birth_date(written: Written, rng: Random) -> Written:  # noqa: ARG001
    """1 January 1900 for "unknown"."""
    return replace(written, born_sentinel=True)


def missing_birth_date(written: Written, rng: Random) -> Written:  # noqa: ARG001
    """No birth date."""
    return replace(written, born=None)


def missing_ssn(written: Written, rng: Random) -> Written:  # noqa: ARG001
    """No social security number."""
    return replace(written, ssn="")


def masked_ssn(written: Written, rng: Random) -> Written:
    """The last four digits alone."""
    return replace(written, ssn=pick(rng, ("XXX-XX-", "XXXXX")) + written.ssn[-4:])


def sentinel_ssn(written: Written, rng: Random) -> Written:
    """A number that stands for "none"."""
    return replace(written, ssn=pick(rng, ("999-99-9999", "000-00-0000", "111-11-1111")))


def typo_in_ssn(written: Written, rng: Random) -> Written:  # noqa: ARG001
    """Two neighbouring digits change places where that gives another number."""
    if written.ssn[9:10] == written.ssn[10:] or not written.ssn[-1:].isdigit():
        return written
    return replace(written, ssn=written.ssn[:9] + written.ssn[10] + written.ssn[9])


def sex_junk(written: Written, rng: Random) -> Written:
    """Another spelling of the sex, or no code at all."""
    spellings = {"M": ("M ", "m", "MALE"), "F": ("F ", "f", "FEMALE")}.get(written.sex, ("U", "N"))
    return replace(written, sex=pick(rng, (*spellings, "U")))


def race_junk(written: Written, rng: Random) -> Written:
    """A misspelt race, or an ethnicity in its place."""
    spelling = {"W": "WHTE", "U": "UNKOWN", "A": "FILLIPINO"}.get(written.race, "HISPANIC")
    return replace(written, race=pick(rng, (spelling, "H")))


def american_dates(written: Written, rng: Random) -> Written:  # noqa: ARG001
    """``M/D/YYYY h:mm:ss AM`` throughout the record."""
    return written if written.dates == AMERICAN else replace(written, dates=AMERICAN)


def iso_dates(written: Written, rng: Random) -> Written:  # noqa: ARG001
    """``YYYY-MM-DD hh:mm:ss`` throughout the record."""
    return written if written.dates == ISO else replace(written, dates=ISO)


def two_digit_years(written: Written, rng: Random) -> Written:  # noqa: ARG001
    """``M/D/YY`` throughout the record, the time of day lost."""
    return replace(written, dates=SHORT)


def trailing_spaces(cells: list[str], rng: Random) -> list[str]:  # noqa: ARG001
    """Fields padded to a fixed width."""
    return [cell + "  " if place in {0, 1, 6} and cell else cell for place, cell in enumerate(cells)]


def dagger(cells: list[str], rng: Random) -> list[str]:
    """A dagger in the housing column: the keep-separate mark of an old system, in the Windows character set."""
    return [*cells[:10], cells[10] + pick(rng, (" †", " ‡")), *cells[11:]]


def sentinel_release(cells: list[str], rng: Random) -> list[str]:
    """A far date for "still here"."""
    return (
        [*cells[:14], pick(rng, ("9999-12-31 00:00:00", "2999-12-31 00:00:00")), *cells[15:]]
        if not cells[14]
        else cells
    )


def release_before_booking(cells: list[str], rng: Random) -> list[str]:  # noqa: ARG001
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
    feed: tuple((operator, share.probability) for operator, share in PERSON.items() if feed in share.feeds)
    for feed in _EVERYWHERE
}
_ROW_BY_FEED = {
    feed: tuple((operator, share.probability) for operator, share in ROW.items() if feed in share.feeds)
    for feed in _CSV
}
