"""Alerts and the outbox in SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from adapter.store.alerts import ALERTS, Alert, OutboxEntry
from adapter.store.queries import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

SQL, WRITE = load("alerts"), load("write")


class SqliteAlertRecords:
    """The part of a change that is about alerts and the outbox."""

    _db: apsw.Connection

    async def raise_alerts(self, alerts: Sequence[Alert], *, at: int) -> None:
        for alert in alerts:
            self._db.execute(SQL["put_alert"], (alert.receipt, alert.ordinal, alert.feed, alert.line, alert.part, at))
            if self._db.changes():
                body = orjson.dumps({"receipt": alert.receipt, "ordinal": alert.ordinal})
                self._db.execute(WRITE["enqueue"], (ALERTS, at, body))

    async def told_alerts(self, alerts: Sequence[Alert], *, at: int) -> None:
        self._db.executemany(SQL["told"], [(at, alert.receipt, alert.ordinal) for alert in alerts])

    async def claim(self, channel: str, *, at: int, lease: int, most: int) -> list[OutboxEntry]:
        bindings = {"channel": channel, "at": at, "lease": lease, "most": most}
        return sorted(OutboxEntry(*row) for row in self._db.execute(SQL["claim"], bindings))

    async def settle(self, entries: Sequence[OutboxEntry]) -> None:
        self._db.executemany(SQL["settle"], [(entry.seq,) for entry in entries])


def alerts(db: apsw.Connection, receipt: str | None) -> list[Alert]:
    """The alerts of a receipt, or all."""
    return [
        Alert(feed=feed, receipt=of, ordinal=ordinal, line=line, part=part, since=since, told=told, waits=bool(waits))
        for feed, of, ordinal, line, part, since, told, waits in db.execute(SQL["alerts"], {"receipt": receipt})
    ]
