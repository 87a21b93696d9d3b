"""The ways to a subscriber, one for each channel, and what became of what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.services.notify import Sending


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What became of a notification: whether it was taken, else why not, and for how many seconds to wait at least.

    ``final`` tells that the receiver will not take it however often it is repeated.
    """

    taken: bool
    why: str = ""
    wait: float = 0.0
    final: bool = False


class Way(Protocol):
    """Takes a notification to its receiver, once."""

    async def send(self, sending: Sending) -> Received:
        """What became of it. Whatever fails at the receiver's side is in the answer."""
        ...


class Ways:
    """The way of each channel."""

    def __init__(self, ways: Mapping[str, Way]) -> None:
        self._ways = ways

    async def send(self, sending: Sending) -> Received:
        """By the way of its channel."""
        return await self._ways[sending.channel].send(sending)
