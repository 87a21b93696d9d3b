"""Sends one HL7 v2 message over MLLP and waits for its answer, on a connection of its own.

A connection is never used again, so an answer that comes late is read by nobody. The caller says which address to
connect to, once it has looked at where that leads.

MLLP release 1 and 2: https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from connectors.transport.mllp import Frame, Framing, TooLong, framed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONGEST: Final = 64 * 1024
"""Bytes of the largest acknowledgement."""
_PIECE: Final = 16 * 1024
_LEAVING: Final = 1.0
"""Seconds in which the other side may end the connection with us."""


class UnansweredError(OSError):
    """No answer came to a message; the words say why and name no content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where a message goes. ``host`` is the name its certificate has to bear; without ``context`` there is no TLS."""

    host: str
    address: str
    port: int
    context: ssl.SSLContext | None


def client_context(*, ca_file: Path | None, more: Path | None, certificate: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer that verifies: against ``ca_file`` alone if there is one, else what is trusted and ``more``."""
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    if ca_file is None and more is not None:
        context.load_verify_locations(cafile=str(more))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context


async def exchange(message: bytes, receiver: Receiver, *, answers: Callable[[bytes], bool], seconds: float) -> bytes:
    """Send ``message`` and read frames until one ``answers``.

    ``TimeoutError`` where that takes longer than ``seconds``; `UnansweredError` where no answer can come any more.
    """
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(
                receiver.address,
                receiver.port,
                ssl=receiver.context,
                server_hostname=receiver.host if receiver.context is not None else None,
            )
            try:
                writer.write(framed(message))
                await writer.drain()
                answer = await _answer(reader, answers)
            except BaseException:
                writer.transport.abort()
                raise
    except (TimeoutError, UnansweredError):
        raise
    except OSError as error:
        raise UnansweredError(f"no acknowledgement: {type(error).__name__}") from None
    await _leave(writer)
    return answer


async def _answer(reader: asyncio.StreamReader, answers: Callable[[bytes], bool]) -> bytes:
    framing = Framing(LONGEST)
    while data := await reader.read(_PIECE):
        for event in framing.feed(data):
            if isinstance(event, Frame) and answers(event.content):
                return event.content
            if isinstance(event, TooLong):
                raise UnansweredError(f"no acknowledgement: what came is longer than {LONGEST} bytes")
    if framing.has_junk:
        raise UnansweredError("no acknowledgement: what came stands in no MLLP frame")
    raise UnansweredError("no acknowledgement: the connection was ended")


async def _leave(writer: asyncio.StreamWriter) -> None:
    """End the connection; a side that does not let go is left."""
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_LEAVING):
            await writer.wait_closed()
            return
    writer.transport.abort()
