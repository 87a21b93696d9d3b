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

_WORD = (1 << 64) - 1
_FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9  # odd: multiplying by them loses nothing


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
def keys(seed: int, purpose: str) -> tuple[int, int]:
    """The keys with which ``scatter`` orders the numbers of one ``purpose`` in the county of ``seed``."""
    digest = sha256(f"alder:{seed}:{purpose}".encode()).digest()
    first, second = unpack(">2Q", digest[:16])
    return first, second


def scatter(index: int, rows: int, columns: int, secret: tuple[int, int]) -> tuple[int, int]:
    """Send each ``index`` below ``rows * columns`` to a cell of that grid, no two indexes to the same cell.

    A Feistel network over the grid: each half is shifted by a mix of the other, which can be undone, so the
    whole is one-to-one. Neighbouring people get unrelated cells, and no table of numbers in use is needed.
    Raises ValueError when the grid is too small for ``index``.
    """
    if index >= rows * columns:
        raise ValueError(f"the county holds at most {rows * columns} people; ask for fewer")
    left, right = divmod(index, columns)
    for key in secret:
        left = (left + _mixed(right ^ key)) % rows
        right = (right + _mixed(left ^ key)) % columns
    return left, right


def _mixed(value: int) -> int:
    """A number of up to 53 bits of which each hangs on all bits of ``value`` (multiply, fold, multiply)."""
    product = (value * _FIRST) & _WORD
    return (((product ^ (product >> 29)) * _SECOND) & _WORD) >> 11
