"""When two records are one person, and when they are not."""

from __future__ import annotations

from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st

from adapter.identity.deterministic import contradicts, facts, match_keys
from adapter.identity.traits import Traits

ANN = Traits(
    family="oak",
    given="ann",
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
    assert same(ANN, replace(ANN, family="ash", given="anna", state_id=""))


def test_a_name_and_birth_date_alone_never_suffice():
    bare = replace(ANN, ssn="", ssn_last4="", state_id="")
    assert match_keys(bare) == []
    assert not same(bare, ANN)


def test_the_last_four_complete_a_name():
    partial = replace(ANN, ssn="", state_id="")
    assert same(partial, ANN)
    assert not same(replace(partial, ssn_last4="0000"), ANN)


def test_a_contradiction_outweighs_a_shared_key():
    assert not same(replace(ANN, ssn="312345678", ssn_last4="5678"), ANN)
    assert not same(replace(ANN, state_id="CO2"), ANN)


def test_an_agencys_own_number_joins_its_systems_and_nothing_else():
    bare = replace(ANN, ssn="", ssn_last4="", state_id="", numbers=("jail|J1", "jail|J2"))
    assert same(bare, replace(bare, family="ash", numbers=("jail|J2",)))
    assert not same(bare, replace(bare, numbers=("clinic|J1",)))
    assert not same(bare, replace(bare, birth_date="1990-02-04"))


TRAITS = st.builds(
    Traits, **{field.name: st.sampled_from(["", "a", "b"]) for field in fields(Traits) if field.name != "numbers"}
)


@given(TRAITS, TRAITS)
def test_matching_is_symmetric_and_needs_a_birth_date(one, other):
    assert same(one, other) == same(other, one)
    if same(one, other):
        assert one.birth_date == other.birth_date != ""
