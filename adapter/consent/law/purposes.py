"""What a request is for: a proceeding, care, or neither.

A proceeding is any civil, criminal, administrative or legislative investigation or proceeding: 42 CFR 2.12(d), 2.31(d).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapter.consent.vocabulary import ACT_REASON, LOCAL_PURPOSE, PURPOSES

if TYPE_CHECKING:
    from collections.abc import Collection

    Purpose = tuple[str, str]

PROCEEDINGS: Final = frozenset({"pretrial-release", "supervision", "HLEGAL"})
"""Purposes that always are proceedings; no file can take one away."""

_NO_PROCEEDING: Final = frozenset((ACT_REASON, code) for code in PURPOSES.keys() - {"PurposeOfUse", "HLEGAL"})


def for_proceedings(purposes: Collection[Purpose], more: frozenset[str]) -> bool:
    """Whether every purpose certainly is a proceeding; ``more`` are those the county adds."""
    return bool(purposes) and all(code in PROCEEDINGS or code in more for _, code in purposes)


def perhaps_for_proceedings(purposes: Collection[Purpose], more: frozenset[str], helping: frozenset[str]) -> bool:
    """Whether some purpose is a proceeding, or nobody can tell what it is.

    ``helping`` are the local purposes that the county knows to be none.
    """
    known = {(LOCAL_PURPOSE, code) for code in helping} | _NO_PROCEEDING
    return not purposes or any(code in more or (system, code) not in known for system, code in purposes)


def for_care(purposes: Collection[Purpose], codes: Collection[str]) -> bool:
    """Whether every purpose is one of these codes of v3-ActReason."""
    return bool(purposes) and all(system == ACT_REASON and code in codes for system, code in purposes)
