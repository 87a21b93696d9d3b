"""Asking a partner's server: what an answer is, and when there is none that can be used.

Who asks is given to whoever needs it: one module opens connections outwards, and the rules for where they may lead are
there. HTTP semantics: https://www.rfc-editor.org/rfc/rfc9110
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from adapter.errors import SallyportError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

ERROR_BYTES: Final = 64 * 1024
"""Bytes of an answer that is no success which are read, for the code in it."""


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
class Arriving:
    """An answer whose body is read as it comes; names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Exchange(Protocol):
    """Asks servers: verified TLS, no redirect followed, bodies not compressed."""

    def open(
        self, method: str, url: str, *, headers: Mapping[str, str], limit: int, form: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Arriving]:
        """An answer of at most ``limit`` bytes as it comes. Opening and reading it may fail with ``Unanswered``."""
        ...


async def whole(
    exchange: Exchange,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    limit: int,
    form: Mapping[str, str] | None = None,
) -> Answer:
    """An answer read to its end; of one that is no success the start."""
    async with exchange.open(method, url, headers=headers, limit=limit, form=form) as arriving:
        body = bytearray()
        async for chunk in arriving.chunks:
            body += chunk
            if arriving.status >= 300 and len(body) >= ERROR_BYTES:  # noqa: PLR2004 - no success
                break
    return Answer(status=arriving.status, headers=arriving.headers, body=bytes(body))
