"""Whom a group is about: its members, and the records that its owner sees to be the same people.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html#endpoint---group-of-patients
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.services.disclose import MissingDecisions
from adapter.store.exports import Span
from adapter.store.shapes import END, row_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from adapter.store.port import Snapshot


async def reach(
    view: Snapshot,
    context: int,
    members: Sequence[tuple[str, int]],
    since: int | None,
    *,
    at: int,
    visible: Callable[[Snapshot, int, int], Awaitable[list[int]]],
) -> dict[int, int | None]:
    """The patients by their keys, each with the instant from which on changes count; None: everything counts.

    Everything counts of whom the group did not reach at ``since``: who came in later, or was linked later, or stands
    behind somebody who changed or was not seen then. ``members`` are ids of Patients with when each came in.
    """
    found: dict[int, None] = {}
    for ident, _ in members:
        rid = row_key("Patient", ident)
        if rid not in found:
            found.update(dict.fromkeys(await visible(view, rid, at)))
    if since is None:
        return dict.fromkeys(found)
    old = {row_key("Patient", ident) for ident, came in members if came < since} & found.keys()
    changed = await _changed(view, context, sorted(found), since, at)
    waiting = sorted(old)
    while waiting:
        one = waiting.pop()
        if one in changed:
            continue
        others = {join.other for join in await view.joins(one) if join.until == END and join.since < since}
        new = (others & found.keys()) - old
        old |= new
        waiting += sorted(new)
    return {rid: since if rid in old else None for rid in found}


async def _changed(view: Snapshot, context: int, patients: Sequence[int], since: int, at: int) -> set[int]:
    """Those of these Patients that changed or came to be seen since."""
    spans = [Span(rid, rid + 1, since) for rid in patients]
    found = await view.exported(context, "Patient", spans, None, at=at, limit=len(spans) + 1)
    if found.gaps:
        raise MissingDecisions(found.gaps)
    return {hit.rid for hit in found.hits}
