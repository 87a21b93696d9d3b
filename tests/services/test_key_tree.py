"""A tree of keys forgets single ones and nothing else, and nothing that led to them is left."""

from __future__ import annotations

from hashlib import blake2b

from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.services.key_tree import BITS, SEED, KeyTree

ROOT = bytes(range(SEED))
ADDRESSES = st.integers(0, 2**BITS - 1)
NEAR = st.builds(lambda base, low: base << 4 | low, st.integers(0, 3), st.integers(0, 15))


def way(address):
    """Every seed from the root to an address."""
    seed = ROOT
    yield seed
    for shift in range(BITS - 1, -1, -1):
        both = blake2b(seed).digest()
        seed = both[SEED:] if address >> shift & 1 else both[:SEED]
        yield seed


def slow(address):
    """The key of an address, by the definition."""
    return blake2b(list(way(address))[-1], digest_size=SEED, person=b"leaf").digest()


@given(st.sets(ADDRESSES | NEAR, max_size=12), st.sets(ADDRESSES | NEAR, max_size=12))
@settings(max_examples=60, deadline=None)
def test_what_was_destroyed_has_no_key_and_everything_else_has_its_own(destroyed, others):
    tree = KeyTree.grown(ROOT)
    half = set(sorted(destroyed)[::2])
    assert tree.destroy(half) == len(half)
    tree = KeyTree.of_parts(*tree.parts())
    assert tree.destroy(destroyed) == len(destroyed - half)
    for address in others | destroyed:
        assert tree.key(address) == (None if address in destroyed else slow(address))
    kept = b"".join(tree.parts())
    assert not any(seed in kept for address in destroyed for seed in way(address))
    assert len(tree) <= max(1, BITS * len(destroyed))


def test_neighbours_take_little_room_and_the_last_of_them_none():
    tree = KeyTree.grown(ROOT)
    tree.destroy(range(1 << 10))
    assert len(tree) == BITS - 10
    assert (tree.key((1 << 10) - 1), tree.key(1 << 10)) == (None, slow(1 << 10))
