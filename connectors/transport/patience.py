"""Asking again: which answers pass by themselves, and how long to wait for that.

Retry-After: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, TypeVar

from connectors.transport.exchange import Unanswered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from connectors.transport.exchange import Answer

PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of an answer that may be another one later."""
Given = TypeVar("Given")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often to ask, and how long to wait in between: seconds, doubled each time up to ``longest``.

    ``sleep`` waits so many seconds, ``clock`` is now in epoch microseconds.
    """

    sleep: Callable[[float], Awaitable[None]]
    clock: Callable[[], int]
    attempts: int = 6
    first: float = 1.0
    longest: float = 300.0

    async def ask(self, send: Callable[[], Awaitable[Given]]) -> Given:
        """What ``send`` gives. Passing failures are tried again; the last one, and every other, is raised.

        A server that wants to be left alone for longer than ``longest`` is.
        """
        for attempt in range(1, self.attempts + 1):
            try:
                return await send()
            except Unanswered as error:
                asked = seconds(error.retry_after, self.clock())
                if not error.passing or attempt == self.attempts or (asked or 0) > self.longest:
                    raise
                doubled = min(self.longest, self.first * 2 ** (attempt - 1))
                await self.sleep(doubled if asked is None else max(asked, self.first))
        raise AssertionError("the last attempt returns or raises")


def seconds(retry_after: str, now: int) -> float | None:
    """Seconds of a Retry-After header, which says them or names an instant; None where it says neither.

    ``now`` is in epoch microseconds.
    """
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text), 10**9))
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.fromtimestamp(now / 1_000_000, tz=UTC)).total_seconds())


def usable(answer: Answer, what: str) -> Answer:
    """The answer, or ``Unanswered`` where its status is not a success. ``what`` says what was asked for."""
    if 200 <= answer.status < 300:  # noqa: PLR2004 - the class of successes
        return answer
    raise refused(answer.status, what, answer.headers.get("retry-after", ""))


def refused(status: int, what: str, retry_after: str = "") -> Unanswered:
    """The failure that a status is."""
    words = "redirects, which is not followed" if 300 <= status < 400 else "refuses"  # noqa: PLR2004
    words = "cannot answer now" if status in PASSING else words
    return Unanswered(
        f"{what}: the server {words} (status {status})",
        status=status,
        passing=status in PASSING,
        retry_after=retry_after,
    )
