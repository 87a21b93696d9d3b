"""What comes along with the hits of a page: resources they name and resources that name them.

Each one is asked for as if by itself, with the same decision; one that is withheld is as absent. What would come along
through a hit that is withheld does not come along either, because only hits that are served are looked at.

https://hl7.org/fhir/R4/search.html#include
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

import orjson

from adapter.errors import RequestError
from adapter.fhir.parameters import PARAMETERS
from adapter.fhir.paths import values
from adapter.fhir.reference import parse_reference
from adapter.fhir.results import DIRECTORY
from adapter.fhir.search import Alternative, Filter, Query
from adapter.fhir.served import PLAIN
from adapter.store.shapes import OF_PATIENT, TYPES, row_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapter.fhir.results import Include
    from adapter.store.port import Snapshot
    from adapter.store.shapes import Found, Gap, Hit

MAX_INCLUDED: Final = 1000
"""Resources that may come along with a page; a page that would have more is asked for in smaller ones."""
_NOBODY: Final = 0
"""The patient key of the directory."""


async def along(
    view: Snapshot, context: int, query: Query, hits: Sequence[Hit], *, at: int
) -> tuple[list[Hit], list[Gap]]:
    """The permitted resources that come along with ``hits``, each once, and the decisions that are missing to tell.

    Raises RequestError where they are more than ``MAX_INCLUDED``; that many are permitted, so it tells nothing else.
    """
    found: dict[int, Hit] = {}
    gaps: list[Gap] = []
    there = {hit.rid for hit in hits}
    for include in query.includes if hits else ():
        asked = (
            _naming(view, context, include, hits, at) if include.reverse else _named(view, context, include, hits, at)
        )
        for one in await asked:
            gaps += one.gaps
            found.update((hit.rid, hit) for hit in one.hits if hit.rid not in there)
        if len(found) > MAX_INCLUDED:
            name = "_revinclude" if include.reverse else "_include"
            message = f"`{name}` brings more than {MAX_INCLUDED} resources along; expected a smaller `_count`"
            raise RequestError(message, expression=name)
    return list(found.values()), gaps


async def _named(view: Snapshot, context: int, include: Include, hits: Sequence[Hit], at: int) -> list[Found]:
    """What the hits name, read one by one."""
    wanted = dict.fromkeys(chain.from_iterable(_targets(hit, include) for hit in hits))
    found = []
    for kind, ident in wanted:
        read = view.read_patient if kind == "Patient" else view.read
        one = await read(context, row_key(kind, ident), at=at)
        if one.gaps or [(hit.type, hit.id) for hit in one.hits] == [(kind, ident)]:
            found.append(one)
    return found


def _targets(hit: Hit, include: Include) -> Iterator[tuple[str, str]]:
    """The resources of this server that a hit names under a parameter."""
    parameter = PARAMETERS[include.source][include.param]
    resource = orjson.loads(hit.head + PLAIN + hit.tail)
    allowed = {include.target} if include.target else set(parameter.targets)
    for path in parameter.paths:
        first, *below = path.split(".")
        for value in values(resource.get(first), below):
            reference = parse_reference(value.get("reference", ""))
            if reference is None or reference.base or reference.type not in TYPES:
                continue
            if not allowed or reference.type in allowed:
                yield reference.type, reference.id


async def _naming(view: Snapshot, context: int, include: Include, hits: Sequence[Hit], at: int) -> list[Found]:
    """What names the hits, found by one search among the records of the same people."""
    filters: tuple[Filter, ...] = ()
    patients = [hit.rid for hit in hits]
    if include.param not in OF_PATIENT:
        named = tuple(Alternative(value=f"{hit.type}/{hit.id}") for hit in hits)
        filters = (Filter(param=include.param, kind="reference", alternatives=named),)
        patients = [_NOBODY] if include.source in DIRECTORY else sorted({hit.patient for hit in hits})
    query = Query(type=include.source, filters=filters, count=MAX_INCLUDED + 1)
    return [await view.search(context, query, patients, None, at=at)]
