"""Index rows: what a resource can be found by.

One row states one value of one search parameter. A token is indexed under every key it may be asked for:
``system|code`` and ``*|code`` (any system), ``system|`` (any code of the system), ``|code`` (a code
without a system). ``satisfies`` is the meaning of a filter, spelt out; a store's SQL must agree with it.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adapter.fhir.dates import MAX, MIN, interval, matches
from adapter.fhir.parameters import PARAMETERS, normalised
from adapter.fhir.reference import parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from adapter.fhir.criteria import Alternative, Filter
    from adapter.fhir.parameters import SearchParameter

    Json = Any
    """A parsed JSON value."""

    Resource = Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """One searchable value.

    ``value`` is the token key, normalised string, reference, or the date as written. ``low`` and ``high``
    bound a date (microseconds since 1970 UTC, half open) and are None otherwise. ``exact`` is a string
    before normalisation.
    """

    param: str
    value: str
    low: int | None = None
    high: int | None = None
    exact: str = ""


_Found = tuple[str, int | None, int | None, str]
"""Value, low, high and exact of a row."""

_PATHS: Final = {
    kind: [(parameter, [path.split(".") for path in parameter.paths]) for parameter in table.values()]
    for kind, table in PARAMETERS.items()
}


def index_rows(resource: Resource, zone: tzinfo) -> list[IndexRow]:
    """All rows of a valid resource, without repetition; none for a type that is not searched.

    ``zone`` places dates without a time. ``_id`` needs no row: it is the key of the resource itself.
    """
    rows: list[IndexRow] = []
    for parameter, paths in _PATHS.get(resource["resourceType"], ()):
        found: dict[_Found, None] = {}
        for path in paths:
            for value in _at(resource, path):
                found.update(dict.fromkeys(_values(parameter, value, zone)))
        rows += [
            IndexRow(param=parameter.name, value=value, low=low, high=high, exact=exact)
            for value, low, high, exact in found
        ]
    return rows


def token_keys(system: str, code: str) -> tuple[str, ...]:
    """The keys under which a coding is found; either part may be empty."""
    if not code:
        return (f"{system}|",) if system else ()
    if not system:
        return (f"|{code}", f"*|{code}")
    return (f"{system}|{code}", f"*|{code}", f"{system}|")


def satisfies(resource_id: str, rows: Sequence[IndexRow], asked: Filter) -> bool:
    """Whether a resource with these rows satisfies a filter: one value meets one alternative."""
    if asked.kind == "id":
        return any(alternative.value == resource_id for alternative in asked.alternatives)
    own = [row for row in rows if row.param == asked.param]
    return any(_satisfied(row, asked.kind, a) for a in asked.alternatives for row in own)


def _satisfied(row: IndexRow, kind: str, asked: Alternative) -> bool:
    if kind == "date":
        return matches(asked.prefix, *_bounds(row), *_bounds(asked))
    if kind == "string":
        return row.exact == asked.value if asked.prefix == "exact" else row.value.startswith(asked.value)
    return bool(row.value == asked.value)


def _bounds(dated: IndexRow | Alternative) -> tuple[int, int]:
    if dated.low is None or dated.high is None:
        raise ValueError("a date without bounds; expected `low` and `high`")
    return dated.low, dated.high


def _at(value: Json, path: Sequence[str]) -> Iterator[Json]:
    """The values at a path of element names; arrays are entered, nulls passed over."""
    if isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    elif not path:
        if value is not None:
            yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _values(parameter: SearchParameter, value: Json, zone: tzinfo) -> Iterator[_Found]:
    """What one value of an element is indexed as."""
    if parameter.kind == "token":
        for system, code in _tokens(value, parameter.system):
            for key in token_keys(system, code):
                yield key, None, None, ""
    elif parameter.kind == "string":
        if key := normalised(value):
            yield key, None, None, value
    elif parameter.kind == "date":
        yield from _dates(value, zone)
    elif parameter.canonical:
        yield value, None, None, ""
        if "|" in value:
            yield value.partition("|")[0], None, None, ""
    else:
        reference = parse_reference(value.get("reference", ""))
        if reference is not None and (not parameter.targets or reference.type in parameter.targets):
            yield str(reference), None, None, ""


def _tokens(value: Json, system: str) -> Iterator[tuple[str, str]]:
    """Pairs of system and code in a code, CodeableConcept, Coding or Identifier."""
    if isinstance(value, str):
        yield system, value
    elif "coding" in value:
        for coding in value["coding"]:
            yield coding.get("system", ""), coding.get("code", "")
    else:
        yield value.get("system", ""), value.get("code", value.get("value", ""))


def _dates(value: Json, zone: tzinfo) -> Iterator[_Found]:
    """A date, dateTime or instant; a Period; a Timing by its events or the bounds of its repetition."""
    if isinstance(value, str):
        low, high = interval(value, zone)
        yield value, low, high, ""
    elif "event" in value:
        events = [(*interval(event, zone), event) for event in value["event"] if event is not None]
        if events:
            low, _, first = min(events)
            yield first, low, max(high for _, high, _ in events), ""
    elif "repeat" in value:
        yield from _dates(value["repeat"].get("boundsPeriod", {}), zone)
    elif "start" in value or "end" in value:
        start, end = value.get("start"), value.get("end")
        low = interval(start, zone)[0] if start else MIN
        high = interval(end, zone)[1] if end else MAX
        yield f"{start or ''}/{end or ''}", low, high, ""
