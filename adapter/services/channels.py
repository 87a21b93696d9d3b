"""What goes wrong on the channels messages come by: counted by day and kept, told in the log, never with content."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from adapter.store.messages import ChannelEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.store.messages import Messages

_log = logging.getLogger(__name__)

QUIET: Final = frozenset({"padding"})
"""Kinds that are counted and not told in the log."""
MOST: Final = 256
"""Kinds and peers that are counted apart before they are written."""


class ChannelLog:
    """Counts events until ``flush`` writes them: a flood of them costs one row each for a feed, day, peer and kind."""

    def __init__(self, messages: Messages, clock: Callable[[], int]) -> None:
        self._messages = messages
        self._clock = clock
        self._counts: dict[tuple[str, str, str, str], list[int]] = {}

    def note(self, feed: str, kind: str, *, peer: str = "", times: int = 1, size: int = 0) -> None:
        """Count an event of ``size`` bytes."""
        at = self._clock()
        day = datetime.fromtimestamp(at // 1_000_000, tz=UTC).date().isoformat()
        count = self._counts.setdefault((feed, day, peer, kind), [0, 0, 0])
        count[0] += times
        count[1] += size
        count[2] = at
        if len(self._counts) >= MOST:
            self.flush()

    def flush(self) -> None:
        """Write and tell what was counted since the last time. What cannot be written is kept for the next time."""
        counts, self._counts = self._counts, {}
        if not counts:
            return
        events = [
            ChannelEvent(feed=feed, day=day, peer=peer, kind=kind, times=times, size=size, last=last)
            for (feed, day, peer, kind), (times, size, last) in counts.items()
        ]
        for each in events:
            if each.kind not in QUIET:
                _log.warning(
                    "feed %s%s: %s, %d times, %d bytes",
                    each.feed,
                    f" from {each.peer}" if each.peer else "",
                    each.kind,
                    each.times,
                    each.size,
                )
        try:
            self._messages.note(events)
        except Exception as error:  # noqa: BLE001 - counting must not stop what is counted
            _log.error("events of channels could not be kept: %s", type(error).__qualname__)
            if len(counts) < MOST:
                self._counts = counts | self._counts

    def events(self, feed: str | None = None) -> list[ChannelEvent]:
        """What went wrong so far, day by day."""
        self.flush()
        return self._messages.events(feed)
