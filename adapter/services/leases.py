"""Whom this process sends to, and for how long nobody else does.

A lease is short, so that whoever was being sent to when a process died is soon taken up by another, and it is renewed
while the process lives, so that a receiver may take its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.services.together import Together
    from adapter.store.port import Transaction
    from adapter.store.subscriptions import SubscriptionRow

LEASE: Final = 20_000_000
"""Microseconds for which nobody else sends to a subscriber after the process that did was last heard of."""
RENEWED: Final = LEASE // 4


class Leases:
    """The subscriptions this process has claimed. ``salt`` tells its leases from those of others."""

    def __init__(self, together: Together, clock: Callable[[], int], *, salt: int) -> None:
        self._together = together
        self._clock = clock
        self._salt = salt
        self._held: dict[tuple[str, int], int] = {}
        self._renewed = 0

    def until(self, at: int) -> int:
        """The end of a lease that begins now."""
        return at + LEASE + self._salt

    def took(self, rows: list[SubscriptionRow]) -> None:
        """These were claimed."""
        self._held.update({(row.id, row.lease): row.lease for row in rows})

    def of(self, claimed: SubscriptionRow) -> int:
        """The lease of a subscription as it stands now."""
        return self._held.get((claimed.id, claimed.lease), claimed.lease)

    def ended(self, claimed: SubscriptionRow) -> None:
        """A subscription is no longer worked on here, whatever became of it."""
        self._held.pop((claimed.id, claimed.lease), None)

    async def renew(self) -> None:
        """Prolong what is held, if it is time. What somebody else has claimed meanwhile is theirs."""
        at = self._clock()
        if not self._held or at < self._renewed + RENEWED:
            return
        self._renewed, until, held = at, self.until(at), dict(self._held)

        async def work(change: Transaction) -> None:
            kept = await change.renew([(ident, lease) for (ident, _), lease in held.items()], until=until)
            # Before anything else of this change is written, which may let go of one of them.
            for key in held.keys() & self._held.keys():
                if key[0] in kept:
                    self._held[key] = until
                else:
                    del self._held[key]

        await self._together(work)
