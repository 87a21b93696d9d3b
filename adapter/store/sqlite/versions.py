"""Earlier versions of a resource, on a read connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.store.queries import load
from adapter.store.shapes import EXCEPTION, Found, Gap, Hit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import apsw

SQL = load("versions")
_MISSING: Final = 2**62
"""How a Patient is seen while a decision is missing."""
_LEADING: Final = 3
"""Columns of `earlier` in front of those of a hit."""
_OBLIGATION: Final = len(Hit._fields) - 1


def earlier(db: apsw.Connection, bindings: Mapping[str, int], patient_gaps: Callable[[], Sequence[Gap]]) -> Found:
    """The permitted earlier versions of one resource, newest first.

    ``patient_gaps`` tells which decisions about a Patient's records are missing.
    """
    rows: list[tuple[Any, ...]] = db.execute(SQL["earlier"], bindings).fetchall()
    hits: list[Hit] = []
    gaps: list[Gap] = []
    through = 0
    if rows and Hit._make(rows[0][_LEADING:]).type == "Patient":
        row = db.execute(SQL["through"], bindings).fetchone()
        through = int(row[0] or 0) if row else 0
    if through == _MISSING:
        gaps += patient_gaps()
    for bases, effect, ruled, *columns in rows:
        hit = Hit._make(columns)
        if bases is not None and effect is None:
            gaps.append(_gap(hit, single=ruled == EXCEPTION))
        obligations = [hit.obligation] if effect else []
        obligations += [(through - 1) // 2] if through else []
        if obligations:
            hits.append(Hit._make((*columns[:_OBLIGATION], max(obligations))))
    return Found(total=len(hits), hits=hits, more=False, gaps=gaps)


def _gap(hit: Hit, *, single: bool) -> Gap:
    if single:
        return Gap(policy=hit.policy, segment=hit.segment, rid=hit.rid, version=hit.version)
    return Gap(policy=hit.policy, segment=hit.segment, rid=None)
