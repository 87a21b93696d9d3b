"""Whether a record that cannot be read looks like a screen of suicide or withdrawal.

Such a record is looked at as bytes: what is wrong with it may be anything. Urgent screens are recognised generously, by
code or by name anywhere; another instrument only by what is beyond doubt, because that keeps an alert back.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adapter.summary.instrument import Instrument
    from adapter.summary.registry import Registry

Looks = Literal["urgent", "other", "unknown"]
DOCUMENTS: Final = ("101507-2",)
"""LOINC codes of documents that report a suicide screening."""
_WORD = re.compile(r"[a-z0-9]+")
_APART = rb"[^a-z0-9]{0,3}"


class Urgency:
    """Recognises instruments in bytes that nobody could read."""

    def __init__(self, registry: Registry) -> None:
        rows = registry.instruments.values()
        urgent = [instrument for instrument in rows if instrument.urgent]
        codes = {code for instrument in urgent for code in _codes(instrument)} | set(DOCUMENTS)
        codes |= {item for instrument in rows for item in instrument.urgent_items}
        names = {name for instrument in urgent for name in _names(instrument)}
        others = {code for instrument in rows for code in _codes(instrument)} - codes
        self._urgent = _pattern({*codes, *names})
        self._others = _pattern(others)
        self._called = {_folded(name) for instrument in rows for name in _names(instrument)}

    def looks(self, raw: bytes, values: Any = None) -> Looks:
        """What a record looks like by its bytes and, where it could be taken apart, its values."""
        # Text of two bytes a character has its NULs in between.
        text = raw.replace(b"\0", b"").lower()
        leaves = list(_leaves(values))
        if self._urgent.search(text) or self._urgent.search("\n".join(leaves).lower().encode()):
            return "urgent"
        if self._others.search(text) or any(_folded(leaf) in self._called for leaf in leaves):
            return "other"
        return "unknown"


def _codes(instrument: Instrument) -> Iterator[str]:
    yield from instrument.panels
    yield from instrument.items
    yield from instrument.scoring.loinc if instrument.scoring else ()
    yield from (code for result in instrument.result_codes for _, code in result.codings)


def _names(instrument: Instrument) -> Iterator[str]:
    yield from (instrument.id, instrument.name, instrument.title.partition(",")[0], *instrument.called)


def _folded(name: str) -> str:
    return "".join(_WORD.findall(name.lower()))


def _pattern(names: Iterable[str]) -> re.Pattern[bytes]:
    """Any of the names as words of their own, whatever signs stand between their parts."""
    joined = {_APART.join(part.encode() for part in _WORD.findall(name.lower())) for name in names}
    return re.compile(rb"(?<![a-z0-9])(?:" + rb"|".join(sorted(joined)) + rb")(?![a-z0-9])")


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _leaves(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _leaves(entry)
