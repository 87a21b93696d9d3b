"""The port of alerts, and of taking entries out of the outbox: part of what every store must do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

ALERTS = "alert"
"""The channel of the outbox that alerts are told from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An urgent record that waits: ``ordinal`` is its place in its receipt, ``line`` and ``part`` where it stands.

    ``since`` is when it began to wait, ``told`` when that was told (0: not yet), both epoch microseconds. ``waits``
    tells whether it still does.
    """

    feed: str
    receipt: str
    ordinal: int
    line: int
    part: str
    since: int = 0
    told: int = 0
    waits: bool = True


class OutboxEntry(NamedTuple):
    """An entry of the outbox that is being worked on; ``attempts`` counts this one."""

    seq: int
    attempts: int
    body: bytes


class AlertRecords(Protocol):
    """What a change of the store does about alerts and the outbox."""

    async def raise_alerts(self, alerts: Sequence[Alert], *, at: int) -> None:
        """Record alerts that are new and put each into the outbox, due now."""
        ...

    async def told_alerts(self, alerts: Sequence[Alert], *, at: int) -> None:
        """Remember when alerts were told."""
        ...

    async def claim(self, channel: str, *, at: int, lease: int, most: int) -> list[OutboxEntry]:
        """The entries of a channel that are due, in order, for nobody else until ``lease``."""
        ...

    async def settle(self, entries: Sequence[OutboxEntry]) -> None:
        """Take entries out of the outbox: what they asked for is done."""
        ...
