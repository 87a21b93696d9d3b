"""What a connector hands to the adapter: a stream of records with their positions.

A connector reads one kind of extract. It never interprets: it names every non-empty leaf and keeps the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a record starts in its extract: 1-based line, and the segment or element where that says more."""

    line: int
    part: str = ""

    def __str__(self) -> str:
        return f"line {self.line}" + (f", {self.part}" if self.part else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """One record of an extract.

    ``kind`` names the section of the mapping that reads it (``row``, ``ADT``, ``case``, ``Observation``).
    ``values`` holds the non-empty columns only: text, or for structured columns lists and objects whose leaves are
    text (FHIR JSON keeps its own scalar types). ``raw`` is the exact bytes of this record. ``warnings`` are what the
    connector had to put up with to read it: a stable word and where, never content.
    """

    kind: str
    position: Position
    values: Mapping[str, Any]
    raw: bytes
    warnings: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """A record that cannot be read at all. ``code`` is a stable word, ``expected`` says what would be right."""

    position: Position
    code: str
    expected: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractOptions:
    """How a feed's files are written: text encoding and further settings of the connector."""

    encoding: str = "utf-8"
    settings: Mapping[str, str] = field(default_factory=dict)


class Connector(Protocol):
    """Reads one layout. Must not fail on any bytes: what it cannot read it returns as ``Malformed``."""

    name: str

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """Read ``stream`` from its start, in memory that does not grow with its length."""
        ...
