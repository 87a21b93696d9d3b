"""Index rows: what a resource can be found by.

One row states one value of one search parameter. A token is ``system|code``, with nothing before the bar
for a code without a system; a search may also ask for ``*|code`` (any system) and ``system|`` (any code).
``satisfies`` is the meaning of a filter, spelt out; a store's SQL must agree with it.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

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


class IndexRow(NamedTuple):
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
        values: list[Json] = []
        for path in paths:
            _collect(resource, path, 0, values)
        if values:
            found = dict.fromkeys(row for value in values for row in _values(parameter, value, zone))
            rows += [IndexRow(parameter.name, *row) for row in found]
    return rows


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
    system, _, code = asked.value.partition("|")
    if kind != "token" or (code and system != "*"):
        return row.value == asked.value
    return row.value.partition("|")[2] == code if code else row.value.partition("|")[0] == system


def _bounds(dated: IndexRow | Alternative) -> tuple[int, int]:
    if dated.low is None or dated.high is None:
        raise ValueError("a date without bounds; expected `low` and `high`")
    return dated.low, dated.high


def _collect(value: Json, path: Sequence[str], depth: int, found: list[Json]) -> None:
    """Add the values at a path of element names; arrays are entered, nulls passed over."""
    if isinstance(value, list):
        for item in value:
            _collect(item, path, depth, found)
    elif depth == len(path):
        if value is not None:
            found.append(value)
    elif isinstance(value, dict):
        inner = value.get(path[depth])
        if inner is not None:
            _collect(inner, path, depth + 1, found)


def _values(parameter: SearchParameter, value: Json, zone: tzinfo) -> Iterator[_Found]:
    """What one value of an element is indexed as."""
    if parameter.kind == "token":
        for system, code in _tokens(value, parameter.system):
            if code:
                yield f"{system}|{code}", None, None, ""
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
