"""Records that a court seals or orders destroyed: out of every answer with the next request, and gone where it says so.

A sealed record stays where it is, in no index and under a segment that nobody is allowed; what its source sends of it
joins it there. Destruction takes two: whoever asks for it seals with that, and somebody else confirms. Then the record,
its versions and its index rows are deleted, and its raw bytes in the inbox are written over. What stays is free of
content: its keyed names, so that an accounting still says that something was disclosed, and who destroyed it and why.

Consents are neither sealed nor destroyed: they decide what may be released, and the law has them kept for six years.

45 CFR 164.508(b)(6), 164.530(j); sealing and expunction are law of the state.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson

from adapter.consent.segment import Segment
from adapter.errors import Conflict, NotFound, RequestError, SallyportError
from adapter.fhir.codec import parse
from adapter.fhir.search import index_rows
from adapter.fhir.served import Parts, join
from adapter.services.authorities import Author
from adapter.services.write import STAMPED, content_digest, unstamped
from adapter.store.sealing import SEALED, SealingRow
from adapter.store.shapes import ResourceWrite, ScreeningPlace, row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from zoneinfo import ZoneInfo

    from adapter.services.decisions import Decisions
    from adapter.services.erasing import Erasing
    from adapter.services.in_force import InForce
    from adapter.services.keys import SiteKeys
    from adapter.store.port import Ledger, Store, Transaction
    from adapter.store.sealing import SealedRecord

_log = logging.getLogger(__name__)
SEAL: Final = "seal"
EXPUNGE: Final = "expunge"
DESTROYED: Final = "destroy"
OPENED: Final = "unseal"
_NOTHING_HELD: Final = "nothing is held under this name; give Type/id, or FEED:NUMBER for all a feed holds of a person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A sealing and how many records are under it."""

    row: SealingRow
    records: int


class Sealing:
    """The one way to take records out of every answer."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        *,
        decisions: Decisions,
        in_force: InForce,
        erasing: Erasing,
        keys: SiteKeys,
        zone: ZoneInfo,
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._decisions = decisions
        self._in_force = in_force
        self._erasing = erasing
        self._keys = keys
        self._zone = zone
        self._clock = clock

    async def seal(self, what: str, by: Author, *, authority: str, words: str = "", expunge: bool = False) -> Sealed:
        """Seal a record (``Type/id``), or a Patient with all its records; ``expunge`` asks that it be destroyed too.

        It holds for the next request when this returns. ``RequestError`` for a Consent, for what is not held and for
        what is sealed already.
        """
        if not authority.strip():
            raise RequestError("say under which order or statute: --authority", expression="authority")
        at, kind = self._clock(), EXPUNGE if expunge else SEAL
        ident = self._keys.resource_id("sealing", kind, what, by.request)
        row = SealingRow(ident, what, kind, authority, words, by.name, at)
        nobody = {name: await self._decisions.segment_number(nobodys(name)) for name in sorted(await self._types(what))}
        async with self._store.transaction() as change:
            rids = await change.belonging(row_key(*_named(what)))
            async with self._store.snapshot() as view:
                rows = await view.rows(rids)
            await change.add_sealing(row)
            count = await change.set_apart(ident, {one.rid: nobody[one.type] for one in rows})
            if not count:
                raise Conflict("it is sealed already; `sallyport record sealed` lists what is", expression="record")
            await self._in_force.refresh(change, {one.patient for one in rows}, at=at)
            await self._ledger.append(by.entry(kind, f"{what} {ident}", at=at))
        return Sealed(row=row, records=count)

    async def _types(self, what: str) -> set[str]:
        """The types of what belongs to a record. ``RequestError`` where something among it stays open by law."""
        async with self._store.transaction() as change:
            rids = await change.belonging(row_key(*_named(what)))
        async with self._store.snapshot() as view:
            rows = await view.rows(rids)
        if not rows:
            raise RequestError(_NOTHING_HELD, expression="record")
        if kept := {one.type for one in rows if one.type == "Consent" or not one.patient}:
            raise RequestError(
                f"it holds {' and '.join(sorted(kept))} resources, which are neither sealed nor destroyed: "
                "Consents decide what may be released, and 45 CFR 164.530(j) has them kept for six years; the "
                "directory is public",
                expression="record",
            )
        return {one.type for one in rows}

    async def confirm(self, ident: str, by: Author) -> Sealed:
        """Destroy what somebody else asked to have destroyed; repeated, it finishes what was cut short.

        ``RequestError`` for whoever asked for it, ``NotFound`` if nobody did.
        """
        at = self._clock()
        async with self._store.transaction() as change:
            row = await self._known(change, ident)
            if row.kind != EXPUNGE:
                raise RequestError("it is sealed, and nobody asked that it be destroyed", expression="id")
            if same(row.author) == same(by.name):
                raise RequestError("somebody else has to confirm it than who asked for it", expression="by")
            members = await change.members(ident)
            left = [one.rid for one in members if one.state == SEALED]
            if left:
                patients = {one.patient for one in members}
                touched = await change.destroy(left)
                await change.end_sealing(ident, second=by.name, at=at)
                await self._in_force.refresh(change, touched | (patients - set(left)), at=at)
                await self._ledger.append(by.entry(DESTROYED, f"{row.what} {ident}", at=at))
        if await self._erasing.run() or left:
            await self._store.scrub()
        # Last, because the keys may not be there: then it is said, and they are destroyed once they are.
        await self._erasing.shredding.run()
        return Sealed(row=row, records=len(members))

    async def open(self, ident: str, by: Author, *, because: str) -> Sealed:
        """Open a seal: its records are in answers again with the next request, under today's rules."""
        at = self._clock()
        async with self._store.transaction() as change:
            row = await self._known(change, ident)
            members = [one for one in await change.members(ident) if one.state == SEALED]
            if row.ended is not None or not members:
                raise Conflict("it was opened or destroyed already", expression="id")
            async with self._store.snapshot() as view:
                stored = {one.rid: one for one in await view.rows([one.rid for one in members])}
            for one in members:
                await change.let_back(one.rid)
                await change.put([self._again(one, stored[one.rid].head, stored[one.rid].tail)], at=at, origin=None)
            await change.end_sealing(ident, second=by.name, at=at)
            await self._in_force.refresh(change, {one.patient for one in members}, at=at)
            await self._ledger.append(by.entry(OPENED, f"{row.what} {ident} {because}".rstrip(), at=at))
        return Sealed(row=row, records=len(members))

    async def listed(self) -> list[Sealed]:
        """Every sealing, oldest first."""
        async with self._store.transaction() as change:
            return [Sealed(row=row, records=len(await change.members(row.id))) for row in await change.sealings()]

    async def again(self, told: Iterable[Mapping[str, Any]], request_id: str) -> int:
        """Destroy again what a list (`record sealed --json`) says was destroyed, in a store of before; how many.

        It names who asked and who confirmed then. What this store never held, or has destroyed itself, is passed over.
        """
        count = 0
        for one in told:
            if one["state"] != "destroyed":
                continue
            names = (one["author"], one["second"])
            asked, second = (Author(name=name, request=one["id"], request_id=request_id) for name in names)
            try:
                made = await self.seal(one["what"], asked, authority=one["authority"], words=one["words"], expunge=True)
            except (RequestError, Conflict):
                continue
            count += (await self.confirm(made.row.id, second)).records
        return count

    async def waiting(self) -> int:
        """How many receipts have lines that are still to be erased."""
        return await self._erasing.waiting()

    async def resume(self) -> int:
        """Erase what a crash, or a source that sent it again, left to erase; how many receipts that was."""
        erased = await self._erasing.run()
        if erased:
            await self._store.scrub()
        try:
            await self._erasing.shredding.run()
        except SallyportError as error:
            _log.error("what was destroyed is still in backups: %s", error)
        return erased

    def _again(self, record: SealedRecord, head: bytes, tail: bytes) -> ResourceWrite:
        """The last version of a sealed record, to be put as a new one."""
        resource = parse(join(Parts(head=head, tail=tail)))
        for name in STAMPED:
            del resource["meta"][name]
        opening = f'{{"resourceType":"{record.type}","id":"{record.id}","meta":{{'.encode()
        rest = unstamped(head, opening)
        return ResourceWrite(
            type=record.type,
            id=record.id,
            rid=record.rid,
            patient=record.patient,
            segment=record.segment,
            digest=content_digest(opening, rest, tail),
            opening=opening,
            head=rest,
            tail=tail,
            index=partial(index_rows, resource, self._zone),
            screening=None if record.screening is None else _place(record.screening),
        )

    @staticmethod
    async def _known(change: Transaction, ident: str) -> SealingRow:
        row = await change.sealing(ident)
        if row is None:
            raise NotFound("no sealing has this id; `sallyport record sealed` tells the ids")
        return row


def nobodys(kind: str) -> Segment:
    """The segment of sealed records of a type: of no unit and no regime, so that no rule allows it to anyone."""
    return Segment(type=kind, tier="detail", regime="undeclared")


def _place(told: bytes) -> ScreeningPlace:
    instrument, day, instant, risk = orjson.loads(told)
    return ScreeningPlace(instrument=instrument, day=day, instant=instant, risk=risk)


def _named(what: str) -> tuple[str, str]:
    kind, slash, ident = what.partition("/")
    if not (kind and slash and ident):
        raise RequestError(_NOTHING_HELD, expression="record")
    return kind, ident


def same(name: str) -> str:
    """A name as it is compared: case and spaces do not make another person."""
    return " ".join(name.casefold().split())
