"""Keys by address, any of which can be destroyed alone: a tree of seeds that forgets single leaves.

The key of an address is reached from the root by hashing once for each of its 63 bits. To destroy it, the seed above it
is replaced by those of its siblings on the way down: every other key can still be derived, and nothing leads back to
this one. So a whole county of records has one seed of 32 bytes, each destroyed record adds at most 63, and a copy of
the tree opens what was sealed after it was made.

Goldreich, Goldwasser, Micali, "How to construct random functions" (1986); punctured as in Boneh and Waters,
"Constrained pseudorandom functions and their applications" (2013). The hash is BLAKE2b, RFC 7693.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

BITS: Final = 63
"""Of an address: that of a record is its internal key."""
SEED: Final = 32
"""Bytes of a seed and of a key."""
_TOP: Final = 23
_KEPT: Final = 1 << 16
"""Beginnings of ways that are remembered, and keys: four times as many."""
_LEAF: Final = b"leaf"


class KeyTree:
    """The seeds that are left, in the order of the addresses below them: no two of them reach the same address."""

    def __init__(self, starts: Iterable[int], depths: bytes, seeds: bytes) -> None:
        self._starts = array("Q", starts)
        self._depths = bytearray(depths)
        self._seeds = bytearray(seeds)
        # Most ways down begin with the same bits for a whole run of addresses, and records are asked for again by
        # every line they came from.
        self._tops: dict[int, bytes] = {}
        self._leaves: dict[int, bytes | None] = {}
        if not len(self._starts) == len(self._depths) == len(self._seeds) // SEED:
            raise ValueError("starts, depths and seeds belong together")

    @classmethod
    def grown(cls, root: bytes) -> KeyTree:
        """A tree with every key, of a random root."""
        return cls([0], bytes(1), root)

    def __len__(self) -> int:
        return len(self._starts)

    def parts(self) -> tuple[bytes, bytes, bytes]:
        """Starts (8 bytes each, big endian), depths (1 byte) and seeds (32 bytes), as they are kept."""
        starts = array("Q", self._starts)
        starts.byteswap()
        return starts.tobytes(), bytes(self._depths), bytes(self._seeds)

    @classmethod
    def of_parts(cls, starts: bytes, depths: bytes, seeds: bytes) -> KeyTree:
        """A tree that was kept."""
        read = array("Q", starts)
        read.byteswap()
        return cls(read, depths, seeds)

    def key(self, address: int) -> bytes | None:
        """The key of an address; None once it was destroyed."""
        try:
            return self._leaves[address]
        except KeyError:
            found = self._derived(address)
        if len(self._leaves) >= 4 * _KEPT:
            self._leaves.clear()
        self._leaves[address] = found
        return found

    def destroy(self, addresses: Iterable[int]) -> int:
        """Forget the keys of addresses; how many there were."""
        count = 0
        for address in sorted(set(addresses)):
            place = self._above(address)
            if place is None:
                continue
            beside = self._beside(place, address)
            self._starts[place : place + 1] = array("Q", [start for start, _, _ in beside])
            self._depths[place : place + 1] = bytes(depth for _, depth, _ in beside)
            self._seeds[place * SEED : (place + 1) * SEED] = b"".join(seed for _, _, seed in beside)
            count += 1
        self._tops.clear()
        self._leaves.clear()
        return count

    def _above(self, address: int) -> int | None:
        """Where the seed stands from which an address is reached."""
        place = bisect_right(self._starts, address) - 1
        if place < 0 or address >> (BITS - self._depths[place]) != self._starts[place] >> (BITS - self._depths[place]):
            return None
        return place

    def _seed(self, place: int) -> bytes:
        return bytes(self._seeds[place * SEED : (place + 1) * SEED])

    def _beside(self, place: int, address: int) -> list[tuple[int, int, bytes]]:
        """Start, depth and seed of everything below a seed but one address, in order."""
        seed = self._seed(place)
        low: list[tuple[int, int, bytes]] = []
        high: list[tuple[int, int, bytes]] = []
        for depth in range(self._depths[place] + 1, BITS + 1):
            both, shift = blake2b(seed).digest(), BITS - depth
            way = address >> shift
            other = way ^ 1
            found = (other << shift, depth, both[SEED:] if other & 1 else both[:SEED])
            (high if other & 1 else low).append(found)
            seed = both[SEED:] if way & 1 else both[:SEED]
        return low + high[::-1]

    def _derived(self, address: int) -> bytes | None:
        top = address >> (BITS - _TOP)
        seed, depth = self._tops.get(top), _TOP
        if seed is None:
            place = self._above(address)
            if place is None:
                return None
            seed, depth = self._seed(place), self._depths[place]
            if depth <= _TOP:
                seed, depth = _down(seed, address, depth, _TOP), _TOP
                if len(self._tops) >= _KEPT:
                    self._tops.clear()
                self._tops[top] = seed
        return blake2b(_down(seed, address, depth, BITS), digest_size=SEED, person=_LEAF).digest()


def _down(seed: bytes, address: int, since: int, until: int) -> bytes:
    for shift in range(BITS - since - 1, BITS - until - 1, -1):
        both = blake2b(seed).digest()
        seed = both[SEED:] if address >> shift & 1 else both[:SEED]
    return seed
