"""The port to what is known of messages: which came, what their senders were answered, what went wrong on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapter.store.shapes import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """One message of a receipt, or the batch it came in.

    ``sender`` and ``control`` are MSH-3/MSH-4 and MSH-10 as Latin-1 text, ``line`` and ``stop`` the lines of the
    receipt it takes, ``code`` what was answered (table 0008), ``fault`` why not (table 0357), ``answer`` those bytes.
    ``apply`` says when an application acknowledgement is wanted (AL, NE, ER, SU), ``applied`` is that one.
    """

    organisation: str
    sender: str
    control: str
    sha256: bytes
    line: int
    stop: int
    code: str
    fault: str
    answer: bytes
    apply: str = "NE"
    is_batch: bool = False
    receipt: str = ""
    reused: bool = False
    applied: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """Bytes to be kept as one receipt, with the messages in them; of a batch its own row comes first."""

    receipt: Receipt
    content: bytes
    messages: tuple[MessageRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of a delivery.

    ``is_new`` is False for one that had come before: then ``receipt`` is the one of that time, and so are the answers.
    ``reused`` counts messages whose control id their sender had used for another one.
    """

    receipt: Receipt
    is_new: bool
    answers: tuple[bytes, ...]
    reused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEvent:
    """What went wrong on a channel on one day, how often, and in how many bytes. ``last`` is in epoch microseconds."""

    feed: str
    day: str
    peer: str
    kind: str
    times: int
    size: int
    last: int


class Messages(Protocol):
    """Messages beside the raw inbox, in its transactions."""

    async def keep(self, group: Sequence[Delivered]) -> list[Kept]:
        """Make deliveries durable in one commit, in their order; all of them or, when this raises, none.

        One call at a time. Waiting for the disk lets others go on.

        One whose first message is known (feed, sender, control id, digest) is not kept again.
        """
        ...

    def index(self, receipt: Receipt, messages: Sequence[MessageRow]) -> int:
        """Remember the messages of a receipt that came as a file; how many have a control id that was used before."""
        ...

    def is_indexed(self, receipt: str) -> bool:
        """Whether the messages of a receipt are known."""
        ...

    def of_control(self, feed: str, control: str, organisation: str | None) -> list[MessageRow]:
        """The messages of a feed with a control id, oldest first; those one organisation delivered, or all."""
        ...

    def of_receipt(self, receipt: str) -> list[MessageRow]:
        """The messages of a receipt, in order."""
        ...

    def applied(self, receipt: str, line: int, answer: bytes) -> None:
        """Remember the application acknowledgement of a message."""
        ...

    def is_watched(self, feed: str, place: str, name: str, size: int, modified: int) -> bool:
        """Whether a file of a watched place was taken in as it is now."""
        ...

    def watched(self, feed: str, place: str, name: str, size: int, modified: int, *, receipt: str) -> None:
        """Remember a file that was taken in, in place of what it was before."""
        ...

    def note(self, events: Sequence[ChannelEvent]) -> None:
        """Add to what went wrong on channels."""
        ...

    def events(self, feed: str | None = None) -> list[ChannelEvent]:
        """What went wrong on channels, day by day."""
        ...
