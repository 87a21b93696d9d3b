"""Bulk export: what an organisation may see of a group of people or of everyone, in files.

Nothing is gathered ahead. An export is planned (which files it has, by patients' keys), and a file is made while it is
downloaded: each chunk is decided in a snapshot of its own and is in the ledger before its bytes leave. So what is
revoked after the export was asked for, or while it is downloaded, does not leave any more; what is permitted meanwhile
may. A file that broke off, or that a restart of the server cut short, is simply downloaded again.

With `since`, a resource leaves if its version is not older, or if it was not permitted then: what became permitted by a
consent, an agreement or a boundary of time is there although nobody touched it. Where agreements or law were changed
since, what they allowed before is not held, and everything leaves.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import orjson

from adapter.errors import NotAllowed, NotFound, OutOfScope, TooMany, Unavailable
from adapter.fhir.results import DIRECTORY
from adapter.services.bulk_files import (
    DELETED,
    EVERYONE,
    NOBODY,
    Manifest,
    current_of,
    cut,
    files_of,
    order_of,
    row_of,
    within,
)
from adapter.services.decisions import DECIDED_SINCE
from adapter.services.deletions import bundle, deleted, target
from adapter.services.disclose import POPULATION, MissingDecisions
from adapter.services.everything import OF_PERSONS
from adapter.services.fitting import Fitting
from adapter.services.reach import reach
from adapter.store.exports import Span
from adapter.store.shapes import TYPES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from adapter.services.bulk_files import Order
    from adapter.services.decisions import Decisions
    from adapter.services.disclose import Answer, Caller, Served
    from adapter.services.panels import Panels
    from adapter.store.exports import Destroyed, ExportRow
    from adapter.store.port import Ledger, Snapshot, Store
    from adapter.store.shapes import Gap, Hit

INTERACTION: Final = "$export"
MOST_OPEN: Final = 20
"""Exports that one client may have at a time."""
CHUNK: Final = 500
"""Resources that are decided, entered in the ledger and sent together."""
_FILLED: Final = 500
"""Decisions filled at a time, so that others are answered meanwhile."""


class Bulk(Fitting):
    """The gate for exports. ``new_id`` makes their ids: ASCII, unguessable."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        decisions: Decisions,
        clock: Callable[[], int],
        *,
        panels: Panels,
        new_id: Callable[[], str],
    ) -> None:
        super().__init__(store, ledger, decisions, clock, panels=panels)
        self._new_id = new_id
        self._planning: dict[str, asyncio.Task[None]] = {}

    async def kick_off(self, caller: Caller, order: Order) -> str:
        """Take an export on; its id. ``NotFound`` for a group that is not the caller's own.

        ``NotAllowed`` without the right to ask about everyone, ``OutOfScope`` where no scope holds a type that is asked
        for by name, ``TooMany`` where too many are open.
        """
        await self._admit(caller, order)
        at = self._clock()
        # Before anything of it is decided: what becomes true later has a higher number.
        current = await self._current(caller)
        async with self._store.transaction() as change:
            crowded = await change.open_exports(caller.client, at=at) >= MOST_OPEN
            ident = self._new_id()
            if not crowded:
                await change.add_export(row_of(ident, caller, order, at, current))
        if crowded:
            await self.refuse(caller, INTERACTION, "", "429 throttled")
            raise TooMany("too many exports are open; delete one that is done")
        await self.note(caller, INTERACTION, f"Group/{order.group}" if order.group else "Patient")
        self._plan_soon(caller, ident)
        return ident

    async def status(self, caller: Caller, ident: str) -> Manifest | None:
        """The export if it can be downloaded, None while it is planned; ``NotFound`` for any but the caller's own.

        What went wrong with the planning is raised once; the next question begins it anew.
        """
        row = await self._own(caller, ident)
        if row.files is not None:
            await self.note(caller, INTERACTION, "")
            files, current = files_of(row.files), current_of(row)
            return Manifest(request=row.request, at=row.at, expires=row.expires, files=files, current=current)
        task = self._planning.get(ident)
        if task is not None and task.done():
            del self._planning[ident]
            task.result()
        elif task is None:
            self._plan_soon(caller, ident)
        return None

    async def _current(self, caller: Caller) -> dict[str, int]:
        """The highest event number of each subscription of the client, but of those that still learn what is true.

        One that still learns is not told what it learns, so what becomes true meanwhile might be in neither.
        """
        return {
            row.id: row.events
            for row in await self._store.subscriptions()
            if row.organisation == caller.organisation
            and caller.client in {row.client, f"{row.client} for {row.user}"}
            and row.status != "off"
            and row.sweep is None
        }

    async def cancel(self, caller: Caller, ident: str) -> None:
        """Forget an export; what is being downloaded of it stops. ``NotFound`` for any but the caller's own."""
        row = await self._own(caller, ident)
        async with self._store.transaction() as change:
            await change.drop_export(row.id)
        if (task := self._planning.pop(ident, None)) is not None:
            task.cancel()

    async def download(
        self, caller: Caller, ident: str, number: int, still: Callable[[], Awaitable[None]]
    ) -> AsyncGenerator[bytes]:
        """A file chunk by chunk, each a number of lines; ``NotFound`` where there is none.

        ``still`` is asked before each chunk and raises once the token of the caller does not hold any more.
        """
        row = await self._own(caller, ident)
        files = files_of(row.files or b"[]")
        if number >= len(files):
            raise NotFound("there is no such file")
        order, file = order_of(row), files[number]
        if file.kind == DELETED:
            async for line in self._deletions(caller, order):
                yield line
            return
        await self._admit(caller, order, file.kind)
        spans = within(await self._spans(caller, order, file.kind), file)
        place: tuple[int, int, int] | None = None
        more = True
        while more:
            await still()
            await self._own(caller, ident)
            at = self._clock()
            found = await self._settled(caller, self._chunk(caller, file.kind, spans, place, at))
            await self._enter(caller, INTERACTION, f"{file.kind} {INTERACTION}", found.served, at)
            if found.served:
                yield b"\n".join([one.body for _, one in found.served]) + b"\n"
            place, more = found.last, found.more

    async def _deletions(self, caller: Caller, order: Order) -> AsyncGenerator[bytes]:
        """Lines that name what was destroyed, each of one type and in the ledger before it leaves."""
        await self._admit(caller, order)
        for _, group in groupby(await self._gone(caller, order), key=lambda one: one.type):
            gone = list(group)
            for first in range(0, len(gone), CHUNK):
                part = gone[first : first + CHUNK]
                await self.note(caller, INTERACTION, target(part))
                yield bundle(part)

    async def _gone(self, caller: Caller, order: Order) -> list[Destroyed]:
        """What was destroyed of what the caller had been given; of types that its scopes narrow it is not told."""
        if order.since is None:
            return []
        since, at = order.since, self._clock()
        kinds = [kind for kind in order.types or OF_PERSONS if _whole(caller, kind)]
        spans = await self._spans(caller, order, "Patient")

        async def answer(view: Snapshot) -> list[Destroyed]:
            return await deleted(view, self._ledger, caller.context, kinds, spans, since, at=at)

        return await self._settled(caller, answer)

    def _chunk(
        self, caller: Caller, kind: str, spans: Sequence[Span], place: tuple[int, int, int] | None, at: int
    ) -> Callable[[Snapshot], Awaitable[_Chunk]]:
        async def answer(view: Snapshot) -> _Chunk:
            found = await view.exported(caller.context, kind, spans, place, at=at, limit=CHUNK)
            if found.gaps:
                raise MissingDecisions(found.gaps)
            served = await self._serve(view, caller, found.hits, at, "r")
            if caller.scopes is not None and caller.narrowed(kind, "s") is not None:
                served = [one for one in served if caller.scopes.covers(orjson.loads(one[1].body), "s")]
            last = None if found.last is None else (int(found.last[0]), int(found.last[1]), int(found.last[2]))
            return _Chunk(served=served, last=last, more=found.more)

        return answer

    async def _admit(self, caller: Caller, order: Order, *kinds: str) -> None:
        """Refuse, in the ledger first, what the caller may not ask for."""
        for kind in kinds or order.types or ("Patient",):
            for letter in "rs":
                await self._within(caller, INTERACTION, kind, letter)
        if not order.group:
            if POPULATION not in caller.rights:
                await self.refuse(caller, INTERACTION, "Patient", f"403 {POPULATION}")
                raise NotAllowed("the agreement does not allow an export of everyone; export a group")
            return
        await self._within(caller, INTERACTION, "Group", "r")
        async with self._store.snapshot() as view:
            panel = await view.panel(order.group)
        if panel is None or panel.organisation != caller.organisation:
            await self.refuse(caller, INTERACTION, f"Group/{order.group}", "404 not-found")
            raise NotFound("there is nothing here")

    async def _own(self, caller: Caller, ident: str) -> ExportRow:
        async with self._store.snapshot() as view:
            row = await view.export(ident)
        mine = row is not None and (row.client, row.context) == (caller.client, caller.context)
        if row is None or not mine or row.expires <= self._clock():
            await self.refuse(caller, INTERACTION, "", "404 not-found")
            raise NotFound("there is no such export")
        return row

    async def _spans(self, caller: Caller, order: Order, kind: str) -> Sequence[Span]:
        """Whose records of a type an export is about, and since when."""
        decided = await self._store.setting(DECIDED_SINCE)
        since = order.since
        if since is not None and decided is not None and since <= int(decided):
            since = None
        if kind in DIRECTORY or not order.group:
            return [span._replace(since=since) for span in (NOBODY if kind in DIRECTORY else EVERYONE)]

        async def answer(view: Snapshot) -> list[Span]:
            panel = await view.panel(order.group)
            at, members = self._clock(), list[tuple[str, int]]()
            if panel is not None and panel.organisation == caller.organisation:
                fits = await self._fits(view, caller, panel, at)
                members = [*panel.members, *((one.id, one.since) for one in fits)]
            found = await reach(view, caller.context, members, since, at=at, visible=self._seen_of(caller))
            return [Span(rid, rid + 1, whence) for rid, whence in sorted(found.items())]

        return await self._settled(caller, answer)

    def _seen_of(self, caller: Caller) -> Callable[[Snapshot, int, int], Awaitable[list[int]]]:
        async def visible(view: Snapshot, rid: int, at: int) -> list[int]:
            return await self._visible(view, caller, rid, at)

        return visible

    def _plan_soon(self, caller: Caller, ident: str) -> None:
        self._planning[ident] = asyncio.create_task(self._plan(caller, ident))

    async def _plan(self, caller: Caller, ident: str) -> None:
        """Find which files an export has: none of a type of which nothing is permitted now."""
        row = await self._own(caller, ident)
        order = order_of(row)
        files: list[list[Any]] = []
        for kind in order.types or tuple(TYPES):
            if not _held(caller, kind):
                continue
            spans = await self._spans(caller, order, kind)
            weighed = await self._settled(caller, self._weigh(caller, kind, spans))
            files += [[kind, low, high] for low, high in cut(weighed)]
        if await self._gone(caller, order):
            files.append([DELETED, 0, 0])
        async with self._store.transaction() as change:
            await change.plan_export(ident, orjson.dumps(files))
        self._planning.pop(ident, None)

    def _weigh(
        self, caller: Caller, kind: str, spans: Sequence[Span]
    ) -> Callable[[Snapshot], Awaitable[list[tuple[int, int]]]]:
        at = self._clock()

        async def answer(view: Snapshot) -> list[tuple[int, int]]:
            weighed, gaps = await view.weighed(caller.context, kind, spans, at=at)
            if gaps:
                raise MissingDecisions(gaps)
            return weighed

        return answer

    async def _settled(self, caller: Caller, answer: Callable[[Snapshot], Awaitable[Answer]]) -> Answer:
        """As ``_decided``, for as many rounds as there are decisions that were not missing before."""
        known: set[Gap] = set()
        while True:
            try:
                async with self._store.snapshot() as view:
                    return await answer(view)
            except MissingDecisions as missing:
                gaps = [gap for gap in missing.gaps if gap not in known]
            if not gaps:
                raise Unavailable("the answer could not be decided completely; ask again")
            known.update(gaps)
            for first in range(0, len(gaps), _FILLED):
                await self._decisions.fill(caller.context, gaps[first : first + _FILLED])
                await asyncio.sleep(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    served: list[tuple[Hit, Served]]
    last: tuple[int, int, int] | None
    more: bool


def _whole(caller: Caller, kind: str) -> bool:
    """Whether a caller may meet any resource of a type, whatever it says."""
    return _held(caller, kind) and caller.narrowed(kind, "r") is None and caller.narrowed(kind, "s") is None


def _held(caller: Caller, kind: str) -> bool:
    try:
        caller.require(kind, "r")
        caller.require(kind, "s")
    except OutOfScope:
        return False
    return True
