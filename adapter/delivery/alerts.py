"""CorEMR alerts: a file is taken when it stands under its name where the receiver looks for it.

What has to be said with its rows is put beside it first, so that no row is ever there without it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from adapter.delivery.ways import Received
from adapter.outbound import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.services.notify import Sending


class Folder(Protocol):
    """Where files are put."""

    async def put(self, name: str, content: bytes) -> None:
        """Put a whole file there under its name, or nothing of it. The same name again is the same file."""
        ...


class Alerts:
    """Puts files where they are taken from. ``folder_of`` gives the place of a sending."""

    def __init__(self, folder_of: Callable[[Sending], Folder]) -> None:
        self._folder_of = folder_of

    async def send(self, sending: Sending) -> Received:
        """Put the file of a notification in its place."""
        try:
            async with asyncio.timeout(sending.timeout):
                folder = self._folder_of(sending)
                if sending.beside:
                    await folder.put(sending.name.removesuffix(".csv") + ".notice.txt", sending.beside)
                await folder.put(sending.name, sending.body)
        except TimeoutError:
            return Received(taken=False, why=f"the file was not in place within {sending.timeout} seconds")
        except Unreachable as error:
            return Received(taken=False, why=str(error))
        except OSError as error:
            told = error.strerror or str(error) or type(error).__name__
            return Received(taken=False, why=f"the file could not be put in place: {told}")
        return Received(taken=True)
