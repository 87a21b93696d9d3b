"""Seeded draws: one random stream per person, and numbers that no two people share.

Everything is built on ``Random.random()``, the one method whose sequence Python keeps from release to release
(https://docs.python.org/3/library/random.html#notes-on-reproducibility), so that a seed means the same county
everywhere. Person ``i`` has a stream of its own: nobody's data depends on the people before.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from random import Random
from struct import unpack
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_GOLDEN = 0x9E3779B1  # odd, its bits evenly spread: Knuth's multiplier
_DROP = 11  # the low bits of a product hang on the low bits of its factors alone


def stream(seed: int, number: int) -> Random:
    """The random stream of person ``number`` in the county of ``seed``."""
    return Random(f"alder:{seed}:{number}")  # noqa: S311 - repeatable test data, no secret depends on it


def chance(rng: Random, probability: float) -> bool:
    """True in a share of ``probability`` of all draws."""
    return rng.random() < probability


def below(rng: Random, limit: int) -> int:
    """A whole number from 0 to ``limit`` - 1."""
    return int(rng.random() * limit)


def between(rng: Random, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``, both included."""
    return low + int(rng.random() * (high - low + 1))


def pick(rng: Random, options: Sequence[T]) -> T:
    """One of ``options``, each as likely as the others."""
    return options[int(rng.random() * len(options))]


def weighted(rng: Random, options: Sequence[tuple[T, float]]) -> T:
    """One of ``options`` by its share; the shares add up to 1, and the last option takes any remainder."""
    mark = rng.random()
    for option, share in options:
        if mark < share:
            return option
        mark -= share
    return options[-1][0]


@cache
def keys(seed: int, purpose: str) -> tuple[int, int, int, int]:
    """The keys with which ``scatter`` orders the numbers of one ``purpose`` in the county of ``seed``."""
    digest = sha256(f"alder:{seed}:{purpose}".encode()).digest()
    first, second, third, fourth = unpack(">4I", digest[:16])
    return first, second, third, fourth


def scatter(index: int, rows: int, columns: int, secret: tuple[int, int, int, int]) -> tuple[int, int]:
    """Send each ``index`` below ``rows * columns`` to a cell of that grid, no two indexes to the same cell.

    A Feistel network over the grid: each half is shifted by a mix of the other, which can be undone, so the
    whole is one-to-one. Neighbouring people get unrelated cells, and no table of numbers in use is needed.
    Raises ValueError when the grid is too small for ``index``.
    """
    if index >= rows * columns:
        raise ValueError(f"the county holds at most {rows * columns} people; ask for fewer")
    first, second, third, fourth = secret
    left, right = divmod(index, columns)
    left = (left + (((right ^ first) * _GOLDEN) >> _DROP)) % rows
    right = (right + (((left ^ second) * _GOLDEN) >> _DROP)) % columns
    left = (left + (((right ^ third) * _GOLDEN) >> _DROP)) % rows
    right = (right + (((left ^ fourth) * _GOLDEN) >> _DROP)) % columns
    return left, right
