"""HL7 v2 over MLLP: a message is taken when the receiver acknowledges it by its control id.

AA and CA take it. AE and CE say that it may be sent again later; AR and CR that it never will be taken, so that it is
given up. An acknowledgement of another message is passed over. Without one in time the connection is ended, so that a
late one is never read as that of the next message, and the same message goes again with the same control id.

MLLP: https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from adapter.delivery.ways import Received
from adapter.outbound import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.services.notify import Sending

TAKEN: Final = frozenset({"AA", "CA"})
REJECTED: Final = frozenset({"AR", "CR"})
CODES: Final = TAKEN | REJECTED | {"AE", "CE"}
"""HL7 table 0008."""


class Exchange(Protocol):
    """Sends a message on a connection of its own and reads frames until one of them is the answer."""

    async def __call__(self, sending: Sending, answers: Callable[[bytes], bool]) -> bytes:
        """The answer; ``Unreachable`` where none comes in time."""
        ...


class Mllp:
    """Sends messages."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def send(self, sending: Sending) -> Received:
        """Send once. Of the answer its code is looked at, and that it is about this message."""
        control = sending.name.encode("ascii")
        try:
            answer = await self._exchange(sending, lambda frame: acknowledged(frame)[1] == control)
        except Unreachable as error:
            return Received(taken=False, why=str(error))
        code, _ = acknowledged(answer)
        if code in TAKEN:
            return Received(taken=True)
        if code not in CODES:
            return Received(taken=False, why="the acknowledgement has no code of table 0008")
        return Received(taken=False, why=f"acknowledged {code}", final=code in REJECTED)


def acknowledged(frame: bytes) -> tuple[str, bytes]:
    """MSA-1 and MSA-2 of a frame; nothing where it holds no acknowledgement."""
    lines = frame.replace(b"\r\n", b"\r").replace(b"\n", b"\r").split(b"\r")
    if not lines[0].startswith(b"MSH") or len(lines[0]) < len("MSH|"):
        return "", b""
    separator = lines[0][3:4]
    for line in lines[1:]:
        if line.startswith(b"MSA" + separator):
            fields = [*line.split(separator), b"", b""]
            return fields[1].decode("ascii", "replace").strip(), fields[2].strip()
    return "", b""
