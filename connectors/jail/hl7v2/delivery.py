"""What one delivery holds (a frame, a body, a file): a message, or a batch of them, each with its header and place.

HL7 v2.9 chapter 2, section 2.10.3 (batch protocol):
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from connectors.jail.hl7v2.batch import Envelopes, Piece, pieces
from connectors.jail.hl7v2.header import USUAL, Fault, Header, header_line, read_header
from connectors.jail.hl7v2.tokenizer import line_ends

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME: Final = 3
_HEADED: Final = b"|^~\\&"
_BATCH_CONTROL: Final = 11
_LINE_ENDS: Final = (b"\r", b"\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One message of a delivery: its bytes, its first line, and the line after its last.

    One that shares a line with something else has no lines of its own: ``stop`` is ``line``.
    """

    header: Header | None
    raw: bytes
    line: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The messages of a delivery. ``batch`` is a header to answer a batch by, None for a single message.

    ``has_envelope`` says whether a batch has a header of its own; without one it is answered by its first message.
    ``faults`` concern the batch as a whole: a count that is another than was read, a trailer that is missing, bytes
    that belong to no message.
    """

    parts: tuple[Part, ...]
    batch: Header | None = None
    has_envelope: bool = False
    faults: tuple[Fault, ...] = ()


def read_delivery(content: bytes) -> Delivery:
    """Take a delivery apart. Bytes without any header are one message that cannot be read."""
    if _is_single(content):
        return Delivery(parts=(Part(header=read_header(content), raw=content, line=1, stop=line_ends(content) + 2),))
    envelopes, opened = Envelopes(), None
    parts: list[Part] = []
    faults: list[Fault] = []
    line, before = 1, b"\r"
    for piece in pieces(iter([content])):
        line = piece.line + line_ends(piece.raw)
        has_own_lines = before.endswith(_LINE_ENDS)
        if not has_own_lines and parts:
            parts[-1] = replace(parts[-1], stop=parts[-1].line)
        before = piece.raw
        if piece.name == "MSH":
            envelopes.message()
            stop = line + (not piece.raw.endswith(_LINE_ENDS)) if has_own_lines else piece.line
            parts.append(Part(header=read_header(piece.raw), raw=piece.raw, line=piece.line, stop=stop))
            continue
        if piece.name.endswith("HS") and (opened is None or not opened.field(_BATCH_CONTROL)):
            opened = header_line(piece.raw.strip(b"\x00\x0b\x1c \t\r\n")) or opened
        faults += _faults(piece, envelopes)
    if envelopes.end(line) is not None:
        faults.append(Fault(code="101", segment="BTS", field=1, advice="the trailer of the batch is missing"))
    if not parts and opened is None:
        return Delivery(parts=(Part(header=None, raw=content, line=1, stop=line + 1),))
    if len(parts) == 1 and opened is None and not faults:
        return Delivery(parts=tuple(parts))
    first = parts[0].header if parts else None
    batch = first if opened is None else _as_message(opened, first)
    if batch is None:
        # Several messages of which the first cannot be read; one that can speaks for them.
        batch = next((part.header for part in parts if part.header is not None), USUAL)
    return Delivery(parts=tuple(parts), batch=batch, has_envelope=opened is not None, faults=tuple(faults))


def _is_single(content: bytes) -> bool:
    """Whether the content is one message at a glance; what is not at a glance is taken apart."""
    find = content.find
    if not content.startswith(b"MSH") or find(b"MSH", _NAME) >= 0 or find(_HEADED, _NAME + 1 + len(_HEADED)) >= 0:
        return False
    return find(b"FHS") < 0 and find(b"BHS") < 0 and find(b"BTS") < 0 and find(b"FTS") < 0


def _faults(piece: Piece, envelopes: Envelopes) -> Iterable[Fault]:
    if piece.name.endswith("HS"):
        if envelopes.header(piece) is not None:
            yield Fault(code="101", segment="BTS", field=1, advice="the trailer of the batch before is missing")
    elif piece.name:
        wrong = envelopes.trailer(piece)
        if wrong is not None:
            yield Fault(code="101", segment=piece.name, field=1, advice=f"expected {wrong.expected}; what came is kept")
    elif not piece.is_blank:
        yield Fault(code="101", segment="MSH", field=1, advice="bytes without a header stand in it; they are kept")


def _as_message(opened: Header, first: Header | None) -> Header:
    own = [opened.field(number) for number in range(3, 9)]
    rest = ["", opened.field(_BATCH_CONTROL)] + [first.field(number) if first else "" for number in range(11, 19)]
    return Header(parts=("MSH", opened.parts[1], *own, *rest), delimiters=opened.delimiters)
