from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from adapter.auth.requester import Requester
from adapter.auth.tokens import Tokens

if TYPE_CHECKING:
    from adapter.store.shapes import TokenRow

NOON = 1_773_000_000_000_000


class MemoryStore:
    """A token store in memory, and contexts numbered in order of first need."""

    def __init__(self) -> None:
        self.rows: dict[bytes, TokenRow] = {}
        self.contexts: dict[tuple[str, str], int] = {}
        self.asked = 0

    async def token(self, digest: bytes) -> TokenRow | None:
        return self.rows.get(digest)

    async def add_token(self, row: TokenRow) -> None:
        self.rows[row.digest] = row

    async def add_client_token(self, row: TokenRow) -> bool:
        self.rows[row.digest] = row
        return True

    async def context_of(self, organisation: str, purpose: str) -> int:
        self.asked += 1
        return self.contexts.setdefault((organisation, purpose), 100 + len(self.contexts))


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(store: MemoryStore, clock: Clock) -> Tokens:
    made = count()
    return Tokens(store=store, clock=clock, new_token=lambda: f"synthetic-{next(made):026d}")


@pytest.fixture
def requester(tokens: Tokens, store: MemoryStore) -> Requester:
    return Requester(tokens=tokens, contexts=store)
