"""A fake gate behind the real face: what it would withhold is simply not in it, or absent by rule."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx2
import pytest

from adapter.assets import instruments, loinc, r4_facts
from adapter.auth.requester import Requester
from adapter.auth.tokens import Tokens
from adapter.errors import NotAllowed, NotFound
from adapter.fhir.facts import Facts
from adapter.fhir.instants import instant_text
from adapter.rest.app import application
from adapter.services.bulk_files import File, Manifest
from adapter.services.conformance import conformance
from adapter.services.disclose import Caller, Page, Served
from adapter.services.groups import Group
from adapter.services.measures import Measures
from adapter.services.profiles import shipped_validator
from adapter.services.versions import VersionPage
from adapter.summary.loinc import PinnedList
from adapter.summary.registry import Registry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from adapter.fhir.search import Query
    from adapter.services.asserting import Asking
    from adapter.services.bulk_files import Order
    from adapter.services.everything import Wanted
    from adapter.services.explain import Question
    from adapter.services.trace import Explanation
    from adapter.services.versions import Window
    from adapter.store.shapes import TokenRow

FACTS = Facts(r4_facts())
VALIDATOR = shipped_validator()
CONFORMANCE = conformance(FACTS, Registry.load(instruments(), PinnedList.load(loinc())))
BASE = "https://county.example/fhir"
CHANGED = 1_772_463_600_120_000
INSTANT = instant_text(CHANGED)
NOON = 1_773_000_000_000_000


def resource(kind: str, ident: str) -> bytes:
    meta = {"versionId": f"v-{ident}", "lastUpdated": INSTANT, "security": [{"code": "N"}]}
    return json.dumps({"resourceType": kind, "id": ident, "meta": meta}, separators=(",", ":")).encode()


def served(kind: str, ident: str) -> Served:
    return Served(type=kind, id=ident, version=f"v-{ident}", updated=CHANGED, body=resource(kind, ident))


class FakeGate:
    """Serves what was put in, in order of id; ``raises`` is what it meets instead."""

    def __init__(self) -> None:
        self.visible: dict[tuple[str, str], Served] = {}
        self.reads: list[tuple[Caller, str, str]] = []
        self.searches: list[tuple[Caller, Query, bytes | None]] = []
        self.refused: list[tuple[Caller, str, str, str]] = []
        self.noted: list[tuple[Caller, str, str]] = []
        self.notice: bytes | None = None
        self.raises: Exception | None = None

    def put(self, kind: str, *idents: str) -> None:
        for ident in idents:
            self.visible[kind, ident] = served(kind, ident)

    async def read(self, caller: Caller, kind: str, ident: str) -> Served:
        self.reads.append((caller, kind, ident))
        if self.raises is not None:
            raise self.raises
        found = self.visible.get((kind, ident))
        if found is None:
            raise NotFound(f"{kind}/{ident} is withheld")
        return found

    async def refuse(self, caller: Caller, interaction: str, target: str, refused: str) -> None:
        self.refused.append((caller, interaction, target, refused))

    async def note(self, caller: Caller, interaction: str, target: str) -> None:
        self.noted.append((caller, interaction, target))

    async def search(self, caller: Caller, query: Query, after: bytes | None = None) -> Page:
        self.searches.append((caller, query, after))
        if self.raises is not None:
            raise self.raises
        if "population-search" not in caller.rights and not query.filters:
            raise NotAllowed("this agreement does not allow a search that names no patient")
        hits = sorted(one.id for key, one in self.visible.items() if key[0] == query.type)
        left = [ident for ident in hits if after is None or ident.encode() > after]
        shown = left[: query.count]
        return Page(
            total=len(hits),
            served=tuple(self.visible[query.type, ident] for ident in shown),
            next=shown[-1].encode() if shown and len(left) > len(shown) else None,
            notice=self.notice,
        )


class FakeReads(FakeGate):
    """Versions, everything, exports and groups over what another fake gate serves."""

    def __init__(self, gate: FakeGate) -> None:
        super().__init__()
        self.gate, self.visible, self.refused, self.noted = gate, gate.visible, gate.refused, gate.noted
        self.open: dict[str, Order] = {}
        self.ready = False
        self.chunks: list[bytes | Exception] = []
        self.groups: dict[str, Group] = {}

    async def vread(self, caller: Caller, kind: str, ident: str, version: str) -> Served:
        found = await self.gate.read(caller, kind, ident)
        if found.version != version:
            raise NotFound("another version")
        return found

    async def history(self, caller: Caller, kind: str, ident: str, window: Window, after: bytes | None) -> VersionPage:
        found = await self.gate.read(caller, kind, ident)
        more = b"next" if after is None and window.count == 1 else None
        return VersionPage(total=1, served=(found,) if window.count and after is None else (), next=more)

    async def of(self, caller: Caller, ident: str, wanted: Wanted, after: bytes | None) -> Page:
        found = await self.gate.read(caller, "Patient", ident)
        more = b"next" if after is None and wanted.count == 1 else None
        return Page(total=1, served=(found,) if after is None else (), next=more, notice=self.gate.notice)

    async def kick_off(self, caller: Caller, order: Order) -> str:
        if order.group and order.group not in self.groups:
            raise NotFound("no such group")
        self.open["job-1"] = order
        return "job-1"

    async def status(self, caller: Caller, ident: str) -> Manifest | None:
        if ident not in self.open:
            raise NotFound("no such export")
        files = (File(kind="Patient", low=0, high=9), File(kind="Observation", low=0, high=9))
        found = Manifest(request=self.open[ident].request, at=NOON, expires=NOON + 3_600_000_000, files=files)
        return found if self.ready else None

    async def cancel(self, caller: Caller, ident: str) -> None:
        if self.open.pop(ident, None) is None:
            raise NotFound("no such export")

    async def download(
        self, caller: Caller, ident: str, number: int, still: Callable[[], Awaitable[None]]
    ) -> AsyncGenerator[bytes]:
        if ident not in self.open or number > 1:
            raise NotFound("no such file")
        for chunk in self.chunks:
            await still()
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    async def group(self, caller: Caller, ident: str) -> Group:
        if ident not in self.groups:
            raise NotFound("no such group")
        return self.groups[ident]

    async def create(self, caller: Caller, name: str, members: list[str]) -> Group:
        ident = f"group-{len(self.groups) + 1}"
        self.groups[ident] = Group(id=ident, name=name, version="v-1", updated=NOON, members=tuple(members))
        return self.groups[ident]

    async def update(self, caller: Caller, ident: str, name: str, members: list[str]) -> Group:
        await self.group(caller, ident)
        self.groups[ident] = Group(id=ident, name=name, version="v-2", updated=NOON, members=tuple(members))
        return self.groups[ident]

    async def delete(self, caller: Caller, ident: str) -> None:
        await self.group(caller, ident)
        del self.groups[ident]


class FakeExplain:
    """Tells that it was asked; knows the requests put in."""

    def __init__(self) -> None:
        self.requests: dict[str, Explanation] = {}
        self.asked: list[Question] = []

    async def ask(self, gate: FakeGate, caller: Caller, question: Question) -> list[Explanation]:
        self.asked.append(question)
        await gate.note(caller, "$explain", str(question))
        if question.request not in self.requests:
            raise NotFound("no such request")
        return [self.requests[question.request]]


class FakeAssertions:
    """Keeps what was asserted; ``raises`` is what it meets instead."""

    def __init__(self) -> None:
        self.asked: list[tuple[Caller, Asking]] = []
        self.raises: Exception | None = None

    async def assert_basis(self, caller: Caller, asking: Asking) -> None:
        self.asked.append((caller, asking))
        if self.raises is not None:
            raise self.raises


class FakeWriting:
    """Lets nobody write; remembers who asked for what."""

    base_url = BASE

    def __init__(self) -> None:
        self.asked: list[tuple[Caller, list[tuple[str, str]]]] = []

    def allow(self, caller: Caller, kinds: list[tuple[str, str]]) -> None:
        self.asked.append((caller, kinds))
        raise NotAllowed("this client writes no feed")


class FakeAudit:
    """There are no audit events."""

    def may_read(self, caller: Caller) -> bool:
        return "privacy-officer" in caller.rights


class FakeStore:
    """Tokens and contexts in memory."""

    def __init__(self) -> None:
        self.rows: dict[bytes, TokenRow] = {}
        self.contexts: dict[tuple[str, str], int] = {}

    async def token(self, digest: bytes) -> TokenRow | None:
        return self.rows.get(digest)

    async def add_token(self, row: TokenRow) -> None:
        self.rows[row.digest] = row

    async def context_of(self, organisation: str, purpose: str) -> int:
        return self.contexts.setdefault((organisation, purpose), len(self.contexts))

    def revoke_all(self) -> None:
        self.rows = {digest: replace(row, revoked=True) for digest, row in self.rows.items()}


async def _ready() -> bool:
    return True


@dataclass(kw_only=True)
class FakeServices:
    """What the application takes, with a frozen clock and counted ids."""

    store: FakeStore = field(default_factory=FakeStore)
    disclosure: FakeGate = field(default_factory=FakeGate)
    explain: FakeExplain = field(default_factory=FakeExplain)
    assertions: FakeAssertions = field(default_factory=FakeAssertions)
    audit: FakeAudit = field(default_factory=FakeAudit)
    base_url: str = BASE
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("America/Denver"))
    facts: Facts = field(default_factory=lambda: FACTS)
    validator: Any = VALIDATOR
    conformance: Any = field(default_factory=lambda: CONFORMANCE)
    cursor_key: bytes = bytes(range(64))
    ready: Callable[[], Awaitable[bool]] = _ready
    endings: Callable[[], list[Any]] = list
    intake: Any = None
    authorization: Any = None
    match: Any = None
    writing: FakeWriting = field(default_factory=FakeWriting)
    subscriptions: Any = field(default_factory=lambda: SimpleNamespace(topics={}))
    measures: Measures = field(default_factory=Measures)
    tick: Callable[[], float] = lambda: 0.0
    version: str = "0.1.0"

    async def metrics(self) -> str:
        return self.measures.text((), {}, {"version": self.version})

    def __post_init__(self) -> None:
        self.versions = self.everything = self.bulk = self.groups = FakeReads(self.disclosure)
        requests, made = count(1), count(1)
        self.new_id = lambda: f"request-{next(requests)}"
        self.tokens = Tokens(store=self.store, clock=lambda: NOON, new_token=lambda: f"synthetic-{next(made):026d}")
        self.requester = Requester(tokens=self.tokens, contexts=self.store)

    async def headers(self, *purposes: str, client: str = "ehr-1", rights: tuple[str, ...] = ()) -> dict[str, str]:
        """The headers of a client that holds a new token."""
        token = await self.tokens.issue(
            client=client,
            organisation="Organization/cottonwood",
            purposes=purposes or ("TREAT",),
            rights=rights,
            lifetime=600,
        )
        return {"authorization": f"Bearer {token}"}


def _client_of(services: FakeServices, **more: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(application(services, **more)), base_url="https://county.example"
    )


def _issue_of(answer: httpx2.Response) -> dict[str, Any]:
    """The only issue of an error, after checking that it is one as every error is."""
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"].startswith("request-")
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    (issue,) = body["issue"]
    assert issue["severity"] == "error"
    return issue


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def client_of() -> Callable[..., httpx2.AsyncClient]:
    return _client_of


@pytest.fixture
def issue_of() -> Callable[[httpx2.Response], dict[str, Any]]:
    return _issue_of


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


@pytest.fixture
def gate(services: FakeServices) -> FakeGate:
    return services.disclosure


@pytest.fixture
async def client(services: FakeServices) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with a token for treatment and the right to search populations."""
    headers = await services.headers(rights=("population-search",))
    async with _client_of(services) as caller:
        caller.headers.update(headers)
        yield caller
