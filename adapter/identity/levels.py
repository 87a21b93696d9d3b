"""How far two records agree, trait by trait: each comparison ends at one level, and unknown is a level of its own.

Jaro-Winkler similarity: Winkler, String Comparator Metrics and Enhanced Decision Rules in the Fellegi-Sunter Model of
Record Linkage, 1990.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from rapidfuzz.distance import JaroWinkler

if TYPE_CHECKING:
    from adapter.identity.names import Nicknames
    from adapter.identity.traits import Traits

UNKNOWN: Final = "unknown"
EXACT: Final = "exact"
DIFFERENT: Final = "different"
LEVELS: Final = {
    "family": (EXACT, "part", "close", DIFFERENT),
    "given": (EXACT, "nickname", "initial", "close", DIFFERENT),
    "middle": (EXACT, "initial", "one-sided", DIFFERENT),
    "suffix": (EXACT, DIFFERENT),
    "birth_date": (EXACT, "swapped", "slip", "partial", "year", DIFFERENT),
    "sex": (EXACT, DIFFERENT),
    "ssn": (EXACT, "swapped", "last4", DIFFERENT),
    "state_id": (EXACT, DIFFERENT),
    "fbi": (EXACT, DIFFERENT),
    "number": (EXACT,),
}
"""The levels of each comparison, besides unknown, from agreement to disagreement."""
OF_NAME: Final = ("family", "given", "middle", "suffix")
STRONG: Final = ("ssn", "state_id", "fbi")
"""Identifiers whose disagreement forbids a link."""
_CLOSE: Final = 0.92
_YEAR, _MONTH, _FULL, _LAST = 4, 7, 10, 4


@lru_cache(maxsize=1 << 17)
def family(one: str, other: str) -> str:
    """Surnames: equal, one a word of the other's, a slip apart, or different."""
    if not one or not other:
        return UNKNOWN
    left, right = one.replace(" ", ""), other.replace(" ", "")
    if left == right:
        return EXACT
    if (" " in one or " " in other) and not {w for w in one.split() if len(w) > 2}.isdisjoint(other.split()):  # noqa: PLR2004 - not `de` or `la`
        return "part"
    return "close" if JaroWinkler.similarity(left, right) >= _CLOSE else DIFFERENT


def given(one: str, other: str, nicknames: Nicknames) -> str:
    """Given names: equal, forms of one name, an initial, a slip apart, or different."""
    if not one or not other:
        return UNKNOWN
    left, right = one.replace(" ", ""), other.replace(" ", "")
    if left == right:
        return EXACT
    if len(left) == 1 or len(right) == 1:
        return "initial" if left[0] == right[0] else DIFFERENT
    if nicknames.same(left, right) or nicknames.same(one.partition(" ")[0], other.partition(" ")[0]):
        return "nickname"
    return "close" if JaroWinkler.similarity(left, right) >= _CLOSE else DIFFERENT


def middle(one: str, other: str) -> str:
    """Middle names: equal, an initial, told by one record alone, or different."""
    if not one or not other:
        return "one-sided" if one or other else UNKNOWN
    if one == other:
        return EXACT
    if len(one) == 1 or len(other) == 1:
        return "initial" if one[0] == other[0] else DIFFERENT
    return DIFFERENT


@lru_cache(maxsize=1 << 16)
def birth_date(one: str, other: str) -> str:
    """Birth dates: equal, day and month exchanged, one digit off, one a part of the other, of one year, different."""
    if not one or not other:
        return UNKNOWN
    if one == other:
        return EXACT if len(one) == _FULL else "partial"
    if len(one) != _FULL or len(other) != _FULL:
        return "partial" if one.startswith(other) or other.startswith(one) else DIFFERENT
    if one == f"{other[:_YEAR]}-{other[8:]}-{other[5:_MONTH]}":
        return "swapped"
    if _slip(one, other):
        return "slip"
    return "year" if one[:_YEAR] == other[:_YEAR] else DIFFERENT


def ssn(one: Traits, other: Traits) -> str:
    """Social security numbers: equal, two neighbouring digits exchanged, the last four equal, or different.

    One digit that differs is no slip: siblings were given numbers in a row.
    """
    if one.ssn and other.ssn:
        left, right, equal = one.ssn, other.ssn, EXACT
    elif one.ssn_last4 and other.ssn_last4:
        left, right, equal = one.ssn_last4, other.ssn_last4, "last4"
    else:
        return UNKNOWN
    if left == right:
        return equal
    return "swapped" if len(left) > _LAST and _neighbours_swapped(left, right) else DIFFERENT


def same(one: str, other: str) -> str:
    """What is equal or not."""
    return UNKNOWN if not one or not other else EXACT if one == other else DIFFERENT


def number(one: tuple[str, ...], other: tuple[str, ...]) -> str:
    """Numbers that agencies give: one in common says much, none says nothing, because a person may have several."""
    return UNKNOWN if set(one).isdisjoint(other) else EXACT


def _slip(one: str, other: str) -> bool:
    """Whether one digit differs, or two that stand side by side are exchanged."""
    differing = [place for place in range(len(one)) if one[place] != other[place]]
    return len(differing) == 1 or _neighbours_swapped(one, other)


def _neighbours_swapped(one: str, other: str) -> bool:
    if len(one) != len(other):
        return False
    differing = [place for place in range(len(one)) if one[place] != other[place]]
    if len(differing) != 2 or differing[1] != differing[0] + 1:  # noqa: PLR2004 - a pair
        return False
    first, second = differing
    return one[first] == other[second] and one[second] == other[first]
