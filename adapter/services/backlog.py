"""How far the receipts of each feed are in the store, without looking at all of them.

With a receipt for every message there are soon millions. Two places are remembered in the store itself, in its own
transactions: up to where everything is done, and the newest of which anything was brought in. A store that is restored
from a backup has those of then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapter.store.port import Inbox, Store, Transaction
    from adapter.store.shapes import Receipt


class Backlog:
    """Follows the receipts of an inbox into a store."""

    def __init__(self, store: Store, inbox: Inbox) -> None:
        self._store = store
        self._inbox = inbox

    async def unfinished(self, feed: str) -> list[Receipt]:
        """The receipts of a feed that are not wholly in the store, oldest first.

        The receipt up to which everything is done is remembered by its id too: in another inbox, restored from a
        backup, its place says nothing.
        """
        known, place = await self._store.setting(f"done:{feed}"), 0
        if known is not None:
            ident, _, seq = known.decode("ascii").rpartition(" ")
            there = await self._inbox.receipt(ident)
            place = int(seq) if there is not None and there.seq == int(seq) else 0
        left: list[Receipt] = []
        done: Receipt | None = None
        for receipt in await self._inbox.receipts(feed, after=place):
            state = await self._store.progress(receipt.id)
            if state is None or not state[2]:
                left.append(receipt)
            elif not left:
                done = receipt
        if done is not None:
            async with self._store.transaction() as change:
                await change.set_setting(f"done:{feed}", f"{done.id} {done.seq}".encode("ascii"))
        return left

    async def later(self, change: Transaction, receipt: Receipt) -> list[str]:
        """The receipts of the same feed after this one of which something may be in the store already.

        Usually there are none: the newest that anything was brought in of is remembered in the same transaction.
        """
        name = f"begun:{receipt.feed}"
        known = await change.setting(name)
        begun = int(known) if known is not None else await self._inbox.newest(receipt.feed)
        if known is None or begun < receipt.seq:
            await change.set_setting(name, str(max(begun, receipt.seq)).encode("ascii"))
        if begun <= receipt.seq:
            return []
        after = await self._inbox.receipts(receipt.feed, after=receipt.seq)
        return [one.id for one in after if one.seq <= begun]
