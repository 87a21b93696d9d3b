"""The query compiler: a search becomes one statement whose filters, decisions, order and page are inside SQL.

Fragments live in `sql/read.sql`; this module chooses and joins them. Values are always bound, never written into the
text. Date comparisons: https://hl7.org/fhir/R4/search.html#prefix, over half-open intervals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adapter.fhir.results import names_records
from adapter.store.queries import load
from adapter.store.shapes import BEGINNING, CLINICAL_DATE, OF_PATIENT, TYPES, row_key
from adapter.store.sqlite.index import KEPT_AT
from adapter.store.sqlite.order import LAST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapter.fhir.search import Alternative, Filter, Query

SQL = load("read")
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
"""Between half-open intervals of time."""
_NUMBER = _DATE | {
    "ge": "{high} >= :{b}",
    "le": "{low} <= :{a}",
    "sa": "{low} > :{b}",
    "eb": "{high} < :{a}",
    "ap": "({low} <= :{b} AND {high} >= :{a})",
}
"""Between closed intervals of numbers."""


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
    """The fragment that decides candidates, and the statement it is to stand in."""

    decided: str
    statement: Statement


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
        return CompiledSearch(fragment, statement)
    filters = list(query.filters)
    distinct = ""
    where = []
    if patients is not None:
        candidates = SQL["of_patients"]
        where = [statement.among("p.patient", patients), "p.start <= :at", ":at < p.stop"]
    elif (driver := next((item for item in filters if item.kind == "token" and not item.modifier), None)) is not None:
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
    return CompiledSearch(fragment, statement)


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
    """The condition on a candidate `c`. What stands in the candidate itself is compared there."""
    if item.modifier == "missing":
        present = _present(statement, kind, item)
        return f"NOT ({present})" if item.alternatives[0].value == "true" else present
    if item.kind == "id":
        return statement.among("c.rid", [row_key(kind, alternative.value) for alternative in item.alternatives])
    if item.kind == "token":
        condition = _token(statement, item, _terms(item, terms))
        return f"NOT {condition}" if item.modifier == "not" else condition
    if item.kind == "reference":
        return _reference(statement, item)
    one = {"date": _date, "instant": _date, "string": _string, "quantity": _quantity}[item.kind]
    return "(" + " OR ".join(one(statement, kind, item, alternative) for alternative in item.alternatives) + ")"


def _present(statement: Statement, kind: str, item: Filter) -> str:
    """Whether the candidate has a value of the parameter."""
    if item.param in OF_PATIENT:
        return "1"
    if CLINICAL_DATE.get(kind) == item.param:
        return f"c.high > {BEGINNING}"
    kept = [(item.kind, item.param)]
    if item.kind == "reference":
        kept.append(("token", f"{item.param}:identifier"))
    # One of several conditions that must all hold, the decision among them, so its own are held together.
    return f"({' OR '.join(f'EXISTS (SELECT 1 FROM {_kept(statement, table, param)})' for table, param in kept)})"


def _kept(statement: Statement, table: str, param: str) -> str:
    return SQL["kept"].format(at=KEPT_AT[table], rid="c.rid", param=statement.bind(param))


def _token(statement: Statement, item: Filter, found: list[int]) -> str:
    param = statement.bind(item.param)
    return (
        f"EXISTS (SELECT 1 FROM token i WHERE i.type = :type AND i.param = :{param} "
        f"AND {statement.among('i.term', found)} AND i.patient = c.patient AND i.rid = c.rid)"
    )


def _reference(statement: Statement, item: Filter) -> str:
    """A record of a person is named by few, which are looked up once; an entry of the directory is named by many."""
    targets = statement.among("i.target", [alternative.value for alternative in item.alternatives])
    condition = f"i.type = :type AND i.param = :{statement.bind(item.param)} AND {targets}"
    if names_records(item):
        return f"c.rid IN (SELECT i.rid FROM reference i WHERE {condition})"
    return f"EXISTS (SELECT 1 FROM reference i WHERE {condition} AND i.rid = c.rid)"


def _string(statement: Statement, _kind: str, item: Filter, alternative: Alternative) -> str:
    param, value = statement.bind(item.param), statement.bind(alternative.value)
    if alternative.prefix == "exact":
        condition = f"i.exact = :{value}"
    elif alternative.prefix == "contains":
        condition = f"instr(i.value, :{value})"
    else:
        condition = f"i.value >= :{value} AND i.value < :{statement.bind(alternative.value + LAST)}"
    return f"c.rid IN (SELECT i.rid FROM string i WHERE i.type = :type AND i.param = :{param} AND {condition})"


def _date(statement: Statement, kind: str, item: Filter, alternative: Alternative) -> str:
    low, high = alternative.low or 0, alternative.high or 0
    slack = (high - low) // 10 if alternative.prefix == "ap" else 0
    bounds = {"a": statement.bind(low - slack), "b": statement.bind(high + slack)}
    shape = _DATE[alternative.prefix or "eq"]
    if item.kind == "instant":
        # Seen to the millisecond, so it is as long as one.
        condition = shape.format(low="(d.updated / 1000 * 1000)", high="(d.updated / 1000 * 1000 + 1000)", **bounds)
        return f"EXISTS (SELECT 1 FROM resource d WHERE d.rid = c.rid AND {condition})"
    if CLINICAL_DATE.get(kind) == item.param:
        return f"(c.high > {BEGINNING} AND {shape.format(low='c.low', high='c.high', **bounds)})"
    if kind == "Patient":
        condition = shape.format(low="i.low", high="i.high", **bounds)
        param = statement.bind(item.param)
        return f"c.rid IN (SELECT i.rid FROM date i WHERE i.type = :type AND i.param = :{param} AND {condition})"
    condition = shape.format(low="k.value ->> 1", high="k.value ->> 2", **bounds)
    return f"EXISTS (SELECT 1 FROM {_kept(statement, item.kind, item.param)} AND {condition})"


def _quantity(statement: Statement, _kind: str, item: Filter, alternative: Alternative) -> str:
    low, high = alternative.bounds
    bounds = {"a": statement.bind(low), "b": statement.bind(high)}
    condition = _NUMBER[alternative.prefix or "eq"].format(low="i.low", high="i.high", **bounds)
    system, _, code = alternative.value.partition("|")
    if alternative.value:
        unit = f":{statement.bind(code)}"
        condition += (
            f" AND i.system = :{statement.bind(system)} AND i.code = {unit}"
            if system
            else f" AND {unit} IN (i.code, i.unit)"
        )
    param = statement.bind(item.param)
    return (
        f"EXISTS (SELECT 1 FROM quantity i WHERE i.type = :type AND i.param = :{param} AND i.rid = c.rid "
        f"AND {condition})"
    )
