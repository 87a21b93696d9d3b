"""What became of messages, for their senders alone: acknowledged how, brought in or not, and where what waits stands.

A sender asks by its own control id. Messages of others are none to it: an id it never used and one that only somebody
else used are the same answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from adapter.fhir.instants import instant_text
from adapter.services.reception import AT_ONCE, CONTROL_ID, Outcome, written
from adapter.source import AnswerOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapter.services.reception import MessageFeed, Reception
    from adapter.store.messages import MessageRow, Messages
    from adapter.store.port import Inbox, Store
    from adapter.store.shapes import QuarantinedRecord, Receipt

ACCEPTED, ERROR = "AA", "AE"
INDEXED: Final = 64_000_000
"""Bytes of the largest file whose messages can be asked for one by one."""
_WANTED: Final = {"NE": frozenset[str](), "ER": frozenset({ERROR}), "SU": frozenset({ACCEPTED})}


def told_of(record: QuarantinedRecord) -> dict[str, Any]:
    """Where a record waits and why, without anything of it."""
    return {name: getattr(record, name) for name in ("line", "part", "code", "element", "expected")}


class Fates:
    """Follows messages from their receipt into the store."""

    def __init__(
        self,
        *,
        store: Store,
        inbox: Inbox,
        messages: Messages,
        reception: Reception,
        feeds: Mapping[str, MessageFeed],
        clock: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._messages = messages
        self._reception = reception
        self._feeds = feeds
        self._clock = clock
        self._new_id = new_id

    async def told(self, feed: str, control: str, organisation: str) -> dict[str, Any]:
        """The messages with a control id that an organisation (reference) delivered.

        The organisation that sends the feed sees all of it, whoever delivers them.
        """
        line = self._feeds.get(feed)
        found: list[MessageRow] = []
        if line is not None and control:
            only = None if organisation == line.organisation else organisation
            # A control id is bytes to us; the sender asks for it as text.
            for asked in dict.fromkeys((control, control.encode().decode("latin-1"))):
                found += self._messages.of_control(feed, asked, only)
        told = [await self._told(row) for row in found]
        return {"feed": feed, "control_id": control, "messages": [each for each in told if each is not None]}

    async def _told(self, row: MessageRow) -> dict[str, Any] | None:
        receipt = await self._inbox.receipt(row.receipt)
        if receipt is None:
            return None
        state, waiting = await self._state(row)
        return {
            "receipt": receipt.id,
            "report": f"/feeds/{receipt.feed}/receipts/{receipt.id}",
            "received": instant_text(receipt.received),
            "sha256": row.sha256.hex(),
            "line": row.line,
            "acknowledged": row.code,
            "fault": row.fault,
            "state": state,
            "waiting": [told_of(record) for record in waiting],
            "warnings": ["control-id-reused"] if row.reused else [],
        }

    async def _state(self, row: MessageRow) -> tuple[str, list[QuarantinedRecord]]:
        """Whether a message was brought in, and what of it waits."""
        progress = await self._store.progress(row.receipt)
        here = [
            record
            for record in await self._store.quarantined_of(row.receipt)
            if row.is_batch or row.line <= record.line < row.stop
        ]
        if progress is None or not progress[2]:
            return "received", here
        return ("quarantined" if here else "processed"), here

    async def prepare(self, receipt: Receipt) -> None:
        """Remember the messages of a receipt that came as a file, before it is brought in."""
        if receipt.feed not in self._feeds or receipt.size > INDEXED or self._messages.is_indexed(receipt.id):
            return
        with self._inbox.open(receipt.id).stream as stream:
            content = stream.read()
        if receipt.size <= AT_ONCE:
            rows = self._reception.rows(receipt, content)
        else:
            rows = await asyncio.to_thread(self._reception.rows, receipt, content)
        self._reception.reused(receipt.feed, self._messages.index(receipt, rows))

    async def settle(self, receipt: Receipt) -> None:
        """Give the application acknowledgements that were asked for, now that a receipt was brought in."""
        line = self._feeds.get(receipt.feed)
        if line is None:
            return
        owed = [row for row in self._messages.of_receipt(receipt.id) if row.apply != "NE" and row.applied is None]
        if not owed:
            return
        with self._inbox.open(receipt.id).stream as stream:
            content = stream.read()
        raw = {each.line: each.raw for each in line.answering.answered(content, AnswerOptions()) if not each.is_batch}
        answers = []
        for row in owed:
            _, waiting = await self._state(row)
            code = ERROR if waiting else ACCEPTED
            if code not in _WANTED.get(row.apply, {code}) or row.line not in raw:
                continue
            options = AnswerOptions(at=written(self._clock()), control=self._new_id()[:CONTROL_ID])
            answer = line.answering.applied(raw[row.line], code, options)
            self._messages.applied(receipt.id, row.line, answer)
            answers.append(answer)
        self._reception.tell_later(receipt.id, Outcome(kept=None, answers=answers))
