"""Two records by themselves: symmetric, never linked against a contradiction, found where they agree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from told import ADA, BARE, MATCHER, traits

from adapter.identity.levels import DIFFERENT, STRONG
from adapter.identity.match import Band, blocks, changed
from adapter.identity.names import Name


def band(one, other):
    return MATCHER.band(one, other, MATCHER.compare(one, other))


@settings(deadline=None, max_examples=120)
@given(traits(), traits())
def test_score_levels_and_band_do_not_depend_on_which_record_comes_first(one, other):
    there, back = MATCHER.compare(one, other), MATCHER.compare(other, one)
    assert (there.levels, there.score) == (back.levels, back.score)
    assert band(one, other) == band(other, one)


@settings(deadline=None, max_examples=120)
@given(traits(), traits())
def test_a_contradiction_of_strong_identifiers_never_links(one, other):
    told = MATCHER.compare(one, other).levels
    if any(told[name] == DIFFERENT for name in STRONG):
        assert band(one, other) <= Band.REVIEW


@settings(deadline=None, max_examples=120)
@given(traits(), traits())
def test_whoever_is_linked_is_found_by_a_block(one, other):
    if band(one, other) >= Band.LINK and MATCHER.compare(one, other).levels["birth_date"] == "exact":
        assert not set(blocks(one, MATCHER.nicknames)).isdisjoint(blocks(other, MATCHER.nicknames))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (ADA, Band.CONFIRMED),
        (ADA._replace(names=(Name("oak", "bert"),)), Band.CONFIRMED),
        (BARE, Band.LINK),
        (BARE._replace(names=(Name("mrash", "ada", "l"),)), Band.LINK),
        (BARE._replace(names=(Name("ada", "marsh"),)), Band.REVIEW),
        (BARE._replace(names=(Name("marsh", "bert"),)), Band.NONE),
        (BARE._replace(names=(Name("oak", "bert"),)), Band.NONE),
        (BARE._replace(names=(Name("marsh", ""),)), Band.REVIEW),
        (BARE._replace(birth_date="1975-11-30"), Band.NONE),
        (BARE._replace(birth_date="", numbers=("jail|J1",)), Band.CONFIRMED),
        (BARE._replace(birth_date="", names=(Name("oak", "bert"),), numbers=("jail|J1",)), Band.NONE),
        (ADA._replace(ssn="433276002", ssn_last4="6002"), Band.REVIEW),
        (ADA._replace(ssn="433276010", ssn_last4="6010", state_id="", numbers=()), Band.LINK),
        (BARE._replace(state_id="CO2"), Band.REVIEW),
    ],
)
def test_bands(other, expected):
    assert band(ADA, other) == expected


def test_a_common_name_says_less_than_a_rare_one():
    rare, common = (BARE._replace(names=(Name(family, "michael"),)) for family in ("marsh", "smith"))
    assert MATCHER.compare(rare, rare).score > MATCHER.compare(common, common).score + 1


def test_an_alias_is_as_good_as_the_name():
    known = ADA._replace(names=(Name("oak", "ada"), Name("marsh", "ada", "lee")))
    assert MATCHER.compare(known, BARE).levels["family"] == "exact"


@pytest.mark.parametrize(
    ("now", "differing"),
    [
        (ADA, set()),
        (ADA._replace(names=(Name("marsh", "adah"),)), set()),
        (ADA._replace(names=(Name("marsh", "bert"),)), {"name"}),
        (ADA._replace(birth_date="1980-02-04"), set()),
        (ADA._replace(birth_date="1977-02-04", sex="male"), {"birth_date", "sex"}),
        (ADA._replace(ssn="", ssn_last4="", sex=""), set()),
        (ADA._replace(ssn="218449031", ssn_last4="9031", names=(Name("oak", "bert"),)), {"ssn", "name"}),
    ],
)
def test_what_a_jacket_tells_otherwise_is_named(now, differing):
    assert changed(ADA, now, MATCHER) == differing
