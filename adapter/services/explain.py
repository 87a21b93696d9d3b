"""Why an answer was what it was, for the people of the site only: by request id, or for one resource now.

Nothing of it is reachable by a requester, 42 CFR 2.13(c)(2); who asks over REST needs the right `privacy-officer`, and
each question is in the ledger before it is answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapter.consent.explain import Finding
from adapter.errors import NotAllowed, NotFound
from adapter.services.proofs import AUTHORIZING, asker, authorization_told
from adapter.services.remembered import Held, held_now, held_then
from adapter.services.requests import Search, asked, refusal_told
from adapter.services.trace import DENY, PERMIT, Explanation, Tracer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    from adapter.services.decisions import Decisions
    from adapter.services.disclose import Caller, Disclosure
    from adapter.services.in_force import InForce
    from adapter.services.words import Words
    from adapter.store.port import Ledger, Snapshot, Store
    from adapter.store.shapes import LedgerEntry, StoredResource

PRIVACY_OFFICER = "privacy-officer"
"""The right to ask why."""
EXPLAINED = "$explain"
"""The interaction under which a question of a privacy officer stands in the ledger."""
_OFFICERS = frozenset({EXPLAINED, "accounting"})
_OF_ONE = frozenset({"read", "vread", "history-instance"})
_ANSWERED = _OF_ONE | {"search-type", "$everything"}
"""Interactions of which there is something to tell even where nothing was given."""
_LIKE = 5
"""Resources named where many are decided alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a privacy officer asks: about a request, or about a resource for a recipient (key) and purpose now."""

    request: str = ""
    recipient: str = ""
    purpose: str = ""
    resource: str = ""

    def __str__(self) -> str:
        if self.request:
            return f"request {self.request}"
        return f"{self.resource} for {self.recipient}, {self.purpose}"


class Explain:
    """Decides again from the stored tables and tells how."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        decisions: Decisions,
        in_force: InForce,
        *,
        clock: Callable[[], int],
        words: Words,
        zone: ZoneInfo,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._decisions = decisions
        self._in_force = in_force
        self._clock = clock
        self._words = words
        self._tracer = Tracer(decisions, words, zone)

    async def ask(self, gate: Disclosure, caller: Caller, question: Question) -> list[Explanation]:
        """The answer to a privacy officer, whose question is in the ledger first; ``NotAllowed`` for anyone else.

        ``NotFound`` if the ledger has no such request.
        """
        if PRIVACY_OFFICER not in caller.rights:
            raise NotAllowed(f"this access token does not carry the right `{PRIVACY_OFFICER}`")
        await gate.note(caller, EXPLAINED, str(question))
        if question.request:
            return await self.request(question.request)
        return [await self.resource(f"Organization/{question.recipient}", question.purpose, question.resource)]

    async def request(self, request_id: str) -> list[Explanation]:
        """The trace of an answer given, by its ``X-Request-Id``; ``NotFound`` if the ledger has no such request."""
        entries = await self._ledger.of_request(request_id)
        if not entries:
            raise NotFound(
                f"the ledger has no request `{request_id}`; compare it with the X-Request-Id of the answer. Answers "
                "without a valid token or purpose (401, 403) and failures (500, 503) are not in the ledger"
            )
        return [explanation for entry in entries for explanation in await self._entry(entry)]

    async def resource(self, organisation: str, purpose: str, target: str) -> Explanation:
        """The decision about one resource (``Type/id``) for a recipient and purpose, now."""
        context, at = await self._decisions.context_of(organisation, purpose), self._clock()
        question = await self._question(target, context, at)
        async with self._store.snapshot() as view:
            row = await _row(view, target)
            held = None if row is None else await held_now(view, self._decisions, row.patient, at)
            if row is None or held is None:
                return _absent(question, target)
            return await self._explained(view, context, row, held, at, question)

    async def _entry(self, entry: LedgerEntry) -> list[Explanation]:
        if entry.interaction in AUTHORIZING:
            outcome = "deny" if entry.outcome else "noted"
            finding = Finding(topic="result", outcome=outcome, says=authorization_told(entry))
            effect = "REFUSED" if entry.outcome else "FOUND"
            return [Explanation(question=asker(entry), effect=effect, findings=(finding,))]
        if entry.outcome:
            organisation = (await self._decisions.recipient(entry.context)).organisation
            told = refusal_told(entry.outcome, self._words.name(organisation))
            finding = Finding(topic="result", outcome="deny", says=told)
            return [Explanation(question=await self._asked(entry), effect="REFUSED", findings=(finding,))]
        if entry.interaction in _OFFICERS:
            told = "A privacy officer asked why, or who asked; what was told is not kept, ask again for it."
            finding = Finding(topic="result", outcome="noted", says=told)
            return [Explanation(question=await self._asked(entry), effect="FOUND", findings=(finding,))]
        if entry.interaction not in _ANSWERED and not entry.passed:
            says = f"Client `{entry.client}` recorded this on {self._words.moment(entry.at)}; nothing was given out."
            finding = Finding(topic="result", outcome="noted", says=says)
            return [Explanation(question=f"{entry.interaction} {entry.target}", effect="FOUND", findings=(finding,))]
        async with self._store.snapshot() as view:
            if entry.interaction in _OF_ONE:
                return [await self._read(view, entry)]
            return await self._search(view, entry)

    async def _read(self, view: Snapshot, entry: LedgerEntry) -> Explanation:
        question = await self._question(entry.target, entry.context, entry.at)
        row = await _row(view, entry.target)
        if row is None:
            return _absent(question, entry.target)
        return await self._then_and_now(view, entry, row, question)

    async def _search(self, view: Snapshot, entry: LedgerEntry) -> list[Explanation]:
        """An overview, then what passed, then what was withheld of the same persons, alike ones together."""
        search: Search = await asked(view, entry)
        passed = {target for target, *_ in entry.passed}
        alike: dict[tuple[str, object], list[Explanation]] = {}
        later = unmatched = 0
        for row in search.rows:
            target = f"{row.type}/{row.id}"
            question = await self._question(target, entry.context, entry.at)
            one = await self._then_and_now(view, entry, row, question)
            if one.effect == PERMIT and target not in passed:
                unmatched += 1
            elif any(finding.topic == "arrival" for finding in one.findings):
                later += 1
            else:
                alike.setdefault((one.effect, _likeness(one)), []).append(one)
        groups = [await self._together(entry, group) for group in alike.values()]
        groups.sort(key=lambda one: one.effect != PERMIT)
        withheld = sum(len(one.targets) for one in groups if one.effect == DENY)
        overview = search.overview(entry, withheld=withheld, unmatched=unmatched, later=later)
        effect = "FOUND" if entry.passed else "EMPTY"
        question = await self._asked(entry)
        return [
            Explanation(question=question, effect=effect, findings=overview, targets=tuple(sorted(passed))),
            *groups,
        ]

    async def _together(self, entry: LedgerEntry, group: Sequence[Explanation]) -> Explanation:
        first, targets = group[0], tuple(target for one in group for target in one.targets)
        named = ", ".join(targets[:_LIKE]) + (f" and {len(targets) - _LIKE} more" if len(targets) > _LIKE else "")
        question = await self._question(named, entry.context, entry.at)
        return Explanation(
            question=question, effect=first.effect, findings=first.findings, targets=targets, now=first.now
        )

    async def _then_and_now(
        self, view: Snapshot, entry: LedgerEntry, row: StoredResource, question: str
    ) -> Explanation:
        """The decision as it was when the answer was given and, where it would differ, as it would be now."""
        target, now = f"{row.type}/{row.id}", self._clock()
        told = next((item for item in entry.passed if item[0] == target), None)
        if told is None and not await view.held([row.rid], at=entry.at):
            says = "No version of it had arrived when the request was answered."
            arrival = Finding(topic="arrival", outcome="deny", says=says)
            return Explanation(question=question, effect=DENY, findings=(arrival,), targets=(target,))
        held = await held_then(view, self._in_force, row.patient, entry.at)
        segment = None
        if told is not None:
            # The ledger is what counts of the past; who said it is known where the past can be read again.
            policy = await self._decisions.policy(told[2])
            same = policy.canonical() == held.policy.canonical()
            held, segment = Held(policy=policy, sources=held.sources if same else ()), told[3]
        then = await self._explained(view, entry.context, row, held, entry.at, question, segment=segment)
        if told is not None and then.effect != PERMIT:
            says = "It was given then; what allowed it has been changed since and cannot be read again."
            kept = Finding(topic="result", outcome="permit", says=says)
            then = Explanation(
                question=question, effect=PERMIT, findings=(kept, *then.findings[1:]), targets=then.targets
            )
        current = await held_now(view, self._decisions, row.patient, now)
        if current is None:
            return then
        asked_now = await self._question(target, entry.context, now)
        after = await self._explained(view, entry.context, row, current, now, asked_now)
        changed = current.policy.canonical() != held.policy.canonical() or after.effect != then.effect
        return Explanation(
            question=then.question,
            effect=then.effect,
            findings=then.findings,
            targets=then.targets,
            now=after if changed else None,
        )

    async def _explained(
        self,
        view: Snapshot,
        context: int,
        row: StoredResource,
        held: Held,
        at: int,
        question: str,
        *,
        segment: int | None = None,
    ) -> Explanation:
        target = f"{row.type}/{row.id}"
        sealed = await view.sealed(row.rid)
        if sealed is not None and sealed.at <= at:
            says = f"It was sealed on {self._words.moment(sealed.at)} by {sealed.author}, under {sealed.authority}."
            finding = Finding(topic="record", outcome="deny", says=says)
            return Explanation(question=question, effect=DENY, findings=(finding,), targets=(target,))
        traced = await self._tracer.trace(view, context, row, held, at, segment=segment)
        permitted, told = traced.permitted, traced.findings
        if row.type == "Patient" and not permitted:
            through = await self._through(view, context, row, held, at)
            if through is not None:
                permitted, told = True, [through, *told[1:]]
        effect = PERMIT if permitted else DENY
        return Explanation(question=question, effect=effect, findings=tuple(told), targets=(target,))

    async def _through(self, view: Snapshot, context: int, row: StoredResource, held: Held, at: int) -> Finding | None:
        """The record through which a Patient is seen: who may see one may see whose it is."""
        known: dict[int, bool] = {}
        for record in await view.records([row.patient]):
            if record.type == "Patient" or known.get(record.segment) is False:
                continue
            traced = await self._tracer.trace(view, context, record, held, at)
            if traced.permitted:
                says = (
                    f"It is given, because the recipient may see a record of this Patient: {record.type}/{record.id}."
                )
                return Finding(topic="result", outcome="permit", says=says)
            if not traced.single:
                known[record.segment] = False
        return None

    async def _question(self, target: str, context: int, at: int) -> str:
        recipient = await self._decisions.recipient(context)
        purposes = ", ".join(code for _, code in recipient.purposes)
        key = recipient.organisation.removeprefix("Organization/")
        who = f"{self._words.name(recipient.organisation)} ({key})"
        return f"{target} for {who}, purpose {purposes}, on {self._words.moment(at)}"

    async def _asked(self, entry: LedgerEntry) -> str:
        what = await self._question(f"{entry.interaction} {entry.target}".rstrip(), entry.context, entry.at)
        return f"{what}, asked by client `{entry.client}`"


async def _row(view: Snapshot, target: str) -> StoredResource | None:
    kind, _, ident = target.partition("/")
    row = await view.resource(kind, ident)
    return row if row is not None and (row.type, row.id) == (kind, ident) else None


def _absent(question: str, target: str) -> Explanation:
    says = "No such resource is stored."
    finding = Finding(topic="result", outcome="deny", says=says)
    return Explanation(question=question, effect=DENY, findings=(finding,), targets=(target,))


def _likeness(one: Explanation) -> object:
    """Equal for explanations that say the same of different resources."""
    return one.findings, None if one.now is None else (one.now.effect, one.now.findings)
