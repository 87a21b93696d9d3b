"""HL7 v2 extracts of a jail or jail medical system: ADT, ORU, MDM and SIU messages, bare or in batches.

HL7 v2.9 chapters 3 (ADT), 7 (ORU), 9 (MDM) and 10 (SIU):
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from adapter.source import ExtractOptions, Malformed, SourceRecord
from connectors.encodings import feed_encoding, without_mark
from connectors.jail.hl7v2.batch import LONGEST_MESSAGE, Envelopes, Piece, pieces
from connectors.jail.hl7v2.message import Message, malformed, read_message
from connectors.jail.hl7v2.messages import SEVERAL_PATIENTS, event_of
from connectors.jail.hl7v2.observations import observations
from connectors.jail.hl7v2.persons import records
from connectors.jail.hl7v2.refusal import refused
from connectors.jail.hl7v2.tokenizer import line_ends
from connectors.transport.files import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDS = (b"\r", b"\n", b"\x1c", b"\x0b", b"\0")
"""What may stand after the last segment: a terminator, or the framing of MLLP."""


class Hl7v2:
    """Reads messages as kinds ``ADT``, ``MDM`` and ``SIU`` for each person in them, each OBX of an ORU as ``ORU``.

    Next of kin, diagnoses, allergies, consents and the OBX of other messages are records of kind ``NK1``, ``DG1``,
    ``AL1``, ``CON`` and ``OBX``.
    """

    name = "jail.hl7v2"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """The records of each message in turn; every fault leaves the messages around it alone.

        Codes besides those of ``read_message``, ``refused`` and ``observations``: ``truncated``, ``batch-count``,
        ``batch-trailer``, ``too-long``.
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
    elif (fault := refused(read, read.lines[0].line)) is not None:
        yield fault
    else:
        yield from delivered(read, fallback)


def delivered(message: Message, fallback: str) -> Iterator[SourceRecord | Malformed]:
    """The records of ``message`` up to where a message without its header begins, and that one as a fault."""
    kind, event = event_of(message)
    stop = _next_message(message, kind, event)
    if stop is None:
        found = observations(message) if kind == "ORU" else records(message, kind, event)
        if not message.warnings:
            yield from found
            return
        for first, one in enumerate(found):
            # What the message was like is said once, with its first record.
            if first or isinstance(one, Malformed):
                yield one
            else:
                yield one._replace(warnings=(*message.warnings, *one.warnings))
        return
    line = message.lines[stop]
    own = read_message(message.raw[: line.offset], line=message.lines[0].line, fallback=fallback)
    if isinstance(own, Message):
        yield from delivered(own, fallback)
    yield malformed(line.line, line.name, "missing-msh", "a message to start with MSH", message.raw[line.offset :])


def _next_message(message: Message, kind: str, event: str) -> int | None:
    """Where a segment cannot belong to this message: a second EVN, a second person, an EVN where there is none."""
    single = {"EVN"} if kind == "ADT" and event in SEVERAL_PATIENTS else {"EVN", "PID"}
    if kind in {"ORU", "SIU"}:
        single = set()
    seen: set[str] = set()
    for index, line in enumerate(message.lines):
        if line.name in seen or (line.name == "EVN" and kind in {"ORU", "SIU"}):
            return index
        if line.name in single:
            seen.add(line.name)
    return None
