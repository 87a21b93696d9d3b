"""Messages in: kept first, all that come together in one commit, then acknowledged, then brought in in their order.

Whatever way a message comes, it is answered in the language of its sender, and the same message again with the same
bytes as before. Where nothing could be kept the sender is told so, and sends it again.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from adapter.source import AnswerOptions
from adapter.store.messages import Delivered, MessageRow
from adapter.store.shapes import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from adapter.services.channels import ChannelLog
    from adapter.services.feed_contracts import FeedGate
    from adapter.source import AnsweredMessage, Answering
    from adapter.store.messages import Kept, Messages

_log = logging.getLogger(__name__)

AT_ONCE: Final = 256_000
"""Bytes of a delivery that is taken apart while others wait."""
LONGEST_COMMIT: Final = 0.02
"""Seconds that a commit usually takes at most; one that takes longer says nothing about the next."""
NAME: Final = "message"
"""What deliveries are called in the inbox; they are known by their messages."""
CONTROL_ID: Final = 20
"""Characters of a control id that every version of HL7 v2 takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFeed:
    """A feed of messages, who sends it, and how they are answered.

    ``answers_batches`` says whether those who wait for one answer get those of a batch, or its receipt.
    """

    feed: str
    organisation: str
    answering: Answering
    options: AnswerOptions
    answers_batches: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a delivery: what it was kept as, if it was, and its acknowledgements, which may be none.

    ``is_rejected`` says that one of its messages is kept but cannot be used.
    """

    kept: Kept | None
    answers: Sequence[bytes]
    is_rejected: bool = False
    is_batch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A delivery on its way into the next commit. One that is refused keeps its place: answers stay in order."""

    feed: MessageFeed
    content: bytes
    told: Callable[[Outcome], None]
    delivered: Delivered | None = None
    refused: str = ""


class Reception:
    """Takes messages of all feeds that have a language, and answers each when it is durable.

    ``accept`` is told of every new receipt, in the order of the inbox.
    """

    def __init__(
        self,
        *,
        messages: Messages,
        gate: FeedGate,
        feeds: Collection[MessageFeed],
        channels: ChannelLog,
        accept: Callable[[Receipt], None],
        clock: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._messages = messages
        self._gate = gate
        self._feeds = {each.feed: each for each in feeds}
        self._channels = channels
        self._accept = accept
        self._clock = clock
        self._new_id = new_id
        self._waiting: list[_Waiting] = []
        self._work: asyncio.Task[None] | None = None
        self._size, self._took = 0, 0.0
        self._owed: dict[str, Callable[[Outcome], None]] = {}

    def answers(self, feed: str) -> bool:
        """Whether messages of this feed are answered in their own language."""
        return feed in self._feeds

    def answers_batches(self, feed: str) -> bool:
        """Whether whoever waits for one answer to a batch gets the acknowledgements of it."""
        return self._feeds[feed].answers_batches

    def take(
        self,
        feed: str,
        content: bytes,
        told: Callable[[Outcome], None],
        *,
        senders: Collection[tuple[str, str]] | None = None,
        organisation: str | None = None,
    ) -> None:
        """Keep a delivery with those that come in the same turn of the loop; ``told`` hears what became of it.

        ``senders`` are those that may speak on this connection, ``organisation`` who delivers it if it is not who
        sends the feed.
        """
        self._join(self._read(feed, content, told, senders, organisation))

    async def taken(self, feed: str, content: bytes, *, organisation: str | None = None) -> Outcome:
        """Keep a delivery whose sender waits for this call to return. A long one is taken apart beside the others."""
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def told(outcome: Outcome) -> None:
            # Who waited may have gone, and an application acknowledgement comes when nobody waits any more.
            if not done.done():
                done.set_result(outcome)

        if len(content) <= AT_ONCE:
            waiting = self._read(feed, content, told, None, organisation)
        else:
            waiting = await asyncio.to_thread(self._read, feed, content, told, None, organisation)
        self._join(waiting)
        return await done

    def _read(
        self,
        feed: str,
        content: bytes,
        told: Callable[[Outcome], None],
        senders: Collection[tuple[str, str]] | None,
        organisation: str | None,
    ) -> _Waiting:
        """A delivery with the acknowledgements it will have once it is kept, or the reason why it is not."""
        line, at = self._feeds[feed], self._clock()
        if self._gate.why_closed(feed, at):
            return _Waiting(feed=line, content=content, told=told, refused="closed")
        # Ids that begin with the time lie beside each other in every index: a commit writes a third of the pages.
        ident = f"{at:014x}{self._new_id()[-18:]}"
        found = line.answering.answered(content, self._options(line, ident, at, senders))
        if not found:
            return _Waiting(feed=line, content=content, told=told, refused="sender")
        digest = sha256(content).digest()
        receipt = Receipt(id=ident, feed=feed, name=NAME, size=len(content), sha256=digest, received=at)
        rows = tuple(_row(each, organisation or line.organisation, content, digest) for each in found)
        delivered = Delivered(receipt=receipt, content=content, messages=rows)
        return _Waiting(feed=line, content=content, told=told, delivered=delivered)

    def refusal(self, feed: str, opening: bytes, why: str) -> bytes:
        """The answer to a delivery of which nothing is taken, by how it begins."""
        line = self._feeds[feed]
        self._channels.note(feed, f"refused-{why}", size=len(opening))
        return line.answering.refused(opening, why, self._options(line, self._new_id(), self._clock(), None))

    def refuse(self, feed: str, opening: bytes, why: str, told: Callable[[Outcome], None]) -> None:
        """Answer, in its turn, a delivery of which nothing is kept."""
        self._join(_Waiting(feed=self._feeds[feed], content=opening, told=told, refused=why))

    def rows(self, receipt: Receipt, content: bytes) -> list[MessageRow]:
        """The messages of a receipt that came as a file. Nobody waits for an answer to them."""
        line = self._feeds[receipt.feed]
        found = line.answering.answered(content, self._options(line, receipt.id, receipt.received, None))
        rows = [_row(each, line.organisation, content, receipt.sha256) for each in found]
        return [replace(row, answer=b"", apply="NE") for row in rows]

    def reused(self, feed: str, times: int) -> None:
        """Count messages whose control id another message of their sender had before; both are brought in."""
        if times:
            self._channels.note(feed, "control-id-reused", times=times)

    def tell_later(self, receipt: str, outcome: Outcome) -> None:
        """Answer once more on the connection a receipt came by, if it is still there."""
        told = self._owed.pop(receipt, None)
        if told is not None:
            told(outcome)

    def _options(
        self, line: MessageFeed, control: str, at: int, senders: Collection[tuple[str, str]] | None
    ) -> AnswerOptions:
        return AnswerOptions(
            per_batch=line.options.per_batch,
            accept_unsupported=line.options.accept_unsupported,
            senders=senders,
            at=written(at),
            control=control[:CONTROL_ID],
        )

    def _join(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._keep_all())

    async def settled(self) -> None:
        """Wait until everything that was taken is answered."""
        if self._work is not None:
            await self._work

    async def _keep_all(self) -> None:
        """Keep what waits, group by group. What comes while the disk is waited for is the next group."""
        now = asyncio.get_running_loop().time
        while self._waiting:
            # A turn of the loop for what is being read now; and where the last group was larger, a quarter of a commit
            # for those who have just been answered: half of them in each of two commits would take twice as long.
            await asyncio.sleep(0)
            if len(self._waiting) < self._size:
                await asyncio.sleep(self._took / 4)
            group, self._waiting = self._waiting, []
            self._size, began = len(group), now()
            kept = await self._keep([each.delivered for each in group if each.delivered is not None])
            self._took = min(now() - began, LONGEST_COMMIT)
            outcomes = iter(kept or ())
            for each in group:
                if each.delivered is None or kept is None:
                    outcome = self._refused(each, each.refused or "store")
                else:
                    outcome = self._kept(each, next(outcomes))
                each.told(outcome)

    async def _keep(self, new: Sequence[Delivered]) -> list[Kept] | None:
        """The deliveries of a group, durable; None where they could not be kept."""
        try:
            return await self._messages.keep(new) if new else []
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing was kept and every sender is told
            why = type(error).__qualname__
            _log.error("%d messages could not be kept: %s; their senders were told to send again", len(new), why)
            return None

    def _refused(self, waiting: _Waiting, why: str) -> Outcome:
        return Outcome(kept=None, answers=[self.refusal(waiting.feed.feed, waiting.content, why)])

    def _kept(self, waiting: _Waiting, kept: Kept) -> Outcome:
        if kept.is_new:
            self._accept(kept.receipt)
            if waiting.delivered is not None and any(row.apply != "NE" for row in waiting.delivered.messages):
                self._owed[kept.receipt.id] = waiting.told
        elif kept.receipt.id in self._owed:
            # Sent again because its connection broke: what is still owed is answered on the new one.
            self._owed[kept.receipt.id] = waiting.told
        self.reused(waiting.feed.feed, kept.reused)
        rows = waiting.delivered.messages if waiting.delivered is not None else ()
        return Outcome(
            kept=kept,
            answers=kept.answers,
            is_rejected=any(row.code.endswith("R") for row in rows),
            is_batch=any(row.is_batch for row in rows),
        )


class FeedChannel:
    """A feed as the connections of one port bring messages to it."""

    def __init__(self, feed: str, reception: Reception, channels: ChannelLog) -> None:
        self._feed = feed
        self._reception = reception
        self._channels = channels

    def take(
        self, content: bytes, senders: Sequence[tuple[str, str]], answered: Callable[[Sequence[bytes]], None]
    ) -> None:
        """Keep the content of a frame. Without senders anyone may speak."""
        told = _answers_to(answered)
        self._reception.take(self._feed, content, told, senders=frozenset(senders) if senders else None)

    def refuse(self, opening: bytes, fault: str, answered: Callable[[Sequence[bytes]], None]) -> None:
        """Answer a frame of which nothing is kept."""
        self._reception.refuse(self._feed, opening, fault, _answers_to(answered))

    def event(self, kind: str, peer: str, count: int) -> None:
        """Count what went wrong with the framing."""
        self._channels.note(self._feed, kind, peer=peer, size=count)


def _answers_to(answered: Callable[[Sequence[bytes]], None]) -> Callable[[Outcome], None]:
    return lambda outcome: answered(outcome.answers)


def written(at: int) -> str:
    """An instant as an HL7 date and time in UTC."""
    return _second(at // 1_000_000)


@lru_cache(maxsize=64)
def _second(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, tz=UTC).strftime("%Y%m%d%H%M%S+0000")


def _row(found: AnsweredMessage, organisation: str, content: bytes, digest: bytes) -> MessageRow:
    return MessageRow(
        organisation=organisation,
        sender=found.sender,
        control=found.control,
        sha256=digest if found.raw is content else sha256(found.raw).digest(),
        line=found.line,
        stop=found.stop,
        code=found.code,
        fault=found.fault,
        answer=found.answer,
        apply=found.apply,
        is_batch=found.is_batch,
    )
