"""The acknowledgement of an HL7 v2 message, made from its header alone and in its own delimiters.

It says what became of the bytes, never what was in them: the only text of the message that comes back is its control
id, byte for byte, and who sent it to whom.

HL7 v2.9 chapter 2, sections 2.9 (acknowledgements), 2.14.5 (ERR), 2.14.8 (MSA), 2.14.9 (MSH); tables 0008, 0357, 0516:
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.jail.hl7v2.header import TABLE_0357, USUAL, Fault, Header, read_header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.jail.hl7v2.tokenizer import Delimiters

ACCEPTED: Final = "AA"
ERROR: Final = "AE"
REJECTED: Final = "AR"

_SENDER, _SENDER_FACILITY, _RECEIVER, _RECEIVER_FACILITY = 3, 4, 5, 6
_TYPE, _PROCESSING, _VERSION, _CHARSET = 9, 11, 12, 18
_INTERNAL_ERROR: Final = "207"
_ERR_LOCATION_FIRST = ("2.5", "2.6", "2.7", "2.8", "2.9")
"""Versions in which ERR has a location and a code of their own; before it was one field."""


def acknowledgement(message: bytes, code: str, text: str = "", *, at: str = "", control: str = "") -> bytes:
    """The ACK of ``message``, of which the MSH segment is enough.

    ``code`` is one of table 0008 (`AA`, `AE`, `AR`), ``text`` plain words for whoever runs the sender. ``at`` is MSH-7
    as an HL7 date and time, ``control`` the ACK's own control id; without it that of the message is used again.
    Raises ValueError when there is no MSH or it does not say how the message is delimited.
    """
    header = read_header(message)
    if header is None:
        raise ValueError("expected a message that starts with MSH and says how it is delimited")
    faults = () if code.endswith("A") else (Fault(code=_INTERNAL_ERROR, advice=text),)
    return answer(header, code, faults, text=text, at=at, control=control)


def answer(
    header: Header | None,
    code: str,
    faults: Sequence[Fault] = (),
    *,
    text: str = "",
    at: str = "",
    control: str = "",
    is_last: bool = False,
) -> bytes:
    """The ACK of a message by its header.

    ``code`` is one of table 0008; each of ``faults`` is an ERR segment, and the advice of the first one MSA-3 unless
    ``text`` says something else. Without a header that could be read there is nothing to answer in kind: delimiters are
    the usual ones, and there is no control id. ``is_last`` says of itself that it wants no answer (MSH-15, MSH-16).
    """
    known = header or USUAL
    marks = known.delimiters
    trigger = known.component(_TYPE, 2)
    told = text or (faults[0].advice if faults else "")
    wanted = "NE" if is_last else ""
    made = [
        "MSH",
        known.parts[1],
        known.field(_RECEIVER),
        known.field(_RECEIVER_FACILITY),
        known.field(_SENDER),
        known.field(_SENDER_FACILITY),
        at,
        "",
        marks.component.join(["ACK", trigger, "ACK"] if trigger else ["ACK"]),
        control or known.control,
        known.field(_PROCESSING),
        known.field(_VERSION),
        *("", "", wanted, wanted, "", known.field(_CHARSET)),
    ]
    lines = [
        _segment(made, marks),
        _segment(["MSA", code, known.control, _escaped(told, marks)], marks),
        *(_error(fault, known.field(_VERSION), marks, warning=code.endswith("A")) for fault in faults),
    ]
    return "".join(lines).encode("latin-1")


def _error(fault: Fault, version: str, marks: Delimiters, *, warning: bool) -> str:
    """One ERR: where, which code of table 0357, how severe (table 0516), and words for people."""
    where = [fault.segment, str(fault.sequence), str(fault.field)] if fault.field else []
    coded = [fault.code, TABLE_0357[fault.code], "HL70357"]
    words = _escaped(fault.advice, marks)
    if version.startswith("2.") and not version.startswith(_ERR_LOCATION_FIRST):
        old = marks.component.join([*(where or ["", "", ""]), marks.subcomponent.join(coded)])
        return _segment(["ERR", old], marks)
    severity = "W" if warning else "E"
    where_, coded_ = marks.component.join(where), marks.component.join(coded)
    return _segment(["ERR", "", where_, coded_, severity, "", "", "", words], marks)


def _segment(values: list[str], delimiters: Delimiters) -> str:
    """A segment up to its last value."""
    return f"{delimiters.field.join(values).rstrip(delimiters.field)}\r"


def _escaped(text: str, delimiters: Delimiters) -> str:
    """Plain words with what would delimit written as escape sequences, section 2.7."""
    if not text:
        return ""
    codes = {
        delimiters.escape: "E",
        delimiters.field: "F",
        delimiters.component: "S",
        delimiters.subcomponent: "T",
        delimiters.repetition: "R",
    }
    plain = (character if character.isascii() and character.isprintable() else " " for character in text)
    return "".join(f"{delimiters.escape}{codes[each]}{delimiters.escape}" if each in codes else each for each in plain)
