"""The port to the raw inbox: bytes as received, kept before anything is acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.store.shapes import Receipt


class ReceiptStream(Protocol):
    """The bytes of a receipt, to be read once from the start."""

    @property
    def consumed(self) -> int:
        """How many bytes were taken from the inbox so far."""
        ...

    @property
    def stream(self) -> BinaryIO:
        """The bytes."""
        ...


class Arrival(Protocol):
    """A receipt that is arriving. It is none before ``finish`` returns."""

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        ...

    def finish(self) -> Receipt:
        """Make it durable.

        The bytes of the last file of this name again give its receipt; an older state that comes back is news.
        """
        ...

    def abandon(self) -> None:
        """Forget what arrived."""
        ...


class Inbox(Protocol):
    """The raw inbox: bytes as received, kept before anything is acknowledged."""

    async def keep(self, *, receipt: str, feed: str, name: str, stream: BinaryIO, at: int) -> Receipt:
        """Store a stream durably.

        The bytes of the last file of this name again give its receipt; an older state that comes back is news.
        """
        ...

    def arrive(self, *, receipt: str, feed: str, name: str | None, at: int) -> Arrival:
        """Begin a receipt whose bytes come piece by piece; without a name it is called by their hash."""
        ...

    def open(self, receipt: str) -> ReceiptStream:
        """The bytes of a receipt as a readable binary stream."""
        ...

    async def receipt(self, ident: str) -> Receipt | None:
        """A complete receipt."""
        ...

    async def erase(self, receipt: str, spans: Iterable[tuple[int, int]]) -> None:
        """Write over the bytes in these spans (start, stop); ends of lines stay, so that lines keep their numbers."""
        ...

    async def receipts(self, feed: str | None = None, *, after: int = 0) -> list[Receipt]:
        """What was received, oldest first; only what came after the receipt of this place (``Receipt.seq``)."""
        ...

    async def repeated(self, receipt: str) -> set[int]:
        """The lines of a receipt that hold messages which had come before."""
        ...

    async def newest(self, feed: str) -> int:
        """The place of the newest receipt of a feed, complete or not; 0 where there is none."""
        ...
