"""What was asked about a person and what was given, drawn from the disclosure ledger.

A person is every record that is confirmed to be theirs now. What was asked of a record while it counted as theirs, and
does not any more, is kept apart: it may be about somebody else, and only the site's own people see it.

45 CFR 164.528; 42 CFR 2.24, 2.25.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from adapter.consent.agreement import data_class
from adapter.consent.bases import OWN
from adapter.errors import NotFound
from adapter.services.accounting_grounds import Grounds
from adapter.services.accounting_law import Listing, listings
from adapter.services.explain import EXPLAINED
from adapter.services.recordings import SUSPENSION
from adapter.store.shapes import keys_named, row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from adapter.services.decisions import Decisions
    from adapter.store.port import Ledger, Snapshot, Store
    from adapter.store.shapes import LedgerEntry, LegalFact, Numbered
    from adapter.store.survey import Join, PersonRecords, Theirs

ACCOUNTING: Final = "accounting"
"""The interaction under which an accounting that was given, or looked at, stands in the ledger itself."""
_ACTS: Final = frozenset({EXPLAINED, ACCOUNTING, "assert-basis", "create", "update", "patch", "delete"})
"""Interactions of partners and officers that look nothing up, or bring something."""
DISCLOSED, OWN_RECORD, NOTHING, REFUSED = "disclosed", "own-record", "nothing", "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One resource of the person that was handed over: what it was in words of law, never what it says.

    ``kind`` is its class of data as agreements name it, ``unit`` who made it; ``grounds`` is a mask, 0 where the past
    cannot be decided again.
    """

    resource: str
    version: str
    patient: str
    kind: str
    unit: str
    regime: str
    grounds: int
    listings: tuple[Listing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question about the person.

    ``number`` is its place in the ledger and never leaves. ``patients`` are the Patients (ids) of the person it is
    about. ``suspended``: an agency asked that it stay out of what the person is given. ``former``: it was about records
    that do not count as the person's any more.
    """

    number: int
    at: int
    request_id: str
    client: str
    recipient: str
    purpose: str
    interaction: str
    target: str
    outcome: str
    patients: tuple[str, ...]
    given: tuple[Given, ...] = ()
    suspended: bool = False
    former: bool = False

    @property
    def result(self) -> str:
        """What came of it: something was disclosed, a unit had its own record back, nothing, or a refusal."""
        if self.outcome:
            return REFUSED
        if not self.given:
            return NOTHING
        return OWN_RECORD if all(one.grounds == OWN for one in self.given) else DISCLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything asked about one person during ``[since, until)``, oldest first, as it is known at ``at``.

    ``unmatched`` are agencies that asked for a suspension and are no partner: it cannot be told what to leave out.
    """

    patient: str
    at: int
    since: int
    until: int
    asked: tuple[Asked, ...]
    unmatched: tuple[str, ...] = ()

    def for_person(self) -> tuple[Asked, ...]:
        """What the person may be given: neither what is suspended nor what is about former records."""
        return tuple(one for one in self.asked if not (one.suspended or one.former))


class Accounting:
    """Draws accounts. ``names`` gives the name of each partner by its key."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        decisions: Decisions,
        *,
        clock: Callable[[], int],
        names: Mapping[str, str],
        intermediary: bool,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._decisions = decisions
        self._clock = clock
        self._names = names
        self._intermediary = intermediary

    async def of(self, patient: str, *, since: int, until: int) -> Account:
        """The account of the person whose Patient this is; ``NotFound`` if no such record is or was held."""
        at, rid = self._clock(), row_key("Patient", patient)
        async with self._store.snapshot() as view:
            joins = await _joins(view, rid)
            theirs = {one.rid: one for one in await view.theirs(joins)}
            if rid not in theirs:
                raise NotFound("no record of this person is or was held")
            entries = await self._ledger.about(theirs, since=since, until=until)
            now = _component(joins, rid, at)
            stopped, unmatched = await self._suspended(view, now, at)
            grounds = Grounds(view, self._decisions)
            asked = []
            for one in entries:
                counted = now | _component(joins, rid, one.entry.at)
                named = keys_named(one.entry.target, (item[0] for item in one.entry.passed))
                mine = {rid: theirs[rid] for rid in named if rid in theirs and theirs[rid].patient in counted}
                if mine and one.entry.context and one.entry.interaction not in _ACTS:
                    asked.append(await self._asked(one, mine, theirs, now, stopped, grounds))
        return Account(
            patient=patient, at=at, since=since, until=until, asked=tuple(asked), unmatched=tuple(sorted(unmatched))
        )

    async def _asked(
        self,
        numbered: Numbered,
        mine: Mapping[int, Theirs],
        theirs: Mapping[int, Theirs],
        now: frozenset[int],
        stopped: Collection[str],
        grounds: Grounds,
    ) -> Asked:
        entry = numbered.entry
        recipient = await self._decisions.recipient(entry.context)
        given = [
            await self._given(entry, item, mine[row_key(*item[0].split("/", 1))], theirs, grounds)
            for item in entry.passed
            if row_key(*item[0].split("/", 1)) in mine
        ]
        owners = {one.patient for one in mine.values()}
        return Asked(
            number=numbered.number,
            at=entry.at,
            request_id=entry.request_id,
            client=entry.client,
            recipient=recipient.organisation,
            purpose=entry.purpose,
            interaction=entry.interaction,
            target=entry.target,
            outcome=entry.outcome,
            patients=tuple(sorted(_id(theirs[owner]) for owner in owners)),
            given=tuple(given),
            suspended=bool(recipient.actors & set(stopped)),
            former=not owners & now,
        )

    async def _given(
        self,
        entry: LedgerEntry,
        item: tuple[str, str, int, int],
        record: Theirs,
        theirs: Mapping[int, Theirs],
        grounds: Grounds,
    ) -> Given:
        name, version, policy, number = item
        segment = await self._decisions.segment(number)
        mask = await grounds.of(entry, name, version, policy, number, patient=record.patient)
        return Given(
            resource=name,
            version=version,
            patient=_id(theirs[record.patient]),
            kind=data_class(segment),
            unit=segment.unit,
            regime=segment.regime,
            grounds=mask,
            listings=listings(segment, mask, intermediary=self._intermediary),
        )

    async def _suspended(self, view: Snapshot, patients: Iterable[int], at: int) -> tuple[set[str], set[str]]:
        """The organisations that stay out of what the person is given now; and agencies that are no partner."""
        stopped, unmatched = set(), set()
        for fact in await _suspensions(view, patients, at):
            agency = _same(orjson.loads(fact.evidence)["agency"])
            found = {key for key, name in self._names.items() if agency in {_same(key), _same(name)}}
            stopped |= {f"Organization/{key}" for key in found}
            unmatched |= set() if found else {agency}
        return stopped, unmatched


async def _suspensions(view: PersonRecords, patients: Iterable[int], at: int) -> list[LegalFact]:
    facts = await view.recorded(patients)
    return [one for one in facts if one.kind == SUSPENSION and one.start <= at < one.stop]


async def _joins(view: Snapshot, patient: int) -> dict[int, Sequence[Join]]:
    """Every Patient that is or was one person with this one, over however many links, with its links."""
    found: dict[int, Sequence[Join]] = {}
    waiting = [patient]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found[one] = await view.joins(one)
            waiting += [join.other for join in found[one]]
    return found


def _component(joins: Mapping[int, Sequence[Join]], patient: int, at: int) -> frozenset[int]:
    """The Patients that counted as one person with this one at an instant."""
    found, waiting = {patient}, [patient]
    while waiting:
        others = {join.other for join in joins[waiting.pop()] if join.since <= at < join.until}
        waiting += others - found
        found |= others
    return frozenset(found)


def _id(record: Theirs) -> str:
    return record.name.partition("/")[2]


def _same(name: str) -> str:
    """A name as it is compared: case and spaces do not make another agency."""
    return " ".join(name.casefold().split())
