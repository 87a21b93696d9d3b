"""Alder County, a fictional county: the same people in every kind of extract, and the truth table about them.

    roster.csv charges.csv screenings.hl7 cases.xml releases.ndjson
    ehr/Patient.ndjson ehr/Encounter.ndjson ehr/QuestionnaireResponse.ndjson ehr/Observation.ndjson
    ehr/Condition.ndjson truth.ndjson

Everything about person ``i`` follows from (seed, i) and the date of the extract alone: the same seed gives
identical bytes, more people leave the first ones as they were, and people are written as they are drawn, in
memory that does not grow with their number. Nobody in it is real.
"""

from __future__ import annotations

from collections import Counter, deque
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

from adapter.fictional import court_xml, jail_csv, jail_hl7
from adapter.fictional.drawing import FILES, Drawn, draw
from adapter.fictional.partners import JAIL_HL7, ZONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future
    from datetime import datetime
    from pathlib import Path

CHUNK = 500
"""So many people are drawn before their records are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was written.

    ``records`` counts the good records of each file (rows, messages, elements, lines), ``malformed`` the bad
    ones of each feed, ``dirt`` how often each kind of dirt was applied. ``screenings`` counts the results
    that summaries are made of, ``permitted`` what may be disclosed of them: once per screening, recipient and
    purpose.
    """

    people: int
    screenings: int
    permitted: int
    records: Mapping[str, int]
    malformed: Mapping[str, int]
    dirt: Mapping[str, int]


def write_county(
    folder: Path,
    *,
    people: int,
    seed: int,
    as_of: datetime,
    progress: Callable[[int], None] | None = None,
    workers: int = 1,
) -> Summary:
    """Write the extracts and the truth table of a county of ``people`` into ``folder``, made if need be.

    ``as_of`` is when the extracts are drawn and the instant for which the truth table decides; it must carry
    its offset. ``progress`` is called with the number of people written so far. More than one of ``workers``
    draws the people in so many processes, to the same bytes. Raises ValueError for a negative number of
    people or an instant without offset, OSError when the folder cannot be written. Files already there are
    overwritten.
    """
    if people < 0:
        raise ValueError("the number of people must be zero or more")
    if as_of.tzinfo is None:
        raise ValueError("the instant of the extract needs an offset; give it as 2026-11-22T12:00:00-07:00")
    local = as_of.astimezone(ZONE)
    total = Drawn()
    records = Counter(dict.fromkeys(FILES, 0))
    written = 0
    with ExitStack() as opened:
        for path in {folder, *((folder / file).parent for file in FILES)}:
            path.mkdir(parents=True, exist_ok=True)
        files = {file: opened.enter_context((folder / file).open("wb")) for file in FILES}
        for file, header in _headers(local).items():
            files[file].write(header)
        for drawn in _runs(seed, local, people, workers):
            for file, lines in drawn.files.items():
                files[file].write(b"".join(lines))
            records.update(drawn.records())
            total.count(drawn)
            written = min(people, written + CHUNK)
            if progress is not None:
                progress(written)
        files[jail_hl7.FILE].write(jail_hl7.trailer(records[jail_hl7.FILE] + total.malformed[JAIL_HL7]))
        files[court_xml.FILE].write(court_xml.TRAILER)
    return Summary(
        people=people,
        screenings=total.screenings,
        permitted=total.permitted,
        records=dict(records),
        malformed=dict(total.malformed),
        dirt=dict(total.dirt),
    )


def _runs(seed: int, as_of: datetime, people: int, workers: int) -> Iterator[Drawn]:
    """The people of the county, run by run and in their order, with few runs in memory at a time."""
    spans = ((first, min(people, first + CHUNK - 1)) for first in range(1, people + 1, CHUNK))
    if workers <= 1 or people <= CHUNK:
        yield from (draw(seed, as_of, first, last) for first, last in spans)
        return
    waiting: deque[Future[Drawn]] = deque()
    # Fresh processes: a copy of this one could hold locks that its threads took.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for first, last in spans:
            waiting.append(pool.submit(draw, seed, as_of, first, last))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _headers(as_of: datetime) -> dict[str, bytes]:
    return {
        jail_csv.ROSTER_FILE: jail_csv.line(jail_csv.ROSTER_COLUMNS, "\r\n").encode(jail_csv.ROSTER_ENCODING),
        jail_csv.CHARGES_FILE: jail_csv.line(jail_csv.CHARGES_COLUMNS, "\n").encode(jail_csv.CHARGES_ENCODING),
        jail_hl7.FILE: jail_hl7.header(as_of),
        court_xml.FILE: court_xml.HEADER,
    }
