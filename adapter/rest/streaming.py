"""Answers whose body is made while it is sent.

The status is sent once the first piece is there. What goes wrong later cuts the connection before the end of the body,
so that no caller takes a part for the whole; it asks for the file again.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from adapter.errors import SallyportError
from adapter.rest.errors import log_defect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.types import Receive, Send

    from adapter.rest.answer import Answer


async def send_stream(send: Send, answer: Answer, body: AsyncGenerator[bytes], request_id: str) -> None:
    """Send an answer whose body comes in pieces; without its end if there is no end."""
    headers = [*answer.headers, (b"x-request-id", request_id.encode("ascii"))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async with aclosing(body):
        try:
            async for piece in body:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except Cut:
            return
        except SallyportError:
            # It was refused as it would be now: the ledger and the next request tell why.
            return
        except Exception as error:  # noqa: BLE001 - the last line: a defect is logged and nothing more is sent
            log_defect(error, request_id)
            return
    await send({"type": "http.response.body", "body": b"", "more_body": False})


class Cut(Exception):
    """Nobody waits for the rest."""


async def until_gone(receive: Receive, first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """``first`` and then ``rest``, of which nothing more is made once the caller has hung up."""
    gone = asyncio.ensure_future(_hung_up(receive))
    try:
        async with aclosing(rest):
            if first:
                yield first
            while not await _is_done(gone):
                piece = await anext(rest, None)
                if piece is None:
                    return
                yield piece
            raise Cut
    finally:
        gone.cancel()


async def _is_done(task: asyncio.Future[None]) -> bool:
    await asyncio.sleep(0)  # whoever hung up is heard even where nothing else is waited for
    return task.done()


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
