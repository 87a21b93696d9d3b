"""Brings the search index of a store up to date with the parameters on offer.

A parameter that is new, or reads its values otherwise, would find nothing of what was stored before it, and a search
that silently finds less is taken for an answer. So a store remembers by which parameters it was indexed, and where they
are not those of this program everything is indexed anew before anyone can ask.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from adapter.fhir.codec import parse
from adapter.fhir.index import index_rows
from adapter.fhir.parameters import PARAMETERS
from adapter.fhir.served import Parts, join

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from adapter.fhir.index import IndexRow
    from adapter.store.port import Store
    from adapter.store.shapes import StoredResource

VERSION: Final = 1
"""Raised when `adapter.fhir.index` makes other rows of the same parameters."""
BATCH: Final = 1000
_SETTING: Final = "search-index"


async def reindex(store: Store, zone: ZoneInfo) -> int:
    """Index everything anew unless it was indexed as this program does it; how many resources that were.

    ``zone`` tells where a day begins. A crash leaves batches done and the rest for the next start.
    """
    wanted = sha256(repr((VERSION, str(zone), PARAMETERS)).encode()).digest()
    if await store.setting(_SETTING) == wanted:
        return 0

    def rows(resource: StoredResource) -> Sequence[IndexRow]:
        return index_rows(parse(join(Parts(head=resource.head, tail=resource.tail))), zone)

    done, last = 0, -1
    while True:
        async with store.transaction() as change:
            batch = await change.index_anew(rows, after=last, limit=BATCH)
            if not batch:
                await change.set_setting(_SETTING, wanted)
                return done
        done, last = done + len(batch), batch[-1]
