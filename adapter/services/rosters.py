"""Who has left a roster without a word: releases that are inferred, and those that are held instead.

Some jails send the list of everybody in custody and no release date: whoever is no longer on it was released. A list
that was cut short or filtered says the same of people who are still there. So an inference needs the feed's word, a
list that could be read to its last record, and no more absences than the feed lets pass; otherwise all of it waits
for somebody who knows. What is inferred is a stay that is over and has no end: custody ends with it, and no consent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson

from adapter.errors import NotFound
from adapter.fhir.instants import instant_text
from adapter.fhir.served import PLAIN
from adapter.services.stays import TOOK_PLACE
from adapter.services.write import Facets
from adapter.store.work import WorkItem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from adapter.mapping.mapped import Mapped
    from adapter.services.decisions import Decisions
    from adapter.services.in_force import InForce
    from adapter.services.keys import SiteKeys
    from adapter.services.report import FeedReport
    from adapter.services.write import Writer
    from adapter.settings import Feed, Roster
    from adapter.store.port import Inbox, Store, Transaction
    from adapter.store.shapes import Receipt, ResourceWrite, StoredResource

HELD: Final = "held-releases"
INFERRED: Final = "inferred-release"
EVENT: Final = "https://sallyport.example/fhir/CodeSystem/custody-event"
MARK: Final[Mapping[str, Any]] = {
    "coding": [{"system": EVENT, "code": INFERRED, "display": "No longer on the roster"}],
}
"""The discharge disposition of a stay that nobody said is over, and the activity of its Provenance."""
PROVENANCE: Final = "https://sallyport.example/fhir/StructureDefinition/ingest-provenance"
OPEN: Final = TOOK_PLACE - {"finished"}
"""Statuses of a stay that goes on."""
Endings = Mapping[int, Sequence["ResourceWrite"]]
"""For bookings by their keys the resources that say they are over; none for one that is over already."""
_NOT_OPEN: Final = "no held roster is open under this id; `sallyport feeds work` lists what is open"
_NAMED_AGAIN: Final = "a later roster is to be trusted more"


def named(mapped: Mapped, writes: Sequence[ResourceWrite]) -> list[tuple[int, bool]]:
    """The bookings of one record by their keys, and whether each of them is open."""
    drafts = [draft.body for draft in mapped.drafts if draft.type == "Encounter"]
    stays = [write for write in writes if write.type == "Encounter"]
    return [
        (write.rid, body["status"] in OPEN and "end" not in (body.get("period") or {}))
        for body, write in zip(drafts, stays, strict=True)
    ]


class Rosters:
    """Follows the rosters of a site."""

    def __init__(
        self, store: Store, inbox: Inbox, *, writer: Writer, decisions: Decisions, in_force: InForce, keys: SiteKeys
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._writer = writer
        self._decisions = decisions
        self._in_force = in_force
        self._keys = keys

    async def follow(
        self,
        change: Transaction,
        feed: Feed,
        receipt: Receipt,
        bookings: Iterable[tuple[int, bool]],
        *,
        report: FeedReport,
        later: Collection[str],
        endings: Endings | None,
        at: int,
    ) -> list[ResourceWrite]:
        """Take in what a batch of a roster names; at its end, infer who was released. What that wrote is returned.

        ``later`` are the receipts of the feed that came after this one: a roster that is not the newest infers nothing.
        ``endings`` are what `absent` made ready, None before the end.
        """
        if feed.roster is None or not feed.absence_releases:
            return []
        last = dict(bookings)
        await change.name_bookings(
            feed.feed, receipt.id, [rid for rid, open_ in last.items() if open_], late=bool(later)
        )
        if not later:
            await change.drop_bookings(feed.feed, [rid for rid, open_ in last.items() if not open_])
        if endings is None or later:
            return []
        absent = await change.unnamed_bookings(feed.feed, [receipt.id])
        await self._supersede(change, feed.feed, at)
        if not absent:
            return []
        why = self._why_held(feed.roster, len(absent), await change.roster_size(feed.feed), report)
        if why:
            report.absent = len(absent)
            await self._hold(change, feed.feed, receipt, absent, why, at)
            return []
        written = await self._release(
            change, feed.feed, receipt.id, [rid for rid in absent if rid in endings], endings, at
        )
        report.inferred += sum(write.type == "Encounter" for write in written)
        return written

    async def absent(self, feed: Feed, receipt: Receipt, *, at: int) -> Endings:
        """The stays whose booking a whole roster no longer names, made ready to be written as over.

        Nothing is made ready where there are too many: they are going to be held.
        """
        if feed.roster is None or not feed.absence_releases:
            return {}
        async with self._store.transaction() as change:
            rids = await change.unnamed_bookings(feed.feed, [receipt.id])
            rows = await change.stored(rids if len(rids) <= feed.roster.most_released else ())
        return await self._endings(rows, receipt.id, at=at)

    @staticmethod
    def _why_held(roster: Roster, absent: int, size: int, report: FeedReport) -> str:
        """Why nothing may be inferred from a roster; empty where it may."""
        # A test record was read, and is nobody who could be in custody.
        unreadable = report.quarantined.total() - report.quarantined["test-record"]
        if report.records == report.quarantined.total():
            return "the roster names nobody"
        if unreadable > roster.most_unreadable:
            return f"{unreadable} of its records could not be read, and each may be one of those who seem to be gone"
        most = min(roster.most_released, max(1, int(roster.most_share * size)))
        if absent > most:
            return f"{absent} of {size} are absent, and at most {most} may be inferred to be released"
        return ""

    async def _hold(
        self, change: Transaction, feed: str, receipt: Receipt, absent: Sequence[int], why: str, at: int
    ) -> None:
        ident = self._keys.resource_id(feed, HELD, receipt.id)
        item = WorkItem(
            id=ident, feed=feed, kind=HELD, receipt=receipt.id, about="", number=len(absent), why=why, since=at
        )
        await change.add_work([item])
        await change.hold_releases(ident, absent)

    @staticmethod
    async def _supersede(change: Transaction, feed: str, at: int) -> None:
        """What was held from an earlier roster is settled by the newest one."""
        for item in await change.open_work():
            if (item.feed, item.kind) == (feed, HELD):
                await change.close_work(item.id, at=at, author="", finding=_NAMED_AGAIN)

    async def approve(self, ident: str, *, author: str, words: str, at: int) -> int:
        """Release those whom a held roster no longer names, as far as nothing has named them since; how many.

        Raises ``NotFound`` where no held roster is open under this id.
        """
        async with self._store.transaction() as change:
            item = next((one for one in await change.open_work() if (one.id, one.kind) == (ident, HELD)), None)
            if item is None:
                raise NotFound(_NOT_OPEN)
            received = [one.id for one in await self._inbox.receipts(item.feed)]
            since = received[received.index(item.receipt) :]
            absent = set(await change.unnamed_bookings(item.feed, since))
            gone = [rid for rid in await change.held_releases(ident) if rid in absent]
            rows = await change.stored(gone)
        # Made ready outside of a change: what is new about them is interned in one of its own.
        endings = await self._endings(rows, item.receipt, at=at, author=author)
        async with self._store.transaction() as change:
            if not await change.close_work(ident, at=at, author=author, finding=words or "approved"):
                raise NotFound(_NOT_OPEN)
            absent = set(await change.unnamed_bookings(item.feed, since))
            gone = [rid for rid in endings if rid in absent]
            written = await self._release(change, item.feed, item.receipt, gone, endings, at)
            touched = await self._in_force.touched(change, written, at=at)
            await self._in_force.refresh(change, touched, at=at)
            return sum(write.type == "Encounter" for write in written)

    async def _release(
        self, change: Transaction, feed: str, receipt: str, rids: Sequence[int], endings: Endings, at: int
    ) -> list[ResourceWrite]:
        """Write that these stays are over without a word, with the Provenance of that.

        Of each person of whom a consent ends with an event it is left to somebody to find out whether it has come.
        """
        writes: list[ResourceWrite] = []
        about: dict[int, list[str]] = {}
        for rid in rids:
            writes += endings[rid]
            for write in endings[rid][:1]:
                about.setdefault(write.patient, []).append(f"{write.type}/{write.id}")
        changed = await change.put(writes, at=at, origin=(receipt, 0))
        await change.drop_bookings(feed, rids)
        awaiting = await self._in_force.awaiting_event(change, about)
        why = "a consent of this person ends with an event; find out whether the person was released, and when"
        await change.add_work(
            [
                WorkItem(
                    id=self._keys.resource_id(feed, INFERRED, receipt, name),
                    feed=feed,
                    kind=INFERRED,
                    receipt=receipt,
                    about=name,
                    number=1,
                    why=why,
                    since=at,
                )
                for patient in sorted(about.keys() & awaiting)
                for name in about[patient]
            ]
        )
        return [write for write, new in zip(writes, changed, strict=True) if new]

    async def _endings(self, rows: Iterable[StoredResource], receipt: str, *, at: int, author: str = "") -> Endings:
        return {row.rid: await self._ended(row, receipt, at=at, author=author) for row in rows}

    async def _ended(self, row: StoredResource, receipt: str, *, at: int, author: str) -> list[ResourceWrite]:
        """A stay that is over, and its Provenance; nothing for one that has ended already."""
        body = orjson.loads(row.head + PLAIN + row.tail)
        if body["status"] not in OPEN:
            return []
        body |= {"status": "finished", "hospitalization": {"dischargeDisposition": dict(MARK)}}
        body["meta"] = {"profile": body["meta"].get("profile", [])}
        segment = await self._decisions.segment(row.segment)
        facets = Facets(segment.tier, segment.labels, segment.regime, segment.domain, segment.unit, segment.audience)
        patient = body.pop("subject")["reference"].removeprefix("Patient/")
        ended = await self._writer.prepare(body, facets, ident=row.id, patient=patient)
        trace = {
            "resourceType": "Provenance",
            "meta": {"profile": [PROVENANCE]},
            "target": [{"reference": f"Encounter/{row.id}"}],
            "recorded": instant_text(at),
            "activity": dict(MARK) | ({"text": "inferred from a roster, approved by staff"} if author else {}),
            "agent": [{"who": {"reference": segment.unit}}],
        }
        ident = self._keys.resource_id(INFERRED, "Provenance", row.id, receipt)
        traced = await self._writer.prepare(
            trace, facets._replace(tier="provenance"), ident=ident, patient=patient, seed=True
        )
        return [ended, traced]
