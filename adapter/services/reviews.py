"""What has to be looked at after something was recorded, by somebody else than who recorded it.

A threat is reviewed by a supervisor within 24 hours. An emergency is reviewed by a second person; found to be none, it
ends and the disclosures that rested on it are reviewed as a possible breach. An order without a mandate, and a subpoena
without an order, are for counsel.

42 CFR 2.16, 2.51, 2.61; 45 CFR 164.402, 164.404, 164.512(j).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from adapter.consent.bases import mask
from adapter.consent.evaluate import Effect
from adapter.consent.standing import fact_of
from adapter.errors import NotFound, RequestError
from adapter.services.recordings import DAY, SUBPOENA
from adapter.store.shapes import row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapter.services.authorities import Author, Authorities, Listed
    from adapter.services.decisions import Decisions
    from adapter.store.port import Ledger, Store
    from adapter.store.shapes import LedgerEntry

SUPERVISOR: Final = "supervisor"
EMERGENCY: Final = "emergency"
BREACH: Final = "breach"
COUNSEL: Final = "counsel"
JUSTIFIED: Final = "justified"
NOT_JUSTIFIED: Final = "not-justified"
FINDINGS: Final = (JUSTIFIED, NOT_JUSTIFIED)
_DUE: Final = {SUPERVISOR: DAY, EMERGENCY: 3 * DAY, BREACH: 60 * DAY, COUNSEL: DAY}
"""When a review is due after what it is about: county policy, and 45 CFR 164.404(b) for a breach."""
_REVIEWED: Final = {"J": SUPERVISOR, "E": EMERGENCY}
_NAMED: Final = ("discloser", "official")
"""Facts that name who acted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One open review: what it is about, of what kind, and until when, in epoch microseconds."""

    about: Listed
    kind: str
    due: int


class Reviews:
    """The open reviews of a site."""

    def __init__(
        self,
        authorities: Authorities,
        store: Store,
        ledger: Ledger,
        decisions: Decisions,
        clock: Callable[[], int],
    ) -> None:
        self._authorities = authorities
        self._store = store
        self._ledger = ledger
        self._decisions = decisions
        self._clock = clock

    async def open(self) -> list[Review]:
        """Every open review, the most urgent first."""
        found = await self._authorities.of_kinds("J", "E", "O", SUBPOENA)
        return sorted(
            (review for one in found for review in _open(one)), key=lambda review: (review.due, review.about.fact.id)
        )

    async def close(self, ident: str, by: Author, *, finding: str, words: str) -> Review:
        """Close the open review of a recorded fact.

        ``RequestError`` when the reviewer is who recorded it or is named in it as who acted; ``NotFound`` when nothing
        is open. An emergency or a threat that was not justified ends with that.
        """
        review = next((one for one in await self.open() if one.about.fact.id == ident), None)
        if review is None:
            raise NotFound("no review is open under this id; `sallyport record reviews` tells the ids")
        if _same(by.name) in _acted(review.about):
            raise RequestError("somebody else has to review it than who recorded it or acted on it", expression="by")
        ends = finding == NOT_JUSTIFIED and review.kind in {SUPERVISOR, EMERGENCY}
        await self._authorities.act(ident, by, act=f"{review.kind}:{finding}", words=words, ends=ends)
        return review

    async def affected(self, about: Listed) -> list[LedgerEntry]:
        """The disclosures that rested, or may have rested, on an asserted basis."""
        fact = fact_of(orjson.loads(about.fact.fact))
        async with self._store.transaction() as change:
            own = [about.fact.patient, *await change.sharing(about.fact.patient)]
            people = {member for component in await change.components(own) for member in component}
        found = []
        async for entry, *_ in self._ledger.entries():
            if about.fact.start <= entry.at <= about.fact.stop and entry.passed and entry.context:
                recipient = await self._decisions.recipient(entry.context)
                if recipient.organisation == fact.recipient and await self._rested(entry, people, mask(fact.basis)):
                    found.append(entry)
        return found

    async def _rested(self, entry: LedgerEntry, people: set[int], basis: int) -> bool:
        """Whether something of these people passed on a basis; an answer per resource may have."""
        recipient = await self._decisions.recipient(entry.context)
        rids = {row_key(*target.split("/", 1)): (policy, segment) for target, _, policy, segment in entry.passed}
        async with self._store.snapshot() as view:
            rows = [await view.row(rid) for rid in rids]
        for row in rows:
            if row is None or row.patient not in people:
                continue
            policy, segment = rids[row.rid]
            verdict = self._decisions.rule(
                await self._decisions.policy(policy), recipient, await self._decisions.segment(segment)
            )
            if verdict.effect is Effect.EXCEPTION or verdict.bases & basis:
                return True
        return False


def _open(one: Listed) -> Iterator[Review]:
    """The review that is open about a recorded fact, if one is."""
    kind = _kind(one)
    if kind is None:
        return
    closed = {name: (finding, act.at) for act in one.acts for name, _, finding in [act.act.partition(":")]}
    if kind not in closed:
        yield Review(about=one, kind=kind, due=one.fact.recorded + _DUE[kind])
    elif kind == EMERGENCY and closed[kind][0] == NOT_JUSTIFIED and BREACH not in closed:
        yield Review(about=one, kind=BREACH, due=closed[kind][1] + _DUE[BREACH])


def _kind(one: Listed) -> str | None:
    if one.fact.kind == "O":
        # A court that only authorizes does not compel: whether to disclose is for counsel, 42 CFR 2.61(a).
        return None if _evidence(one).get("mandate") is True else COUNSEL
    return _REVIEWED.get(one.fact.kind, COUNSEL)


def _evidence(one: Listed) -> dict[str, Any]:
    evidence: dict[str, Any] = orjson.loads(one.fact.evidence)
    return evidence


def _acted(one: Listed) -> set[str]:
    named = [_evidence(one).get(name) for name in _NAMED]
    return {_same(one.fact.author), *(_same(name) for name in named if isinstance(name, str))}


def _same(name: str) -> str:
    """A name as it is compared: case and spaces do not make another person."""
    return " ".join(name.casefold().split())
