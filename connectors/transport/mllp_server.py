"""The MLLP listener: one port of one feed, any number of senders, each answered in the order it sent.

Nothing is answered here: content goes to a ``Channel``, which answers when it is kept. What is wrong with the framing
is told to the channel as an event, never with content. A sender that stops in the middle of a frame, or that never
begins one, is disconnected; one that reads no answers is read no further.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, cast

from adapter.errors import ConfigurationError, Problem
from connectors.transport.mllp import Frame, Framing, Skipped, TooLong, framed
from connectors.transport.mllp_tls import Binding, Sender, admitted

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

HANDSHAKE_SECONDS = 10.0
GRACE = 1.0
"""Seconds after that until a handshake counts as failed."""
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_TICKS: Final = 4
"""Looks at each connection within the shortest of its times."""


class Channel(Protocol):
    """Where a listener brings what it hears."""

    def take(self, content: bytes, senders: Sequence[Sender], answered: Callable[[Sequence[bytes]], None]) -> None:
        """Keep the content of a frame; ``answered`` gets its acknowledgements once it is durable."""
        ...

    def refuse(self, opening: bytes, fault: str, answered: Callable[[Sequence[bytes]], None]) -> None:
        """Answer a frame of which nothing is kept: ``too-long``, ``block-end`` or ``empty``."""
        ...

    def event(self, kind: str, peer: str, count: int) -> None:
        """Something about the framing: what, from where, how many bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerOptions:
    """How one port is listened on. Times are in seconds, ``longest`` is in bytes."""

    where: str
    host: str
    port: int
    bindings: tuple[Binding, ...] = ()
    tls: ssl.SSLContext | None = None
    longest: int = 16_000_000
    idle: float = 3600.0
    frame: float = 60.0
    block_end: float = 5.0
    connections: int = 64


def options_problems(options: ListenerOptions) -> list[Problem]:
    """What keeps a listener from being opened: without TLS on anything but loopback, or senders nobody can tell."""
    if options.tls is None and options.host not in LOOPBACK:
        message = f"MLLP on `{options.host}` without TLS: what a jail sends would cross the network in clear"
        expected = "`certificate`, `key` and `client_ca` in [mllp] of site.toml, or `host` 127.0.0.1"
        return [Problem(where=options.where, path="mllp", message=message, expected=expected)]
    unbound = options.tls is not None and not all(each.certificate for each in options.bindings)
    if options.tls is not None and (unbound or not options.bindings):
        message = "each sender needs the client certificate it shows"
        expected = "`certificate`: `sha256:` and its fingerprint, or its subject such as `CN=jail-ehr`"
        return [Problem(where=options.where, path="mllp.senders", message=message, expected=expected)]
    return []


class Listener:
    """One port. ``start`` opens it, ``close`` stops taking connections and ends those that are open."""

    def __init__(self, options: ListenerOptions, channel: Channel) -> None:
        problems = options_problems(options)
        if problems:
            raise ConfigurationError(problems)
        self.options = options
        self.channel = channel
        self.open: set[_Connection] = set()
        self._greeting: dict[_Connection, float] = {}
        self._server: asyncio.Server | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens: the port is the one the system gave, where 0 was asked for."""
        sockets = self._server.sockets if self._server is not None else ()
        return (self.options.host, sockets[0].getsockname()[1] if sockets else self.options.port)

    async def start(self) -> None:
        """Open the port. Raises ConfigurationError where it cannot be."""
        loop = asyncio.get_running_loop()
        tls = self.options.tls
        try:
            self._server = await loop.create_server(
                partial(self._connection, loop),
                self.options.host,
                self.options.port,
                ssl=tls,
                ssl_handshake_timeout=None if tls is None else HANDSHAKE_SECONDS,
            )
        except OSError as error:
            message = f"port {self.options.port} of `{self.options.host}` cannot be listened on ({error.strerror})"
            expected = "a free port and an address of this host"
            raise ConfigurationError(
                [Problem(where=self.options.where, path="mllp.port", message=message, expected=expected)]
            ) from error
        self._watch = loop.create_task(self._look())

    def _connection(self, loop: asyncio.AbstractEventLoop) -> _Connection:
        made = _Connection(self, loop)
        self._greeting[made] = loop.time()
        return made

    def greeted(self, connection: _Connection) -> None:
        """A connection is ready to be read, its TLS settled."""
        self._greeting.pop(connection, None)
        self.open.add(connection)

    async def _look(self) -> None:
        options = self.options
        pause = min(options.idle, options.frame, options.block_end, 4.0) / _TICKS
        while True:
            await asyncio.sleep(pause)
            now = asyncio.get_running_loop().time()
            for connection in list(self.open):
                connection.look(now)
            for connection, since in list(self._greeting.items()):
                if now - since > HANDSHAKE_SECONDS + GRACE:
                    # TLS never came about: no certificate, a wrong one, or no TLS at all.
                    del self._greeting[connection]
                    self.channel.event("no-tls", "", 0)

    async def close(self) -> None:
        """Stop listening; what was taken and is not answered yet is answered first."""
        if self._server is None:
            return
        self._server.close()
        await asyncio.sleep(0)
        for connection in list(self.open):
            connection.end()
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        self._server = None


class _Connection(asyncio.Protocol):
    """One sender."""

    def __init__(self, listener: Listener, loop: asyncio.AbstractEventLoop) -> None:
        self._listener = listener
        self._channel = listener.channel
        self._now = loop.time
        self._soon = loop.call_soon
        self._out: list[bytes] = []
        self._framing = Framing(listener.options.longest)
        self._transport: asyncio.Transport | None = None
        self._senders: list[Sender] = []
        self._peer = ""
        self._heard = self._since = 0.0
        self._ended: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        listener = self._listener
        listener.greeted(self)
        self._transport = cast("asyncio.Transport", transport)
        address = transport.get_extra_info("peername")
        self._peer = str(address[0]) if address else ""
        self._heard = self._since = self._now()
        self._senders = admitted(listener.options.bindings, transport.get_extra_info("ssl_object"))
        if len(listener.open) > listener.options.connections:
            self._drop("too-many-connections")
        elif listener.options.bindings and not self._senders:
            self._drop("unknown-certificate")

    def _drop(self, why: str) -> None:
        self._channel.event(why, self._peer, 0)
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        framing = self._framing
        self._heard = self._now()
        waited_for = self._is_waited_for
        for event in framing.feed(data):
            if isinstance(event, Frame):
                waited_for = False
                self._since = self._heard
                self._take(event.content)
            elif isinstance(event, TooLong):
                self._channel.event("too-long", self._peer, self._listener.options.longest)
                self._channel.refuse(event.opening, "too-long", self._answer)
            elif isinstance(event, Skipped):
                self._channel.event("junk" if event.junk else "padding", self._peer, event.count)
            else:
                self._channel.event("unfinished-frame", self._peer, event.count)
        if self._is_waited_for and not waited_for:
            self._since = self._heard

    @property
    def _is_waited_for(self) -> bool:
        """Whether something has begun that a frame should come of."""
        return self._framing.is_inside or self._framing.has_junk

    def _take(self, content: bytes) -> None:
        if content.strip(b"\r\n \t\0"):
            self._channel.take(content, self._senders, self._answer)
        else:
            self._channel.event("empty-frame", self._peer, len(content))
            self._channel.refuse(b"", "empty", self._answer)

    def _answer(self, answers: Sequence[bytes]) -> None:
        if self._transport is None or not answers:
            return
        if not self._out:
            # A turn of the loop later, so that the answers to messages that came together are one write.
            self._soon(self._write)
        self._out += [framed(each) for each in answers]

    def _write(self) -> None:
        out, self._out = self._out, []
        if self._transport is not None and out:
            self._transport.write(b"".join(out))

    def look(self, now: float) -> None:
        """End what waits for longer than the listener lets it."""
        options, framing = self._listener.options, self._framing
        if self._ended is not None:
            if now - self._ended >= options.frame and self._transport is not None:
                # It reads none of its answers.
                self._transport.abort()
        elif framing.waits_for_cr and now - self._heard >= options.block_end:
            self._channel.event("block-end", self._peer, 0)
            self._channel.refuse(framing.opening, "block-end", self._answer)
            framing.abandon()
            self._since = now
        elif self._is_waited_for:
            if now - self._since >= options.frame:
                self._channel.event("frame-timeout" if framing.is_inside else "no-frame", self._peer, 0)
                self.end()
        elif now - self._since >= options.idle:
            self.end()

    def end(self) -> None:
        """Close, once what was answered is written."""
        self._write()
        if self._transport is not None:
            self._ended = self._now()
            self._transport.close()

    def pause_writing(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def connection_lost(self, _exc: Exception | None) -> None:
        for event in self._framing.abandon():
            if isinstance(event, Skipped):
                self._channel.event("junk" if event.junk else "padding", self._peer, event.count)
            else:
                self._channel.event("unfinished-frame", self._peer, 0)
        self._listener.open.discard(self)
        self._transport = None
