"""The acknowledgement of an HL7 v2 message, made from its header alone and in its own delimiters.

It says what became of the bytes, never what was in them: the only text of the message that comes back is its control
id, byte for byte, and who sent it to whom.

HL7 v2.9 chapter 2, sections 2.9 (acknowledgements), 2.14.5 (ERR), 2.14.8 (MSA), 2.14.9 (MSH); tables 0008, 0357, 0516:
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

import re
from typing import Final

from connectors.jail.hl7v2.tokenizer import Delimiters, fields

ACCEPTED: Final = "AA"
ERROR: Final = "AE"
REJECTED: Final = "AR"

_LEAD = re.compile(rb"[\x00\x0b\x1c \t\r\n]*(?:\xef\xbb\xbf)?(?=MSH)")
_SEGMENT_END = re.compile(rb"[\r\n\x1c]")
_SENDER, _SENDER_FACILITY, _RECEIVER, _RECEIVER_FACILITY = 3, 4, 5, 6
_TYPE, _CONTROL, _PROCESSING, _VERSION, _CHARSET = 9, 10, 11, 12, 18
_INTERNAL_ERROR = ("207", "Application internal error", "HL70357")


def header_of(message: bytes) -> bytes | None:
    """The first segment of a message as far as it is there, without framing; None unless it is an MSH."""
    lead = _LEAD.match(message)
    return None if lead is None else _SEGMENT_END.split(message[lead.end() :], maxsplit=1)[0]


def acknowledgement(message: bytes, code: str, text: str = "", *, at: str = "", control: str = "") -> bytes:
    """The ACK of ``message``, of which the MSH segment is enough.

    ``code`` is one of table 0008 (`AA`, `AE`, `AR`), ``text`` plain words for whoever runs the sender. ``at`` is MSH-7
    as an HL7 date and time, ``control`` the ACK's own control id; without it that of the message is used again.
    Raises ValueError when there is no MSH or it does not say how the message is delimited.
    """
    header = header_of(message)
    if header is None:
        raise ValueError("expected a message that starts with MSH")
    # Latin-1 gives every byte back as it came, whatever the message is written in.
    plain = header.decode("latin-1")
    delimiters = Delimiters.read(plain)
    parts = fields(plain, delimiters)

    def field(number: int) -> str:
        return parts[number - 1] if number <= len(parts) else ""

    trigger = field(_TYPE).split(delimiters.repetition)[0].split(delimiters.component)[1:2]
    answer: dict[int, str] = {
        2: parts[1],
        3: field(_RECEIVER),
        4: field(_RECEIVER_FACILITY),
        5: field(_SENDER),
        6: field(_SENDER_FACILITY),
        7: at,
        9: delimiters.component.join(["ACK", *filter(None, trigger), *(["ACK"] if any(trigger) else [])]),
        10: control or field(_CONTROL),
        11: field(_PROCESSING),
        12: field(_VERSION),
        18: field(_CHARSET),
    }
    told = _escaped(text, delimiters)
    lines = [
        _segment("MSH", answer, delimiters, first=2),
        _segment("MSA", {1: code, 2: field(_CONTROL), 3: told}, delimiters),
    ]
    if not code.endswith("A"):
        error = {3: delimiters.component.join(_INTERNAL_ERROR), 4: "E", 8: told}
        lines.append(_segment("ERR", error, delimiters))
    return "".join(f"{line}\r" for line in lines).encode("latin-1")


def _segment(name: str, values: dict[int, str], delimiters: Delimiters, *, first: int = 1) -> str:
    """A segment up to its last value; field 1 of MSH is the separator itself."""
    last = max(number for number, value in values.items() if value)
    return delimiters.field.join([name, *(values.get(number, "") for number in range(first, last + 1))])


def _escaped(text: str, delimiters: Delimiters) -> str:
    """Plain words with what would delimit written as escape sequences, section 2.7."""
    codes = {
        delimiters.escape: "E",
        delimiters.field: "F",
        delimiters.component: "S",
        delimiters.subcomponent: "T",
        delimiters.repetition: "R",
    }
    plain = (character if character.isascii() and character.isprintable() else " " for character in text)
    return "".join(f"{delimiters.escape}{codes[each]}{delimiters.escape}" if each in codes else each for each in plain)
