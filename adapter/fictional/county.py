"""Alder County, a fictional county: the same people in every kind of extract, and the truth table about them.

    roster.csv charges.csv screenings.hl7 cases.xml releases.ndjson
    ehr/Patient.ndjson ehr/Encounter.ndjson ehr/QuestionnaireResponse.ndjson ehr/Observation.ndjson ehr/Condition.ndjson
    truth.ndjson

Everything about person ``i`` follows from (seed, i) and the date of the extract alone: the same seed gives identical
bytes, more people leave the first ones as they were, and people are written as they are drawn, in memory that does
not grow with their number. Nobody in it is real.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import orjson

from adapter.fictional import clinic_fhir, court_xml, jail_csv, jail_hl7, registry, truth
from adapter.fictional.draws import stream
from adapter.fictional.life import life
from adapter.fictional.malformed import malformed, test_rows
from adapter.fictional.partners import CHARGES, COURT, EHR, JAIL_HL7, OTP, RELEASES, ROSTER, ZONE
from adapter.fictional.people import person
from adapter.fictional.releases import releases
from adapter.fictional.screenings import clinic_screenings, jail_screenings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path
    from random import Random

    from adapter.fictional.life import Life
    from adapter.fictional.people import Person
    from adapter.fictional.releases import Release
    from adapter.fictional.screenings import Screening

FILES = (
    jail_csv.ROSTER_FILE,
    jail_csv.CHARGES_FILE,
    jail_hl7.FILE,
    court_xml.FILE,
    *(f"{clinic_fhir.FOLDER}/{kind}.ndjson" for kind in clinic_fhir.TYPES),
    registry.FILE,
    truth.FILE,
)
"""The files of a county, below its folder."""

PROGRESS_EVERY = 500
_BUFFER = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was written.

    ``records`` counts the good records of each file (rows, messages, elements, lines), ``malformed`` the bad ones of
    each feed, ``dirt`` how often each kind of dirt was applied. ``screenings`` counts the results that summaries are
    made of, ``permitted`` the screenings some recipient may have for some purpose, once per recipient and purpose.
    """

    people: int
    screenings: int
    permitted: int
    records: Mapping[str, int]
    malformed: Mapping[str, int]
    dirt: Mapping[str, int]


def write_county(
    folder: Path, *, people: int, seed: int, as_of: datetime, progress: Callable[[int], None] | None = None
) -> Summary:
    """Write the extracts and the truth table of a county of ``people`` into ``folder``, which is made if need be.

    ``as_of`` is when the extracts are drawn and the instant the truth table decides for; it must carry its offset.
    ``progress`` is called with the number of people written so far. Raises ValueError for a negative number of people
    or an instant without offset, OSError when the folder cannot be written. Files already there are overwritten.
    """
    if people < 0:
        raise ValueError("the number of people must be zero or more")
    if as_of.tzinfo is None:
        raise ValueError("the instant of the extract needs an offset; give it as 2026-11-22T12:00:00-07:00")
    (folder / clinic_fhir.FOLDER).mkdir(parents=True, exist_ok=True)
    with ExitStack() as opened:
        files = {name: opened.enter_context((folder / name).open("wb", buffering=_BUFFER)) for name in FILES}
        writing = _Writing(files, seed, as_of)
        writing.open()
        for number in range(1, people + 1):
            writing.person(number)
            if progress is not None and number % PROGRESS_EVERY == 0:
                progress(number)
        writing.close()
    if progress is not None and people % PROGRESS_EVERY:
        progress(people)
    return writing.summary(people)


class _Writing:
    """The open files of one county while it is written, and the counts so far."""

    def __init__(self, files: Mapping[str, BinaryIO], seed: int, as_of: datetime) -> None:
        self._files = files
        self._seed = seed
        self._as_of = as_of.astimezone(ZONE)
        self._today = self._as_of.date()
        self._records: Counter[str] = Counter(dict.fromkeys(FILES, 0))
        self._malformed: Counter[str] = Counter()
        self._dirt: Counter[str] = Counter()
        self._screenings = 0
        self._permitted = 0

    def open(self) -> None:
        """Write what stands before the first record."""
        header = jail_csv.line(jail_csv.CHARGES_COLUMNS, "\n").encode()
        self._files[jail_csv.ROSTER_FILE].write(jail_csv.line(jail_csv.ROSTER_COLUMNS, "\r\n").encode())
        self._files[jail_csv.CHARGES_FILE].write(header)
        self._files[jail_hl7.FILE].write(jail_hl7.header(self._as_of))
        self._files[court_xml.FILE].write(court_xml.HEADER)

    def person(self, number: int) -> None:
        """Draw person ``number`` and write their records to every extract that knows them."""
        rng = stream(self._seed, number)
        who = person(self._seed, number, rng, self._today)
        lived = life(self._seed, who, rng, self._today)
        screened = jail_screenings(rng, lived.bookings) if JAIL_HL7 in lived.numbers else []
        for unit, visits in lived.visits.items():
            screened.extend(clinic_screenings(rng, unit, visits))
        forms: tuple[Release, ...] = ()
        if RELEASES in lived.numbers:
            forms = releases(rng, number, self._today, offer_part2=OTP in lived.visits)
        self._justice(who, lived, screened, rng)
        self._care(who, lived, screened, forms, rng)
        self._bad(number)
        entry = truth.entry(who, lived.numbers, screened, forms, self._as_of)
        self._screenings += len(screened)
        self._permitted += sum(len(pair["screenings"]) for pair in entry["permitted"])
        self._lines(truth.FILE, [orjson.dumps(entry)])

    def close(self) -> None:
        """Write what stands behind the last record."""
        sent = self._records[jail_hl7.FILE] + self._malformed[JAIL_HL7]
        self._files[jail_hl7.FILE].write(jail_hl7.trailer(sent))
        self._files[court_xml.FILE].write(court_xml.TRAILER)

    def summary(self, people: int) -> Summary:
        """What has been written."""
        return Summary(
            people=people,
            screenings=self._screenings,
            permitted=self._permitted,
            records=dict(self._records),
            malformed=dict(self._malformed),
            dirt=dict(self._dirt),
        )

    def _justice(self, who: Person, lived: Life, screened: list[Screening], rng: Random) -> None:
        if ROSTER in lived.numbers:
            rows = jail_csv.roster_lines(who, lived, rng, self._dirt)
            self._write(jail_csv.ROSTER_FILE, [row.encode(jail_csv.ROSTER_ENCODING) for row in rows])
        if CHARGES in lived.numbers:
            rows = jail_csv.charge_lines(who, lived, rng, self._dirt)
            self._write(jail_csv.CHARGES_FILE, [row.encode(jail_csv.CHARGES_ENCODING) for row in rows])
        if JAIL_HL7 in lived.numbers:
            self._write(jail_hl7.FILE, jail_hl7.messages(who, lived, screened, rng, self._dirt))
        if COURT in lived.numbers:
            self._write(court_xml.FILE, court_xml.cases(who, lived, rng, self._dirt))

    def _care(
        self, who: Person, lived: Life, screened: list[Screening], forms: tuple[Release, ...], rng: Random
    ) -> None:
        if EHR in lived.numbers:
            for resource in clinic_fhir.resources(who, lived, screened, rng, self._dirt):
                file = f"{clinic_fhir.FOLDER}/{resource['resourceType']}.ndjson"
                self._lines(file, [orjson.dumps(resource)])
        if forms:
            submitted = registry.submissions(who, lived, forms, rng, self._dirt)
            self._lines(registry.FILE, [orjson.dumps(submission) for submission in submitted])

    def _bad(self, number: int) -> None:
        for feed, file in _MALFORMED_FILES.items():
            self._files[file].write(malformed(feed, number, self._malformed))
        self._files[jail_csv.ROSTER_FILE].write(test_rows(number, self._dirt))

    def _write(self, file: str, records: list[bytes]) -> None:
        self._records[file] += len(records)
        self._files[file].write(b"".join(records))

    def _lines(self, file: str, documents: list[bytes]) -> None:
        self._write(file, [document + b"\n" for document in documents])


_MALFORMED_FILES = {
    ROSTER: jail_csv.ROSTER_FILE,
    CHARGES: jail_csv.CHARGES_FILE,
    JAIL_HL7: jail_hl7.FILE,
    COURT: court_xml.FILE,
    EHR: f"{clinic_fhir.FOLDER}/Observation.ndjson",
    RELEASES: registry.FILE,
}
