"""Index rows: what a resource can be found by.

One row states one value of one search parameter. A token is ``system|code``, with nothing before the bar
for a code without a system; a search may also ask for ``*|code`` (any system) and ``system|`` (any code).
``satisfies`` is the meaning of a filter, spelt out; a store's SQL must agree with it.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from adapter.fhir.dates import MAX, MIN, interval, matches
from adapter.fhir.parameters import PARAMETERS, normalised
from adapter.fhir.paths import values
from adapter.fhir.reference import parse_reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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


def index_rows(resource: Resource, zone: tzinfo) -> list[IndexRow]:
    """All rows of a valid resource, without repetition; none for a type that is not searched.

    ``zone`` places dates without a time. ``_id`` needs no row: it is the key of the resource itself.
    """
    rows: list[IndexRow] = []
    for parameter, add, first, below in _PLAN.get(resource["resourceType"], ()):
        content = resource.get(first)
        if content is not None:
            for value in values(content, below):
                add(rows, parameter, value, zone)
    return list(dict.fromkeys(rows))


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


def _token(rows: list[IndexRow], parameter: SearchParameter, value: Json, _: tzinfo) -> None:
    """A code, CodeableConcept, Coding or Identifier; what has no code is not found."""
    if isinstance(value, str):
        rows.append(IndexRow(parameter.name, f"{parameter.system}|{value}"))
        return
    for coding in value.get("coding", (value,)):
        code = coding.get("code", coding.get("value", ""))
        if code:
            rows.append(IndexRow(parameter.name, f"{coding.get('system', '')}|{code}"))


def _string(rows: list[IndexRow], parameter: SearchParameter, value: Json, _: tzinfo) -> None:
    if key := _normalised(value):
        rows.append(IndexRow(parameter.name, key, exact=value))


def _canonical(rows: list[IndexRow], parameter: SearchParameter, value: Json, _: tzinfo) -> None:
    rows.append(IndexRow(parameter.name, value))
    if "|" in value:
        rows.append(IndexRow(parameter.name, value.partition("|")[0]))


def _reference(rows: list[IndexRow], parameter: SearchParameter, value: Json, _: tzinfo) -> None:
    named, kind = _literal(value.get("reference", ""))
    if named and (not parameter.targets or kind in parameter.targets):
        rows.append(IndexRow(parameter.name, named))


@lru_cache(maxsize=4096)
def _literal(text: str) -> tuple[str, str]:
    """What a literal reference names, whatever its version, and its type; empty for fragments, URNs and the like."""
    reference = parse_reference(text)
    return (str(reference), reference.type) if reference is not None else ("", "")


def _date(rows: list[IndexRow], parameter: SearchParameter, value: Json, zone: tzinfo) -> None:
    """A date, dateTime or instant; a Period; a Timing by its events or the bounds of its repetition."""
    name = parameter.name
    if isinstance(value, str):
        rows.append(IndexRow(name, value, *interval(value, zone)))
    elif "event" in value:
        events = [(*interval(event, zone), event) for event in value["event"] if event is not None]
        if events:
            low, _, first = min(events)
            rows.append(IndexRow(name, first, low, max(high for _, high, _ in events)))
    elif "repeat" in value:
        _date(rows, parameter, value["repeat"].get("boundsPeriod", {}), zone)
    elif "start" in value or "end" in value:
        start, end = value.get("start"), value.get("end")
        low = interval(start, zone)[0] if start else MIN
        high = interval(end, zone)[1] if end else MAX
        rows.append(IndexRow(name, f"{start or ''}/{end or ''}", low, high))


_normalised = lru_cache(maxsize=8192)(normalised)
"""Given names recur, and a name is indexed under two parameters."""
_ADDERS: Final = {"token": _token, "string": _string, "date": _date, "reference": _reference}
_PLAN: Final = {
    kind: [
        (parameter, _canonical if parameter.canonical else _ADDERS[parameter.kind], first, tuple(below))
        for parameter in table.values()
        for first, *below in (path.split(".") for path in parameter.paths)
    ]
    for kind, table in PARAMETERS.items()
}
"""For each type: the parameter, how its values become rows, the element and the names below it."""
