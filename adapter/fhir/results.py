"""The parameters of a search that shape its result: order, page, what comes along and how much of each resource.

https://hl7.org/fhir/R4/search.html#modifying and https://hl7.org/fhir/R4/search.html#include
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapter.errors import NotSupported, RequestError
from adapter.fhir.criteria import named
from adapter.fhir.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from adapter.fhir.criteria import Filter
    from adapter.fhir.parameters import SearchParameter

DEFAULT_COUNT: Final = 20
MAX_COUNT: Final = 200
DIRECTORY: Final = frozenset({"Organization", "Location", "Practitioner", "PractitionerRole"})
"""Types of the curated directory, public to every caller and about no person."""

ONCE: Final = ("_sort", "_count", "_summary", "_elements", "_total", "_format", "_cursor")
REPEATED: Final = ("_include", "_revinclude")
RESULT_PARAMETERS: Final = (*ONCE, *REPEATED)

SUMMARIES: Final = ("true", "text", "data", "count", "false")
TOTALS: Final = ("none", "estimate", "accurate")
_COUNT: Final = re.compile(r"[0-9]{1,9}")
_ELEMENT: Final = re.compile(r"[a-z][A-Za-z]{0,63}(?:\[x\])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """Resources that come along: those that ``param`` of ``source`` names, or with ``reverse`` those that name a hit.

    ``target`` narrows what is named to one type; empty means any.
    """

    source: str
    param: str
    target: str = ""
    reverse: bool = False


def names_records(item: Filter) -> bool:
    """Whether a filter names records of people one by one, by id or as what they are about."""
    if item.modifier or item.kind != "reference":
        return item.kind == "id"
    named = {alternative.value.partition("/")[0] for alternative in item.alternatives}
    return named <= PARAMETERS.keys() - DIRECTORY


def sorts(name: str) -> list[str]:
    """The keys by which a type is sorted, each also with a minus sign: dates, strings and what everything has."""
    kinds = {"id", "instant", "date", "string"}
    return [parameter.name for parameter in PARAMETERS[name].values() if parameter.kind in kinds]


def read_sort(name: str, value: str | None) -> tuple[str, ...]:
    """The keys of ``_sort`` in order, each at most once in either direction."""
    if value is None:
        return ()
    offered, keys = sorts(name), tuple(value.split(","))
    bare = [key.removeprefix("-") for key in keys]
    if not set(bare) <= set(offered) or len(set(bare)) < len(bare):
        expected = f"{', '.join(offered)}, each at most once, with a minus sign for descending order"
        raise NotSupported(f"`_sort`: expected {expected}", expression="_sort")
    return keys


def read_count(value: str | None) -> int:
    """The size of a page; what is more than ``MAX_COUNT`` is as much."""
    if value is None:
        return DEFAULT_COUNT
    if _COUNT.fullmatch(value) is None:
        raise RequestError(f"`_count`: expected a number from 0 to {MAX_COUNT}", expression="_count")
    return min(int(value), MAX_COUNT)


def read_elements(value: str | None) -> tuple[str, ...]:
    """The element names of ``_elements``."""
    if value is None:
        return ()
    found = tuple(dict.fromkeys(value.split(",")))
    if not all(_ELEMENT.fullmatch(name) for name in found):
        raise RequestError(
            "`_elements`: expected names of elements of the resource, as in id,status", expression="_elements"
        )
    return tuple(name.removesuffix("[x]") for name in found)


def read_listed(results: Mapping[str, str], name: str, offered: Sequence[str], default: str) -> str:
    """A parameter that takes one of a few words."""
    value = results.get(name, default)
    if value not in offered:
        raise NotSupported(f"`{name}`: expected {' or '.join(offered)}", expression=name)
    return value


def offered_includes(name: str) -> list[str]:
    """The values that ``_include`` takes for a type, without a target."""
    return [f"{name}:{parameter.name}" for parameter in PARAMETERS[name].values() if _leads(parameter)]


def offered_revincludes(name: str) -> list[str]:
    """The values that ``_revinclude`` takes for a type: of a person everything, of the directory the directory.

    What would bring records of people along with the directory is a search over everyone and has to be asked as one.
    """
    return [
        f"{source}:{parameter.name}"
        for source, table in PARAMETERS.items()
        for parameter in table.values()
        if _leads(parameter) and (name in parameter.targets or not parameter.targets)
        if (source in DIRECTORY) is (name in DIRECTORY)
    ]


def read_include(name: str, key: str, value: str) -> Include:
    """One use of ``_include`` or ``_revinclude``; whatever is not offered is refused by name."""
    reverse = key == "_revinclude"
    offered = offered_revincludes(name) if reverse else offered_includes(name)
    source, _, rest = value.partition(":")
    param, colon, target = rest.partition(":")
    narrowed = not colon or target in _narrower(f"{source}:{param}", name, reverse=reverse)
    if f"{source}:{param}" not in offered or not narrowed:
        shown = f"`{key}={named(value)}`" if named(value) else f"`{key}`"
        raise NotSupported(f"{shown} is not offered; expected {', '.join(offered) or 'none'}", expression=key)
    return Include(source=source, param=param, target=target, reverse=reverse)


def _leads(parameter: SearchParameter) -> bool:
    return parameter.kind == "reference" and not parameter.canonical


def _narrower(include: str, name: str, *, reverse: bool) -> Collection[str]:
    """The target types that one of the offered includes may be narrowed to."""
    source, _, param = include.partition(":")
    if source not in PARAMETERS or param not in PARAMETERS[source]:
        return ()
    return (name,) if reverse else PARAMETERS[source][param].targets or PARAMETERS
