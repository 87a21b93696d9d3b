"""Keyed names: the same for the same thing, unlike for anything else, and nothing without the secret."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.services.keys import SiteKeys

KEYS = SiteKeys(bytes(range(32)))
PARTS = st.lists(st.text(max_size=6), min_size=1, max_size=4)


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_secret_of_another_length_is_refused(size):
    with pytest.raises(ValueError, match="32 bytes"):
        SiteKeys(bytes(size))


@settings(max_examples=200, deadline=None)
@given(one=PARTS, other=PARTS)
def test_ids_are_equal_only_for_equal_keys(one, other):
    same = KEYS.resource_id("feed", "Patient", *one) == KEYS.resource_id("feed", "Patient", *other)
    assert same == (one == other)


@settings(max_examples=50, deadline=None)
@given(key=st.text())
def test_ids_are_ids_of_r4_and_tell_nothing(key):
    ident = KEYS.resource_id("feed", "Patient", key)
    assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", ident)
    assert ident != SiteKeys(bytes(32)).resource_id("feed", "Patient", key)


def test_parts_do_not_run_together():
    assert KEYS.resource_id("a", "b", "c") != KEYS.resource_id("a", "bc")
    assert KEYS.resource_id("a", "Patient", "1", "2") != KEYS.resource_id("a", "Patient", "12")


def test_one_secret_makes_different_names_for_different_purposes():
    names = {
        KEYS.resource_id("x", "y"),
        KEYS.version_id("x", "y", b"", 0),
        KEYS.match_hash("x", "y").hex(),
        KEYS.cursor_key().hex()[:32],
    }
    assert len(names) == 4


def test_a_version_depends_on_content_and_revision():
    versions = {KEYS.version_id("Patient", "a", digest, revision) for digest in (b"1", b"2") for revision in (1, 2)}
    assert len(versions) == 4


def test_the_cursor_key_is_as_long_as_aes_siv_wants_it():
    assert len(KEYS.cursor_key()) == 64
