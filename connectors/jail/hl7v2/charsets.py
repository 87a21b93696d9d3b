"""Character sets of HL7 v2 messages: MSH-18 by HL7 table 0211 and by the names senders use instead.

https://terminology.hl7.org/ValueSet-v2-0211.html
"""

from __future__ import annotations

from connectors.encodings import ascii_based

_TABLE_0211 = {
    "ASCII": "ascii",
    "8859/1": "iso8859-1",
    "8859/2": "iso8859-2",
    "8859/3": "iso8859-3",
    "8859/4": "iso8859-4",
    "8859/5": "iso8859-5",
    "8859/6": "iso8859-6",
    "8859/7": "iso8859-7",
    "8859/8": "iso8859-8",
    "8859/9": "iso8859-9",
    "8859/15": "iso8859-15",
    "UNICODE UTF-8": "utf-8",
    "UNICODE": "utf-8",
}
"""The single-byte sets and UTF-8. The multi-byte sets change meaning by escape sequences inside the text, so
that a delimiter byte is not always a delimiter; a message in one of them is not read."""

_LATIN_1 = ("ISO8859-1", "ISO 8859-1", "ISO_8859-1", "LATIN1")


def charset(declared: str, fallback: str) -> str | None:
    """The encoding for the first repetition of MSH-18: ``fallback`` when empty, None when unknown.

    UNICODE without a form is read as UTF-8: the bytes around it were ASCII, so it is not UTF-16.
    """
    name = declared.strip().upper()
    if not name:
        return fallback
    if name in _TABLE_0211:
        return _TABLE_0211[name]
    if name in _LATIN_1:
        return "iso8859-1"
    known = ascii_based(name)
    return known if known is not None and known.startswith(("iso8859", "cp125", "utf-8", "ascii")) else None
