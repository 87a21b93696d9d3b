"""What pairs of records are to each other once everything that touches them is known.

Two records by themselves may agree while a third speaks against it. A pair counts only as far as no partner that is at
least as near to one of the two stands against the other; a middle name and a number are known of a record that is
confirmed to be the same person's too; and a record without any number is not linked to a person who has another record
of its source already. What somebody decided comes first. All of it follows from the records and decisions alone, so the
order in which they came does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from adapter.identity import levels
from adapter.identity.match import Band

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapter.identity.match import Compared, Matcher
    from adapter.identity.traits import Traits

SAME: Final = "same"
DIFFERENT: Final = "different"
LIKELY: Final = "likely"
"""What a source says of two of its own records is believed as far as a likely pair goes, and so far at least."""
_MIDDLE_AGREES: Final = frozenset({levels.EXACT, "initial"})
Pair = tuple[int, int]
"""Two records, the smaller key first."""


class Record(NamedTuple):
    """A record of a source. ``doubted``: it told otherwise of itself than before, and nobody has decided yet."""

    source: str
    traits: Traits
    doubted: bool = False


class Decision(NamedTuple):
    """What somebody decided of a pair, knowing which traits of the two differ.

    ``merged``: their source says, or said before that, that the two are one person's.
    """

    verdict: str
    knowing: frozenset[str]
    merged: bool = False


def pair_of(one: int, other: int) -> Pair:
    """The pair of two records."""
    return (one, other) if one < other else (other, one)


class Graph:
    """Records, the bands of their pairs by themselves, and what people decided."""

    def __init__(
        self,
        matcher: Matcher,
        records: Mapping[int, Record],
        bands: Mapping[Pair, Band],
        decided: Mapping[Pair, Decision],
    ) -> None:
        self._matcher = matcher
        self._records = records
        self._decided = decided
        self._compared: dict[Pair, Compared] = {}
        self._partners: dict[int, dict[int, Band]] = {}
        for pair in {*bands, *decided}:
            band = self._band(pair, bands.get(pair, Band.NONE))
            if band >= Band.LINK:
                one, other = pair
                self._partners.setdefault(one, {})[other] = band
                self._partners.setdefault(other, {})[one] = band

    def compared(self, one: int, other: int) -> Compared:
        """The comparison of two records, made once."""
        pair = pair_of(one, other)
        found = self._compared.get(pair)
        if found is None:
            found = self._compared[pair] = self._matcher.compare(*(self._records[place].traits for place in pair))
        return found

    def _stands(self, pair: Pair) -> str:
        """What somebody decided of a pair, as long as no more speaks against it than was known then."""
        decision = self._decided.get(pair)
        if decision is None:
            return ""
        if decision.verdict == SAME and not self.compared(*pair).against() <= decision.knowing:
            return ""
        return decision.verdict

    def _band(self, pair: Pair, by_itself: Band) -> Band:
        if not all(place in self._records for place in pair):
            return Band.NONE
        verdict = self._stands(pair)
        if verdict == LIKELY:
            return max(by_itself, Band.LINK)
        if verdict:
            return Band.CONFIRMED if verdict == SAME else Band.NONE
        return by_itself

    def state(self, one: int, other: int, by_itself: Band) -> Band:
        """What a pair is to each other, given what it is by itself."""
        pair = pair_of(one, other)
        verdict = self._stands(pair)
        if verdict in {SAME, DIFFERENT}:
            return Band.CONFIRMED if verdict == SAME else Band.NONE
        decision = self._decided.get(pair)
        if decision is None:
            return self._undecided(one, other, by_itself)
        if verdict != LIKELY and not decision.merged:
            return Band.REVIEW
        # Whatever speaks against a merge, what either record forbids is forbidden until somebody has decided.
        return max(Band.LINK, self._undecided(one, other, by_itself) if verdict == LIKELY else Band.NONE)

    def _undecided(self, one: int, other: int, by_itself: Band) -> Band:
        if any(self._records[place].doubted for place in (one, other)):
            return Band.REVIEW if by_itself else Band.NONE
        return self._weighed(one, other, by_itself)

    def _weighed(self, one: int, other: int, by_itself: Band) -> Band:
        """What a pair is by its score and by what others say of it."""
        if by_itself is Band.NONE:
            return by_itself
        compared = self.compared(one, other)
        sure = by_itself is Band.CONFIRMED or compared.contradicting
        band = by_itself if sure else self._by_score(one, other, compared)
        # How near the two are by themselves is what others are weighed against.
        near = self._partners.get(one, {}).get(other, by_itself)
        if band >= Band.LINK and (self._stood_against(one, other, near) or self._stood_against(other, one, near)):
            return Band.REVIEW
        return min(band, Band.REVIEW) if compared.contradicting else band

    def _by_score(self, one: int, other: int, compared: Compared) -> Band:
        bits = self._matcher.weights.bits["middle"]
        middle = self._middle(one, other)
        score = compared.score - bits[compared.levels["middle"]] + bits[middle]
        numbered = self._numbered(one) and self._numbered(other)
        band = self._matcher.by_score(compared.levels, score, numbered=numbered)
        if band < Band.LINK or numbered or middle in _MIDDLE_AGREES:
            return band
        crowded = self._has_source(one, other) or self._has_source(other, one)
        return Band.REVIEW if crowded else band

    def _stood_against(self, one: int, other: int, near: Band) -> bool:
        """Whether a partner of ``one``, as near to it as ``other`` is, cannot be the same person as ``other``."""
        return any(
            band >= near and third != other and self._apart(third, other)
            for third, band in self._partners.get(one, {}).items()
        )

    def _apart(self, one: int, other: int) -> bool:
        verdict = self._stands(pair_of(one, other))
        return verdict == DIFFERENT or (not verdict and self.compared(one, other).apart)

    def _sure(self, one: int) -> Iterable[int]:
        """The record and those confirmed to be the same person's by themselves."""
        partners = self._partners.get(one, {})
        return (one, *(other for other, band in partners.items() if band is Band.CONFIRMED))

    def _numbered(self, one: int) -> bool:
        known = (self._records[place].traits for place in self._sure(one))
        return any(traits.ssn_last4 or traits.state_id or traits.fbi for traits in known)

    def _middle(self, one: int, other: int) -> str:
        """The middle names of two persons, as far as either is known by more than one record."""
        ours, theirs = (
            {name.middle for place in self._sure(each) for name in self._records[place].traits.names if name.middle}
            for each in (one, other)
        )
        if not ours or not theirs:
            return "one-sided" if ours or theirs else levels.UNKNOWN
        found = {levels.middle(left, right) for left in ours for right in theirs}
        return next(level for level in (levels.EXACT, "initial", levels.DIFFERENT) if level in found)

    def _has_source(self, one: int, other: int) -> bool:
        """Whether another record of the source of ``one`` is near to ``other``."""
        source = self._records[one].source
        return any(third != one and self._records[third].source == source for third in self._partners.get(other, ()))
