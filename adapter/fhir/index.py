"""Index rows: what a resource can be found by.

One row states one value of one search parameter. A token is ``system|code``, with nothing before the bar
for a code without a system; a search may also ask for ``*|code`` (any system) and ``system|`` (any code).
``satisfies`` is the meaning of a filter, spelt out; a store's SQL must agree with it.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from adapter.fhir.criteria import MISSING, NOT
from adapter.fhir.dates import MAX, MIN, interval, matches
from adapter.fhir.parameters import ALWAYS, IDENTIFIER, OF_TYPE, PARAMETERS, normalised
from adapter.fhir.paths import values
from adapter.fhir.quantities import LARGEST, measured, within
from adapter.fhir.reference import parse_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence
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
    before normalisation. A quantity has its bounds in ``value``, joined by a blank, and its unit in ``exact``:
    `system|code|unit`.
    """

    param: str
    value: str
    low: int | None = None
    high: int | None = None
    exact: str = ""


_row: Callable[[tuple[str, str, int | None, int | None, str]], IndexRow] = partial(tuple.__new__, IndexRow)
"""All five of a row: a third of the time that the call with defaults takes, and every resource has a dozen."""


def index_rows(resource: Resource, zone: tzinfo, only: Container[str] | None = None) -> list[IndexRow]:
    """All rows of a valid resource, or those of some parameters ``only``, without repetition.

    There are none for a type that is not searched. ``zone`` places dates without a time. ``_id`` and ``_lastUpdated``
    need no row: they are columns of the resource.
    """
    rows: list[IndexRow] = []
    for parameter, add, first, below in _PLAN.get(resource["resourceType"], ()):
        content = resource.get(first)
        if content is None or (only is not None and parameter.name not in only):
            continue
        names = below
        if len(below) == 1:
            # Most lists have one entry, and then what stands in it is all there is.
            entry = content[0] if type(content) is list and len(content) == 1 else content
            if type(entry) is dict:
                content, names = entry.get(below[0]), ()
        if names or type(content) is list:
            for value in values(content, names):
                add(rows, parameter, value, zone)
        elif content is not None:
            add(rows, parameter, content, zone)
    return list(dict.fromkeys(rows))


def satisfies(resource_id: str, rows: Sequence[IndexRow], asked: Filter) -> bool:
    """Whether a resource with these rows satisfies a filter: one value meets one alternative.

    For ``_lastUpdated`` the rows have to hold one of that name.
    """
    if asked.kind == "id":
        return any(alternative.value == resource_id for alternative in asked.alternatives)
    if asked.modifier == MISSING:
        any_value = any(row.param.partition(":")[0] == asked.param for row in rows)
        return (asked.alternatives[0].value == "true") is not any_value
    own = [row for row in rows if row.param == asked.param]
    found = any(_satisfied(row, asked.kind, a) for a in asked.alternatives for row in own)
    return found is not (asked.modifier == NOT)


def _satisfied(row: IndexRow, kind: str, asked: Alternative) -> bool:
    if kind in {"date", "instant"}:
        return matches(asked.prefix, *_bounds(row), *_bounds(asked))
    if kind == "quantity":
        low, _, high = row.value.partition(" ")
        return _of_unit(row.exact, asked.value) and within(asked.prefix, low, high, asked.bounds)
    if kind == "string":
        return _spelt(row, asked)
    system, _, code = asked.value.partition("|")
    if kind != "token" or (code and system != "*"):
        return row.value == asked.value
    return row.value.partition("|")[2] == code if code else row.value.partition("|")[0] == system


def _spelt(row: IndexRow, asked: Alternative) -> bool:
    if asked.prefix == "exact":
        return row.exact == asked.value
    return asked.value in row.value if asked.prefix == "contains" else row.value.startswith(asked.value)


def _of_unit(unit: str, asked: str) -> bool:
    if not asked:
        return True
    system, code, written = unit.split("|", 2)
    wanted, _, wanted_code = asked.partition("|")
    return (system, code) == (wanted, wanted_code) if wanted else wanted_code in {code, written}


def _bounds(dated: IndexRow | Alternative) -> tuple[int, int]:
    if dated.low is None or dated.high is None:
        raise ValueError("a date without bounds; expected `low` and `high`")
    return dated.low, dated.high


def _token(rows: list[IndexRow], parameter: SearchParameter, value: Json, _: tzinfo) -> None:
    """A code, CodeableConcept, Coding or Identifier; what has no code is not found."""
    if isinstance(value, str):
        rows.append(_row((parameter.name, f"{parameter.system}|{value}", None, None, "")))
        return
    for coding in value.get("coding", (value,)):
        code = coding.get("code", coding.get("value", ""))
        if code:
            rows.append(_row((parameter.name, f"{coding.get('system', '')}|{code}", None, None, "")))
    if parameter.typed and "type" in value and "value" in value:
        for kind in value["type"].get("coding", ()):
            if "system" in kind and "code" in kind:
                key = f"{kind['system']}|{kind['code']}|{value['value']}"
                rows.append(IndexRow(f"{parameter.name}:{OF_TYPE}", key))


def _string(rows: list[IndexRow], parameter: SearchParameter, value: Json, _: tzinfo) -> None:
    if key := _normalised(value):
        rows.append(_row((parameter.name, key, None, None, value)))


def _canonical(rows: list[IndexRow], parameter: SearchParameter, value: Json, _: tzinfo) -> None:
    rows.append(IndexRow(parameter.name, value))
    if "|" in value:
        rows.append(IndexRow(parameter.name, value.partition("|")[0]))


def _reference(rows: list[IndexRow], parameter: SearchParameter, value: Json, _: tzinfo) -> None:
    if IDENTIFIER in value and (code := value[IDENTIFIER].get("value", "")):
        rows.append(IndexRow(f"{parameter.name}:{IDENTIFIER}", f"{value[IDENTIFIER].get('system', '')}|{code}"))
    named, kind = _literal(value.get("reference", ""))
    if named and (not parameter.targets or kind in parameter.targets):
        rows.append(_row((parameter.name, named, None, None, "")))


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


def _quantity(rows: list[IndexRow], parameter: SearchParameter, value: Json, _: tzinfo) -> None:
    """A Quantity with a value; what is too large or small to compare is not found."""
    number = value.get("value")
    bounds = "" if number is None else _bounded(str(number), value.get("comparator", ""))
    if bounds:
        unit = f"{value.get('system', '')}|{value.get('code', '')}|{value.get('unit', '')}"
        rows.append(IndexRow(parameter.name, bounds, exact=unit))


@lru_cache(maxsize=4096)
def _bounded(text: str, comparator: str) -> str:
    """The bounds of a number as an index row has them; empty for one beyond what is compared. Results recur."""
    number = Decimal(text)
    return "" if number and abs(number.adjusted()) > LARGEST else " ".join(measured(number, comparator))


_normalised = lru_cache(maxsize=8192)(normalised)
"""Given names recur, and a name is indexed under two parameters."""
_ADDERS: Final = {"token": _token, "string": _string, "date": _date, "quantity": _quantity, "reference": _reference}
_PLAN: Final = {
    kind: [
        (parameter, _canonical if parameter.canonical else _ADDERS[parameter.kind], first, tuple(below))
        for parameter in table.values()
        if parameter.kind not in ALWAYS
        for first, *below in (path.split(".") for path in parameter.paths)
    ]
    for kind, table in PARAMETERS.items()
}
"""For each type: the parameter, how its values become rows, the element and the names below it."""
