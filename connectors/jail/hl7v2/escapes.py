r"""Escape sequences of HL7 v2 text, decoded after splitting: ``\F\`` is a separator that cuts nothing.

HL7 v2.9 chapter 2, section 2.7: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.jail.hl7v2.tokenizer import Delimiters

_SEQUENCE = r"(?:[FSTREHNP]|\.br|\.sp(?:[0-9]{1,2})?|X(?:[0-9A-Fa-f]{2})+)"
_MARKUP = {"H": "", "N": "", ".br": "\n", ".sp": "\n"}


def unescape(text: str, delimiters: Delimiters, encoding: str) -> str:
    r"""The text that the leaf ``text`` stands for.

    Delimiter escapes give the delimiters of the message; ``\.br\`` and ``\.sp\`` line breaks; ``\H\`` and
    ``\N\`` (highlighting) nothing; ``\X..\`` the bytes it spells in ``encoding``. An escape character that
    starts no known sequence, and a sequence whose bytes are not text, stay as they are.
    """
    if delimiters.escape not in text:
        return text
    return _pattern(delimiters.escape).sub(lambda match: _meaning(match, delimiters, encoding), text)


def well_escaped(text: str, delimiters: Delimiters) -> bool:
    """Whether every escape character of ``text`` belongs to a sequence that is known."""
    return delimiters.escape not in _pattern(delimiters.escape).sub("", text)


@lru_cache(maxsize=32)
def _pattern(escape: str) -> re.Pattern[str]:
    return re.compile(re.escape(escape) + f"({_SEQUENCE})" + re.escape(escape))


def _meaning(match: re.Match[str], delimiters: Delimiters, encoding: str) -> str:
    code = match.group(1)
    characters = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "P": delimiters.truncation or match.group(),
    }
    if code in characters:
        return characters[code]
    if code in _MARKUP:
        return _MARKUP[code]
    if code.startswith(".sp"):
        return "\n" * int(code[3:])
    spelled = _spelled(bytes.fromhex(code[1:]), encoding)
    return match.group() if spelled is None else spelled


def _spelled(data: bytes, encoding: str) -> str | None:
    """The text of ``data``, or None. Senders also write code points of four digits, whose bytes have NULs."""
    for name in (encoding, "utf-16-be"):
        try:
            text = data.decode(name)
        except UnicodeError:
            continue
        if "\0" not in text:
            return text
    return None
