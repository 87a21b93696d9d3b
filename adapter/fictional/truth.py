"""The truth table of the fictional county: who is who, what was screened, and who may have it.

One JSON object a line, one line a person, in the order of the people. It is never given to the adapter: tests
and benchmarks compare what the adapter gave out with what stands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from adapter.fictional.permitted import permitted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from adapter.fictional.people import Person
    from adapter.fictional.releases import Release
    from adapter.fictional.screenings import Screening

FILE = "truth.ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueScreening:
    """One result as the county holds it; ``at`` is an instant with offset, or a day if no more is known."""

    feed: str
    unit: str
    instrument: str
    result_code: str
    category: str | None
    score: int | None
    at: str
    labels: tuple[str, ...]
    part2: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TruePerson:
    """One person: the ids of their records by feed, their screenings, and what may be disclosed.

    ``permitted`` maps (recipient, purpose) to places in ``screenings``; ``look_alike`` is the person with the
    same birth date and surname (a namesake or twin) whose records must not be joined with these.
    """

    person: str
    records: Mapping[str, tuple[str, ...]]
    screenings: tuple[TrueScreening, ...]
    permitted: Mapping[tuple[str, str], tuple[int, ...]]
    look_alike: str | None


def read(path: Path) -> Iterator[TruePerson]:
    """The people of the truth table at ``path``, one after the other.

    Raises OSError when the file cannot be read, ValueError (orjson.JSONDecodeError, KeyError) when it is no
    truth table.
    """
    with path.open("rb") as lines:
        for line in lines:
            yield parse(line)


def parse(line: bytes) -> TruePerson:
    """One line of the truth table."""
    document: dict[str, Any] = orjson.loads(line)
    return TruePerson(
        person=document["person"],
        records={feed: tuple(ids) for feed, ids in document["records"].items()},
        screenings=tuple(
            TrueScreening(**{**entry, "labels": tuple(entry["labels"])}) for entry in document["screenings"]
        ),
        permitted={
            (entry["recipient"], entry["purpose"]): tuple(entry["screenings"]) for entry in document["permitted"]
        },
        look_alike=document.get("look_alike"),
    )


def entry(
    person: Person,
    records: Mapping[str, Sequence[str]],
    screenings: Sequence[Screening],
    forms: Sequence[Release],
    as_of: datetime,
) -> dict[str, Any]:
    """The entry of ``person`` in the truth table, with what is permitted at ``as_of``."""
    document: dict[str, Any] = {
        "person": person.id,
        "records": records,
        "screenings": [_screening(screening) for screening in screenings],
        "permitted": [
            {"recipient": recipient, "purpose": purpose, "screenings": places}
            for recipient, purpose, places in permitted(screenings, forms, as_of)
        ],
    }
    if person.look_alike is not None:
        document["look_alike"] = person.look_alike
    return document


def _screening(screening: Screening) -> dict[str, Any]:
    instrument = screening.instrument
    return {
        "feed": screening.feed,
        "unit": screening.unit,
        "instrument": instrument.id,
        "result_code": instrument.result_code,
        "category": screening.category,
        "score": screening.score,
        "at": screening.effective,
        "labels": instrument.labels,
        "part2": screening.part2,
    }
