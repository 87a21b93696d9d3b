"""What an export tells of what is no more: records destroyed or taken back, to whoever had been given them.

A recipient is told of a record if the ledger says that it was given to the same recipient for the same purpose, and if
it would still be permitted. So nothing is told of what was never given, and nothing of what is withheld now: that a
record is withheld and that it is destroyed look alike to whoever may not see it.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---output-manifest
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from adapter.services.disclose import MissingDecisions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from adapter.store.exports import Destroyed, Span
    from adapter.store.port import Ledger, Snapshot


async def deleted(
    view: Snapshot,
    ledger: Ledger,
    context: int,
    kinds: Collection[str],
    spans: Sequence[Span],
    since: int,
    *,
    at: int,
) -> list[Destroyed]:
    """What was destroyed since an instant, of these types and patients, and had been given to a context."""
    found, gaps = await view.destroyed(context, since=since, at=at)
    if gaps:
        raise MissingDecisions(gaps)
    held = [one for one in found if one.type in kinds and any(span.low <= one.patient < span.high for span in spans)]
    if not held:
        return []
    entries = await ledger.about([one.rid for one in held], since=0, until=at + 1)
    given = {row[0] for one in entries if one.entry.context == context for row in one.entry.passed}
    return [one for one in held if f"{one.type}/{one.id}" in given]


def bundle(gone: Iterable[Destroyed]) -> bytes:
    """One line of a file of deletions: a transaction that deletes each of them."""
    entries = [{"request": {"method": "DELETE", "url": f"{one.type}/{one.id}"}} for one in gone]
    return orjson.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}) + b"\n"


def target(gone: Sequence[Destroyed]) -> str:
    """How the ledger names records of one type that a caller is told of."""
    return f"{gone[0].type}?_id={','.join(one.id for one in gone)}"
