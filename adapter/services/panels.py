"""Who is on a group: by the id of a Patient, or by what its owner knows of the person.

Whether a record is somebody on a group is asked of what the owner may read of it at that moment, as `$match` does, and
kept nowhere: who is not known or hidden now is found once the record may be seen. Where a group changes, those who may
be meant are found by the keys under which records are looked for, hidden ones among them; they are only looked at.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from adapter.identity.levels import DIFFERENT, EXACT
from adapter.identity.match import Band, blocks
from adapter.identity.traits import traits_of
from adapter.services.patient_match import MATCH, graded
from adapter.store.shapes import row_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from adapter.identity.match import Matcher
    from adapter.identity.traits import Traits
    from adapter.services.disclose import Caller
    from adapter.services.keys import SiteKeys
    from adapter.services.panel_people import PanelSeal, Person
    from adapter.store.exports import PanelRow
    from adapter.store.port import Snapshot, Store

_PIECE: Final = 200
"""People whose keys are looked for together."""


class Told(Protocol):
    """The gate, as far as it is asked here."""

    async def patients(self, caller: Caller, rids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
        """Those of these Patients that a caller may read, as it would get them."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """Somebody on a group by what is known of the person, and since when."""

    person: Person
    traits: Traits
    since: int


class Roll:
    """A group made ready. ``members`` are the Patients it names by id, by their keys."""

    def __init__(self, row: PanelRow, people: Iterable[Listed], matcher: Matcher) -> None:
        self.id = row.id
        self.organisation = row.organisation
        self.version = row.version
        self.members = {row_key("Patient", ident): since for ident, since in row.members}
        self.people = list(people)
        self._matcher = matcher
        self._blocks: dict[str, list[Listed]] = {}
        for one in self.people:
            for block in blocks(one.traits, matcher.nicknames):
                self._blocks.setdefault(block, []).append(one)

    def fits(self, patient: Mapping[str, Any]) -> list[Listed]:
        """Whom of its people a Patient is, by what the Patient says."""
        own = traits_of(patient)
        near: dict[int, Listed] = {}
        for block in blocks(own, self._matcher.nicknames):
            near.update((id(one), one) for one in self._blocks.get(block, ()))
        return [one for one in near.values() if self._is(one.traits, own)]

    def _is(self, asked: Traits, own: Traits) -> bool:
        """Whether two are one person: by a number, by what `$match` calls probable, or by name and day of birth."""
        compared = self._matcher.compare(asked, own)
        if compared.apart:
            return False
        if not set(asked.numbers).isdisjoint(own.numbers):
            return True
        if graded(self._matcher, asked, own)[1] >= Band.LINK:
            return True
        levels = compared.levels
        named = levels["family"] == levels["given"] == EXACT
        told_otherwise = DIFFERENT in {levels["sex"], levels["middle"], levels["suffix"]}
        return named and not told_otherwise and asked.day == own.day != ""


class Panels:
    """The groups of all organisations, made ready and remembered while they stay the same."""

    def __init__(self, store: Store, seal: PanelSeal, keys: SiteKeys, matcher: Matcher) -> None:
        self._store = store
        self._seal = seal
        self._keys = keys
        self._matcher = matcher
        self._ready: dict[str, Roll] = {}

    def sealed(self, ident: str, people: Iterable[Person], at: int) -> list[tuple[bytes, int]]:
        """People as they are kept on a group."""
        return [(one, at) for one in dict.fromkeys(self._seal.seal(ident, person) for person in people)]

    async def roll(self, row: PanelRow) -> Roll:
        """A group made ready; a long one takes a quarter of a second, so others are answered meanwhile."""
        known = self._ready.get(row.id)
        if known is not None and known.version == row.version:
            return known
        found = self._ready[row.id] = await asyncio.to_thread(self._made, row)
        return found

    def _made(self, row: PanelRow) -> Roll:
        opened = [(self._seal.open(row.id, sealed), since) for sealed, since in row.people]
        return Roll(row, [Listed(person, person.traits(), since) for person, since in opened], self._matcher)

    async def rolls(self, idents: Collection[str]) -> dict[str, Roll]:
        """Those of these groups that there are."""
        found: dict[str, Roll] = {}
        if not idents:
            return found
        async with self._store.snapshot() as view:
            for ident in sorted(idents):
                named = await view.panel_version(ident)
                if named is None:
                    self._ready.pop(ident, None)
                    continue
                known = self._ready.get(ident)
                if known is None or known.version != named[1]:
                    row = await view.panel(ident)
                    known = await self.roll(row) if row is not None else None
                if known is not None:
                    found[ident] = known
        return found

    async def near(self, view: Snapshot, people: Sequence[Listed]) -> list[int]:
        """The Patients who may be these people, by the keys under which records are looked for. Internal."""
        found: set[int] = set()
        for first in range(0, len(people), _PIECE):
            keys = {
                self._keys.block_key(block)
                for one in people[first : first + _PIECE]
                for block in blocks(one.traits, self._matcher.nicknames)
            }
            found.update(await view.sharing(keys))
            await asyncio.sleep(0)
        return sorted(found)

    async def changed(self) -> list[tuple[str, int]]:
        """Groups that changed and whose newcomers are to be marked, with the instant up to which they were."""
        async with self._store.snapshot() as view:
            return await view.changed_panels()

    async def spread(self, changed: Iterable[tuple[str, int]], followed: Collection[str]) -> None:
        """Mark whoever came into groups that changed to be looked at, where somebody follows them."""
        for ident, before in changed:
            async with self._store.snapshot() as view:
                row = await view.panel(ident)
                if row is None:
                    continue
                whom: set[int] = set()
                if ident in followed:
                    roll = await self.roll(row)
                    whom = {rid for rid, since in roll.members.items() if since >= before}
                    whom.update(await self.near(view, [one for one in roll.people if one.since >= before]))
            async with self._store.transaction() as change:
                await change.stir({one for person in await change.components(whom) for one in person})
                await change.spread_panel(ident, row.version)


class Following:
    """By which record a person is on the groups that a subscription follows; what it reads is read once.

    People who are described are compared for whoever has the right to ask who somebody is.
    """

    def __init__(
        self, gate: Told, caller: Caller, rolls: Mapping[str, Roll], persons: Sequence[tuple[int, str]]
    ) -> None:
        self._gate = gate
        self._caller = caller
        self._rolls = rolls
        self._persons = [rid for rid, _ in persons]
        self._read: Mapping[int, Mapping[str, Any]] | None = None

    async def via(self, idents: Iterable[str]) -> int | None:
        """The record; None where the person is on none of these groups of the caller's organisation."""
        for ident in idents:
            roll = self._rolls.get(ident)
            if roll is None or roll.organisation != self._caller.organisation:
                continue
            for rid in self._persons:
                if rid in roll.members:
                    return rid
            if roll.people and self._persons and MATCH in self._caller.rights:
                if self._read is None:
                    self._read = await self._gate.patients(self._caller, self._persons)
                for rid in self._persons:
                    if rid in self._read and roll.fits(self._read[rid]):
                        return rid
        return None
