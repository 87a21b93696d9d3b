"""How many records of a feed go into one transaction, and whether answers may pass in between.

While a transaction is written nothing else is answered by this process: few records keep that short, many cost less
each. A command that only takes in goes as fast as it can. A server gives way: it takes so many at a time as are written
within a few milliseconds on this very machine, and lets answers pass after each record.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

HELD: Final = 0.004
"""Seconds for which the answers of a server may be held up by one transaction."""
FEWEST: Final = 4
"""Records of one transaction at least: with fewer, what each transaction costs anyway is most of the work."""
MOST: Final = 25
_FIRST: Final = 8
TURNS: Final = 5
"""Turns of the loop after each record. An answer takes four: read from its connection, decided, entered in the ledger
with all that are ready, sent. With fewer turns it would wait for a record at each of them."""


class Pace(Protocol):
    """The pace of one run."""

    @property
    def records(self) -> int:
        """How many records the next transaction takes."""
        ...

    async def between(self) -> None:
        """Called after each record, outside of transactions."""
        ...

    def writing(self, records: int, /) -> AbstractContextManager[None]:
        """Around the writing of a transaction."""
        ...


class Steady:
    """The same number of records each time, and nobody waits for an answer."""

    def __init__(self, records: int) -> None:
        self.records = records

    async def between(self) -> None:
        """Go on at once."""

    @contextmanager
    def writing(self, _: int, /) -> Iterator[None]:
        """Nothing is learned of it."""
        yield


class GivingWay:
    """As many records as take ``HELD``. ``tick`` gives seconds of a clock that never goes back."""

    def __init__(self, tick: Callable[[], float]) -> None:
        self.records = _FIRST
        self._tick = tick

    async def between(self) -> None:
        """Let answers pass."""
        for _ in range(TURNS):
            await asyncio.sleep(0)

    @contextmanager
    def writing(self, records: int, /) -> Iterator[None]:
        """Take fewer the next time where this took too long, and one more where there was time left."""
        start = self._tick()
        yield
        taken = self._tick() - start
        if taken > HELD:
            self.records = max(FEWEST, int(records * HELD / taken))
        elif records >= self.records:
            self.records = min(MOST, self.records + 1)
