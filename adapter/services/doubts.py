"""A record that told otherwise of itself: an identity hold that nobody asked for, in force at once and until decided.

The hold is recorded like any other (`sallyport record list` shows it) and stands in the disclosure ledger, without what
was told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from adapter.consent.standing import HOLD, Fact
from adapter.services.recordings import IDENTITY
from adapter.store.shapes import END, LedgerEntry, LegalFact

if TYPE_CHECKING:
    from collections.abc import Collection

    from adapter.services.keys import SiteKeys
    from adapter.store.port import Ledger, Transaction

AUTHOR: Final = "sallyport identity"
_HELD: Final = Fact(kind=HOLD, value=IDENTITY)


async def doubt(
    change: Transaction,
    ledger: Ledger,
    keys: SiteKeys,
    *,
    patient: int,
    told: bytes,
    why: Collection[str],
    at: int,
) -> None:
    """Hold a record until somebody decides whose it is; once for the same thing told."""
    ident = keys.resource_id("doubted", "LegalFact", str(patient), told.hex(), str(at))
    if any(one.stop > at and one.author == AUTHOR for one in await change.recorded([patient])):
        return
    fact = LegalFact(
        id=ident,
        patient=patient,
        kind=HOLD,
        start=at,
        stop=END,
        fact=orjson.dumps(_HELD.canonical()),
        evidence=orjson.dumps({"changed": sorted(why), "words": "the record told otherwise of who it is"}),
        author=AUTHOR,
        recorded=at,
        request=told,
    )
    await change.record(fact)
    await ledger.append(
        LedgerEntry(
            at=at,
            request_id=ident,
            client=AUTHOR,
            context=0,
            purpose="",
            interaction=HOLD,
            target=f"Patient {ident}",
            passed=(),
        )
    )
