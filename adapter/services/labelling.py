"""Security labels that a source set, lifted by a named person, and put back.

A label that a source set on a record stays until the same source says explicitly that it no longer holds, or until
somebody of the custodian's staff lifts it, with a name and a reason. A lift holds as long as the source says the same
of the record; what the source tells anew bears the labels it tells. What follows from the content of a record or from
the law its unit stands under is no label of the source, and nobody lifts it.

https://hl7.org/fhir/R4/security-labels.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from adapter.consent.labels import labels_for
from adapter.errors import Conflict, NotFound, RequestError
from adapter.fhir.codec import parse
from adapter.fhir.codings import codings_of
from adapter.fhir.served import Parts, join
from adapter.services.restrained import relabelled
from adapter.services.write import digest_of
from adapter.store.labels import LIFT, RESTORE, LabelDecision
from adapter.store.shapes import row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from adapter.consent.segment import Segment
    from adapter.consent.sensitivity import Label
    from adapter.services.authorities import Author
    from adapter.services.decisions import Decisions
    from adapter.services.in_force import InForce
    from adapter.services.write import Writer
    from adapter.store.port import Ledger, Store, Transaction
    from adapter.store.shapes import ResourceWrite, StoredResource
    from adapter.summary.registry import Registry

_TIERS: Final = frozenset({"detail", "summary", "identity", "contact"})
"""What a source's labels stand on; consents and their shares have labels of their own."""
_NOTHING: Final = "nothing is held under this name; give Type/id, or FEED:NUMBER for all a feed holds of a person"


class Relabelled(NamedTuple):
    """One record with its labels as they are now."""

    record: str
    labels: tuple[Label, ...]


class Decided(NamedTuple):
    """A decision about the labels of a record; its public name, empty where it is destroyed."""

    record: str
    decision: LabelDecision


class _Change(NamedTuple):
    write: ResourceWrite
    before: bytes
    changed: tuple[Label, ...]
    labels: tuple[Label, ...]


class Labelling:
    """The one way to change labels that a source set."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        *,
        writer: Writer,
        decisions: Decisions,
        in_force: InForce,
        registry: Registry,
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._writer = writer
        self._decisions = decisions
        self._in_force = in_force
        self._registry = registry
        self._clock = clock

    async def lift(self, what: str, codes: Collection[str], by: Author, *, why: str) -> list[Relabelled]:
        """Lift labels, by their codes, from a record and what was derived from it; or from all records of a Patient.

        It holds for the next request. ``RequestError`` where no such label of the source stands on any of them.
        """
        if not why.strip():
            raise RequestError("say why: --because", expression="because")
        changes = []
        labelled = await self._labelled(what)
        async with self._store.snapshot() as view:
            written = await view.written([row.rid for row, _ in labelled])
        for row, segment in labelled:
            own = written.get(row.rid)
            floor = self._floor(row, segment, None if own is None else own.body)
            kept = [label for label in segment.labels if label[1] not in codes]
            lifted = tuple(label for label in segment.labels if label[1] in codes and label not in floor)
            if lifted:
                labels = labels_for(inbound=(*floor, *kept))
                changes.append(await self._change(row, segment, labels, lifted))
        if not changes:
            raise RequestError(
                f"no label {' or '.join(sorted(codes))} that the source set stands on it; what follows from the "
                "content of a record or from the law of its unit is not lifted",
                expression="label",
            )
        return await self._put(what, changes, LIFT, by, why)

    async def restore(self, what: str, by: Author, *, why: str) -> list[Relabelled]:
        """Put back what was lifted last from a record, or from all records of a Patient; it holds for the next request.

        ``NotFound`` where nothing is lifted.
        """
        changes = []
        rows = await self._labelled(what)
        async with self._store.transaction() as change:
            last = {row.rid: await change.last_label_decision(row.rid) for row, _ in rows}
        for row, segment in rows:
            decision = last[row.rid]
            if decision is not None and decision.act == LIFT:
                labels = labels_for(inbound=(*segment.labels, *decision.labels))
                changes.append(await self._change(row, segment, labels, decision.labels))
        if not changes:
            raise NotFound("no label is lifted from it; `sallyport labels list` tells what is")
        return await self._put(what, changes, RESTORE, by, why)

    async def listed(self) -> list[Decided]:
        """Everything that was decided of labels, oldest first."""
        async with self._store.transaction() as change:
            found = await change.label_decisions()
        async with self._store.snapshot() as view:
            names = {row.rid: f"{row.type}/{row.id}" for row in await view.rows({one.rid for one in found})}
        return [Decided(names.get(one.rid, ""), one) for one in found]

    async def _labelled(self, what: str) -> list[tuple[StoredResource, Segment]]:
        """A record and whatever belongs to it, as far as it bears labels of a source."""
        kind, slash, ident = what.partition("/")
        async with self._store.transaction() as change:
            rids = await change.belonging(row_key(kind, ident)) if slash else set()
        async with self._store.snapshot() as view:
            rows = await view.rows(rids)
        if not rows:
            raise NotFound(_NOTHING)
        found = [(row, await self._decisions.segment(row.segment)) for row in rows]
        return [(row, segment) for row, segment in found if segment.tier in _TIERS and row.type != "Consent"]

    def _floor(self, row: StoredResource, segment: Segment, own: bytes | None) -> tuple[Label, ...]:
        """The labels that a record bears whatever its source says: by its content and the law of its unit.

        What a client wrote is labelled by all of it, so that all of it is looked at: ``own`` is the copy of its writer,
        which holds what goes on to nobody else.
        """
        shown = parse(join(Parts(head=row.head, tail=row.tail)))
        resources = [shown] if own is None else [shown, parse(own)]
        codes = list(dict.fromkeys(code for resource in resources for code in codings_of(resource)))
        named = {label for code in codes for label in self._instrument_labels(code)}
        for resource in resources:
            asked = self._registry.questionnaire(resource.get("questionnaire", ""))
            named |= set(asked.labels) if asked is not None else set()
        return labels_for(instrument_labels=named, codes=codes, regime=segment.regime)

    def _instrument_labels(self, code: Label) -> Collection[str]:
        target = self._registry.by_code.get(code)
        instruments = [target.instrument] if target is not None else self._registry.item(code[1])
        return {label for instrument in instruments for label in instrument.labels}

    async def _change(
        self, row: StoredResource, segment: Segment, labels: tuple[Label, ...], changed: tuple[Label, ...]
    ) -> _Change:
        write = await self._writer.relabelled(row, segment, labels)
        return _Change(write, digest_of(row), changed, labels)

    async def _put(self, what: str, changes: Sequence[_Change], act: str, by: Author, why: str) -> list[Relabelled]:
        at = self._clock()
        async with self._store.transaction() as change:
            for one in changes:
                await self._decide(change, one, act, by, why, at)
            await change.put([one.write for one in changes], at=at, origin=None)
            touched = await self._in_force.touched(change, [one.write for one in changes], at=at)
            await self._in_force.refresh(change, touched, at=at)
            await self._ledger.append(by.entry(f"labels-{act}", what, at=at))
        found = []
        for one in changes:
            segment = await self._decisions.segment(one.write.segment)
            found.append(Relabelled(f"{one.write.type}/{one.write.id}", segment.labels))
        return sorted(found)

    @staticmethod
    async def _decide(change: Transaction, one: _Change, act: str, by: Author, why: str, at: int) -> None:
        """Keep the decision, of the record as it was read; its place among screenings goes with it."""
        rid = one.write.rid
        if await change.digest(rid) != one.before:
            raise Conflict("the record changed meanwhile, or is sealed; run the command again", expression="record")
        last = await change.last_label_decision(rid)
        told = last.told if last is not None and last.act == LIFT and last.made == one.before else one.before
        one.write.screening = await change.screening_place(rid)
        known = (await change.told([rid])).get(rid)
        times = None if known is None else relabelled(known.times, one.labels)
        if known is not None and times is not None:
            await change.tell([(rid, known.at, times)])
        await change.decide_labels(LabelDecision(act, rid, one.changed, told, one.write.digest, by.name, why, at))
