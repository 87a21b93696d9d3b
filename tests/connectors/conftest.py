"""Streams that trickle or never seem to end, and one way to read a connector to its end."""

from __future__ import annotations

import io
import tracemalloc
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from adapter.source import ExtractOptions, Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.source import Connector, SourceRecord


class Trickle(io.RawIOBase):
    """Gives ``data`` a few bytes at a time."""

    def __init__(self, data, step):
        self._data, self._step, self._at = data, step, 0

    def read(self, _size=-1):
        piece = self._data[self._at : self._at + self._step]
        self._at += len(piece)
        return piece


class Repeated(io.RawIOBase):
    """``head``, then ``block`` until ``total`` bytes were given, then ``tail``, none of it held twice."""

    def __init__(self, block, total, head=b"", tail=b""):
        self._parts = self._endless(block, total, head, tail)
        self.given = 0

    @staticmethod
    def _endless(block, total, head, tail):
        yield head
        yield from (block for _ in range(total // len(block)))
        yield tail

    def read(self, _size=-1):
        piece = next((part for part in self._parts if part), b"")
        self.given += len(piece)
        return piece


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a connector made of some bytes."""

    items: tuple[SourceRecord | Malformed, ...]

    @property
    def records(self):
        return [item for item in self.items if not isinstance(item, Malformed)]

    @property
    def faults(self):
        return [(item.code, item.position.line) for item in self.items if isinstance(item, Malformed)]

    @property
    def malformed(self):
        return [item for item in self.items if isinstance(item, Malformed)]


def read_all(connector: Connector, data: bytes, *, step: int = 0, encoding: str = "utf-8", **settings: str) -> Reading:
    stream = Trickle(data, step) if step else io.BytesIO(data)
    options = ExtractOptions(encoding=encoding, settings=settings)
    return Reading(items=tuple(connector.records(stream, options)))


def assert_in_order(items: Iterable[SourceRecord | Malformed], data: bytes) -> None:
    """The bytes of the items lie in ``data`` in their order; items made of the same bytes share them."""
    at, last = 0, None
    for item in items:
        if item.raw is last:
            continue
        found = data.find(item.raw, at)
        assert found >= 0, "raw bytes that are not in the extract after those before them"
        at, last = found + len(item.raw), item.raw


def peak_while_reading(connector: Connector, stream: io.RawIOBase) -> tuple[int, int]:
    """How many records, and the most memory in bytes that was in use at once while reading them."""
    tracemalloc.start()
    try:
        count = sum(1 for _ in connector.records(stream, ExtractOptions()))
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="session")
def read():
    return read_all


@pytest.fixture(scope="session")
def in_order():
    return assert_in_order


@pytest.fixture(scope="session")
def peak():
    return peak_while_reading


@pytest.fixture(scope="session")
def repeated():
    return Repeated
