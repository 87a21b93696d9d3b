"""A run of people, drawn and written down: the records that go to each file, and how many there are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from adapter.fictional import clinic_fhir, court_xml, jail_csv, jail_hl7, registry, truth
from adapter.fictional.draws import stream
from adapter.fictional.life import life
from adapter.fictional.malformed import strewn
from adapter.fictional.papers import papers
from adapter.fictional.partners import CHARGES, COURT, EHR, JAIL_HL7, OTP, RELEASES, ROSTER
from adapter.fictional.people import person
from adapter.fictional.releases import releases
from adapter.fictional.screenings import clinic_screenings, jail_screenings

if TYPE_CHECKING:
    from datetime import date, datetime
    from random import Random

    from adapter.fictional.life import Life
    from adapter.fictional.people import Person
    from adapter.fictional.releases import Release
    from adapter.fictional.screenings import Screening

CLINIC_FILES = {kind: f"{clinic_fhir.FOLDER}/{kind}.ndjson" for kind in clinic_fhir.TYPES}
FILES = (
    jail_csv.ROSTER_FILE,
    jail_csv.CHARGES_FILE,
    jail_hl7.FILE,
    court_xml.FILE,
    *CLINIC_FILES.values(),
    registry.FILE,
    truth.FILE,
)
"""The files of a county, below its folder."""

_STREWN_IN = {
    ROSTER: jail_csv.ROSTER_FILE,
    CHARGES: jail_csv.CHARGES_FILE,
    JAIL_HL7: jail_hl7.FILE,
    COURT: court_xml.FILE,
    EHR: CLINIC_FILES["Observation"],
    RELEASES: registry.FILE,
}


@dataclass(slots=True, kw_only=True)
class Drawn:
    """The records of some people by file, in order; bad ones stand among them, counted apart."""

    files: dict[str, list[bytes]] = field(default_factory=lambda: {file: [] for file in FILES})
    malformed: Counter[str] = field(default_factory=Counter)
    dirt: Counter[str] = field(default_factory=Counter)
    screenings: int = 0
    permitted: int = 0

    def records(self) -> Counter[str]:
        """How many good records stand in each file."""
        counts = Counter({file: len(records) for file, records in self.files.items()})
        counts.subtract({_STREWN_IN[feed]: count for feed, count in self.malformed.items()})
        return counts

    def count(self, other: Drawn) -> None:
        """Add what ``other`` counted, without its records."""
        self.malformed.update(other.malformed)
        self.dirt.update(other.dirt)
        self.screenings += other.screenings
        self.permitted += other.permitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Someone:
    """One person with everything that was drawn about them, and the stream for the clerks' slips to come."""

    person: Person
    life: Life
    screenings: list[Screening]
    forms: tuple[Release, ...]
    rng: Random


def someone(seed: int, number: int, today: date) -> Someone:
    """Person ``number`` of the county of ``seed`` as of ``today``: nothing else decides who they are."""
    rng = stream(seed, number)
    who = person(seed, number, rng, today)
    lived = life(seed, who, rng, today)
    screened = jail_screenings(rng, lived.bookings) if JAIL_HL7 in lived.numbers else []
    for unit, visits in lived.visits.items():
        screened.extend(clinic_screenings(rng, unit, visits))
    forms: tuple[Release, ...] = ()
    if RELEASES in lived.numbers:
        forms = releases(rng, number, today, offer_part2=OTP in lived.visits)
        # From a stream of its own, so that what the clerks write down afterwards does not hang on it.
        forms = papers(stream(seed, -number), number, forms, lived, today=today, born=who.born)
    return Someone(person=who, life=lived, screenings=screened, forms=forms, rng=rng)


def draw(seed: int, as_of: datetime, first: int, last: int) -> Drawn:
    """People ``first`` to ``last`` of the county of ``seed``; ``as_of`` is in the county's time zone."""
    drawn = Drawn()
    today = as_of.date()
    for number in range(first, last + 1):
        one = someone(seed, number, today)
        _justice(one, drawn)
        _care(one, drawn)
        entry = truth.entry(one.person, one.life.numbers, one.screenings, one.forms, as_of)
        drawn.files[truth.FILE].append(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
        drawn.screenings += len(one.screenings)
        drawn.permitted += sum([len(pair["screenings"]) for pair in entry["permitted"]])
        for feed, record in strewn(number, drawn.malformed, drawn.dirt):
            drawn.files[_STREWN_IN[feed]].append(record)
    return drawn


def _justice(one: Someone, drawn: Drawn) -> None:
    who, lived, rng, dirt, files = one.person, one.life, one.rng, drawn.dirt, drawn.files
    if ROSTER in lived.numbers:
        rows = jail_csv.roster_lines(who, lived, rng, dirt)
        files[jail_csv.ROSTER_FILE].extend([row.encode(jail_csv.ROSTER_ENCODING) for row in rows])
    if CHARGES in lived.numbers:
        rows = jail_csv.charge_lines(who, lived, rng, dirt)
        files[jail_csv.CHARGES_FILE].extend([row.encode(jail_csv.CHARGES_ENCODING) for row in rows])
    if JAIL_HL7 in lived.numbers:
        files[jail_hl7.FILE].extend(jail_hl7.messages(who, lived, one.screenings, rng, dirt))
    if COURT in lived.numbers:
        files[court_xml.FILE].extend(court_xml.cases(who, lived, rng, dirt))


def _care(one: Someone, drawn: Drawn) -> None:
    if EHR in one.life.numbers:
        for resource in clinic_fhir.resources(one.person, one.life, one.screenings, one.rng, drawn.dirt):
            line = orjson.dumps(resource, option=orjson.OPT_APPEND_NEWLINE)
            drawn.files[CLINIC_FILES[resource["resourceType"]]].append(line)
    if one.forms:
        submitted = registry.submissions(one.person, one.life, one.forms, one.rng, drawn.dirt)
        lines = [orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in submitted]
        drawn.files[registry.FILE].extend(lines)
