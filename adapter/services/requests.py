"""What the ledger tells of a request beside single resources: whom a search was about, and why one was refused."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from adapter.consent.explain import Finding
from adapter.store.shapes import OF_PATIENT, TYPES, row_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapter.store.port import Snapshot
    from adapter.store.shapes import LedgerEntry, StoredResource

EVERYTHING = "$everything"
"""The interaction that is about every type."""
DIRECTORY = 0
"""The patient key of what is about no one."""


class Search(NamedTuple):
    """What a search could have found of the persons it was about. ``named`` tells whether it named any."""

    rows: Sequence[StoredResource]
    named: bool
    persons: int

    def overview(self, entry: LedgerEntry, *, withheld: int, unmatched: int, later: int) -> tuple[Finding, ...]:
        """What passed and what did not, in numbers."""
        said = [
            f"{_counted(len(entry.passed))} given on this page."
            if entry.passed
            else "Nothing was given: nothing that matched was permitted, or nothing matched."
        ]
        if self.persons:
            said.append(
                f"Of the same {'person' if self.persons == 1 else f'{self.persons} persons'}, in all records that are "
                f"confirmed to be theirs, {_counted(withheld)} withheld"
                f"{'' if entry.interaction == EVERYTHING else ' of this type'}."
            )
        elif not self.named:
            said.append(
                "The search named no patient by an id of ours and the ledger keeps no values of other parameters, so "
                "whose records it would have been about cannot be told."
            )
        else:
            said.append("The patient that was named is not known here.")
        if unmatched:
            said.append(
                f"{unmatched} more were permitted, and did not match the search or stand on another page of it."
            )
        if later:
            said.append(f"{later} more had not arrived when it was answered.")
        return tuple(Finding(topic="result", outcome="noted", says=one) for one in said)


def _counted(number: int) -> str:
    return "1 resource was" if number == 1 else f"{number} resources were"


async def asked(view: Snapshot, entry: LedgerEntry) -> Search:
    """Whom a search was about, and every record of its type that is theirs."""
    told, _, query = entry.target.partition("?")
    kind, _, ident = told.partition(" ")[0].partition("/")
    named = [item for item in query.split("&") if "=" in item]
    named += [f"_id={ident}"] if ident else []
    patients: set[int] = set()
    for rid in _owners(kind, named):
        patients |= await _persons(view, rid, entry.at)
    for target, *_ in entry.passed:
        patients |= await _persons(view, row_key(*target.split("/", 1)), entry.at)
    patients.discard(DIRECTORY)
    of_type = None if entry.interaction == EVERYTHING else kind
    rows = await view.records(patients, of_type) if kind in TYPES else []
    if not patients:
        rows = await view.rows(row_key(*target.split("/", 1)) for target, *_ in entry.passed)
    components: set[frozenset[int]] = set()
    for patient in patients:
        components.add(frozenset(await view.component(patient, at=entry.at)))
    known = len(components) if rows or patients else 0
    return Search(rows=rows, named=bool(named), persons=known)


def _owners(kind: str, named: Sequence[str]) -> Iterator[int]:
    """The keys of the resources that a search named by id."""
    for item in named:
        param, _, values = item.partition("=")
        for value in values.split(","):
            if param in OF_PATIENT and "/" in value:
                yield row_key(*value.split("/", 1))
            elif param == "_id":
                yield row_key(kind, value)


async def _persons(view: Snapshot, rid: int, at: int) -> set[int]:
    """All Patients of the person that a resource is about; nobody for what is not stored."""
    found = await view.rows([rid])
    return set(await view.component(found[0].patient, at=at)) if found else set()


_WHY = {
    "population-search": (
        "The search named no patient, and no agreement in force gives {who} the right to search over everyone "
        "(`population-search`)."
    ),
    "population-subscribe": (
        "The subscription named nobody, and no agreement in force gives {who} the right to be told of everyone "
        "(`population-subscribe`)."
    ),
    "patient-match": "No agreement in force gives {who} the right to ask who somebody is (`patient-match`).",
    "malformed-id": "The id in the address is not of the form that FHIR gives to ids, so nothing can have it.",
    "scope": "The scopes of the access token do not hold this interaction with this resource type.",
    "forbidden": "The access token does not carry the right that this needs.",
    "not-found": "There was nothing of that kind to answer with.",
    "invalid": "The request could not be understood.",
    "not-supported": "The request asked for something that is not offered.",
    "refused": "The request was refused by its form: too long, too large or of another media type.",
}


def refusal_told(outcome: str, who: str) -> str:
    """Why a request was refused before anything was looked up, in words."""
    status, _, rest = outcome.partition(" ")
    code, _, parameter = rest.partition(" ")
    why = _WHY.get(code, "The request was refused.").format(who=who)
    at = f" The parameter it is about is `{parameter}`." if parameter else ""
    meaning = HTTPStatus(int(status)).phrase if status.isdigit() else status
    return (
        f"Refused with {status} ({meaning}) before anything was looked up. {why}{at} "
        "The answer was the same whatever is stored."
    )
