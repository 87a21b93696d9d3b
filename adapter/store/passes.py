"""The port to the disclosure ledger: every pass of the gate, append only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from adapter.store.shapes import LedgerEntry, LedgerHead, Numbered


class Ledger(Protocol):
    """The append-only record of every pass of the gate."""

    async def append(self, entry: LedgerEntry) -> None:
        """Returns when the entry is durable; entries of one moment share a commit."""
        ...

    async def of_request(self, request_id: str) -> list[LedgerEntry]:
        """What was passed under a request id."""
        ...

    def entries(self) -> AsyncIterator[tuple[LedgerEntry, bytes, bytes, bytes]]:
        """Every entry with its chain, previous digest and digest, in order."""
        ...

    def since(self, at: int) -> AsyncIterator[LedgerEntry]:
        """Every entry from an instant on, in order."""
        ...

    async def about(self, rids: Iterable[int], *, since: int, until: int) -> list[Numbered]:
        """Every entry of ``[since, until)`` that names one of these resources or Patients, oldest first."""
        ...

    async def of_number(self, number: int) -> LedgerEntry | None:
        """The entry at a place."""
        ...

    async def head(self) -> LedgerHead:
        """How many entries there are, and the digest of the last."""
        ...

    @property
    def waiting(self) -> int:
        """Entries that wait for their commit."""
        ...

    async def flush(self) -> None:
        """Commit what waits; before the process ends."""
        ...

    async def verify(self, *, head: bytes | None = None) -> int:
        """Recompute every chain; returns the number of entries, raises ``LedgerBroken`` where one breaks.

        ``head`` is a digest that was kept elsewhere: it must still be there.
        """
        ...
