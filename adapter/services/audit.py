"""AuditEvents for the privacy officers of a site, and for nobody else: to anyone else there are none.

What an officer asks is in the ledger before it is answered, like everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import NotFound
from adapter.services.accounting import ACCOUNTING
from adapter.services.audit_events import TYPE
from adapter.services.explain import PRIVACY_OFFICER
from adapter.store.shapes import BEGINNING, END, row_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapter.services.accounting import Account, Accounting
    from adapter.services.audit_events import AuditEvents
    from adapter.services.disclose import Caller, Disclosure
    from adapter.store.port import Ledger, Store

ONLY: Final = PRIVACY_OFFICER
"""The right without which there are no AuditEvents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which events are wanted: of a person by a Patient (id), or about resources (``Type/id``), recorded in a period.

    ``[since, until)`` in epoch microseconds; the newest come first, ``count`` of them after the first ``offset``.
    """

    patient: str = ""
    entities: tuple[str, ...] = ()
    since: int = BEGINNING
    until: int = END
    count: int = 20
    offset: int = 0

    def __str__(self) -> str:
        named = [f"patient=Patient/{self.patient}"] if self.patient else []
        named += [f"entity={','.join(self.entities)}"] if self.entities else []
        return f"{TYPE}?{'&'.join(named)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """The total, and the events of one page."""

    total: int
    events: Sequence[dict[str, Any]]


class Audit:
    """Reads the ledger as AuditEvents."""

    def __init__(
        self, store: Store, ledger: Ledger, gate: Disclosure, accounting: Accounting, events: AuditEvents
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._gate = gate
        self._accounting = accounting
        self._events = events

    def may_read(self, caller: Caller) -> bool:
        """Whether there are AuditEvents for a caller."""
        return ONLY in caller.rights

    def events(self, account: Account, *, officer: bool) -> Iterator[dict[str, Any]]:
        """The events of an account, oldest first: all of them, or what the person may be given."""
        return self._events.of(account, officer=officer)

    async def read(self, caller: Caller, ident: str) -> dict[str, Any]:
        """One event by its id; ``NotFound`` if there is none."""
        await self._gate.note(caller, ACCOUNTING, f"{TYPE}/{ident}")
        place = self._events.place(ident)
        if place is None:
            raise NotFound("no event has this id")
        number, rid = place
        entry = await self._ledger.of_number(number)
        patient = await self._patient(rid)
        if entry is None or not patient:
            raise NotFound("no event has this id")
        account = await self._accounting.of(patient, since=entry.at, until=entry.at + 1)
        for one in account.asked:
            if one.number == number and patient in one.patients:
                return self._events.event(one, patient, account.at, officer=True)
        raise NotFound("no event has this id")

    async def search(self, caller: Caller, query: AuditQuery) -> AuditPage:
        """A page of events; none of a person who is not known."""
        await self._gate.note(caller, ACCOUNTING, str(query))
        patients = {query.patient} if query.patient else {await self._owner(name) for name in query.entities}
        found: dict[str, dict[str, Any]] = {}
        for patient in sorted(patients - {""}):
            for event in self._wanted(await self._account(patient, query), query):
                found[event["id"]] = event
        ordered = sorted(found.values(), key=lambda one: (one["recorded"], one["id"]), reverse=True)
        return AuditPage(total=len(ordered), events=ordered[query.offset : query.offset + query.count])

    async def _account(self, patient: str, query: AuditQuery) -> Account | None:
        try:
            return await self._accounting.of(patient, since=query.since, until=query.until)
        except NotFound:
            return None

    def _wanted(self, account: Account | None, query: AuditQuery) -> list[dict[str, Any]]:
        events = [] if account is None else list(self._events.of(account, officer=True))
        if not query.entities:
            return events
        wanted = set(query.entities)
        return [
            event
            for event in events
            if wanted & {entity["what"].get("reference") for entity in event["entity"] if "what" in entity}
        ]

    async def _owner(self, name: str) -> str:
        """The id of the Patient a resource is or was about; empty for what is not known."""
        kind, _, ident = name.partition("/")
        async with self._store.snapshot() as view:
            owner = await view.owner(row_key(kind, ident))
        return "" if owner is None else await self._patient(owner)

    async def _patient(self, rid: int) -> str:
        async with self._store.snapshot() as view:
            found = [one.name for one in await view.theirs([rid]) if one.rid == rid]
        return found[0].partition("/")[2] if found else ""
