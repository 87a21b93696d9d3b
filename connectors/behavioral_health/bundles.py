"""The entries of a FHIR Bundle with their exact bytes.

https://hl7.org/fhir/R4/bundle.html. A Bundle is walked, not only parsed, so that each resource keeps the bytes it came
with: decimals with their digits, spaces and all.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_DECODER: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry: its number from 1, the lines before it, and the bytes of its resource, or its own without one.

    ``mode`` is why it is in a search answer, ``deleted`` what it says is gone (``Observation/o1``).
    """

    number: int
    line: int
    raw: bytes
    mode: str
    deleted: str


def bundle_text(raw: bytes) -> str | None:
    """The text of the Bundle that ``raw`` is, or None. What is wrong within an entry is not looked at."""
    if b'"Bundle"' not in raw:
        return None
    try:
        text = raw.decode()
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(found, dict) and found.get("resourceType") == "Bundle"
    return text if whole and isinstance(found.get("entry", []), list) else None


def entries(text: str) -> Iterator[Entry]:
    """The entries of what ``bundle_text`` gave. Their resources still have to be read, strictly, each by itself."""
    line = counted = 0
    for number, (start, stop) in enumerate(_elements(text, "entry"), 1):
        value, _ = _DECODER.raw_decode(text, start)
        entry = value if isinstance(value, dict) else {}
        request, search = entry.get("request"), entry.get("search")
        deletion = isinstance(request, dict) and request.get("method") == "DELETE"
        at, end = next(_members(text, start, "resource"), (start, stop)) if "resource" in entry else (start, stop)
        line, counted = line + text.count("\n", counted, at), at
        yield Entry(
            number=number,
            line=line,
            raw=text[at:end].encode(),
            mode=str(search.get("mode", "")) if isinstance(search, dict) else "",
            deleted=str(request.get("url", "")) if isinstance(request, dict) and deletion else "",
        )


def _elements(text: str, name: str) -> Iterator[tuple[int, int]]:
    """Where the elements of the array ``name`` of the object in ``text`` start and stop."""
    for start, _ in _members(text, _past(text, 0), name):
        at = _past(text, start + 1)
        while text[at] != "]":
            _, stop = _DECODER.raw_decode(text, at)
            yield at, stop
            at = _past(text, stop)
            if text[at] == ",":
                at = _past(text, at + 1)


def _members(text: str, at: int, name: str) -> Iterator[tuple[int, int]]:
    """Where the value of the member ``name`` of the object at ``at`` starts and stops."""
    at = _past(text, at + 1)
    while text[at] != "}":
        key, stop = _DECODER.raw_decode(text, at)
        start = _past(text, _past(text, stop) + 1)
        _, stop = _DECODER.raw_decode(text, start)
        if key == name:
            yield start, stop
            return
        at = _past(text, stop)
        if text[at] == ",":
            at = _past(text, at + 1)


def _past(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
