"""Two records compared by themselves: the levels, the score and the band it falls into; and the blocks of a record.

A record's blocks are exact keys of which two records of one person nearly always share one: who shares none is never
compared. Contradicting strong identifiers never make a link, whatever else agrees.
"""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from adapter.identity import levels
from adapter.identity.deterministic import match_keys
from adapter.identity.levels import DIFFERENT, EXACT, STRONG
from adapter.identity.names import sound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.identity.names import Name, Nicknames
    from adapter.identity.traits import Traits
    from adapter.identity.weights import Weights

_COMPARING: Final = 2
"""Raised when the same weights may make other pairs."""
_YEAR: Final = 4
_SAME_GIVEN: Final = frozenset({EXACT, "nickname"})
_OTHER_DAY: Final = frozenset({DIFFERENT, "year"})


class Band(IntEnum):
    """What two records are to each other."""

    NONE = 0
    REVIEW = 1
    LINK = 2
    CONFIRMED = 3


class Compared(NamedTuple):
    """The level of every comparison, and the score in bits, the prior included."""

    levels: Mapping[str, str]
    score: float

    @property
    def contradicting(self) -> bool:
        """Whether a strong identifier known of both differs."""
        return any(self.levels[name] == DIFFERENT for name in STRONG)

    @property
    def apart(self) -> bool:
        """Whether two records that somebody takes for one person speak against it: an identifier, or the birth date."""
        return self.contradicting or self.levels["birth_date"] in _OTHER_DAY

    def against(self) -> frozenset[str]:
        """The traits that differ, besides names."""
        told = {name for name in (*STRONG, "sex") if self.levels[name] == DIFFERENT}
        return frozenset(told | ({"birth_date"} if self.levels["birth_date"] in _OTHER_DAY else set()))


class Matcher:
    """Compares records by one set of weights and one table of short forms."""

    def __init__(self, weights: Weights, nicknames: Nicknames) -> None:
        self.weights = weights
        self.nicknames = nicknames

    @property
    def fingerprint(self) -> str:
        """Equal where the same records make the same pairs."""
        weights = self.weights
        parts = repr((_COMPARING, replace(weights, origin=""), self.nicknames.told()))
        return blake2b(parts.encode(), digest_size=16).hexdigest()

    def compare(self, one: Traits, other: Traits) -> Compared:
        """Every comparison of two records; the order of the two does not matter."""
        found = {
            "birth_date": levels.birth_date(one.birth_date, other.birth_date),
            "sex": levels.same(one.sex, other.sex),
            "ssn": levels.ssn(one, other),
            "state_id": levels.same(one.state_id, other.state_id),
            "fbi": levels.same(one.fbi, other.fbi),
            "number": levels.number(one.numbers, other.numbers),
        }
        bits = self.weights.bits
        named, of_names = self._names(one, other)
        score = sum([bits[name][level] for name, level in found.items()], self.weights.prior)
        return Compared(found | named, score + of_names)

    def _names(self, one: Traits, other: Traits) -> tuple[dict[str, str], float]:
        """The pair of names that agrees best; a person may have gone by several."""
        pairs = [self._pair(left, right) for left in one.names for right in other.names]
        if not pairs:
            return dict.fromkeys(levels.OF_NAME, levels.UNKNOWN), 0.0
        # Of equal scores the levels decide, so that it does not matter which record comes first.
        return max(pairs, key=lambda pair: (pair[1], sorted(pair[0].items())))

    def _pair(self, left: Name, right: Name) -> tuple[dict[str, str], float]:
        told = {
            "family": levels.family(left.family, right.family),
            "given": levels.given(left.given, right.given, self.nicknames),
            "middle": levels.middle(left.middle, right.middle),
            "suffix": levels.same(left.suffix, right.suffix),
        }
        if left.given and left.family == right.given and left.given == right.family:
            # Surname and given name in each other's column.
            told["family"], told["given"] = "part", "nickname"
        agreeing, bits = self.weights.agreeing, self.weights.bits
        family = agreeing("family", left.family) if told["family"] == EXACT else bits["family"][told["family"]]
        given = agreeing("given", left.given) if told["given"] == EXACT else bits["given"][told["given"]]
        return told, family + given + bits["middle"][told["middle"]] + bits["suffix"][told["suffix"]]

    def band(self, one: Traits, other: Traits, compared: Compared) -> Band:
        """The band of two records by themselves; a contradiction never gets beyond review."""
        if compared.contradicting:
            return Band.REVIEW if compared.score >= self.weights.link else Band.NONE
        if confirmed(one, other, compared.levels):
            return Band.CONFIRMED
        return self.by_score(compared.levels, compared.score, numbered=True)

    def by_score(self, told: Mapping[str, str], score: float, *, numbered: bool) -> Band:
        """The band of a score without contradiction. ``numbered``: both carry a number of some kind."""
        weights = self.weights
        if score >= (weights.link if numbered else weights.link_unnumbered):
            # Exchanged digits in a number are a slip of the same person only where the whole name is the same.
            named = told["family"] == EXACT and told["given"] in _SAME_GIVEN
            if named or told["ssn"] != "swapped":
                return Band.LINK
        return Band.REVIEW if score >= weights.review else Band.NONE


def confirmed(one: Traits, other: Traits, told: Mapping[str, str]) -> bool:
    """Whether two strong identifiers agree and nothing speaks against it.

    A strong key holds two of them; else it takes a number and the whole name, or two numbers, and no birth date that
    says otherwise.
    """
    if told["birth_date"] in {DIFFERENT, "year", "slip", "swapped"}:
        return False
    if not set(match_keys(one)).isdisjoint(match_keys(other)):
        return True
    strong = [name for name in (*STRONG, "number") if told[name] == EXACT]
    named = told["family"] == EXACT and told["given"] in _SAME_GIVEN and told["middle"] != DIFFERENT
    return len(strong) > 1 or (len(strong) == 1 and named and told["sex"] != DIFFERENT)


def blocks(traits: Traits, nicknames: Nicknames) -> list[str]:
    """The exact keys under which a record is looked for, each once."""
    born, last4 = traits.day, traits.ssn_last4
    found: set[str] = {f"n|{number}" for number in traits.numbers}
    found |= {f"{name}|{value}" for name in STRONG if (value := getattr(traits, name))}
    for name in traits.names:
        given = name.given.partition(" ")[0]
        roots = nicknames.roots(given) if given else frozenset[str]()
        sounds = _sounds(name.family)
        if last4:
            found |= {f"4s|{last4}|{code}" for code in sounds}
        if born:
            found |= {f"bs|{born}|{code}" for code in sounds}
            found |= {f"bg|{born}|{root}" for root in roots}
        if traits.birth_date:
            found |= {f"ysg|{traits.birth_date[:_YEAR]}|{code}|{root}" for code in sounds for root in roots}
    return sorted(found)


@lru_cache(maxsize=1 << 16)
def _sounds(family: str) -> frozenset[str]:
    """How a surname sounds, and each of its words."""
    return frozenset([sound(word) for word in {family.replace(" ", ""), *family.split()}])


def changed(earlier: Traits, now: Traits, matcher: Matcher) -> frozenset[str]:
    """Which of name, birth date, SSN and sex one jacket tells otherwise than before; what is unknown is no change.

    An arrestee who gives a brother's name changes two of them at least.
    """
    found = set(matcher.compare(earlier, now).against() & {"birth_date", "ssn", "sex"})
    if earlier.names and now.names and not any(_alike(a, b, matcher) for a in earlier.names for b in now.names):
        found.add("name")
    return frozenset(found)


def _alike(one: Name, other: Name, matcher: Matcher) -> bool:
    family = levels.family(one.family, other.family)
    given = levels.given(one.given, other.given, matcher.nicknames)
    return DIFFERENT not in {family, given}
