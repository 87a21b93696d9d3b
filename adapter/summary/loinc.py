"""LOINC codes: the check digit, and the pinned list nothing outside of which is used.

Public code is full of invented LOINC codes, so a code is used only when it is on the pinned list with the
evidence for it.
https://loinc.org/kb/users-guide/loinc-database-structure (check digit: Mod 10)
"""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adapter.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHAPE = re.compile(r"[1-9][0-9]{0,6}-[0-9]")
USES = frozenset({"panel", "score", "level", "item", "document", "context"})
EVIDENCE = frozenset("TXUBH")


def check_digit(stem: str) -> int:
    """The Mod 10 check digit of a LOINC number given without it (``44261`` gives 6).

    ``ValueError`` when ``stem`` holds anything but the digits 0 to 9. Source: LOINC Users' Guide, Mod 10.
    """
    if not (stem.isascii() and stem.isdigit()):
        raise ValueError("a LOINC stem is digits only")
    total = 0
    for place, digit in enumerate(reversed(stem)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled  # noqa: PLR2004 - two digits become their sum
    return -total % 10


def valid(code: str) -> bool:
    """Whether ``code`` has the shape of a LOINC code and the right check digit. It may still not exist."""
    if _SHAPE.fullmatch(code) is None:
        return False
    stem, _, digit = code.partition("-")
    return check_digit(stem) == int(digit)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedCode:
    """One LOINC code in use: what it stands for, in our words, and the evidence letters behind it."""

    code: str
    use: str
    means: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedList:
    """The LOINC codes that may be used, the ones that must not be, and the known answer codes."""

    codes: Mapping[str, PinnedCode]
    refused: Mapping[str, str]
    answers: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def load(cls, document: Mapping[str, Any], *, file: str = "loinc.yaml") -> PinnedList:
        """Read the parsed ``loinc.yaml``; ``ConfigurationError`` names every code that cannot be right."""
        problems: list[Problem] = []
        codes: dict[str, PinnedCode] = {}
        for code, row in _table(document, "codes").items():
            problem = _flaw(code, row)
            if problem:
                problems.append(Problem(where=file, path=f"codes.{code}", message=problem))
            else:
                codes[code] = PinnedCode(code=code, use=row["use"], means=row["means"], evidence=row["evidence"])
        refused = {str(code): str(why) for code, why in _table(document, "refused").items()}
        problems.extend(
            Problem(where=file, path=f"refused.{code}", message="is both pinned and refused")
            for code in refused
            if code in codes
        )
        if problems:
            raise ConfigurationError(problems)
        return cls(codes=codes, refused=refused, answers=frozenset(_table(document, "answers")))

    def objection(self, code: str, uses: frozenset[str]) -> str:
        """Why ``code`` may not be used for any of ``uses``; the empty text when it may."""
        if code in self.refused:
            return f"LOINC `{code}` is refused: {self.refused[code]}"
        pinned = self.codes.get(code)
        if pinned is None:
            reason = "is not on the pinned list" if valid(code) else "fails its check digit"
            return f"LOINC `{code}` {reason}"
        if pinned.use not in uses:
            return f"LOINC `{code}` is pinned as {pinned.use} ({pinned.means})"
        return ""


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = document.get(key) or {}
    return table if isinstance(table, MappingType) else {}


def _flaw(code: str, row: object) -> str:
    if not valid(code):
        return "fails the LOINC check digit"
    if not isinstance(row, MappingType) or not {"use", "means", "evidence"} <= set(row):
        return "needs `use`, `means` and `evidence`"
    if row["use"] not in USES:
        return f"`use` is none of {', '.join(sorted(USES))}"
    if not row["evidence"] or not set(row["evidence"]) <= EVIDENCE:
        return f"`evidence` is none of the letters {', '.join(sorted(EVIDENCE))}"
    return ""
