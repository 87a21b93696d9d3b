"""Requests to servers of partners: verified TLS, no redirects, bodies of a known length at most.

The only module that imports an HTTP client, so that none of this can be forgotten in another place. Nothing is taken
from the environment: no proxy, no credentials of a `.netrc`. Bodies are asked for uncompressed, so that what is counted
is what is kept.

HTTP semantics: https://www.rfc-editor.org/rfc/rfc9110
"""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import httpx2

from adapter.errors import SallyportError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

CONNECT_SECONDS: Final = 15.0
SILENT_SECONDS: Final = 120.0
"""Seconds for which a server may send nothing before it counts as gone."""
ERROR_BYTES: Final = 64 * 1024
"""Bytes of an answer that is no success which are read, for the code in it."""
_CHUNK: Final = 256 * 1024


class Unanswered(SallyportError):
    """A server gave no answer that can be used. ``passing`` tells that the same request may succeed later.

    ``status`` is the HTTP status, 0 without one; ``retry_after`` the header as sent.
    """

    def __init__(self, message: str, *, status: int = 0, passing: bool = False, retry_after: str = "") -> None:
        self.status = status
        self.passing = passing
        self.retry_after = retry_after
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer; names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """An answer whose body is read as it comes."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


def tls(authorities: str | None = None) -> ssl.SSLContext:
    """TLS 1.2 or newer with the host's name checked; ``authorities`` is a PEM file in place of the system's."""
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Https:
    """A client of one partner. Use as an async context manager.

    ``transport`` takes the place of the network in tests.
    """

    def __init__(
        self, *, context: ssl.SSLContext | None = None, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self._client = httpx2.AsyncClient(
            verify=context or tls(),
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS),
            headers={"accept-encoding": "identity", "user-agent": "sallyport"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        limit: int,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask and read the whole answer, of at most ``limit`` bytes. ``Unanswered`` where that cannot be done."""
        async with self.open(method, url, headers=headers, limit=limit, form=form) as arriving:
            body = b"".join([chunk async for chunk in arriving.chunks])
        return Answer(status=arriving.status, headers=arriving.headers, body=body)

    @asynccontextmanager
    async def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        limit: int,
        form: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Arriving]:
        """Ask and hand over the answer as it comes. Reading it may still fail with ``Unanswered``."""
        try:
            async with self._client.stream(method, url, headers=dict(headers), data=form and dict(form)) as response:
                told = {name.lower(): value for name, value in response.headers.items()}
                if told.get("content-encoding", "identity") != "identity":
                    raise Unanswered(
                        "the server compresses although it was asked not to; ask its operator to stop that"
                    )
                most = limit if response.is_success else min(limit, ERROR_BYTES)
                chunks = _limited(response, most, told)
                yield Arriving(status=response.status_code, headers=told, chunks=chunks)
        except httpx2.InvalidURL:
            raise Unanswered("the server names an address that is none") from None
        except httpx2.HTTPError as error:
            raise _lost(error) from None


async def _limited(response: httpx2.Response, limit: int, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
    declared = headers.get("content-length", "")
    if response.is_success and declared.isascii() and declared.isdigit() and int(declared) > limit:
        raise Unanswered(f"the server sends {declared} bytes; at most {limit} are taken")
    size = 0
    try:
        async for chunk in response.aiter_bytes(_CHUNK):
            size += len(chunk)
            if size > limit:
                if not response.is_success:
                    return
                raise Unanswered(f"the server sends more than the {limit} bytes that are taken")
            yield chunk
    except httpx2.HTTPError as error:
        raise _lost(error) from None


def _lost(error: httpx2.HTTPError) -> Unanswered:
    # The class alone: its words may quote an address with what was searched for.
    return Unanswered(f"the server cannot be reached ({type(error).__name__})", passing=True)
