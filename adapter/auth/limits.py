"""Rate limits: a bucket for each client, and one for each address that fails to prove who it is.

Each process counts for itself and in memory: limits keep one caller from taking the time of the others; what anyone may
see is decided elsewhere.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE: Final = 60_000_000
SECOND: Final = 1_000_000
KEPT: Final = 10_000
"""Buckets remembered; the one that was not asked for longest is forgotten, and a forgotten bucket is a full one."""


class Limits:
    """Token buckets that hold a minute's worth. ``clock`` gives epoch microseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def take(self, key: str, per_minute: int) -> int:
        """Take one from the bucket of ``key``: 0 if there was one, else the seconds until there is."""
        left = self._left(key, per_minute)
        if left < MINUTE:
            return _seconds(left, per_minute)
        self._buckets[key] = (left - MINUTE, self._clock())
        self._buckets.move_to_end(key)
        if len(self._buckets) > KEPT:
            self._buckets.popitem(last=False)
        return 0

    def wait(self, key: str, per_minute: int) -> int:
        """Seconds until there is one to take, 0 if there is; nothing is taken."""
        left = self._left(key, per_minute)
        return 0 if left >= MINUTE else _seconds(left, per_minute)

    def _left(self, key: str, per_minute: int) -> int:
        """What is in a bucket, in parts of which a minute brings ``per_minute`` times ``MINUTE``: whole numbers."""
        known = self._buckets.get(key)
        if known is None:
            return per_minute * MINUTE
        left, since = known
        # A clock that is set back gives nothing away.
        return min(per_minute * MINUTE, left + max(0, self._clock() - since) * per_minute)


def _seconds(left: int, per_minute: int) -> int:
    """Seconds until a whole one is there, rounded up."""
    return -(-(MINUTE - left) // (per_minute * SECOND))
