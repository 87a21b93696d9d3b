"""The gate: the only code that hands a resource to anyone.

Every way out asks here, as a ``Caller`` whose context was settled by its token, and gets only what consent, law and
agreement permit. The ledger entry of a pass is committed before the bytes are returned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import orjson

from adapter.errors import Issue, NotAllowed, NotFound, OutOfScope, RequestError, Unavailable
from adapter.fhir.instants import instant_text
from adapter.fhir.outcome import outcome
from adapter.fhir.results import DIRECTORY
from adapter.services.includes import along
from adapter.services.questions import asked_for, of_patient, selective
from adapter.store.shapes import TYPES, LedgerEntry, row_key
from adapter.summary.order import Screened, extensions, order

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from adapter.fhir.scopes import Scopes
    from adapter.fhir.search import Filter, Query
    from adapter.services.decisions import Decisions
    from adapter.store.port import Ledger, Snapshot, Store
    from adapter.store.shapes import Found, Gap, Hit
    from adapter.store.written import Written

Answer = TypeVar("Answer")
POPULATION = "population-search"
"""The right to a search that names no one."""
LONGEST_BODY = 64 * 1024
"""Bytes of the longest body that a caller may send unless its registration says otherwise."""
MOST_ENTRIES = 500
"""Entries of the largest Bundle that a caller may send unless its registration says otherwise."""
_ROUNDS = 8
"""Rule, then exception, for the record, its Patient, its same-day siblings and what comes along."""


class MissingDecisions(Exception):
    """The tables do not hold every decision this answer needs."""

    def __init__(self, gaps: Sequence[Gap]) -> None:
        super().__init__()
        self.gaps = gaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, for what purpose.

    ``context`` is the interned recipient context of the organisation and the purpose; ``rights`` are the further
    rights of its agreement (``population-search``); ``request_id`` is what the partner quotes on the phone. ``scopes``
    narrow what may be met of what all these permit; None narrows nothing. ``longest_body`` is in bytes,
    ``most_entries`` are those of a Bundle.
    """

    client: str
    organisation: str
    context: int
    purpose: str
    rights: frozenset[str]
    request_id: str
    scopes: Scopes | None = None
    longest_body: int = LONGEST_BODY
    most_entries: int = MOST_ENTRIES

    def require(self, kind: str, letter: str) -> None:
        """``OutOfScope`` unless an interaction (of ``cruds``) with a type is in the scopes; nothing is looked up."""
        if self.scopes is not None and not self.scopes.allows(kind, letter):
            raise OutOfScope("no scope of this access token holds this interaction with this resource type")

    def narrowed(self, kind: str, letter: str) -> tuple[tuple[Filter, ...], ...] | None:
        """What the scopes narrow an interaction with a type to: all filters of one group; None if they do not."""
        return None if self.scopes is None else self.scopes.within(kind, letter)


class Served(NamedTuple):
    """One disclosed resource: the bytes as they leave, its version id, last change (epoch µs), and obligations."""

    type: str
    id: str
    version: str
    updated: int
    body: bytes
    obligation: int = 0

    @property
    def last_updated(self) -> str:
        """The last change as FHIR writes an instant."""
        return instant_text(self.updated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a search: the exact total over what is permitted, and where the next page starts."""

    total: int
    served: tuple[Served, ...]
    included: tuple[Served, ...] = ()
    next: bytes | None = None
    notice: bytes | None = None


class Disclosure:
    """Decides, ledgers and hands over. Everything it returns has its ledger entry on disk."""

    def __init__(self, store: Store, ledger: Ledger, decisions: Decisions, clock: Callable[[], int]) -> None:
        self._store = store
        self._ledger = ledger
        self._decisions = decisions
        self._clock = clock

    async def read(self, caller: Caller, kind: str, ident: str) -> Served:
        """The current version of one resource; ``NotFound`` when absent, deleted or withheld alike."""
        await self._within(caller, "read", kind, "r")
        at, target = self._clock(), f"{kind}/{ident}"
        hits: list[tuple[Hit, Served]] = []
        if kind in TYPES:

            async def answer(view: Snapshot) -> list[tuple[Hit, Served]]:
                found = await self._found(view, caller, kind, row_key(kind, ident), at)
                named = [hit for hit in found.hits if hit.id == ident and hit.type == kind]
                return await self._serve(view, caller, named, at, "r")

            hits = await self._decided(caller, answer)
        await self._enter(caller, "read", target, hits, at)
        if not hits:
            raise NotFound("there is nothing here")
        return hits[0][1]

    async def search(self, caller: Caller, query: Query, after: bytes | None = None) -> Page:
        """One page of what ``query`` finds among the permitted; ``NotAllowed`` without the right to ask."""
        await self._within(caller, "search-type", query.type, "s")
        within = caller.narrowed(query.type, "s")
        at = self._clock()
        asked = [item for item in query.filters if not of_patient(item)]
        place = tuple(orjson.loads(after)) if after else None

        async def answer(view: Snapshot) -> tuple[Found, list[tuple[Hit, Served]], list[tuple[Hit, Served]]]:
            patients = await self._patients(view, caller, query, at)
            if patients is None and not selective(query) and POPULATION not in caller.rights:
                raise NotAllowed(
                    "the agreement does not allow a search over everyone; name a patient",
                    expression="patient",
                )
            permitted = replace(query, filters=tuple(asked))
            found = await view.search(caller.context, permitted, patients, place, at=at, within=within)
            if found.gaps:
                raise MissingDecisions(found.gaps)
            matched = await self._serve(view, caller, found.hits, at, "s")
            if not query.includes:
                return found, matched, []
            included, gaps = await along(view, caller.context, query, found.hits, at=at)
            if gaps:
                raise MissingDecisions(gaps)
            return found, matched, await self._serve(view, caller, included, at, "s")

        try:
            found, matched, included = await self._decided(caller, answer)
        except NotAllowed:
            await self.refuse(caller, "search-type", asked_for(query), f"403 {POPULATION}")
            raise
        except RequestError as error:
            await self.refuse(caller, "search-type", asked_for(query), f"400 invalid {error.expression}")
            raise
        hits = [*matched, *included] if included else matched
        await self._enter(caller, "search-type", asked_for(query), hits, at)
        notices = self._decisions.obligations.notices((hit.obligation, hit.ends) for hit, _ in hits)
        return Page(
            total=found.total,
            served=tuple(served for _, served in matched),
            included=tuple(served for _, served in included),
            next=orjson.dumps(found.last) if found.more else None,
            notice=outcome([Issue(path="", code="business-rule", message=text) for text in notices], "information")
            if notices
            else None,
        )

    async def among(
        self,
        caller: Caller,
        queries: Sequence[Query],
        choose: Callable[[Mapping[int, bytes]], tuple[Sequence[int], Sequence[int]]],
        *,
        interaction: str,
        target: str,
    ) -> list[tuple[int, Served]]:
        """Of what several searches over everyone find among the permitted, the resources that ``choose`` picks, by key.

        ``choose`` is given the bodies by their internal keys. It answers with those to hand out, in order, and with
        those that must be of one person, as far as this caller sees: if they are not, nothing is handed out.
        """
        for query in queries:
            await self._within(caller, interaction, query.type, "s")
        at = self._clock()

        async def answer(view: Snapshot) -> list[tuple[Hit, Served]]:
            found: dict[int, Hit] = {}
            for query in queries:
                within = caller.narrowed(query.type, "s")
                page = await view.search(caller.context, query, None, None, at=at, within=within)
                if page.gaps:
                    raise MissingDecisions(page.gaps)
                found.update((hit.rid, hit) for hit in page.hits)
            chosen, one = choose({rid: hit.head + b"]" + hit.tail for rid, hit in found.items()})
            if one and not set(one) <= set(await self._visible(view, caller, one[0], at)):
                return []
            return await self._serve(view, caller, [found[rid] for rid in chosen], at, "s")

        hits = await self._decided(caller, answer)
        await self._enter(caller, interaction, target, hits, at)
        return [(hit.rid, served) for hit, served in hits]

    async def refuse(self, caller: Caller, interaction: str, target: str, refused: str) -> None:
        """Record a question that is refused before anything is looked up, in the same way as an answer.

        ``target`` and ``refused`` hold nothing of what the caller wrote but names that FHIR gives.
        """
        await self._enter(caller, interaction, target, (), self._clock(), refused)

    async def note(self, caller: Caller, interaction: str, target: str) -> None:
        """Record a question that hands out no resource, before it is answered."""
        await self._enter(caller, interaction, target, (), self._clock())

    async def _within(self, caller: Caller, interaction: str, kind: str, letter: str) -> None:
        """Refuse, in the ledger first, what no scope of the caller holds."""
        try:
            caller.require(kind, letter)
        except OutOfScope:
            await self.refuse(caller, interaction, kind, "403 scope")
            raise

    async def _decided(self, caller: Caller, answer: Callable[[Snapshot], Awaitable[Answer]]) -> Answer:
        """Run ``answer`` in one snapshot; where decisions are missing, fill them and run it again."""
        for _ in range(_ROUNDS):
            try:
                async with self._store.snapshot() as view:
                    return await answer(view)
            except MissingDecisions as missing:
                gaps = missing.gaps
            await self._decisions.fill(caller.context, gaps)
        raise Unavailable("the answer could not be decided completely; ask again")

    @staticmethod
    async def _found(view: Snapshot, caller: Caller, kind: str, rid: int, at: int) -> Found:
        read = view.read_patient if kind == "Patient" else view.read
        found = await read(caller.context, rid, at=at)
        if found.gaps:
            raise MissingDecisions(found.gaps)
        return found

    async def _patients(self, view: Snapshot, caller: Caller, query: Query, at: int) -> list[int] | None:
        """The patients a search is about; None when it is about everyone."""
        if query.type in DIRECTORY:
            return [0]
        if query.type == "Patient":
            return None
        named: set[int] | None = None
        for item in query.filters:
            if of_patient(item):
                rids = [row_key(*alternative.value.split("/", 1)) for alternative in item.alternatives]
                found = {member for rid in rids for member in await self._visible(view, caller, rid, at)}
                named = found if named is None else named & found
        if named is None:
            return await view.owners(query)
        return sorted(named)

    async def _visible(self, view: Snapshot, caller: Caller, rid: int, at: int) -> list[int]:
        """The connected component of ``rid`` over records this caller sees: a hidden one never joins two visible."""
        links = {rid: await view.linked(rid)}
        if not links[rid]:
            return [rid]
        visible: list[int] = []
        level = [rid]
        while level:
            seen, gaps = await view.seen(caller.context, level, at=at)
            if gaps:
                raise MissingDecisions(gaps)
            visible += seen
            level = list(dict.fromkeys(other for member in seen for other in links[member] if other not in links))
            for other in level:
                links[other] = await view.linked(other)
        return visible

    async def _serve(
        self, view: Snapshot, caller: Caller, hits: Sequence[Hit], at: int, letter: str
    ) -> list[tuple[Hit, Served]]:
        """The bytes of hits. Whatever brought a hit here, it leaves only if the scopes of the caller hold it."""
        obligations = self._decisions.obligations
        fragment = obligations.fragment
        own = await self._written(view, caller, hits)
        served = []
        for hit in hits:
            kind = hit.type
            if hit.rid in own:
                # Its writer has it as it was written, under versions of its own.
                mine = own[hit.rid]
                if _in_scope(caller, kind, mine.body, letter):
                    body = mine.body
                    if kind == "Patient":
                        body = await self._linked(view, caller, hit, body, at)
                    named = Served(kind, hit.id, mine.version, mine.updated, body)
                    served.append((hit._replace(version=mine.version, updated=mine.updated), named))
                continue
            if not obligations.knows(hit.obligation):
                await obligations.load()
            extra = await self._place(view, caller, hit, at) if hit.repeats else ()
            body = hit.head + fragment(hit.obligation, extra, ends=hit.ends) + hit.tail
            if not _in_scope(caller, kind, body, letter):
                continue
            if kind == "Patient":
                body = await self._linked(view, caller, hit, body, at)
            served.append((hit, Served(kind, hit.id, hit.version, hit.updated, body, hit.obligation)))
        return served

    async def _written(self, view: Snapshot, caller: Caller, hits: Sequence[Hit]) -> Mapping[int, Written]:
        """Those of the hits that software of the caller's own organisation wrote here, as it wrote them."""
        segments = {hit.segment for hit in hits}
        own = {each for each in segments if (await self._decisions.segment(each)).writer == caller.organisation}
        return await view.written([hit.rid for hit in hits if hit.segment in own]) if own else {}

    async def _place(self, view: Snapshot, caller: Caller, hit: Hit, at: int) -> Sequence[dict[str, Any]]:
        """Where a screening stands among those of its day that this caller sees; nothing if it sees no other."""
        group = [
            Screened(rid=str(rid), instant=instant, risk=risk)
            for rid, instant, risk in await view.siblings(hit.rid)
            if await self._readable(view, caller, hit.type, rid, at)
        ]
        return extensions(order(group)[str(hit.rid)]) if len(group) > 1 else ()

    async def _readable(self, view: Snapshot, caller: Caller, kind: str, rid: int, at: int) -> bool:
        """Whether a caller could read a resource by itself."""
        found = (await self._found(view, caller, kind, rid, at)).hits
        return any(_in_scope(caller, kind, one.head + b"]" + one.tail, "r") for one in found)

    async def _linked(self, view: Snapshot, caller: Caller, hit: Hit, body: bytes, at: int) -> bytes:
        others = {rid: "seealso" for rid in await self._visible(view, caller, hit.rid, at) if rid != hit.rid}
        merged = await view.merged(hit.rid)
        if merged:
            # A merge by the source is told where both records may be seen; it makes no consent of one the other's.
            seen, gaps = await view.seen(caller.context, list(merged), at=at)
            if gaps:
                raise MissingDecisions(gaps)
            others |= {rid: merged[rid] for rid in seen}
        if others and caller.narrowed("Patient", "r") is not None:
            # A reference is a way of telling that there is something: only to what could be read.
            readable = [rid for rid in others if await self._readable(view, caller, "Patient", rid, at)]
            others = {rid: others[rid] for rid in readable}
        if not others:
            return body
        rows = [(await view.row(rid), kind) for rid, kind in others.items()]
        links = [
            {"other": {"reference": f"Patient/{name}"}, "type": kind}
            for name, kind in sorted((row.id, kind) for row, kind in rows if row)
        ]
        return body[:-1] + b',"link":' + orjson.dumps(links) + b"}"

    async def _enter(
        self,
        caller: Caller,
        interaction: str,
        target: str,
        hits: Sequence[tuple[Hit, Served]],
        at: int,
        refused: str = "",
    ) -> None:
        await self._ledger.append(
            LedgerEntry(
                at=at,
                request_id=caller.request_id,
                client=caller.client,
                context=caller.context,
                purpose=caller.purpose,
                interaction=interaction,
                target=target,
                passed=[(f"{one.type}/{one.id}", one.version, hit.policy, hit.segment) for hit, one in hits],
                outcome=refused,
            )
        )


def _in_scope(caller: Caller, kind: str, body: bytes, letter: str) -> bool:
    """Whether the scopes of a caller hold a resource; where they narrow its type, by what it says."""
    if caller.scopes is None or caller.narrowed(kind, letter) is None:
        return True
    return caller.scopes.covers(orjson.loads(body), letter)
