"""Several small changes of the store in one commit.

A commit waits for the disk, and what has to be noted of a notification is a few rows. So whatever wants to be written
while a commit is made, or in the same turn of the loop, is written by the next one together. Everybody is answered when
the rows are on disk, and what fails takes back nothing but itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from adapter.store.port import Store, Transaction

Result = TypeVar("Result")
Work = Callable[["Transaction"], Awaitable[Result]]
MOST: Final = 200
"""Changes in one commit, so that whoever else writes does not wait long."""


class Together:
    """Runs changes in shared transactions of a store, in the order in which they were given."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def __call__(self, work: Work[Result]) -> Result:
        """Run ``work`` in a transaction; its result, once that is committed."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await done

    async def settled(self) -> None:
        """Wait until nothing waits to be written."""
        while self._writing is not None and not self._writing.done():
            await asyncio.wait([self._writing])

    async def _write(self) -> None:
        while self._waiting:
            # Whoever is ready in this turn joins.
            await asyncio.sleep(0)
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            if not await self._written(batch):
                for one in batch:
                    await self._written([one])

    async def _written(self, batch: list[tuple[Work[Any], asyncio.Future[Any]]]) -> bool:
        """Commit a batch; False if it failed, and then nothing of it happened. One alone is told why."""
        try:
            async with self._store.transaction() as change:
                results = [await work(change) for work, _ in batch]
        except asyncio.CancelledError:
            for _, done in [*batch, *self._waiting]:
                done.cancel()
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it was, it is told to whom it concerns
            if isinstance(error, Exception) and len(batch) > 1:
                return False
            for _, done in batch:
                _answer(done, error)
            return True
        for (_, done), result in zip(batch, results, strict=True):
            _answer(done, result)
        return True


def _answer(done: asyncio.Future[Any], result: object) -> None:
    if done.done():
        return  # whoever asked has gone
    if isinstance(result, BaseException):
        done.set_exception(result)
    else:
        done.set_result(result)
