"""The query compiler: a search becomes one statement whose filters, decisions, order and page are inside SQL.

Fragments live in `sql/read.sql`; this module chooses and joins them. Values are always bound, never written into the
text. Date comparisons: https://hl7.org/fhir/R4/search.html#prefix, over half-open intervals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adapter.errors import NotSupported
from adapter.store.queries import load
from adapter.store.shapes import BEGINNING, CLINICAL_DATE, TYPES, row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapter.fhir.search import Alternative, Filter, Query

SQL = load("read")
LAST = "\U0010ffff"
"""Sorts behind every character a name can hold."""
_DATE = {
    "eq": "({low} >= :{a} AND {high} <= :{b})",
    "ne": "NOT ({low} >= :{a} AND {high} <= :{b})",
    "gt": "{high} > :{b}",
    "lt": "{low} < :{a}",
    "ge": "({high} > :{b} OR ({low} >= :{a} AND {high} <= :{b}))",
    "le": "({low} < :{a} OR ({low} >= :{a} AND {high} <= :{b}))",
    "sa": "{low} >= :{b}",
    "eb": "{high} <= :{a}",
    "ap": "({low} < :{b} AND {high} > :{a})",
}


@dataclass(slots=True)
class Statement:
    """A statement under construction: its bindings, each with a name of its own."""

    bindings: dict[str, Any] = field(default_factory=dict)

    def bind(self, value: Any) -> str:
        """Bind one value and return its name without the colon."""
        name = f"v{len(self.bindings)}"
        self.bindings[name] = value
        return name

    def among(self, column: str, values: Sequence[Any]) -> str:
        """``column`` is one of ``values``; of none, never."""
        if not values:
            return "0"
        return f"{column} IN ({', '.join(':' + self.bind(value) for value in values)})"


@dataclass(frozen=True, slots=True)
class CompiledSearch:
    """The fragment that decides candidates, and its bindings."""

    decided: str
    bindings: dict[str, Any]


def compile_search(
    query: Query,
    patients: Sequence[int] | None,
    terms: Callable[[str], list[int]],
    *,
    context: int,
    at: int,
    live: int,
    within: Sequence[Sequence[Filter]] | None = None,
) -> CompiledSearch:
    """Join the fragments for ``query``. ``terms`` resolves a token value (`system|code`, `*|code`, `system|`).

    ``within`` narrows it to what satisfies all filters of one of the groups.
    """
    statement = Statement({"context": context, "at": at, "live": live, "type": TYPES[query.type]})
    if query.type == "Patient":
        where = [_filter(statement, query.type, item, terms) for item in query.filters]
        if patients is not None:
            where.append(statement.among("c.rid", patients))
        where += _within(statement, query.type, within, terms)
        fragment = SQL["patient_rows"].format(sees_patient=SQL["sees_patient"], where=" AND ".join(where) or "1")
        return CompiledSearch(fragment, statement.bindings)
    filters = list(query.filters)
    distinct = ""
    where = []
    if patients is not None:
        candidates = SQL["of_patients"]
        where = [statement.among("p.patient", patients), "p.start <= :at", ":at < p.stop"]
    elif (driver := next((item for item in filters if item.kind == "token"), None)) is not None:
        filters.remove(driver)
        candidates = SQL["of_everyone"]
        found = _terms(driver, terms)
        distinct = "DISTINCT" if len(found) > 1 else ""
        where = [
            "c.type = :type",
            f"c.param = :{statement.bind(driver.param)}",
            statement.among("c.term", found),
        ]
    else:
        candidates = SQL["of_patients"]
        where = ["p.start <= :at", ":at < p.stop"]
    where += [_filter(statement, query.type, item, terms) for item in filters]
    where += _within(statement, query.type, within, terms)
    fragment = SQL["decided_rows"].format(distinct=distinct, candidates=candidates, where=" AND ".join(where))
    return CompiledSearch(fragment, statement.bindings)


@dataclass(frozen=True, slots=True)
class Order:
    """By what a page is ordered: an expression, where it is read from besides the hits, and the direction."""

    place: str
    source: str
    direction: str


_OF_RESOURCE = "JOIN resource d ON d.rid = h.rid"
_ORDERS = {"date": ("h.low", ""), "_id": ("d.id", _OF_RESOURCE), "_lastUpdated": ("d.updated", _OF_RESOURCE)}


def order_of(query: Query) -> Order:
    """The order of a search; ties go by internal key, which is a hash."""
    wanted = query.sort or (() if query.type == "Patient" else ("-date",))
    if len(wanted) > 1:
        raise NotSupported("`_sort` takes one parameter here", expression="_sort")
    name = wanted[0] if wanted else "_id"
    known = _ORDERS.get(name.lstrip("-"))
    if known is None:
        raise NotSupported("`_sort` offers date, _id and _lastUpdated", expression="_sort")
    return Order(*known, "DESC" if name.startswith("-") else "ASC")


def _within(
    statement: Statement,
    kind: str,
    groups: Sequence[Sequence[Filter]] | None,
    terms: Callable[[str], list[int]],
) -> list[str]:
    """The condition that all filters of one of the groups hold; none where nothing narrows."""
    if groups is None:
        return []
    held = (" AND ".join(_filter(statement, kind, item, terms) for item in group) or "1" for group in groups)
    return [f"({' OR '.join(f'({one})' for one in held) or '0'})"]


def _terms(item: Filter, terms: Callable[[str], list[int]]) -> list[int]:
    return sorted({term for alternative in item.alternatives for term in terms(alternative.value)})


def _filter(statement: Statement, kind: str, item: Filter, terms: Callable[[str], list[int]]) -> str:
    if item.kind == "id":
        return statement.among("c.rid", [row_key(kind, alternative.value) for alternative in item.alternatives])
    if item.kind == "token":
        return _token(statement, item, _terms(item, terms))
    if item.kind == "date":
        return _any(item, lambda alternative: _date(statement, kind, item, alternative))
    if item.kind == "string":
        return _any(item, lambda alternative: _string(statement, item, alternative))
    if item.kind == "reference":
        targets = statement.among("i.target", [alternative.value for alternative in item.alternatives])
        condition = f"i.type = :type AND i.param = :{statement.bind(item.param)} AND {targets}"
        return f"c.rid IN (SELECT i.rid FROM reference i WHERE {condition})"
    raise NotSupported(f"search parameter `{item.param}` is not supported", expression=item.param)


def _any(item: Filter, one: Callable[[Alternative], str]) -> str:
    return "(" + " OR ".join(one(alternative) for alternative in item.alternatives) + ")"


def _token(statement: Statement, item: Filter, found: list[int]) -> str:
    param = statement.bind(item.param)
    return (
        f"EXISTS (SELECT 1 FROM token i WHERE i.type = :type AND i.param = :{param} "
        f"AND {statement.among('i.term', found)} AND i.patient = c.patient AND i.rid = c.rid)"
    )


def _string(statement: Statement, item: Filter, alternative: Alternative) -> str:
    param, value = statement.bind(item.param), statement.bind(alternative.value)
    if alternative.prefix == "exact":
        condition = f"i.exact = :{value}"
    else:
        condition = f"i.value >= :{value} AND i.value < :{statement.bind(alternative.value + LAST)}"
    return f"c.rid IN (SELECT i.rid FROM string i WHERE i.type = :type AND i.param = :{param} AND {condition})"


def _date(statement: Statement, kind: str, item: Filter, alternative: Alternative) -> str:
    low, high = alternative.low or 0, alternative.high or 0
    slack = (high - low) // 10 if alternative.prefix == "ap" else 0
    bounds = {"a": statement.bind(low - slack), "b": statement.bind(high + slack)}
    shape = _DATE[alternative.prefix or "eq"]
    if CLINICAL_DATE.get(kind) == item.param:
        return f"(c.low > {BEGINNING} AND {shape.format(low='c.low', high='c.high', **bounds)})"
    condition = shape.format(low="i.low", high="i.high", **bounds)
    param = statement.bind(item.param)
    return f"c.rid IN (SELECT i.rid FROM date i WHERE i.type = :type AND i.param = :{param} AND {condition})"
