"""Search requests: from query parameters to filters, refusing whatever is not understood.

A parameter that is ignored widens the answer, and here a wider answer is a disclosure. So every unknown
parameter, modifier, prefix or value is refused by name, as ``Prefer: handling=strict`` would have it.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapter.errors import NotSupported, RequestError
from adapter.fhir.criteria import Alternative, Context, Filter, named, read_filter
from adapter.fhir.index import IndexRow, index_rows, satisfies
from adapter.fhir.parameters import PARAMETERS, SearchParameter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

__all__ = [
    "DEFAULT_COUNT",
    "MAX_COUNT",
    "PARAMETERS",
    "Alternative",
    "Filter",
    "IndexRow",
    "Query",
    "SearchParameter",
    "index_rows",
    "parse_query",
    "satisfies",
]

DEFAULT_COUNT: Final = 20
MAX_COUNT: Final = 200

SORTS: Final = ("date", "-date", "_id", "_lastUpdated")
_COUNT: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search of one type: all filters must hold.

    ``sort`` holds the keys in order, ``count`` the size of a page (0: only the total), ``cursor`` the
    position to go on from as the client returned it, ``summary`` is ``count`` or None.
    """

    type: str
    filters: tuple[Filter, ...] = ()
    sort: tuple[str, ...] = ()
    count: int = DEFAULT_COUNT
    cursor: str | None = None
    summary: str | None = None


def parse_query(name: str, pairs: Sequence[tuple[str, str]], *, base_url: str, zone: tzinfo) -> Query:
    """The query on type ``name`` that the decoded parameters ask for.

    Raises NotSupported for types, parameters and modifiers that are not offered, RequestError for values
    that cannot be read; both name the parameter in ``expression``, and neither repeats the value.
    """
    table = PARAMETERS.get(name)
    if table is None:
        searchable = ", ".join(sorted(PARAMETERS))
        raise NotSupported(f"this type is not searched; expected one of {searchable}", expression="resourceType")
    context = Context(base_url=base_url.rstrip("/") + "/", zone=zone)
    filters: list[Filter] = []
    results: dict[str, str] = {}
    for key, value in pairs:
        if key in _RESULT_PARAMETERS:
            if key in results:
                raise RequestError(f"`{key}` is given twice; expected it once", expression=key)
            results[key] = value
        else:
            filters.append(_filter(name, key, value, context))
    return Query(
        type=name,
        filters=tuple(filters),
        sort=_sort(table, results.get("_sort")),
        count=_count(results.get("_count")),
        cursor=_cursor(results.get("_cursor")),
        summary=_summary(results),
    )


def _filter(name: str, key: str, value: str, context: Context) -> Filter:
    base, colon, modifier = key.partition(":")
    parameter = PARAMETERS[name].get(base)
    if parameter is None or (colon and not modifier):
        offered = ", ".join([*PARAMETERS[name], *_RESULT_PARAMETERS])
        shown = f"`{named(key)}`" if named(key) else "a malformed name"
        message = f"{shown} is not a search parameter of {name} here; expected one of {offered}"
        raise NotSupported(message, expression=named(key))
    return read_filter(parameter, modifier, value, context)


def _sort(table: Mapping[str, SearchParameter], value: str | None) -> tuple[str, ...]:
    if value is None:
        return ()
    offered = [key for key in SORTS if key.startswith("_") or "date" in table]
    keys = tuple(value.split(","))
    if not set(keys) <= set(offered) or len({key.removeprefix("-") for key in keys}) < len(keys):
        raise NotSupported(f"`_sort`: expected {', '.join(offered)}, each at most once", expression="_sort")
    return keys


def _count(value: str | None) -> int:
    if value is None:
        return DEFAULT_COUNT
    if _COUNT.fullmatch(value) is None:
        raise RequestError(f"`_count`: expected a number from 0 to {MAX_COUNT}", expression="_count")
    return min(int(value), MAX_COUNT)


def _cursor(value: str | None) -> str | None:
    if value == "":
        raise RequestError("`_cursor`: expected the value from a next link", expression="_cursor")
    return value


def _summary(results: Mapping[str, str]) -> str | None:
    """The value of ``_summary``. ``_total`` and ``_format`` are only checked: totals are always exact."""
    for key, offered in _LISTED.items():
        if key in results and results[key] not in offered:
            raise NotSupported(f"`{key}`: expected {' or '.join(offered)}", expression=key)
    if results.get("_format") == "":
        raise RequestError("`_format`: expected a format", expression="_format")
    return "count" if results.get("_summary") == "count" else None


_LISTED: Final = {"_summary": ("count", "false"), "_total": ("none", "estimate", "accurate")}
_RESULT_PARAMETERS: Final = ("_sort", "_count", "_summary", "_total", "_format", "_cursor")
