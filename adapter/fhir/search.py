"""Search requests: from query parameters to filters, refusing whatever is not understood.

A parameter that is ignored widens the answer, and here a wider answer is a disclosure. So every unknown
parameter, modifier, prefix or value is refused by name, whatever ``Prefer: handling`` asks for.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapter.errors import NotSupported, RequestError
from adapter.fhir.criteria import Alternative, Context, Filter, named, read_filter
from adapter.fhir.index import IndexRow, index_rows, satisfies
from adapter.fhir.parameters import PARAMETERS, SearchParameter
from adapter.fhir.results import (
    DEFAULT_COUNT,
    MAX_COUNT,
    ONCE,
    REPEATED,
    RESULT_PARAMETERS,
    SUMMARIES,
    TOTALS,
    Include,
    read_count,
    read_elements,
    read_include,
    read_listed,
    read_sort,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

__all__ = [
    "DEFAULT_COUNT",
    "MAX_COUNT",
    "PARAMETERS",
    "Alternative",
    "Filter",
    "Include",
    "IndexRow",
    "Query",
    "SearchParameter",
    "index_rows",
    "parse_query",
    "satisfies",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search of one type: all filters must hold.

    ``sort`` holds the keys in order, ``count`` the size of a page (0: only the total), ``cursor`` the
    position to go on from as the client returned it. ``summary`` is ``count``, ``true``, ``text``, ``data`` or None,
    ``elements`` the element names asked for (none: all), ``total`` whether the answer states it.
    """

    type: str
    filters: tuple[Filter, ...] = ()
    sort: tuple[str, ...] = ()
    count: int = DEFAULT_COUNT
    cursor: str | None = None
    summary: str | None = None
    elements: tuple[str, ...] = ()
    total: bool = True
    includes: tuple[Include, ...] = ()


def parse_query(name: str, pairs: Sequence[tuple[str, str]], *, base_url: str, zone: tzinfo) -> Query:
    """The query on type ``name`` that the decoded parameters ask for.

    Raises NotSupported for types, parameters and modifiers that are not offered, RequestError for values
    that cannot be read; both name the parameter in ``expression``, and neither repeats the value.
    """
    if name not in PARAMETERS:
        searchable = ", ".join(sorted(PARAMETERS))
        raise NotSupported(f"this type is not searched; expected one of {searchable}", expression="resourceType")
    context = Context(base_url=base_url.rstrip("/") + "/", zone=zone)
    filters: list[Filter] = []
    includes: dict[Include, None] = {}
    results: dict[str, str] = {}
    for key, value in pairs:
        if key in ONCE:
            if key in results:
                raise RequestError(f"`{key}` is given twice; expected it once", expression=key)
            results[key] = value
        elif key in REPEATED:
            includes[read_include(name, key, value)] = None
        else:
            filters.append(_filter(name, key, value, context))
    summary = _summary(results, includes)
    return Query(
        type=name,
        filters=tuple(filters),
        sort=read_sort(name, results.get("_sort")),
        count=read_count(results.get("_count")),
        cursor=_cursor(results.get("_cursor")),
        summary=summary,
        elements=read_elements(results.get("_elements")),
        total=read_listed(results, "_total", TOTALS, "accurate") != "none",
        includes=tuple(includes),
    )


def _filter(name: str, key: str, value: str, context: Context) -> Filter:
    base, colon, modifier = key.partition(":")
    parameter = PARAMETERS[name].get(base)
    if parameter is None or (colon and not modifier):
        offered = ", ".join([*PARAMETERS[name], *RESULT_PARAMETERS])
        shown = f"`{named(key)}`" if named(key) else "a malformed name"
        message = f"{shown} is not a search parameter of {name} here; expected one of {offered}"
        raise NotSupported(message, expression=named(key))
    return read_filter(parameter, modifier, value, context)


def _cursor(value: str | None) -> str | None:
    if value == "":
        raise RequestError("`_cursor`: expected the value from a next link", expression="_cursor")
    return value


def _summary(results: Mapping[str, str], includes: Mapping[Include, None]) -> str | None:
    """The value of ``_summary``, None for whole resources; what it does not go together with is refused."""
    if results.get("_format") == "":
        raise RequestError("`_format`: expected a format", expression="_format")
    summary = read_listed(results, "_summary", SUMMARIES, "false")
    if summary not in {"false", "count"} and "_elements" in results:
        raise RequestError("`_elements` does not go with `_summary`; expected one of them", expression="_elements")
    if summary == "text" and includes:
        raise RequestError("`_summary=text` takes no `_include`; expected data or true", expression="_summary")
    return None if summary == "false" else summary
