"""Posting over connections that are kept: HTTP/1.1 as a sender of many small messages to few places needs it.

Where a connection leads is decided by whoever opens it. An answer counts as soon as its head is there; of the rest no
more is read than lets the connection be used again. What is wrong with an answer, or with its length, ends the
connection and nothing else. https://www.rfc-editor.org/rfc/rfc9112

Everything else that is asked of other servers goes through httpx2. A post of a notification by it took 1.5 ms of
processor time where all of this took 1.0 ms, with deciding, ledger and receipt; httptools, which parses here, is the
parser of the server as well.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakSet

from httptools import HttpParserError, HttpResponseParser

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Hashable, Mapping

LARGEST: Final = 64 * 1024
"""Bytes of the largest answer after which a connection is used again, and of the largest head that is read."""
REST_SECONDS: Final = 2.0
"""Seconds for the rest of an answer to come, if its connection is to be used again."""
IDLE_SECONDS: Final = 15.0
"""Seconds for which a connection is kept unused. Many receivers close theirs after little more."""
AGE_SECONDS: Final = 60.0
"""Seconds for which a connection is used at all, so that what is checked when one is opened is checked again."""
KEPT: Final = 32
"""Unused connections to one place."""
DAY: Final = 86_400
"""Seconds of the longest `Retry-After` that is honoured."""
_INFORMATION, _SWITCHED = 200, 101
_READ: Final = frozenset({b"retry-after", b"date"})


class NoAnswer(Exception):
    """No answer that may be used; the words name no content. ``unsaid``: nothing at all was said."""

    def __init__(self, words: str, *, unsaid: bool = False) -> None:
        self.unsaid = unsaid
        super().__init__(words)


class Answer(NamedTuple):
    """The head of an answer: status, and for how many seconds the other side wants to be left alone."""

    status: int
    retry_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where to open a connection: address and port, and for TLS the context and the name that is verified."""

    address: str
    port: int
    context: ssl.SSLContext | None = None
    name: str | None = None


class Line(asyncio.Protocol):
    """One connection: one message at a time, and its answer."""

    def __init__(self, *, now: float) -> None:
        self.born = self.used = now
        self.open = False
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._done: Callable[[Line], None] | None = None
        self._fresh()

    def _fresh(self) -> None:
        self._parser = HttpResponseParser(self)
        self._size = 0
        self._told: dict[bytes, str] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self._transport, self.open = transport, True  # type: ignore[assignment]  # of a connection it is a Transport

    async def post(self, message: bytes, done: Callable[[Line], None]) -> Answer:
        """Send a whole request; the head of its answer. ``done`` is called when the line may be used again."""
        if self._transport is None or not self.open:
            raise NoAnswer("ReadError", unsaid=True)
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting, self._done = waiting, done
        self._transport.write(message)
        try:
            return await waiting
        except BaseException:
            # Once it was answered it may be another's already.
            if self._waiting is waiting:
                self.close()
            raise

    def data_received(self, data: bytes) -> None:
        """Part of an answer."""
        self._size += len(data)
        if self._done is None:
            self.close()  # Nothing was asked.
            return
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            self._fail("RemoteProtocolError")
            return
        if self._size > LARGEST:
            self._fail(f"an answer of more than {LARGEST} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of an answer."""
        if name.lower() in _READ:
            self._told[name.lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The head of an answer is there, and with it all that counts."""
        if self._done is None:
            self.close()  # More than one answer to one question.
            return
        status = self._parser.get_status_code()
        if status < _INFORMATION and status != _SWITCHED:
            return
        if self._waiting is not None and not self._waiting.done():
            wait = seconds_of(self._told.get(b"retry-after", ""), date=self._told.get(b"date", ""))
            self._waiting.set_result(Answer(status, wait))
        self._rest = asyncio.get_running_loop().call_later(REST_SECONDS, self.close)

    def on_message_complete(self) -> None:
        """An answer is there as a whole."""
        if self._parser.get_status_code() < _INFORMATION:
            return
        if self._rest is not None:
            self._rest.cancel()
        done, self._done = self._done, None
        if not self._parser.should_keep_alive() or done is None:
            self.close()
            return
        self._fresh()
        self._waiting = None
        done(self)

    def _fail(self, words: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(NoAnswer(words))
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side has closed it, or this one."""
        self.open = False
        if self._rest is not None:
            self._rest.cancel()
        if self._waiting is not None and not self._waiting.done():
            words = "ReadError" if exc is not None else "RemoteProtocolError"
            self._waiting.set_exception(NoAnswer(words, unsaid=self._size == 0))

    def close(self) -> None:
        """End it at once."""
        self.open = False
        if self._transport is not None:
            self._transport.abort()


@dataclass(slots=True)
class Lines:
    """The connections of this process, by where they lead."""

    _unused: defaultdict[Hashable, list[Line]] = field(default_factory=lambda: defaultdict(list))
    _all: WeakSet[Line] = field(default_factory=WeakSet)
    _sweeping: asyncio.TimerHandle | None = None

    async def post(self, place: Hashable, way: Callable[[], Awaitable[Way]], message: bytes) -> Answer:
        """Send a whole request to a place, over a connection that is unused or else opened by the ``way`` there."""

        def unused(line: Line) -> None:
            line.used = loop.time()
            lines = self._unused[place]
            lines.append(line)
            if len(lines) > KEPT:
                lines.pop(0).close()
            if self._sweeping is None:
                self._sweeping = loop.call_later(IDLE_SECONDS, self._sweep, loop)

        loop = asyncio.get_running_loop()
        line = self._kept(place, loop.time())
        if line is not None:
            try:
                return await line.post(message, unused)
            except NoAnswer as error:
                if not error.unsaid:
                    raise
                # It was closed meanwhile. If the request was read after all, it comes twice, as any may.
        return await (await self._opened(await way())).post(message, unused)

    def _kept(self, place: Hashable, now: float) -> Line | None:
        """A connection that can be used; those that are too old are closed."""
        lines = self._unused.get(place)
        while lines:
            line = lines.pop()
            if line.open and now - line.used < IDLE_SECONDS and now - line.born < AGE_SECONDS:
                return line
            line.close()
        return None

    async def _opened(self, way: Way) -> Line:
        loop = asyncio.get_running_loop()
        line = Line(now=loop.time())
        self._all.add(line)
        try:
            await loop.create_connection(
                lambda: line, way.address, way.port, ssl=way.context, server_hostname=way.name if way.context else None
            )
        except OSError:
            raise NoAnswer("ConnectError") from None
        return line

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close what was unused for too long."""
        now = loop.time()
        for place in list(self._unused):
            kept = []
            for line in self._unused[place]:
                if line.open and now - line.used < IDLE_SECONDS:
                    kept.append(line)
                else:
                    line.close()
            if kept:
                self._unused[place] = kept
            else:
                del self._unused[place]
        self._sweeping = loop.call_later(IDLE_SECONDS, self._sweep, loop) if self._unused else None

    def close(self) -> None:
        """Close every connection, whatever goes on there."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        for line in list(self._all):
            line.close()
        self._unused.clear()


def request(target: str, host: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A POST as bytes; ``ValueError`` for what would be more than one header."""
    lines = [f"POST {target} HTTP/1.1", f"host: {host}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if not all(line.isprintable() and line.isascii() for line in lines):
        raise ValueError("a header is not of printable ASCII")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def seconds_of(text: str, *, date: str = "") -> float:
    """A `Retry-After` in seconds, up to a day; 0 for what is none.

    A moment counts from the ``date`` of its answer, so that the clock of the other side may go as it likes.
    https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    """
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), DAY))
    try:
        wait = (parsedate_to_datetime(text) - parsedate_to_datetime(date)).total_seconds() if text and date else 0.0
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(0.0, wait), float(DAY))
