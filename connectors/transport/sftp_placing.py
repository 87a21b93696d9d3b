"""Files put into a folder of another host by SFTP: its key is known beforehand, a file is there whole or not at all.

Needs asyncssh: `pip install sallyport[sftp]`.

SSH File Transfer Protocol: https://datatracker.ietf.org/doc/html/draft-ietf-secsh-filexfer-02
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import asyncssh

from connectors.transport.placing import UNFINISHED
from connectors.transport.sftp import connected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from connectors.transport.sftp import Remote


class RemotePlace:
    """A folder of another host. ``address_of`` gives the address to connect to, once it has been looked at."""

    def __init__(self, remote: Remote, address_of: Callable[[], Awaitable[str]], token: str) -> None:
        self._remote = remote
        self._address_of = address_of
        self._token = token

    async def put(self, name: str, content: bytes) -> None:
        """Put a file there. A host that replaces no file keeps the one of that name, which is the same event.

        ``UnreachableError`` if it cannot be put there now.
        """
        remote, address = self._remote, await self._address_of()
        where = f"{remote.folder.rstrip('/')}/{name}"
        async with connected(remote, address) as client:
            await self._put(client, where, content)

    async def _put(self, client: asyncssh.SFTPClient, where: str, content: bytes) -> None:
        # Whoever wrote a file of that name and was killed has left it under another token.
        unfinished = f"{where}.{self._token}{UNFINISHED}"
        async with client.open(unfinished, "wb") as file:
            await file.write(content)
        try:
            await client.posix_rename(unfinished, where)
        except asyncssh.SFTPError:
            try:
                await client.rename(unfinished, where)
            except asyncssh.SFTPError:
                there = await client.exists(where)
                with suppress(asyncssh.SFTPError):
                    await client.remove(unfinished)
                if not there:
                    raise
