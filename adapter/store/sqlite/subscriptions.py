"""Subscriptions in SQLite; see `adapter.store.subscriptions`."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import orjson

from adapter.store.queries import load
from adapter.store.sqlite.connection import row_of
from adapter.store.sqlite.person import SqlitePeople
from adapter.store.subscriptions import ALL, Backlog, EventRow, Known, Stirred, SubscriptionRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import apsw

    from adapter.store.subscriptions import NewEvent, Share

_COLUMNS = tuple(field.name for field in fields(SubscriptionRow))
_SHAPE = {
    "columns": ", ".join(_COLUMNS),
    "values": ", ".join(f":{name}" for name in _COLUMNS),
    "changes": ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "id"),
}
_SQL = load("subscriptions")
SQL = _SQL | {name: _SQL[name].format(**_SHAPE) for name in ("put_subscription", "subscriptions", "claim")}


def _row(*row: Any) -> SubscriptionRow:
    found = dict(zip(_COLUMNS, row, strict=True))
    return SubscriptionRow(**found | {"rights": tuple(found["rights"].split())})


def _listed(keys: Iterable[int]) -> str:
    return orjson.dumps(sorted(keys)).decode()


class SqliteSubscriptionRecords(SqlitePeople):
    """The part of a change that is about subscriptions."""

    _db: apsw.Connection

    def stir_now(self, patients: Collection[int]) -> None:
        """Mark patients to be looked at, if anybody has subscribed to anything."""
        if patients and row_of(self._db.execute(SQL["any"]))[0]:
            self._db.execute(SQL["stir"], (_listed(patients),))

    async def stir(self, patients: Iterable[int]) -> None:
        self.stir_now(set(patients))

    def patients_of(self, rids: Iterable[int]) -> set[int]:
        """Whose records these are."""
        return {patient for (patient,) in self._db.execute(SQL["patients_of"], (_listed(rids),))}

    async def claim_stirred(self, *, at: int, lease: int, most: int) -> list[Stirred]:
        due = {patient for (patient,) in self._db.execute(SQL["due_boundaries"], (at,))}
        if due:
            self.stir_now({member for person in await self.persons(due) for member in person})
        bindings = {"at": at, "lease": lease, "most": most}
        return sorted(Stirred(*row) for row in self._db.execute(SQL["claim_stirred"], bindings))

    async def renew_stirred(self, lease: int, until: int) -> None:
        self._db.execute(SQL["renew_stirred"], (lease, until))

    async def settle_stirred(self, looked: Sequence[Stirred], *, lease: int) -> set[int]:
        held = set()
        for one in looked:
            self._db.execute(SQL["settle_stirred"], (one.patient, one.marks, lease))
            if not self._db.changes():
                self._db.execute(SQL["free_stirred"], (one.patient, lease))
            if self._db.changes():
                held.add(one.patient)
        return held

    async def put_subscription(self, row: SubscriptionRow) -> None:
        values = {name: getattr(row, name) for name in _COLUMNS}
        self._db.execute(SQL["put_subscription"], values | {"rights": " ".join(row.rights)})

    async def drop_subscription(self, ident: str) -> None:
        for statement in ("drop_subscription", "drop_known_of", "drop_events_of"):
            self._db.execute(SQL[statement], (ident,))

    async def sweep_step(self, row: SubscriptionRow, *, until: int | None, at: int) -> bool:
        bindings = {"id": row.id, "sweep": row.sweep, "looks": row.looks, "until": until, "at": at}
        self._db.execute(SQL["sweep_step"], bindings)
        return bool(self._db.changes())

    async def sweeping(self, subscriptions: Collection[str]) -> dict[str, int]:
        return dict(self._db.execute(SQL["sweeping"], (orjson.dumps(sorted(subscriptions)).decode(),)))

    async def passed_over(self, subscriptions: Collection[str]) -> None:
        self._db.executemany(SQL["passed_over"], [(ident,) for ident in sorted(subscriptions)])

    async def known(self, patients: Iterable[int]) -> list[tuple[str, Known]]:
        rows = self._db.execute(SQL["known"], (_listed(patients),))
        return [
            (one, Known(rid, patient, name, key, bool(sent), via)) for one, rid, patient, name, key, sent, via in rows
        ]

    async def learn(self, subscription: str, rows: Iterable[Known]) -> None:
        self._db.executemany(SQL["learn"], [(subscription, *row[:4], int(row.sent), row.via) for row in rows])

    async def forget(self, subscription: str, rids: Collection[int]) -> None:
        for statement in ("forget", "drop_unsent"):
            self._db.executemany(SQL[statement], [(subscription, rid) for rid in rids])

    async def add_events(self, subscription: str, events: Sequence[NewEvent]) -> None:
        self._db.executemany(SQL["add_event"], [(subscription, *event) for event in events])
        if events:
            self._db.execute(SQL["wake"], (subscription, max(event.at for event in events)))

    async def claim_subscriptions(self, *, at: int, lease: int, most: int, share: Share = ALL) -> list[SubscriptionRow]:
        limits = {"sending": orjson.dumps(share.sending).decode(), "each": share.each, "ailing": share.ailing}
        bindings = {"at": at, "lease": lease, "most": most} | limits
        return [_row(*row) for row in self._db.execute(SQL["claim"], bindings)]

    async def renew(self, held: Sequence[tuple[str, int]], *, until: int) -> set[str]:
        kept = set()
        for ident, lease in held:
            self._db.execute(SQL["renew"], (until, ident, lease))
            if self._db.changes():
                kept.add(ident)
        return kept

    async def holds(self, ident: str, *, revision: int, lease: int) -> bool:
        return self._db.execute(SQL["holds"], (ident, revision, lease)).fetchone() is not None

    async def release(self, row: SubscriptionRow, *, due: int, lease: int | None = None, keep: bool = False) -> None:
        names = ("id", "revision", "status", "reason", "attempts", "failing", "spoke", "updated")
        held = {"lease": row.lease if lease is None else lease, "due": due, "keep": keep}
        self._db.execute(SQL["release"], {name: getattr(row, name) for name in names} | held)

    async def number_events(self, subscription: str, seqs: Sequence[int]) -> int:
        (last,) = row_of(self._db.execute(SQL["last_number"], (subscription,)))
        for seq in seqs:
            for rid, notice in self._db.execute(SQL["number_event"], (last + 1, seq)).fetchall():
                last += 1
                if notice == "event":
                    self._db.execute(SQL["mark_sent"], (subscription, rid))
        self._db.execute(SQL["set_events"], (last, subscription))
        return int(last)

    async def drop_unnumbered(self, subscription: str) -> None:
        self._db.execute(SQL["drop_unnumbered"], (subscription,))

    async def drop_events(self, seqs: Collection[int]) -> None:
        self._db.executemany(SQL["drop_event"], [(seq,) for seq in seqs])

    async def accepted(self, subscription: str, seqs: Collection[int], *, at: int) -> None:
        self._db.executemany(SQL["accept"], [(at, subscription, seq) for seq in seqs])

    async def give_up(self, subscription: str, seqs: Collection[int] | None = None, *, at: int) -> int:
        listed = None if seqs is None else _listed(seqs)
        self._db.execute(SQL["give_up"], {"subscription": subscription, "at": at, "seqs": listed})
        return int(self._db.changes())

    async def revive(self, subscription: str) -> int:
        self._db.execute(SQL["revive"], (subscription,))
        return int(self._db.changes())

    async def forget_accepted(self, *, before: int) -> None:
        self._db.execute(SQL["forget_accepted"], (before,))


class SqliteSubscriptionReads:
    """What the store tells of subscriptions outside of changes."""

    _reader: apsw.Connection

    def version(self) -> int:
        return int(row_of(self._reader.execute("PRAGMA data_version"))[0])

    async def subscriptions(self) -> list[SubscriptionRow]:
        return [_row(*row) for row in self._reader.execute(SQL["subscriptions"], {"id": None})]

    async def live_subscriptions(self) -> list[tuple[str, int, bool]]:
        return [(ident, revision, bool(learns)) for ident, revision, learns in self._reader.execute(SQL["live"])]

    async def subscription(self, ident: str) -> SubscriptionRow | None:
        row = self._reader.execute(SQL["subscriptions"], {"id": ident}).fetchone()
        return None if row is None else _row(*row)

    async def stirring(self, *, at: int) -> bool:
        return bool(row_of(self._reader.execute(SQL["stirring"], {"at": at}))[0])

    async def anything_due(self, *, at: int) -> bool:
        return bool(row_of(self._reader.execute(SQL["anything_due"], {"at": at}))[0])

    async def waiting_events(self, subscription: str, most: int) -> list[EventRow]:
        return [EventRow._make(row) for row in self._reader.execute(SQL["waiting"], (subscription, most))]

    async def told_events(self, subscription: str, low: int, high: int) -> list[EventRow]:
        return [EventRow._make(row) for row in self._reader.execute(SQL["told"], (subscription, low, high))]

    async def backlogs(self) -> Mapping[str, Backlog]:
        return {ident: Backlog(*counts) for ident, *counts in self._reader.execute(SQL["backlogs"])}

    async def bounds_between(self, after: int, until: int) -> bool:
        return bool(row_of(self._reader.execute(SQL["bounds_between"], (after, until)))[0])

    async def stale(self, at: int) -> list[int]:
        return sorted(number for (number,) in self._reader.execute(SQL["stale"], (at,)))

    async def patients_after(self, after: int, most: int) -> list[int]:
        return [patient for (patient,) in self._reader.execute(SQL["patients_after"], (after, most))]

    async def not_there(self, rids: Collection[int]) -> set[int]:
        return {rid for (rid,) in self._reader.execute(SQL["gone"], (_listed(rids),))}
