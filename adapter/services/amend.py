"""Records that amend: events that come one by one, late and out of order, as HL7 v2 sends them.

What a record leaves unsaid stays as it was, and an older record takes nothing back that a later one told:
`mapping.amend` says how, the store remembers since when what a resource says holds. A message that no longer says that
something is restricted has not said that it may be told: labels only go where the sender lifts a restriction by name.

The state is read, and resources are made of it, before the transaction that writes them; whether it is still the state
is asked inside that transaction, and if not everything is done again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from adapter.consent.labels import labels_for
from adapter.fhir.codec import parse
from adapter.fhir.served import Parts, join
from adapter.mapping.amend import Known, after, first
from adapter.services.restrained import Restrained, restrained
from adapter.services.write import SUBJECT, Facets

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from adapter.services.assemble import Assembled
    from adapter.services.origin import Restraint
    from adapter.services.people import People
    from adapter.services.people import Told as Recognised
    from adapter.services.write import Writer
    from adapter.store.port import Store, Transaction
    from adapter.store.shapes import ResourceWrite, Told

_ADDED = ("resourceType", "id", "meta", "participant")
"""What the writer adds to a body besides its subject."""


class Amendment(NamedTuple):
    """What a record tells of one resource: its body before it is completed, and when. A tuple: see `Draft`.

    ``recognised`` is, of a Patient, everything by which the person may be recognised; it is not all kept.
    """

    body: Mapping[str, Any]
    facets: Facets
    ident: str
    patient: str
    at: int
    cleared: Collection[str] = ()
    relations: Sequence[tuple[str, int]] = ()
    recognised: Mapping[str, Any] | None = None
    restraint: Restraint | None = None


@dataclass(slots=True)
class _State:
    """A resource as the records so far leave it. ``labels`` are those it bears, ``held`` tells what some stand for."""

    known: Known
    labels: tuple[tuple[str, str], ...]
    held: Restrained | None = None

    def relabel(self, amendment: Amendment) -> tuple[tuple[str, str], ...]:
        """The labels after an amendment."""
        told = amendment.restraint
        if told is None and self.held is None:
            self.labels = labels_for(inbound=(*amendment.facets.labels, *self.labels))
            return self.labels
        if self.held is None:
            self.held = Restrained(self.labels)
        if told is None:
            self.held.grow(amendment.facets.labels)
        else:
            self.held.after(told, amendment.at)
        self.labels = self.held.labels()
        return self.labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended:
    """A batch after the state it found, the revisions it found, and what to remember."""

    assembled: list[tuple[int, Assembled]]
    revisions: Mapping[int, int]
    told: Sequence[tuple[int, int, Mapping[str, Mapping[str, int]]]]

    async def holds(self, change: Transaction) -> bool:
        """Whether nothing it was made from has changed."""
        if not self.told:
            return True
        found = await change.told(rid for rid, _, _ in self.told)
        return {rid: one.revision for rid, one in found.items()} == self.revisions


class Amender:
    """Brings records that amend in line with what is known. ``feeds`` tells a Patient by its source."""

    def __init__(self, store: Store, writer: Writer, people: People) -> None:
        self._store = store
        self._writer = writer
        self._people = people

    async def amend(self, batch: list[tuple[int, Assembled]], feed: str) -> Amended:
        """The batch, each record of it after those before it; records that do not amend are as they were."""
        rids = {rid for _, assembled in batch for rid in assembled.amends}
        if not rids:
            return Amended(assembled=batch, revisions={}, told=())
        async with self._store.transaction() as change:
            found = await change.told(rids)
        states = {rid: _state(one) for rid, one in found.items() if not one.seeded}
        made = [(line, await self._one(assembled, states, feed)) for line, assembled in batch]
        told = [(rid, states[rid].known.at, _times(states[rid])) for rid in sorted(rids)]
        return Amended(assembled=made, revisions={rid: one.revision for rid, one in found.items()}, told=told)

    async def _one(self, assembled: Assembled, states: dict[int, _State], feed: str) -> Assembled:
        if not assembled.amends:
            return assembled
        writes: list[ResourceWrite] = []
        identity = assembled.identity
        for write in assembled.writes:
            amendment = assembled.amends.get(write.rid)
            if amendment is None:
                writes.append(write)
                continue
            before = states.get(write.rid)
            if before is None:
                known = first(_said(amendment), amendment.cleared, amendment.at)
                states[write.rid] = _State(known, amendment.facets.labels, _told_first(amendment))
                writes.append(write)
                continue
            writes.append(await self._after(write, amendment, before))
            if identity is not None and identity.patient == write.rid:
                identity = self._recognised(write.rid, amendment, before, feed)
        return assembled._replace(writes=writes, identity=identity)

    async def _after(self, write: ResourceWrite, amendment: Amendment, state: _State) -> ResourceWrite:
        """The resource after an amendment; the state is moved on."""
        body = _said(amendment)
        state.known = after(state.known, body, amendment.cleared, amendment.at)
        labels = state.relabel(amendment)
        if state.known.body == body and labels == amendment.facets.labels:
            return write
        meta = {"meta": amendment.body["meta"]} if "meta" in amendment.body else {}
        return await self._writer.prepare(
            {"resourceType": write.type, **meta, **state.known.body},
            amendment.facets._replace(labels=labels),
            ident=amendment.ident,
            patient=amendment.patient,
            relations=amendment.relations,
        )

    def _recognised(self, rid: int, amendment: Amendment, state: _State, feed: str) -> Recognised | None:
        """By what a person may be recognised now; an older record tells it where no other has."""
        if amendment.recognised is None:
            return None
        own = amendment.recognised.get("identifier", [])
        kept = [one for one in state.known.body.get("identifier", ()) if one not in own]
        told = self._people.recognise(rid, feed, {**state.known.body, "identifier": [*own, *kept]})
        late = amendment.at < state.known.at
        return told._replace(amends=not takes_back_numbers(amendment.cleared), late=late)


def takes_back_numbers(cleared: Collection[str]) -> bool:
    """Whether a record says that numbers of a person are no longer so."""
    return any(path == "identifier" or path.startswith("identifier|") for path in cleared)


def _said(amendment: Amendment) -> dict[str, Any]:
    """What an amendment says, without what the writer makes of it."""
    return {name: value for name, value in amendment.body.items() if name not in {"meta", "resourceType"}}


def _times(state: _State) -> Mapping[str, Mapping[str, int]]:
    known = state.known
    times = {name: times for name, times in (("since", known.since), ("gone", known.gone)) if times}
    return times if state.held is None else {**times, **state.held.times()}


def _told_first(amendment: Amendment) -> Restrained | None:
    """What the labels stand for after the first record that tells of a resource."""
    if amendment.restraint is None:
        return None
    held = Restrained(())
    held.after(amendment.restraint, amendment.at)
    return held


def _state(found: Told) -> _State:
    resource: dict[str, Any] = parse(join(Parts(head=found.head, tail=found.tail)))
    labels = tuple((one.get("system", ""), one["code"]) for one in resource["meta"].get("security", ()))
    subject = SUBJECT.get(resource["resourceType"])
    body = {name: value for name, value in resource.items() if name not in _ADDED and name != subject}
    known = Known(
        body=body, at=found.at, since=dict(found.times.get("since", {})), gone=dict(found.times.get("gone", {}))
    )
    return _State(known, labels, restrained(found.times))
