"""MLLP framing: bytes of a connection in, whole frames and framing errors out. No I/O and no clock.

A frame is VT, content, FS CR. FS that no CR follows is content. What stands before VT belongs to no frame and is
counted. A frame that begins again before it ended was never finished: what came before is not handed out, and its
sender, who saw no answer, sends it again. Cutting the stream into other pieces changes nothing of this.

MLLP release 1 and 2: https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

START: Final = b"\x0b"
END: Final = b"\x1c\r"
BLOCK_END: Final = END[:1]
OPENING: Final = 16_384
"""Bytes kept of the start of a frame that is too long: its header is in them."""
PADDING: Final = b"\x00\r\n \t"
"""Bytes that senders write between frames to keep a connection open: counted, and nobody waits for an answer."""

_AGAIN = re.compile(rb"\x0b(?=(?:\xef\xbb\xbf)?(?:MSH|[FB]HS)[^A-Za-z0-9 ])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The content of one whole frame."""

    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLong:
    """A frame longer than the cap, told as soon as that is certain. The rest of it is passed over up to its end."""

    opening: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Bytes before VT that belong to no frame; ``junk`` of them are more than padding."""

    count: int
    junk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """The bytes of a frame that began again, or stopped, before it ended."""

    count: int


Event = Frame | TooLong | Skipped | Unfinished


def framed(content: bytes) -> bytes:
    """``content`` as a frame."""
    return START + content + END


class Framing:
    """Cuts the stream of one connection. ``longest`` is the cap on the content of a frame, in bytes."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._held = bytearray()
        self._looked = 0
        self._inside = self._passing = False
        self._count = self._junk = 0

    @property
    def is_inside(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._inside

    @property
    def has_junk(self) -> bool:
        """Whether bytes that are no padding stand where a frame should begin."""
        return self._junk > 0

    @property
    def waits_for_cr(self) -> bool:
        """Whether FS is the last byte that came: the CR after it decides whether the frame has ended."""
        return self._inside and not self._passing and self._held.endswith(BLOCK_END)

    @property
    def opening(self) -> bytes:
        """How the frame that is arriving begins."""
        return bytes(self._held[: min(OPENING, self._longest)])

    def feed(self, data: bytes) -> list[Event]:
        """What the next bytes of the stream complete, in order."""
        found: list[Event] = []
        self._held += data
        while self._inside_step(found) if self._inside else self._outside_step(found):
            pass
        return found

    def abandon(self) -> list[Event]:
        """Forget the frame that is arriving, and what stands before one: the events of what was forgotten."""
        found: list[Event] = []
        if self._inside and not self._passing:
            found.append(Unfinished(count=len(self._held)))
        self._told_skipped(found)
        self._held.clear()
        self._looked = 0
        self._inside = self._passing = False
        return found

    def _outside_step(self, found: list[Event]) -> bool:
        at = self._held.find(START)
        stop = at if at >= 0 else len(self._held)
        if stop:
            before = bytes(self._held[:stop])
            self._count += stop
            self._junk += len(before.translate(None, PADDING))
        del self._held[: stop + 1]
        if at < 0:
            return False
        self._told_skipped(found)
        self._inside, self._looked = True, 0
        return True

    def _told_skipped(self, found: list[Event]) -> None:
        if self._count:
            found.append(Skipped(count=self._count, junk=self._junk))
        self._count = self._junk = 0

    def _inside_step(self, found: list[Event]) -> bool:
        at = self._held.find(END, self._looked)
        if at < 0:
            # The last byte may be the FS of an end whose CR is still to come.
            self._looked = max(len(self._held) - 1, 0)
            if not self._passing and self._looked > self._longest:
                found.append(TooLong(opening=self.opening))
                self._passing = True
            if self._passing:
                del self._held[: self._looked]
                self._looked = 0
            return False
        if not self._passing:
            self._told_frame(bytes(self._held[:at]), found)
        del self._held[: at + len(END)]
        self._inside = self._passing = False
        return True

    def _told_frame(self, content: bytes, found: list[Event]) -> None:
        if len(content) > self._longest:
            found.append(TooLong(opening=content[: min(OPENING, self._longest)]))
            return
        begun = 0
        for again in _AGAIN.finditer(content, 1):
            begun = again.end()
        if begun:
            found.append(Unfinished(count=begun - 1))
        found.append(Frame(content=content[begun:]))
