"""Weights trained on a county's own records: expectation maximisation of m, and u from pairs drawn at random.

The comparisons are taken as independent given that two records are, or are not, one person's. What the present weights
say counts as so many observations, so that a level nobody has met keeps its weight.

Dempster, Laird and Rubin, Maximum Likelihood from Incomplete Data via the EM Algorithm, JRSS B 39, 1977.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from adapter.identity.levels import LEVELS, UNKNOWN
from adapter.identity.weights import weights_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ROUNDS: Final = 20
_OBSERVED_M: Final = 50.0
_OBSERVED_U: Final = 5_000.0
"""As many observations the present weights count for."""
_COMMON: Final = 0.002
"""A name that a larger share of people bears is listed as frequent."""
_LISTED: Final = 200
_SMALLEST: Final = 1e-7
Levels = dict[str, str]


class Trained(NamedTuple):
    """A document of weights, with how many pairs it was made from and how many of them are likely one person's."""

    document: dict[str, Any]
    pairs: int
    likely: float


def train(
    present: Mapping[str, Any],
    *,
    near: Sequence[Levels],
    random: Sequence[Levels],
    names: Mapping[str, Iterable[str]],
    origin: str,
) -> Trained:
    """New weights from the levels of pairs that share a block and of pairs drawn at random.

    ``names`` are the surnames and given names of everyone, by comparison. Pairs that contradict are to be left out.
    ``ValueError`` where there is nothing to learn from.
    """
    if not near or not random:
        raise ValueError("there are too few records of more than one source to learn from")
    shares = _of_random(present, random)
    document = dict(present) | {"origin": origin, "comparisons": shares, "frequent": _frequent(names)}
    vectors = Counter(tuple(sorted(told.items())) for told in near)
    likely = 0.0
    for _ in range(ROUNDS):
        weights = weights_of(document | {"frequent": {}})
        seen: dict[str, Counter[str]] = {name: Counter() for name in LEVELS}
        likely = 0.0
        for vector, count in vectors.items():
            score = weights.prior + sum(weights.bits[name][level] for name, level in vector)
            belief = count / (1 + 2.0**-score)
            likely += belief
            for name, level in vector:
                seen[name][level] += belief
        document["comparisons"] = {
            name: {
                level: {"m": m, "u": shares[name][level]["u"]}
                for level, m in _blended(seen[name], present["comparisons"][name], "m", _OBSERVED_M).items()
            }
            for name in LEVELS
        }
    return Trained(document, len(near), likely)


def _of_random(present: Mapping[str, Any], random: Sequence[Levels]) -> dict[str, dict[str, dict[str, float]]]:
    """How often two people show a level: nearly all pairs drawn at random are of two people."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name in LEVELS:
        seen = Counter(told[name] for told in random)
        u = _blended(seen, present["comparisons"][name], "u", _OBSERVED_U)
        found[name] = {level: {"m": present["comparisons"][name][level]["m"], "u": u[level]} for level in LEVELS[name]}
    return found


def _blended(seen: Mapping[str, float], pairs: Mapping[str, Any], side: str, strength: float) -> dict[str, float]:
    """Shares of levels from what was seen and what was believed; unknown says nothing of agreement."""
    levels = list(pairs)
    believed = sum(pairs[level][side] for level in levels)
    total = sum(count for level, count in seen.items() if level != UNKNOWN) + strength
    return {
        level: round(max((seen.get(level, 0.0) + strength * pairs[level][side] / believed) / total, _SMALLEST), 7)
        for level in levels
    }


def _frequent(names: Mapping[str, Iterable[str]]) -> dict[str, dict[str, float]]:
    """The names that many bear, each with its share."""
    found: dict[str, dict[str, float]] = {}
    for comparison, told in names.items():
        counts = Counter(one for one in told if one)
        total = counts.total()
        common = ((name, count / total) for name, count in counts.most_common(_LISTED))
        found[comparison] = {name: round(share, 5) for name, share in common if share >= _COMMON}
    return found
