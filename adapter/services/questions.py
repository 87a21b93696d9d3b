"""What a search asks: whether it names someone, whom it is about, and how it stands in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapter.fhir.results import names_records
from adapter.store.shapes import OF_PATIENT

if TYPE_CHECKING:
    from adapter.fhir.search import Alternative, Filter, Query

_DAY: Final = 25 * 3_600_000_000
"""Microseconds of the longest day."""


def of_patient(item: Filter) -> bool:
    """Whether a filter names the patients a search is about."""
    return item.param in OF_PATIENT and not item.modifier


def selective(query: Query) -> bool:
    """Whether a Patient search names someone: an id, an identifier, or a name together with the day of birth."""
    said = [item for item in query.filters if not item.modifier] if query.type == "Patient" else []
    if any(item.param == "_id" or (item.param in _IDENTIFIERS and _whole(item)) for item in said):
        return True
    born = any(item.param == "birthdate" and all(map(_one_day, item.alternatives)) for item in said)
    return born and any(item.param in _NAMES for item in said)


_IDENTIFIERS = frozenset({"identifier", "identifier:of-type"})
_NAMES = frozenset({"name", "family", "given"})


def _whole(item: Filter) -> bool:
    """Whether every token has a value; `system|` alone is everyone of that system."""
    return not any(alternative.value.endswith("|") for alternative in item.alternatives)


def _one_day(born: Alternative) -> bool:
    return born.prefix == "eq" and born.low is not None and born.high is not None and born.high - born.low <= _DAY


def asked_for(query: Query) -> str:
    """What was asked, for the ledger: parameter names, and values only where they are ids of our own."""
    asked = []
    for item in query.filters:
        named = f"{item.param}:{item.modifier}" if item.modifier else item.param
        own = names_records(item) or of_patient(item)
        asked.append(f"{named}={','.join(value.value for value in item.alternatives)}" if own else named)
    return f"{query.type}?{'&'.join(asked)}"
