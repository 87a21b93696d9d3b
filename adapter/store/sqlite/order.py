"""The order of a search: what each key of `_sort` reads, and where a page starts that follows another.

What has no value for a key, or no start of one, comes last in either direction. Ties go by internal key, which is a
hash.

https://hl7.org/fhir/R4/search.html#sort
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from adapter.fhir.parameters import PARAMETERS
from adapter.store.queries import load
from adapter.store.shapes import BEGINNING, CLINICAL_DATE, END
from adapter.store.sqlite.index import KEPT_AT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapter.fhir.search import Query
    from adapter.store.sqlite.compile import Statement

SQL = load("read")
LAST = "\U0010ffff"
"""Sorts behind every character a name can hold."""
_LONGEST = 64
"""Characters of a string by which it is sorted: its place has to fit a cursor."""
_OF_RESOURCE = "JOIN resource d ON d.rid = h.rid"
_COLUMNS = {"_id": "d.id", "_lastUpdated": "d.updated / 1000"}
"""What stands in the resource itself; an instant is seen to the millisecond."""


class Order(NamedTuple):
    """The parts of the page statement that an order makes: see `page` in `sql/read.sql`."""

    places: str
    source: str
    order: str
    order_values: str
    after: str


def order_of(query: Query, statement: Statement, after: Sequence[Any] | None) -> Order:
    """The order of a search and the bound of the page behind ``after``, its values in ``statement``."""
    latest = query.type != "Patient"
    if not query.sort and after is None:
        return _LATEST if latest else _BY_ID
    keys = [_key(query.type, name, statement) for name in query.sort] or [_BY_DATE if latest else _IN_ID]
    return _joined(keys, statement, after)


def _joined(keys: Sequence[tuple[str, str]], statement: Statement, after: Sequence[Any] | None) -> Order:
    named = [f"p{number}" for number in range(len(keys))]
    return Order(
        places=", ".join(f"{place} AS {name}" for (place, _), name in zip(keys, named, strict=True)),
        source=_OF_RESOURCE if any("d." in place for place, _ in keys) else "",
        order=", ".join(f"{name} {direction}" for (_, direction), name in zip(keys, named, strict=True)),
        order_values=", ".join(f"h.{name}" for name in named),
        after="1" if after is None else _after(keys, statement, after),
    )


def _after(keys: Sequence[tuple[str, str]], statement: Statement, after: Sequence[Any]) -> str:
    """Behind a place: later by some key and equal by those before it."""
    found: list[list[str]] = []
    equal: list[str] = []
    for (place, direction), value in zip(keys, after, strict=False):
        bound = statement.bind(value)
        found.append([*equal, f"{place} {'<' if direction == 'DESC' else '>'} :{bound}"])
        equal.append(f"{place} = :{bound}")
    found.append([*equal, f"h.rid > :{statement.bind(after[-1])}"])
    return " OR ".join(f"({' AND '.join(parts)})" for parts in found)


def _key(kind: str, name: str, statement: Statement) -> tuple[str, str]:
    """The expression of one key and its direction."""
    param = name.removeprefix("-")
    falling = param != name
    direction = "DESC" if falling else "ASC"
    if param in _COLUMNS:
        return _COLUMNS[param], direction
    if param == CLINICAL_DATE.get(kind):
        # Without a date, or without the start of one, it is the least: in falling order last as it is.
        return ("h.low" if falling else f"CASE h.low WHEN {BEGINNING} THEN {END} ELSE h.low END"), direction
    table = PARAMETERS[kind][param].kind
    kept = SQL["kept"].format(at=KEPT_AT[table], rid="h.rid", param=statement.bind(param))
    best = f"SELECT {'max' if falling else 'min'}(NULLIF(k.value ->> 1, {BEGINNING})) FROM {kept}"
    if table == "string":
        return f"substr(COALESCE(({best}), '{'' if falling else LAST}'), 1, {_LONGEST})", direction
    return f"COALESCE(({best}), {BEGINNING if falling else END})", direction


_BY_DATE, _IN_ID = ("h.low", "DESC"), ("d.id", "ASC")
_LATEST, _BY_ID = (
    Order(
        places=f"{place} AS p0",
        source=source,
        order=f"p0 {direction}",
        order_values="h.p0",
        after="1",
    )
    for (place, direction), source in ((_BY_DATE, ""), (_IN_ID, _OF_RESOURCE))
)
"""The first page of a search that asks for no order, which most are."""
