"""Names as they are compared."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.identity.names import Name, Nicknames, name_of, normalise, sound, words


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
    assert words(name).replace(" ", "").isalpha() or words(name) == ""


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"family": "MARSH", "given": ["ADA", "L."]}, Name("marsh", "ada", "l", "")),
        ({"family": "Oak-Marsh Jr", "given": ["Bill"]}, Name("oak marsh", "bill", "", "jr")),
        ({"family": "Garza", "given": ["José"], "suffix": ["II"]}, Name("garza", "jose", "", "2")),
        ({"family": "Garza", "suffix": ["3RD"]}, Name("garza", "", "", "3")),
        ({"family": "Marsh", "given": ["Ada", "NULL"]}, Name("marsh", "ada", "", "")),
        ({"given": ["Cher"]}, Name("cher", "", "", "")),
        ({"family": "V"}, Name("v", "", "", "")),
        ({"text": "no parts"}, None),
        ({"family": "---"}, None),
    ],
)
def test_a_human_name_is_taken_apart(told, name):
    assert name_of(told) == name


def test_names_that_sound_alike_share_a_code():
    assert sound("robert") == sound("rupert") == "R163".lower()
    assert sound("ashcraft") == "a261"
    assert sound("oak") != sound("marsh")
    assert sound("") == ""


def test_short_forms_lead_to_the_same_name_and_may_lead_to_several():
    forms = Nicknames([["william", "bill"], ["stephen", "steve"], ["steven", "steve"]])
    assert forms.same("bill", "william")
    assert forms.same("steve", "steven")
    assert forms.same("steve", "stephen")
    assert not forms.same("steven", "stephen")
    assert not forms.same("bill", "steve")
    assert forms.roots("ada") == {"ada"}
