"""Messages beside the raw inbox, in SQLite: a group of deliveries is one commit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from adapter.store.messages import ChannelEvent, Kept, MessageRow
from adapter.store.queries import load
from adapter.store.sqlite.inbox import CHUNK, receipt_of
from adapter.store.sqlite.inbox import SQL as INBOX

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

    from adapter.store.messages import Delivered
    from adapter.store.shapes import Receipt

SQL = load("messages")


class SqliteMessages:
    """The messages of one inbox file, on the connection of that inbox."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection

    def keep(self, group: Sequence[Delivered]) -> list[Kept]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            kept = [self._kept(delivered) for delivered in group]
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        return kept

    def _kept(self, delivered: Delivered) -> Kept:
        receipt, first = delivered.receipt, delivered.messages[0]
        key = (receipt.feed, first.control, first.sender, first.sha256)
        row = self._db.execute(SQL["known"], key).fetchone()
        if row is not None:
            return self._known(*row)
        values = (receipt.id, receipt.feed, receipt.name, receipt.size, receipt.sha256, receipt.received)
        self._db.execute(SQL["keep"], values)
        kept = replace(receipt, seq=self._db.last_insert_rowid())
        for number, start in enumerate(range(0, len(delivered.content), CHUNK)):
            self._db.execute(SQL["add"], (receipt.id, number, delivered.content[start : start + CHUNK]))
        answers, reused = self._put(receipt, delivered.messages)
        return Kept(receipt=kept, is_new=True, answers=answers, reused=reused)

    def _put(self, receipt: Receipt, messages: Sequence[MessageRow]) -> tuple[tuple[bytes, ...], int]:
        answers: list[bytes] = []
        reuses = 0
        for message in messages:
            own = (receipt.feed, message.control, message.sender)
            seen = self._db.execute(SQL["control_known"], own).fetchone() is not None
            row = self._db.execute(SQL["known"], (*own, message.sha256)).fetchone() if seen else None
            if row is not None:
                # A message of this batch that had come before: it is answered as it was then.
                self._db.execute(SQL["repeat"], (receipt.id, message.line, message.stop))
                answers += _told(row[1], row[2])
                continue
            reused = seen and bool(message.control) and not message.is_batch
            reuses += reused
            self._db.execute(SQL["put"], _columns(receipt, message, reused=reused))
            answers += _told(message.answer, None)
        return tuple(answers), reuses

    def _known(self, receipt: str, answer: bytes, applied: bytes | None, batch: int) -> Kept:
        found = self._db.execute(INBOX["by_id"], (receipt,)).fetchone()
        told = _told(answer, applied)
        if batch and not told:
            told = [each for row in self._db.execute(SQL["answers"], (receipt,)) for each in _told(*row)]
        return Kept(receipt=receipt_of(found or ()), is_new=False, answers=tuple(told))

    def index(self, receipt: Receipt, messages: Sequence[MessageRow]) -> None:
        with self._db:
            self._put(receipt, messages)

    def is_indexed(self, receipt: str) -> bool:
        return self._db.execute(SQL["indexed"], (receipt,)).fetchone() is not None

    def of_control(self, feed: str, control: str, organisation: str | None) -> list[MessageRow]:
        asked = {"feed": feed, "control": control, "organisation": organisation}
        return [_row(row) for row in self._db.execute(SQL["of_control"], asked)][::-1]

    def of_receipt(self, receipt: str) -> list[MessageRow]:
        return [_row(row) for row in self._db.execute(SQL["of_receipt"], (receipt,))]

    def applied(self, receipt: str, line: int, answer: bytes) -> None:
        self._db.execute(SQL["applied"], (answer, receipt, line))

    def note(self, events: Sequence[ChannelEvent]) -> None:
        rows = [(each.feed, each.day, each.peer, each.kind, each.times, each.size, each.last) for each in events]
        with self._db:
            self._db.executemany(SQL["note"], rows)

    def events(self, feed: str | None = None) -> list[ChannelEvent]:
        names = ("feed", "day", "peer", "kind", "times", "size", "last")
        found = self._db.execute(SQL["events"], {"feed": feed})
        return [ChannelEvent(**dict(zip(names, row, strict=True))) for row in found]


def _told(answer: bytes, applied: bytes | None) -> list[bytes]:
    return [each for each in (answer, applied) if each]


def _columns(receipt: Receipt, message: MessageRow, *, reused: bool) -> tuple[Any, ...]:
    return (
        receipt.feed,
        message.organisation,
        message.sender,
        message.control,
        message.sha256,
        receipt.id,
        message.line,
        message.stop,
        message.is_batch,
        message.code,
        message.fault,
        reused,
        message.answer,
        message.apply,
    )


def _row(row: tuple[Any, ...]) -> MessageRow:
    organisation, sender, control, sha256, line, stop, code, fault, answer, apply, batch, receipt, reused, applied = row
    return MessageRow(
        organisation=organisation,
        sender=sender,
        control=control,
        sha256=sha256,
        line=line,
        stop=stop,
        code=code,
        fault=fault,
        answer=answer,
        apply=apply,
        is_batch=bool(batch),
        receipt=receipt,
        reused=bool(reused),
        applied=applied,
    )
