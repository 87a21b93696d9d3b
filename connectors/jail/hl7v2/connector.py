"""HL7 v2 extracts of a jail or jail medical system: ADT messages, and each OBX of ORU messages.

HL7 v2.9 chapters 3 (ADT) and 7 (ORU):
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from adapter.source import ExtractOptions, Malformed, Position, SourceRecord
from connectors.encodings import feed_encoding, without_mark
from connectors.jail.hl7v2.batch import LONGEST_MESSAGE, Envelopes, Piece, pieces
from connectors.jail.hl7v2.columns import columns
from connectors.jail.hl7v2.message import Message, malformed, read_message
from connectors.jail.hl7v2.observations import observations
from connectors.jail.hl7v2.refusal import refused
from connectors.jail.hl7v2.tokenizer import line_ends
from connectors.transport.files import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

SEVERAL_PATIENTS = frozenset({"A17", "A24", "A37", "A39", "A40", "A41", "A42", "A43", "A44"})
"""ADT events whose message is about two patients or more; one record speaks of one person."""

_ENDS = (b"\r", b"\n", b"\x1c", b"\x0b", b"\0")
"""What may stand after the last segment: a terminator, or the framing of MLLP."""


class Hl7v2:
    """Reads ADT messages as kind ``ADT`` and each OBX of ORU messages as kind ``ORU``, bare or in batches."""

    name = "jail.hl7v2"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """One record for each ADT message and each OBX; every fault leaves the messages around it alone.

        Codes besides those of ``read_message`` and ``observations``: ``unsupported-message``,
        ``test-message``, ``truncated``, ``batch-count``, ``batch-trailer``, ``too-long``.
        """
        arriving, marked = without_mark(chunks(stream))
        fallback = "utf-8" if marked else feed_encoding(options)
        envelopes = Envelopes()
        line = 1
        for piece in pieces(arriving):
            line = piece.line + line_ends(piece.raw)
            if piece.name == "MSH":
                envelopes.message()
                yield from _message(piece, fallback, in_batch=envelopes.is_open)
            elif (fault := _envelope(piece, envelopes)) is not None:
                yield fault
        if (fault := envelopes.end(line)) is not None:
            yield fault


def _envelope(piece: Piece, envelopes: Envelopes) -> Malformed | None:
    """Follow a header or trailer. The fault of that, or of bytes that belong to no message."""
    if piece.name.endswith("HS"):
        return envelopes.header(piece)
    if piece.name:
        return envelopes.trailer(piece)
    if piece.is_blank:
        return None
    if not piece.whole:
        return malformed(piece.line, "", "too-long", f"a message of at most {LONGEST_MESSAGE} bytes", piece.raw)
    return malformed(piece.line, "segment 1", "missing-msh", "a message to start with MSH", piece.raw)


def _message(piece: Piece, fallback: str, *, in_batch: bool) -> Iterator[SourceRecord | Malformed]:
    read = read_message(piece.raw, line=piece.line, fallback=fallback)
    if isinstance(read, Malformed):
        yield read
    elif (in_batch or not piece.last) and not piece.raw.endswith(_ENDS):
        last = read.lines[-1]
        yield malformed(last.line, last.name, "truncated", "a terminator after the last segment", piece.raw)
    elif (fault := _refused(read)) is not None:
        yield fault
    else:
        yield from _delivered(read, fallback)


def _refused(message: Message) -> Malformed | None:
    """The fault of a message of a kind that is not read."""
    head = message.lines[0]
    kind, event = message.component(9, 1), message.component(9, 2)
    names = [line.name for line in message.lines]
    several = event in SEVERAL_PATIENTS or ("MRG" in names and names.count("PID") > 1)
    if kind not in {"ADT", "ORU"} or (kind == "ADT" and several):
        expected = "MSH-9 to be ADT for one patient, or ORU"
        return malformed(head.line, "MSH-9", "unsupported-message", expected, message.raw)
    return refused(message, head.line)


def _delivered(message: Message, fallback: str) -> Iterator[SourceRecord | Malformed]:
    """The records of ``message`` up to where a message without its header begins, and that one as a fault."""
    kind = message.component(9, 1)
    stop = _next_message(message, kind)
    if stop is None:
        if kind == "ORU":
            yield from observations(message)
        else:
            position = Position(line=message.lines[0].line, part="MSH")
            yield SourceRecord(kind="ADT", position=position, values=columns(message, message.lines), raw=message.raw)
        return
    line = message.lines[stop]
    own = read_message(message.raw[: line.offset], line=message.lines[0].line, fallback=fallback)
    if isinstance(own, Message):
        yield from _delivered(own, fallback)
    yield malformed(line.line, line.name, "missing-msh", "a message to start with MSH", message.raw[line.offset :])


def _next_message(message: Message, kind: str) -> int | None:
    """Where a segment cannot belong to this message: a second EVN or patient in ADT, an EVN in ORU."""
    single = {"ADT": ("EVN", "PID"), "ORU": ()}[kind]
    seen: set[str] = set()
    for index, line in enumerate(message.lines):
        if line.name in seen or (kind == "ORU" and line.name == "EVN"):
            return index
        if line.name in single:
            seen.add(line.name)
    return None
