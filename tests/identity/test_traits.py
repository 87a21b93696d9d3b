"""What a Patient tells about who someone is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from told import traits as any_traits

from adapter.identity.names import Name
from adapter.identity.traits import (
    FBI,
    MOST_NAMES,
    SSN,
    SSN_LAST4,
    STATE_ID,
    Traits,
    known_by_all,
    traits_of,
    with_unsaid,
)


def test_the_official_name_comes_first_and_aliases_count():
    told = traits_of(
        {
            "name": [{"use": "nickname", "family": "Ash"}, {"family": "Oak Jr", "given": ["Ann", "B"]}],
            "birthDate": "1990-02-03",
            "gender": "female",
            "identifier": [
                {"system": SSN, "value": "212-34-5678"},
                {"system": STATE_ID, "value": " co123 "},
                {"system": FBI, "value": "77f"},
                {"system": "jail", "value": "J1"},
                {"value": "x"},
            ],
        }
    )
    assert told.names == (Name("oak", "ann", "b", "jr"), Name("ash", ""))
    assert (told.ssn, told.ssn_last4, told.state_id, told.fbi) == ("212345678", "5678", "CO123", "77F")
    assert (told.birth_date, told.sex, told.numbers) == ("1990-02-03", "female", ("jail|J1",))


@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        ({"birthDate": "1990-02"}, Traits(birth_date="1990-02")),
        ({"birthDate": "soon"}, Traits()),
        ({"gender": "unknown"}, Traits()),
        ({"identifier": [{"system": SSN_LAST4, "value": "5678"}]}, Traits(ssn_last4="5678")),
        ({"identifier": [{"system": SSN, "value": "12345"}]}, Traits()),
        ({"identifier": [{"system": SSN_LAST4, "value": "56"}]}, Traits()),
    ],
)
def test_what_is_partial_is_kept_as_such_and_what_is_no_value_is_none(patient, expected):
    assert traits_of(patient) == expected
    assert traits_of(patient).day == ""


@given(st.lists(any_traits(), min_size=1, max_size=4))
def test_names_are_collected_and_the_rest_is_as_told_now(told):
    collected = told[0]
    for one in told[1:]:
        collected = known_by_all(collected, one)
    assert set(told[-1].names) <= set(collected.names)
    assert len(collected.names) <= MOST_NAMES
    if len(told) > 1:
        assert set(collected.names) == {name for one in told for name in one.names}
        assert collected.birth_date == told[-1].birth_date
    assert known_by_all(collected, told[-1]) == known_by_all(known_by_all(collected, told[-1]), told[-1])


def test_numbers_a_record_leaves_unsaid_are_as_they_were_and_none_is_mixed_from_two():
    earlier = Traits(ssn="433275914", ssn_last4="5914", state_id="CO1", fbi="F1", sex="female")
    assert with_unsaid(earlier, Traits()) == Traits(ssn="433275914", ssn_last4="5914", state_id="CO1", fbi="F1")
    told = Traits(ssn="218449031", ssn_last4="9031", state_id="CO2")
    assert with_unsaid(earlier, told) == Traits(ssn="218449031", ssn_last4="9031", state_id="CO2", fbi="F1")
    assert with_unsaid(earlier, Traits(ssn_last4="9031")).ssn == ""
    assert with_unsaid(earlier, Traits(ssn_last4="5914")).ssn == "433275914"
