"""Messages beside the raw inbox, in SQLite: a group of deliveries is one commit."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from adapter.store.messages import ChannelEvent, Kept, MessageRow
from adapter.store.queries import load
from adapter.store.sqlite.connection import row_of
from adapter.store.sqlite.inbox import CHUNK, receipt_of
from adapter.store.sqlite.inbox import SQL as INBOX

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

    from adapter.store.messages import Delivered
    from adapter.store.shapes import Receipt

SQL = load("messages")
_LAST, _KNOWN, _CONTROL_KNOWN, _KEEP, _ADD, _PUT = (
    SQL[name] for name in ("last", "known", "control_known", "keep", "add", "put")
)


class SqliteMessages:
    """The messages of one inbox file.

    Groups are written on a connection of their own, and their commits wait for the disk in a thread of their own: on
    the loop that would hold up every answer for as long as the disk takes. Rows are put in on the loop, where that is
    some microseconds and no thread has to wait for its turn to run.
    """

    def __init__(self, connection: apsw.Connection, groups: apsw.Connection) -> None:
        self._db = connection
        self._groups = groups
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inbox")

    async def keep(self, group: Sequence[Delivered]) -> list[Kept]:
        db = self._groups
        db.execute("BEGIN IMMEDIATE")
        try:
            rows = _Rows(db)
            kept = [rows.add(delivered) for delivered in group]
            rows.write()
            # Shielded: a caller that goes away must not leave a commit behind that the next group runs into.
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, db.execute, "COMMIT"))
        except Exception:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return kept

    def close(self) -> None:
        """Wait for a commit that is on its way, and release the file."""
        self._thread.shutdown()
        self._groups.close()

    def index(self, receipt: Receipt, messages: Sequence[MessageRow]) -> int:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            rows = _Rows(self._db)
            _, reused = rows.put(receipt, messages)
            rows.write()
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        return reused

    def is_indexed(self, receipt: str) -> bool:
        return self._db.execute(SQL["indexed"], (receipt,)).fetchone() is not None

    def of_control(self, feed: str, control: str, organisation: str | None) -> list[MessageRow]:
        asked = {"feed": feed, "control": control, "organisation": organisation}
        return [_row(row) for row in self._db.execute(SQL["of_control"], asked)][::-1]

    def of_receipt(self, receipt: str) -> list[MessageRow]:
        return [_row(row) for row in self._db.execute(SQL["of_receipt"], (receipt,))]

    def applied(self, receipt: str, line: int, answer: bytes) -> None:
        self._db.execute(SQL["applied"], (answer, receipt, line))

    def is_watched(self, feed: str, place: str, name: str, size: int, modified: int) -> bool:
        return self._db.execute(SQL["is_watched"], (feed, place, name, size, modified)).fetchone() is not None

    def watched(self, feed: str, place: str, name: str, size: int, modified: int, *, receipt: str) -> None:
        self._db.execute(SQL["watched"], (feed, place, name, size, modified, receipt))

    def note(self, events: Sequence[ChannelEvent]) -> None:
        rows = [(each.feed, each.day, each.peer, each.kind, each.times, each.size, each.last) for each in events]
        with self._db:
            self._db.executemany(SQL["note"], rows)

    def events(self, feed: str | None = None) -> list[ChannelEvent]:
        names = ("feed", "day", "peer", "kind", "times", "size", "last")
        found = self._db.execute(SQL["events"], {"feed": feed})
        return [ChannelEvent(**dict(zip(names, row, strict=True))) for row in found]


class _Rows:
    """What a transaction is about to put in: rows of a kind together, which is several times faster than one by one."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._last: int = row_of(db.execute(_LAST))[0]
        self._receipts: list[tuple[Any, ...]] = []
        self._chunks: list[tuple[Any, ...]] = []
        self._messages: list[tuple[Any, ...]] = []
        self._repeats: list[tuple[Any, ...]] = []
        self._new: dict[tuple[str, str, str], dict[bytes, tuple[Receipt, MessageRow]]] = {}

    def add(self, delivered: Delivered) -> Kept:
        """One delivery; what it is kept as."""
        first = delivered.messages[0]
        known = self._known((delivered.receipt.feed, first.control, first.sender), first.sha256)
        if known is not None:
            receipt, answers = known
            return Kept(receipt=receipt, is_new=False, answers=answers)
        self._last += 1
        found = delivered.receipt
        values = (found.id, found.feed, found.name, found.size, found.sha256, found.received, self._last)
        self._receipts.append(values)
        content = delivered.content
        self._chunks += [
            (found.id, number, content[start : start + CHUNK])
            for number, start in enumerate(range(0, len(content), CHUNK))
        ]
        receipt = receipt_of(values)
        answers, reused = self.put(receipt, delivered.messages)
        return Kept(receipt=receipt, is_new=True, answers=answers, reused=reused)

    def put(self, receipt: Receipt, messages: Sequence[MessageRow]) -> tuple[tuple[bytes, ...], int]:
        """The messages of a receipt; their answers, and how many control ids were used before."""
        answers: list[bytes] = []
        reuses = 0
        for message in messages:
            own = (receipt.feed, message.control, message.sender)
            seen = own in self._new or self._db.execute(_CONTROL_KNOWN, own).fetchone() is not None
            known = self._known(own, message.sha256) if seen else None
            if known is not None:
                # A message of this batch that had come before: it is answered as it was then.
                self._repeats.append((receipt.id, message.line, message.stop))
                answers += known[1]
                continue
            reused = seen and bool(message.control) and not message.is_batch
            reuses += reused
            self._messages.append(_columns(receipt, message, reused=reused))
            self._new.setdefault(own, {})[message.sha256] = (receipt, message)
            answers += _told(message.answer, None)
        return tuple(answers), reuses

    def _known(self, own: tuple[str, str, str], sha256: bytes) -> tuple[Receipt, tuple[bytes, ...]] | None:
        """The receipt and the answers of a message that came before, in this group or earlier."""
        here = self._new.get(own, {}).get(sha256)
        if here is not None:
            self.write()
        row = self._db.execute(_KNOWN, (*own, sha256)).fetchone()
        if row is None:
            return None
        ident, answer, applied, batch = row
        receipt = receipt_of(row_of(self._db.execute(INBOX["by_id"], (ident,))))
        told = _told(answer, applied)
        if batch and not told:
            told = [each for row in self._db.execute(SQL["answers"], (ident,)) for each in _told(*row)]
        return receipt, tuple(told)

    def write(self) -> None:
        """Put in everything so far."""
        for statement, rows in (
            (_KEEP, self._receipts),
            (_ADD, self._chunks),
            (_PUT, self._messages),
            (SQL["repeat"], self._repeats),
        ):
            if rows:
                self._db.executemany(statement, rows)
                rows.clear()


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
