"""A group as a CSV file: one person a row, as whoever follows them knows them.

Columns by their names in the first row, in any order: `patient` (an id here), or `family`, `given` and `birth_date`
with `middle` and `sex`, or `identifier_system` and `identifier`; and `key`, which is the owner's own and comes back.
What is wrong is told by line and column and never by what stands there. Whether somebody is known here has no part in
it.

RFC 4180; https://www.rfc-editor.org/rfc/rfc4180
"""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from typing import TYPE_CHECKING, Final

from adapter.errors import Issue, Rejected
from adapter.identity.traits import MATCH_ONLY
from adapter.services.panel_people import MOST_PEOPLE, Person

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLUMNS: Final = (
    "key",
    "patient",
    "family",
    "given",
    "middle",
    "birth_date",
    "sex",
    "identifier_system",
    "identifier",
)
MOST_ISSUES: Final = 20
"""Faults that are told of one file."""
_SEXES: Final = {"": "", "f": "female", "female": "female", "m": "male", "male": "male"}
_PATIENT: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_LONGEST: Final = 200
_PERSON: Final = frozenset({"family", "given", "birth_date"})
_WAYS: Final = "`patient`, or `family`, `given` and `birth_date`, or `identifier_system` and `identifier`"


class _Faults:
    """Collects what is wrong."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def add(self, line: int, column: str, told: str) -> None:
        if len(self.issues) < MOST_ISSUES:
            where = f"line {line}" + (f", {column}" if column else "")
            self.issues.append(Issue(path=where, code="invalid", message=told))


def read_panel(content: bytes) -> tuple[list[str], list[Person]]:
    """Ids of Patients, and people as they are described; ``Rejected`` with every fault, by line and column."""
    faults = _Faults()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Rejected([Issue(path="line 1", code="invalid", message="expected UTF-8")]) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    members: dict[str, None] = {}
    people: dict[Person, None] = {}
    try:
        head = _head(next(reader, []), faults)
        for row in reader if head else ():
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(head):
                faults.add(reader.line_num, "", f"expected {len(head)} cells, as in the first line")
                continue
            cells = {name: cell.strip() for name, cell in zip(head, row, strict=True)}
            _take(reader.line_num, cells, members, people, faults)
    except csv.Error:
        faults.add(reader.line_num, "", "expected CSV: cells apart by commas, quotes doubled within quotes")
    if len(members) + len(people) > MOST_PEOPLE:
        faults.add(reader.line_num, "", f"expected at most {MOST_PEOPLE:,} people")
    if faults.issues:
        raise Rejected(faults.issues)
    return list(members), list(people)


def _head(row: list[str], faults: _Faults) -> list[str]:
    """The columns by their names."""
    head = [cell.strip().lower().replace(" ", "_") for cell in row]
    for place, name in enumerate(head, 1):
        if name not in COLUMNS or name in head[: place - 1]:
            faults.add(1, f"column {place}", f"expected each of {', '.join(COLUMNS)} at most once")
    ways = ({"patient"}, _PERSON, {"identifier_system", "identifier"})
    if not faults.issues and not any(way <= {*head} for way in ways):
        faults.add(1, "", f"expected the columns {_WAYS}")
    return [] if faults.issues else head


def _take(
    line: int, cells: Mapping[str, str], members: dict[str, None], people: dict[Person, None], faults: _Faults
) -> None:
    before = len(faults.issues)
    for column, told in _wrong(cells):
        faults.add(line, column, told)
    if len(faults.issues) > before:
        return
    if cells.get("patient"):
        members[cells["patient"].removeprefix("Patient/")] = None
    if cells.get("family") or cells.get("identifier"):
        person = Person(
            key=cells.get("key", ""),
            family=cells.get("family", ""),
            given=cells.get("given", ""),
            middle=cells.get("middle", ""),
            birth_date=cells.get("birth_date", ""),
            sex=_SEXES[cells.get("sex", "").lower()],
            system=cells.get("identifier_system", ""),
            value=cells.get("identifier", ""),
        )
        if person.family and not person.traits().names:
            faults.add(line, "family", "expected a name with letters")
            return
        people[person] = None


def _wrong(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong with the cells of a row, by column."""
    for name, cell in cells.items():
        if len(cell) > _LONGEST or not cell.isprintable():
            yield name, f"expected up to {_LONGEST} printable characters"
    patient = cells.get("patient", "").removeprefix("Patient/")
    if patient and _PATIENT.fullmatch(patient) is None:
        yield "patient", "expected the id of a Patient"
    if not _is_day(cells.get("birth_date", "")):
        yield "birth_date", "expected a day such as 1980-04-02"
    if cells.get("sex", "").lower() not in _SEXES:
        yield "sex", "expected female, male or nothing"
    yield from _unsaid(cells)


def _unsaid(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What a row leaves out of the ways to name somebody."""
    system, value = cells.get("identifier_system", ""), cells.get("identifier", "")
    told = {name for name in _PERSON if cells.get(name)}
    if bool(system) is not bool(value):
        yield "identifier", "expected `identifier_system` and `identifier`, both or neither"
    elif system in MATCH_ONLY:
        yield "identifier_system", "numbers of this system serve recognition only and are not compared here"
    elif told and told != _PERSON:
        yield "", "expected `family`, `given` and `birth_date`, all or none"
    elif not (told or value or cells.get("patient")):
        yield "", f"expected {_WAYS}"


def _is_day(text: str) -> bool:
    if not text:
        return True
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
