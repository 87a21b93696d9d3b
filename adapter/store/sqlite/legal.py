"""What people recorded, inside a SQLite transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from adapter.store.queries import load
from adapter.store.shapes import LegalAct, LegalFact

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import apsw

    from adapter.store.shapes import IdentityFacts, Revoked
    from adapter.store.sqlite.identity import IdentityWriter

SQL = load("legal")
_FACT = ("id", "patient", "kind", "start", "stop", "fact", "evidence", "author", "recorded", "request")
_ACT = ("fact", "act", "author", "at", "words")


def facts_of(rows: Iterable[tuple[object, ...]]) -> list[LegalFact]:
    """Recorded facts from rows of their columns."""
    return [LegalFact(**dict(zip(_FACT, row, strict=True))) for row in rows]  # type: ignore[arg-type]


class SqliteLegalRecords:
    """The part of a transaction that is about recorded facts; see `adapter.store.legal`."""

    _db: apsw.Connection
    _identities: IdentityWriter

    async def record(self, fact: LegalFact) -> None:
        self._db.execute(SQL["put_legal_fact"], tuple(getattr(fact, name) for name in _FACT))

    async def recorded_fact(self, ident: str) -> LegalFact | None:
        found = facts_of(self._db.execute(SQL["legal_fact"], (ident,)))
        return found[0] if found else None

    async def end_recorded(self, ident: str, *, at: int) -> bool:
        self._db.execute(SQL["end_legal_fact"], (ident, at))
        return bool(self._db.changes())

    async def recorded_kinds(self, kinds: Collection[str]) -> list[LegalFact]:
        return [
            one for kind in sorted(kinds) for one in facts_of(self._db.execute(SQL["legal_facts_of_kind"], (kind,)))
        ]

    async def having_recorded(self, kind: str, *, at: int) -> set[int]:
        return {row[0] for row in self._db.execute(SQL["recorded_kind"], (kind, at))}

    async def recordings(self, author: str, *, since: int) -> int:
        (row,) = self._db.execute(SQL["recordings"], (author, since))
        return int(row[0])

    async def add_act(self, act: LegalAct) -> None:
        self._db.execute(SQL["put_legal_act"], tuple(getattr(act, name) for name in _ACT))

    async def acts(self, fact: str) -> list[LegalAct]:
        rows = self._db.execute(SQL["legal_acts_of"], (fact,))
        return [LegalAct(**dict(zip(_ACT, row, strict=True))) for row in rows]

    async def await_person(self, person: IdentityFacts) -> None:
        known = orjson.dumps(dict(person.facts), option=orjson.OPT_SORT_KEYS)
        self._db.execute(SQL["put_awaited"], (person.patient, known))
        self._db.executemany(SQL["put_awaited_key"], [(key, person.patient) for key in person.keys])

    async def sharing(self, person: int) -> list[int]:
        self._identities.flush()
        return [row[0] for row in self._db.execute(SQL["sharing"], (person,))]

    async def revoke(self, revoked: Revoked) -> None:
        bindings = (revoked.feed, revoked.submission, revoked.person, revoked.body, revoked.author, revoked.at)
        self._db.execute(SQL["put_revocation"], bindings)

    async def revocations(self, feed: str) -> Mapping[tuple[str, str], list[bytes]]:
        found: dict[tuple[str, str], list[bytes]] = {}
        for submission, person, body in self._db.execute(SQL["revocations"], (feed,)):
            found.setdefault((submission, person), []).append(bytes(body))
        return found
