"""Sealed files: opened with the keys of what they hold, and not at all once anything was put elsewhere or changed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import SallyportError
from adapter.services.envelopes import BLOCK, EnvelopeWriter, envelopes
from adapter.services.key_tree import SEED, KeyTree

CONTEXT = b"backup-1 store.sealed"
UNITS = [
    ((), ["kept"], b"of nobody"),
    ((5,), ["record", 5], b"QUISLINGTON " * 60),
    ((5, 9), ["raw"], b"of two records"),
    ((9,), ["record", 9], b"of another one"),
    ((5,), ["record", 5], b""),
]


def tree(*destroyed):
    keys = KeyTree.grown(bytes(range(SEED)))
    keys.destroy(destroyed)
    return keys


def write(path, units=UNITS, context=CONTEXT):
    with EnvelopeWriter(path, context, tree().key) as file:
        for unit in units:
            file.add(*unit)


def read(path, keys=None, context=CONTEXT):
    return [(tuple(one.addresses), one.note, one.content) for one in envelopes(path, context, (keys or tree()).key)]


def test_what_was_sealed_is_opened_and_nothing_is_in_the_clear(tmp_path):
    write(tmp_path / "f")
    assert read(tmp_path / "f") == UNITS
    data = (tmp_path / "f").read_bytes()
    for word in (b"QUISLINGTON", b"nobody", b"record", b"another"):
        assert word not in data


def test_without_one_of_the_keys_it_needs_an_envelope_stays_closed(tmp_path):
    write(tmp_path / "f")
    opened = [content is not None for *_, content in read(tmp_path / "f", tree(9))]
    assert opened == [True, True, False, False, True]


def test_of_many_blocks_every_envelope_is_there_and_long_lists_are_kept_once(tmp_path):
    together = tuple(range(1, 1000))
    units = [(together, [place], bytes([place % 256]) * 200) for place in range(5000)]
    units += [((3,), ["long"], bytes(BLOCK) + b"x"), ((), ["last"], b"")]
    write(tmp_path / "f", units)
    assert read(tmp_path / "f") == units
    assert (tmp_path / "f").stat().st_size < 5000 * 240 + 100_000


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_whatever_is_changed_is_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("sealed") / "f"
    write(path)
    sealed = bytearray(path.read_bytes())
    harm = data.draw(st.sampled_from(("byte", "cut", "more", "twice", "context", "keys", "order")))
    context, keys = CONTEXT, tree()
    if harm == "byte":
        sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    elif harm == "cut":
        del sealed[data.draw(st.integers(0, len(sealed) - 1)) :]
    elif harm == "more":
        sealed += data.draw(st.binary(min_size=1, max_size=40))
    elif harm == "twice":
        sealed = sealed + sealed
    elif harm == "context":
        context = b"backup-2 store.sealed"
    elif harm == "keys":
        keys = KeyTree.grown(bytes(SEED))
    else:
        # Two envelopes of the same length change places.
        sealed = swapped(path)
    path.write_bytes(sealed)
    with pytest.raises(SallyportError, match="not as it was written"):
        read(path, keys, context)


def swapped(path):
    write(path, [((5,), ["a"], b"one"), ((5,), ["b"], b"two")])
    data = path.read_bytes()
    index = int.from_bytes(data[:8], "big")
    start, size = 8 + index, len(b"one") + 16
    return data[:start] + data[start + size :] + data[start : start + size]


def test_a_file_that_was_not_finished_is_refused(tmp_path):
    def cut_short():
        with EnvelopeWriter(tmp_path / "f", CONTEXT, tree().key) as file:
            for place in range(5000):
                file.add((), [place], b"x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        cut_short()
    with pytest.raises(SallyportError, match="not as it was written"):
        read(tmp_path / "f")
