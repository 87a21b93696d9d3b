"""What a connector hands to the adapter: a stream of records with their positions.

A connector reads one kind of extract. It never interprets: it names every non-empty leaf and keeps the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence


class Position(NamedTuple):
    """Where a record starts in its extract: 1-based line, and the segment or element where that says more."""

    line: int
    part: str = ""

    def __str__(self) -> str:
        return f"line {self.line}" + (f", {self.part}" if self.part else "")


class SourceRecord(NamedTuple):
    """One record of an extract. A tuple, as what it becomes: there are millions.

    ``kind`` names the section of the mapping that reads it (``row``, ``ADT``, ``case``, ``Observation``).
    ``values`` holds the non-empty columns only: text, or for structured columns lists and objects whose leaves are
    text (FHIR JSON keeps its own scalar types). ``raw`` is the exact bytes of this record. With ``consent`` it may be
    read only while a consent of its person is in force; until then it waits. ``warnings`` are what the connector had
    to put up with to read it: a stable word and where, never content.
    """

    kind: str
    position: Position
    values: Mapping[str, Any]
    raw: bytes
    consent: bool = False
    warnings: Sequence[tuple[str, str]] = ()


class Malformed(NamedTuple):
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


Checkpoint = dict[str, Any]
"""How far a server was read: JSON, made and understood by the puller alone; empty before the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One answer of a server, and the checkpoint from which to go on once the answer is durable.

    ``name`` is what the answer is called in the inbox, ``chunks`` its bytes as sent, to be read once, or None where
    the answer told nothing that is to be kept. ``total`` is how many answers of this run are known of so far.
    """

    name: str
    checkpoint: Checkpoint
    chunks: AsyncIterator[bytes] | None = None
    total: int = 0


class Puller(Protocol):
    """Fetches what a server has. What it gave out and nobody kept, it gives out again."""

    def fetch(self, checkpoint: Checkpoint) -> AsyncIterator[Fetched]:
        """Everything from a checkpoint on; ``SallyportError`` where the server gives no usable answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredMessage:
    """One message of a delivery and its acknowledgement; of a batch its own one, which comes first.

    ``sender`` and ``control`` say who sent it and how the sender calls it, ``line`` and ``stop`` which lines of the
    delivery it takes. ``code`` is the answer (HL7 table 0008), ``fault`` why it is not used (table 0357, or nothing),
    ``answer`` the bytes of it, empty where the sender wants none. ``apply`` says when the sender wants to hear again
    once the message was brought in: AL always, ER on error, SU on success, NE never.
    """

    sender: str
    control: str
    raw: bytes
    line: int
    stop: int
    code: str
    fault: str
    answer: bytes
    apply: str = "NE"
    is_batch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOptions:
    """How a feed's messages are answered.

    ``per_batch`` answers a batch once, ``accept_unsupported`` answers messages of other kinds as if they were used,
    ``senders`` are those (application, facility) that may speak on this connection: None for anyone. ``at`` is the time
    of the answer in the words of the language, ``control`` the answer's own id.
    """

    per_batch: bool = False
    accept_unsupported: bool = False
    senders: Collection[tuple[str, str]] | None = None
    at: str = ""
    control: str = ""


class Answering(Protocol):
    """How messages of one kind are acknowledged. Must not fail on any bytes."""

    def answered(self, content: bytes, options: AnswerOptions) -> tuple[AnsweredMessage, ...]:
        """The messages of a delivery, each with the acknowledgement that says it is kept.

        Nothing where a message is of a sender that may not speak here: then nothing of the delivery is to be kept.
        """
        ...

    def refused(self, opening: bytes, why: str, options: AnswerOptions) -> bytes:
        """The answer to a delivery of which nothing is kept, by how it begins.

        ``why`` is ``closed``, ``store`` (to be sent again), ``sender``, ``too-long``, ``block-end`` or ``empty``.
        """
        ...

    def applied(self, message: bytes, code: str, options: AnswerOptions) -> bytes:
        """The second acknowledgement, of a message that was brought in (AA) or waits for somebody (AE)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """A file as a folder lists it. ``size`` is in bytes, ``modified`` in the clock of who keeps the folder."""

    name: str
    size: int
    modified: int
