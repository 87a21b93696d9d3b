"""Names, identifiers and dates as they are compared."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.identity.traits import SSN, SSN_LAST4, STATE_ID, normalise, traits_of


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("O'Neill-Smith", "oneillsmith"),
        ("O’NÉILL SMITH JR.", "oneillsmith"),  # noqa: RUF001 - the apostrophe that word processors write
        ("Garza III", "garza"),
        ("de la Cruz", "delacruz"),
        ("", ""),
        ("V", ""),
    ],
)
def test_names_are_compared_without_marks_spaces_and_suffixes(written, compared):
    assert normalise(written) == compared


@given(st.text())
def test_only_plain_letters_are_compared_and_case_never_counts(name):
    compared = normalise(name)
    assert re.fullmatch("[a-z]*", compared)
    assert normalise(compared.upper() + "-Smith") == normalise(compared + "-smith")


def test_traits_come_from_the_official_name_and_known_systems():
    traits = traits_of(
        {
            "name": [{"use": "nickname", "family": "Ash"}, {"family": "Oak Jr", "given": ["Ann", "B"]}],
            "birthDate": "1990-02-03",
            "gender": "female",
            "identifier": [
                {"system": SSN, "value": "212-34-5678"},
                {"system": STATE_ID, "value": " co123 "},
                {"value": "x"},
            ],
        }
    )
    assert (traits.family, traits.given, traits.ssn, traits.ssn_last4) == ("oak", "ann", "212345678", "5678")
    assert (traits.state_id, traits.birth_date, traits.sex) == ("CO123", "1990-02-03", "female")


def test_what_is_partial_or_unknown_is_not_a_trait():
    traits = traits_of(
        {"birthDate": "1990-02", "gender": "unknown", "identifier": [{"system": SSN_LAST4, "value": "5678"}]}
    )
    assert (traits.birth_date, traits.sex, traits.ssn, traits.ssn_last4) == ("", "", "", "5678")
