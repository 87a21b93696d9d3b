"""What a feed leaves for people to do, and what of it they have done.

A code that no table lists, an order of a court that authorizes a disclosure, a roster whose absences are held: each is
kept in the transaction that found it. An order permits nothing by itself. Somebody reads it, and records what it
authorizes as a basis, 42 CFR 2.61 to 2.67.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapter.consent.bases import CONSENT
from adapter.consent.labels import labels_for
from adapter.consent.segment import Segment
from adapter.consent.vocabulary import ACT_CODE, CANONICAL
from adapter.errors import NotFound, RecordError, RequestError
from adapter.mapping.tables import plain_code
from adapter.services.decisions import LOCAL_PURPOSES
from adapter.store.shapes import row_key
from adapter.store.work import WorkItem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from adapter.mapping.mapped import Mapped
    from adapter.mapping.tables import CodeTable
    from adapter.services.decisions import Decisions
    from adapter.services.keys import SiteKeys
    from adapter.services.rosters import Rosters
    from adapter.settings import Feed
    from adapter.store.port import Store, Transaction
    from adapter.store.shapes import Receipt, ResourceWrite
    from adapter.store.work import UnmappedCode

ORDER: Final = "disclosure-order"
"""An order for disclosure that nobody has reviewed."""
HEALTH_LABELS: Final = ((ACT_CODE, "MH"), (ACT_CODE, "SUD"))
"""How everything is labelled that a jail says of health in a booking message: nobody can tell which of them it is."""
SUMMARY_PROFILE: Final = f"{CANONICAL}/StructureDefinition/screening-summary"
_TREAT: Final = "TREAT"


class FeedWork:
    """The work of a site's feeds."""

    def __init__(
        self,
        store: Store,
        *,
        rosters: Rosters,
        decisions: Decisions,
        keys: SiteKeys,
        partners: Collection[str],
        tables: Mapping[str, CodeTable],
        clock: Callable[[], int],
    ) -> None:
        self.rosters = rosters
        self._store = store
        self._decisions = decisions
        self._keys = keys
        self._partners = partners
        self._tables = tables
        self._clock = clock

    async def consented(self, feed: Feed, mapped: Mapped) -> Mapped:
        """What a record that needs a consent became, labelled as what it is.

        Raises ``RecordError`` unless a consent of the person in force lets somebody have what this sender says of
        mental health and substance use.
        """
        unit = feed.units.get(mapped.unit or "") or next(iter(feed.units.values()))
        patient = row_key("Patient", self._keys.resource_id(feed.records, "Patient", *mapped.person))
        async with self._store.snapshot() as view:
            span = await view.policy_of(patient, at=self._clock())
        if span is None or not await self._permitted(span.policy, f"Organization/{unit.organization}", unit.regime):
            raise RecordError("consent-required", "", "a consent of the person in force; then `sallyport replay`")
        return mapped._replace(labels=tuple(dict.fromkeys((*mapped.labels, *HEALTH_LABELS))))

    async def _permitted(self, policy: int, unit: str, regime: str) -> bool:
        rules = await self._decisions.policy(policy)
        segments = [
            Segment(
                type="Observation",
                profiles=profiles,
                tier=tier,
                labels=labels_for(regime=regime, inbound=HEALTH_LABELS),
                regime=regime,
                unit=unit,
            )
            for tier, profiles in (("summary", (SUMMARY_PROFILE,)), ("detail", ()))
        ]
        recipients = (
            self._decisions.closed(f"Organization/{partner}", purpose)
            for partner in self._partners
            for purpose in sorted({*LOCAL_PURPOSES, _TREAT})
        )
        return bool(rules.directives) and any(
            self._decisions.rule(rules, recipient, segment).bases & CONSENT
            for recipient in recipients
            for segment in segments
        )

    async def keep(
        self,
        change: Transaction,
        receipt: Receipt,
        *,
        codes: Mapping[tuple[str, str, str], int],
        orders: Iterable[ResourceWrite],
        at: int,
    ) -> None:
        """Keep what a batch found: codes that no table lists, and new orders for disclosure."""
        if codes:
            await change.count_codes(receipt.feed, codes, at=at)
        await change.add_work([self._order(receipt, write, at) for write in orders])

    def _order(self, receipt: Receipt, write: ResourceWrite, at: int) -> WorkItem:
        # By its content, so that an order that was amended is looked at again.
        ident = self._keys.resource_id(receipt.feed, ORDER, write.id, write.digest.hex())
        why = "a court authorizes a disclosure; nothing passes on it before somebody records it as basis O"
        about = f"{write.type}/{write.id}"
        return WorkItem(
            id=ident, feed=receipt.feed, kind=ORDER, receipt=receipt.id, about=about, number=1, why=why, since=at
        )

    async def open(self) -> list[WorkItem]:
        """What is open, oldest first."""
        async with self._store.transaction() as change:
            return await change.open_work()

    async def close(self, ident: str, *, author: str, words: str) -> None:
        """Close a work item that somebody has done. ``NotFound`` where none is open under this id."""
        if not words.strip():
            raise RequestError("say what was found or done: --words", expression="words")
        async with self._store.transaction() as change:
            if not await change.close_work(ident, at=self._clock(), author=author, finding=words.strip()):
                raise NotFound("nothing is open under this id; `sallyport feeds work` lists what is open")

    async def approve_releases(self, ident: str, *, author: str, words: str) -> int:
        """Release those whom a held roster no longer names; how many. ``NotFound`` where nothing is held under it."""
        return await self.rosters.approve(ident, author=author, words=words.strip(), at=self._clock())

    async def held(self, ident: str) -> list[str]:
        """The bookings a held roster is about, as ``Encounter/id``."""
        async with self._store.transaction() as change:
            rows = await change.stored(await change.held_releases(ident))
            return [f"{row.type}/{row.id}" for row in rows]

    async def unmapped(self, feed: str | None = None) -> list[UnmappedCode]:
        """The codes that no table lists. Those that a table lists by now are forgotten."""
        async with self._store.transaction() as change:
            found = await change.unmapped_codes(feed)
            listed = [one for one in found if self._listed(one)]
            await change.forget_codes(listed)
        return [one for one in found if one not in listed]

    def _listed(self, one: UnmappedCode) -> bool:
        table = self._tables.get(one.table)
        return table is not None and plain_code(one.code) in table.codes
