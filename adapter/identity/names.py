"""Names of people as they are compared: letters only, suffix apart, hyphens as several words, short forms as one root.

A name that is one word alone is kept as a surname: who typed it did not say which it is.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LETTERS: Final = re.compile(r"[^a-z]+")
_SUFFIX: Final = re.compile(r"\b(jr|sr|ii|iii|iv|v)$")
_GENERATION: Final = {
    "jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr",
    "ii": "2", "2nd": "2", "iii": "3", "3rd": "3", "iv": "4", "4th": "4", "v": "5", "5th": "5",
}  # fmt: skip
_NOT_A_NAME: Final = frozenset({"null", "none", "nmn", "nmi", "unknown", "unk"})
"""What clerks and systems type where a middle name is missing."""
_LONGEST: Final = 64
"""Characters of a name that are compared."""
_SOUNDS: Final = {
    letter: digit
    for digit, letters in (("1", "bfpv"), ("2", "cgjkqsxz"), ("3", "dt"), ("4", "l"), ("5", "mn"), ("6", "r"))
    for letter in letters
}
_CODE = 4


class Name(NamedTuple):
    """One name of a person. ``family`` and ``given`` may be several words, separated by single spaces.

    The empty string is "not known". ``suffix`` tells the generation: jr, sr, 2, 3, 4, 5.
    """

    family: str
    given: str
    middle: str = ""
    suffix: str = ""


def words(name: str) -> str:
    """Letters only, without marks and case, words apart by single spaces: ``O'Néill-Smith`` is ``oneill smith``."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).casefold()
    return " ".join(_LETTERS.sub(" ", plain.replace("'", "").replace("’", "")).split())  # noqa: RUF001 - typographic apostrophe


@lru_cache(maxsize=65_536)
def normalise(name: str) -> str:
    """As ``words``, in one piece and without a generation suffix: ``O'Néill-Smith Jr.`` is ``oneillsmith``."""
    return _SUFFIX.sub("", words(name)).replace(" ", "")


@lru_cache(maxsize=65_536)
def _parted(name: str) -> tuple[str, str]:
    """Words and generation suffix of a name column."""
    plain = words(name)
    found = _SUFFIX.search(plain)
    if found is None or not (rest := plain[: found.start()].strip()):
        return plain[:_LONGEST].strip(), ""
    return rest[:_LONGEST].strip(), _GENERATION[found[1]]


def name_of(told: Mapping[str, Any]) -> Name | None:
    """A HumanName as it is compared; None where nothing of it is a name."""
    family, of_family = _parted(told.get("family") or "")
    given, *middles = told.get("given") or [""]
    first, of_given = _parted(given)
    middle, of_middle = _parted(" ".join(middles))
    stated = "".join(told.get("suffix") or ()).casefold().strip(" .,")
    suffix = _GENERATION.get(stated) or of_family or of_given or of_middle
    if middle in _NOT_A_NAME:
        middle = ""
    if not family and first:
        family, first = first, ""
    return Name(family, first, middle, suffix) if family else None


def sound(name: str) -> str:
    """The Soundex code of a name of letters: names that sound alike in English mostly share one."""
    if not name:
        return ""
    code, last = name[0], _SOUNDS.get(name[0], "")
    for letter in name[1:]:
        digit = _SOUNDS.get(letter, "")
        if digit and digit != last:
            code += digit
            if len(code) == _CODE:
                break
        if letter not in "hw":
            last = digit
    return code.ljust(_CODE, "0")


class Nicknames:
    """Short forms of given names: every form of one name has the same roots, and some forms have several."""

    def __init__(self, groups: Iterable[Iterable[str]]) -> None:
        self._roots: dict[str, frozenset[str]] = {}
        for group in groups:
            root, *forms = group
            for form in (root, *forms):
                self._roots[form] = self._roots.get(form, frozenset()) | {root}

    def told(self) -> list[tuple[str, list[str]]]:
        """Every form with its roots, in order."""
        return [(form, sorted(roots)) for form, roots in sorted(self._roots.items())]

    def roots(self, given: str) -> frozenset[str]:
        """The names a given name may be a form of; itself where none is known."""
        return self._roots.get(given) or frozenset((given,))

    def same(self, one: str, other: str) -> bool:
        """Whether two given names may be forms of one."""
        return not self.roots(one).isdisjoint(self.roots(other))
