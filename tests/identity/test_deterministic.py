"""When two records are one person, and when they are not."""

from __future__ import annotations

from hypothesis import given
from told import traits

from adapter.identity.deterministic import contradicts, facts, match_keys
from adapter.identity.names import Name
from adapter.identity.traits import Traits

ANN = Traits(
    names=(Name("oak", "ann"),),
    birth_date="1990-02-03",
    sex="female",
    ssn="212345678",
    ssn_last4="5678",
    state_id="CO1",
)


def same(one, other):
    shared = set(match_keys(one)) & set(match_keys(other))
    return bool(shared) and not contradicts(facts(one), facts(other))


def test_a_full_number_and_the_birth_date_suffice_under_another_name():
    assert same(ANN, ANN._replace(names=(Name("ash", "anna"),), state_id=""))


def test_a_name_and_birth_date_alone_never_suffice():
    bare = ANN._replace(ssn="", ssn_last4="", state_id="")
    assert match_keys(bare) == []
    assert not same(bare, ANN)


def test_the_last_four_complete_a_name():
    partial = ANN._replace(ssn="", state_id="")
    assert same(partial, ANN)
    assert not same(partial._replace(ssn_last4="0000"), ANN)


def test_a_contradiction_outweighs_a_shared_key():
    assert not same(ANN._replace(ssn="312345678", ssn_last4="5678"), ANN)
    assert not same(ANN._replace(state_id="CO2"), ANN)


def test_an_agencys_own_number_joins_its_systems_and_nothing_else():
    bare = ANN._replace(ssn="", ssn_last4="", state_id="", numbers=("jail|J1", "jail|J2"))
    assert same(bare, bare._replace(names=(Name("ash", "ann"),), numbers=("jail|J2",)))
    assert not same(bare, bare._replace(numbers=("clinic|J1",)))
    assert not same(bare, bare._replace(birth_date="1990-02-04"))


def test_an_alias_completes_a_name_as_the_name_does():
    partial = ANN._replace(ssn="", state_id="")
    assert same(partial._replace(names=(Name("ash", "ann"), Name("oak", "ann"))), partial)


def test_a_birth_date_that_is_no_whole_day_makes_no_key():
    assert match_keys(ANN._replace(birth_date="1990-02")) == []


@given(traits(), traits())
def test_matching_is_symmetric_and_needs_a_birth_date(one, other):
    assert same(one, other) == same(other, one)
    if same(one, other):
        assert one.day == other.day != ""
