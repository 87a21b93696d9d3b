"""JSON of any depth: what nests further than the fast parser goes is read here, slowly and without recursion.

The result is what the fast parser would give. https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

import orjson

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SHALLOW: Final = 1000
"""Brackets in a text below which nesting cannot be what the fast parser stumbled over."""


def loads(data: bytes) -> Any:
    """The JSON value in ``data``. Raises ValueError for anything else."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        if data.count(b"[") + data.count(b"{") < _SHALLOW:
            raise
    return _Reader(data.decode("utf-8")).value()


def _constant(name: str) -> NoReturn:
    raise ValueError(f"expected a number, not {name}")


def _integer(digits: str) -> int | float:
    number = int(digits)
    return number if _LEAST <= number <= _MOST else float(digits)


_LEAST: Final = -(2**63)
_MOST: Final = 2**64 - 1
_SCALARS: Final = json.JSONDecoder(parse_constant=_constant, parse_int=_integer)


class _Reader:
    """Reads one text.

    ``open`` are the arrays and objects around the place it is at, ``keys`` their waiting keys, ``whole`` the value
    once it is read.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.open: list[list[Any] | dict[str, Any]] = []
        self.keys: list[str] = []
        self.whole: Any = None

    def value(self) -> Any:
        while True:
            opened = self._skip()
            if opened in ("[", "{"):
                self.at += 1
                found: Any = [] if opened == "[" else {}
                if self._skip() not in ("]", "}"):
                    self.open.append(found)
                    self.keys.append(self._key() if opened == "{" else "")
                    continue
                self._close(found)
            else:
                found = self._scalar()
            if self._placed(found):
                return self.whole

    def _placed(self, found: Any) -> bool:
        """Put a finished value where it belongs and close what ends after it; whether that was all."""
        while self.open:
            around = self.open[-1]
            if isinstance(around, list):
                around.append(found)
            else:
                around[self.keys[-1]] = found
            if self._skip() == ",":
                self.at += 1
                self.keys[-1] = self._key() if isinstance(around, dict) else ""
                return False
            self._close(around)
            found = self.open.pop()
            self.keys.pop()
        self.whole = found
        if self._skip():
            raise ValueError("expected nothing after the value")
        return True

    def _skip(self) -> str:
        """The next character that is no white space; nothing at the end."""
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def _close(self, around: list[Any] | dict[str, Any]) -> None:
        if self._skip() != ("]" if isinstance(around, list) else "}"):
            raise ValueError("expected a comma or the end of an array or object")
        self.at += 1

    def _key(self) -> str:
        self._skip()
        key = self._scalar()
        if not isinstance(key, str) or self._skip() != ":":
            raise ValueError("expected a key and a colon")
        self.at += 1
        return key

    def _scalar(self) -> Any:
        if self.text[self.at : self.at + 1] in ("[", "{"):
            raise ValueError("expected a key")
        found, self.at = _SCALARS.raw_decode(self.text, self.at)
        if isinstance(found, str):
            found.encode("utf-8")  # raises for half a surrogate pair, which no text may hold
        return found
