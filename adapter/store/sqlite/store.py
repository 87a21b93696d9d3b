"""The SQLite store: one writer connection, readers as answers need them; inbox and ledger are files of their own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from adapter.store.clients import ClientEvent
from adapter.store.queries import load
from adapter.store.shapes import NOTHING_SAID, LastWord, QuarantinedRecord, TokenRow, UserEvent, Waiting
from adapter.store.sqlite.alerts import alerts
from adapter.store.sqlite.clearing import LogClearing
from adapter.store.sqlite.connection import connect, migrate, row_of
from adapter.store.sqlite.inbox import SqliteInbox
from adapter.store.sqlite.interning import InternTable, bodies
from adapter.store.sqlite.ledger import SqliteLedger
from adapter.store.sqlite.messages import SqliteMessages
from adapter.store.sqlite.snapshot import SqliteSnapshot
from adapter.store.sqlite.subscriptions import SqliteSubscriptionReads
from adapter.store.sqlite.transaction import SqliteTransaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import apsw

    from adapter.store.alerts import Alert
    from adapter.store.shapes import ResourceWrite, RuleRow

READ, WRITE, ACCESS, GONE = load("read"), load("write"), load("access"), load("gone")
VERSIONS = load("versions")
_TOKEN, _TOKENS = (ACCESS[name].format(grant=ACCESS["grant"]) for name in ("token", "tokens"))
_FILES = ("", "inbox", "ledger")
_USER_EVENT = (
    "kind",
    "user",
    "organisation",
    "name",
    "role",
    "client",
    "agreement",
    "version",
    "text_hash",
    "certified",
    "at",
)


class _View:
    """One read transaction on an idle connection; written out because every answer makes one."""

    __slots__ = ("_idle", "_path", "_reader")

    def __init__(self, idle: list[apsw.Connection], path: Path) -> None:
        self._idle = idle
        self._path = path

    async def __aenter__(self) -> SqliteSnapshot:
        self._reader = self._idle.pop() if self._idle else connect(self._path)
        self._reader.execute("BEGIN")
        return SqliteSnapshot(self._reader)

    async def __aexit__(self, *_: object) -> None:
        self._reader.execute("COMMIT")
        self._idle.append(self._reader)


class SqliteStore(SqliteSubscriptionReads):
    """The store of a site folder.

    ``stamp`` gives version id and head of a new version: (write, instant, number among those of the same of both).
    """

    def __init__(
        self,
        folder: Path,
        *,
        stamp: Callable[[ResourceWrite, int, int], tuple[str, bytes]],
        chain: bytes,
        durable: bool = True,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._stamp = stamp
        self._chain = chain
        # Ids are hashes, so a batch touches pages all over the file: large ones are fewer to write.
        self._writer = connect(folder / "store.sqlite", durable=durable, page_size=8192)
        self._inbox_db = connect(folder / "inbox.sqlite", durable=durable, cache_mb=4)
        # Few rows ever leave the inbox, and what leaves it was received from somebody.
        list(self._inbox_db.execute("PRAGMA secure_delete = ON"))
        self._ledger_db = connect(folder / "ledger.sqlite", durable=durable, cache_mb=4)
        self._path = folder / "store.sqlite"
        self._reader = connect(self._path)
        self._clearing = LogClearing(self._writer, self._path)
        self._interning = InternTable()
        self._ledger: SqliteLedger | None = None
        self._messages: SqliteMessages | None = None
        self._durable = durable
        self._lock = asyncio.Lock()
        self._idle: list[apsw.Connection] = []
        self._told: list[Callable[[], None]] = []

    def on_commit(self, call: Callable[[], None]) -> None:
        self._told.append(call)

    async def migrate(self) -> list[str]:
        connections = (self._writer, self._inbox_db, self._ledger_db)
        return [name for family, db in zip(_FILES, connections, strict=True) for name in migrate(db, family)]

    def inbox(self) -> SqliteInbox:
        """The raw inbox of this site; ``migrate`` first."""
        return SqliteInbox(self._inbox_db)

    def messages(self) -> SqliteMessages:
        """What is known of messages in the inbox of this site; ``migrate`` first."""
        if self._messages is None:
            groups = connect(self._path.with_name("inbox.sqlite"), durable=self._durable, cache_mb=16)
            self._messages = SqliteMessages(self._inbox_db, groups)
        return self._messages

    def ledger(self) -> SqliteLedger:
        """The disclosure ledger of this site, with a chain of this process; ``migrate`` first."""
        self._ledger = self._ledger or SqliteLedger(self._ledger_db, chain=self._chain)
        return self._ledger

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqliteTransaction]:
        async with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                change = SqliteTransaction(self._writer, self._interning, self._stamp)
                yield change
                change.finish()
                self._writer.execute("COMMIT")
            except BaseException:
                self._interning.rolled_back()
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            self._interning.committed()
        for call in self._told:
            call()

    def snapshot(self) -> _View:
        # A view of its own for each answer: a shared one could outlive a revocation.
        return _View(self._idle, self._path)

    async def intern(self, table: str, body: bytes) -> int:
        async with self.transaction() as change:
            return await change.intern(table, body)

    async def interned(self, table: str) -> Mapping[int, bytes]:
        return bodies(self._reader, table)

    async def add_rules(self, rows: Sequence[RuleRow]) -> None:
        async with self.transaction():
            for row in rows:
                if row.rid is None:
                    self._writer.execute(
                        WRITE["put_rule"], (row.context, row.policy, row.segment, row.effect, row.obligation)
                    )
                elif row.version:
                    single = (row.rid, row.version, row.policy, row.context, row.effect, row.obligation)
                    self._writer.execute(VERSIONS["put_version_exception"], single)
                else:
                    self._writer.execute(
                        WRITE["put_exception"], (row.rid, row.policy, row.context, row.effect, row.obligation)
                    )

    async def token(self, digest: bytes) -> TokenRow | None:
        row = self._reader.execute(_TOKEN, (digest,)).fetchone()
        if row is None:
            return None
        return _token_row(*row)

    async def withdrawn(self, client: str, organisation: str, user: str) -> bool:
        row = self._reader.execute(ACCESS["withdrawn"], (client, organisation, user)).fetchone()
        return row is not None and bool(row[0])

    async def tokens(self) -> list[TokenRow]:
        return [_token_row(*row) for row in self._reader.execute(_TOKENS)]

    async def add_token(self, row: TokenRow) -> None:
        async with self.transaction() as change:
            await change.add_token(row)

    async def add_client_token(self, row: TokenRow) -> bool:
        async with self.transaction() as change:
            if await change.client_stopped(row.client):
                return False
            await change.add_token(row)
            return True

    async def spend_assertion(self, digest: bytes, *, expires: int, at: int, tokens_until: int) -> bool:
        async with self.transaction():
            self._writer.execute(ACCESS["forget_assertions"], (at,))
            self._writer.execute(ACCESS["forget_tokens"], (tokens_until,))
            self._writer.execute(ACCESS["spend_assertion"], (digest, expires))
            return bool(self._writer.changes())

    async def client_stopped(self, client: str) -> bool:
        row = self._reader.execute(ACCESS["client_stopped"], (client,)).fetchone()
        return row is not None and bool(row[0])

    async def client_events(self) -> list[ClientEvent]:
        return [
            ClientEvent(client=client, kind=kind, author=author, words=words, at=at)
            for client, kind, author, words, at in self._reader.execute(ACCESS["client_events"])
        ]

    async def user_events(self, user: str | None = None) -> list[UserEvent]:
        return [_user_event(*row) for row in self._reader.execute(ACCESS["user_events"], {"user": user})]

    async def setting(self, name: str) -> bytes | None:
        row = self._writer.execute(READ["setting"], (name,)).fetchone()
        return None if row is None else bytes(row[0])

    async def progress(self, receipt: str) -> tuple[int, bytes, bool] | None:
        row = self._writer.execute(READ["progress"], (receipt,)).fetchone()
        return None if row is None else (row[0], bytes(row[1]), bool(row[2]))

    async def quarantined(self, feed: str | None) -> list[QuarantinedRecord]:
        return [_quarantined(*row) for row in self._writer.execute(READ["quarantined"], {"feed": feed})]

    async def quarantined_of(self, receipt: str) -> list[QuarantinedRecord]:
        return [_quarantined(*row) for row in self._writer.execute(READ["quarantined_of"], (receipt,))]

    async def scrub(self) -> None:
        # Pages that fell free before may hold what they held: the file is written anew without them.
        self._writer.execute("VACUUM")
        for db in (self._writer, self._inbox_db):
            # Pages that other connections still read stay in the log until the next time.
            list(db.execute("PRAGMA wal_checkpoint(TRUNCATE)"))

    async def waiting(self) -> Waiting:
        return Waiting._make(row_of(self._reader.execute(READ["waiting"])))

    async def came_from(self, receipt: str, rids: Iterable[int]) -> int | None:
        bindings = receipt, orjson.dumps(list(rids)).decode()
        (line,) = row_of(self._writer.execute(GONE["came_from"], bindings))
        return None if line is None else int(line)

    async def waits(self, feed: str) -> bool:
        return bool(row_of(self._writer.execute(GONE["waits"], (feed,)))[0])

    async def alerts(self, receipt: str | None = None) -> list[Alert]:
        return alerts(self._writer, receipt)

    async def patients(self) -> list[int]:
        return [row[0] for row in self._writer.execute(READ["patients"])]

    async def counts(self) -> Mapping[str, int]:
        tables = [
            row[0] for row in self._reader.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        ]
        return {name: row_of(self._reader.execute(f"SELECT count(*) FROM {name}"))[0] for name in tables}

    async def close(self) -> None:
        await self._clearing.end()
        if self._messages is not None:
            self._messages.close()
        for db in (*self._idle, self._reader, self._writer, self._inbox_db, self._ledger_db):
            db.close()


def _quarantined(*row: Any) -> QuarantinedRecord:
    names = ("id", "feed", "receipt", "ordinal", "line", "part", "code", "element", "expected", "raw")
    return QuarantinedRecord(**dict(zip(names, row, strict=True)))


@lru_cache(maxsize=1024)
def _token_row(*row: Any) -> TokenRow:
    """The same row read again is the same object; a row that changed is another key."""
    digest, client, organisation, purposes, rights, expires, revoked, user, issued, scopes, said = row
    return TokenRow(
        digest=digest,
        client=client,
        organisation=organisation,
        purposes=tuple(purposes.split()),
        rights=tuple(rights.split()),
        expires=expires,
        revoked=bool(revoked),
        user=user,
        issued=issued,
        scopes=scopes,
        last_word=NOTHING_SAID if said is None else _last_word(*said.split(" ")),
    )


def _last_word(kind: str, at: str, text_hash: str) -> LastWord:
    return LastWord(kind=kind, text_hash=bytes.fromhex(text_hash), at=int(at))


def _user_event(*row: Any) -> UserEvent:
    found = dict(zip(_USER_EVENT, row, strict=True))
    return UserEvent(**found | {"certified": tuple(found["certified"].split())})
