"""The check digit, and a pinned list that refuses what the world made up."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import ConfigurationError
from adapter.summary.loinc import PinnedList, check_digit, valid

STEMS = st.integers(min_value=1, max_value=9_999_999).map(str)


def test_check_digit_of_a_known_code():
    assert check_digit("44261") == 6
    assert valid("44261-6")


def test_every_pinned_code_has_its_check_digit(loinc_document):
    assert len(loinc_document["codes"]) > 70
    assert [code for code in loinc_document["codes"] if not valid(code)] == []


def test_every_pinned_code_names_its_evidence(pinned):
    assert {code.code for code in pinned.codes.values() if not set(code.evidence) <= set("TXUBH")} == set()


@pytest.mark.parametrize("code", ["72109-3", "72514-3", "70272-0", "85103-0"])
def test_codes_invented_or_misused_in_public_code_are_refused(pinned, code):
    assert code not in pinned.codes
    for use in ("panel", "score", "level", "item"):
        assert "is refused" in pinned.objection(code, frozenset({use}))


def test_the_code_often_given_to_audit_c_is_audit(pinned, registry):
    assert "not AUDIT-C" in pinned.codes["75624-7"].means
    assert registry.result("http://loinc.org", "75624-7").instrument.id == "audit"


def test_the_invented_ciwa_code_fails_its_check_digit():
    assert not valid("72109-3")


@given(STEMS)
@settings(max_examples=200, deadline=None)
def test_exactly_one_digit_is_right(stem):
    assert sum(valid(f"{stem}-{digit}") for digit in range(10)) == 1


@given(STEMS, st.data())
@settings(max_examples=200, deadline=None)
def test_a_wrong_digit_or_a_swap_of_unlike_neighbours_is_found(stem, data):
    place = data.draw(st.integers(0, len(stem) - 1))
    digit = data.draw(st.sampled_from([d for d in "123456789" if d != stem[place]]))
    wrong = stem[:place] + digit + stem[place + 1 :]
    assert check_digit(wrong) != check_digit(stem)


@given(st.text(max_size=12))
@settings(max_examples=200, deadline=None)
def test_what_is_not_a_code_is_not_valid(text):
    if valid(text):
        stem, _, digit = text.partition("-")
        assert check_digit(stem) == int(digit)


@pytest.mark.parametrize("stem", ["", "12a", "-1", "١٢"])
def test_a_stem_is_digits(stem):
    with pytest.raises(ValueError, match="digits only"):
        check_digit(stem)


@pytest.mark.parametrize(
    ("code", "uses", "says"),
    [
        ("44261-6", {"score"}, ""),
        ("44261-6", {"panel"}, "is pinned as score"),
        ("44262-4", {"score"}, "is not on the pinned list"),
        ("44261-7", {"score"}, "fails its check digit"),
    ],
)
def test_objections_say_why(pinned, code, uses, says):
    objection = pinned.objection(code, frozenset(uses))
    assert objection == "" if says == "" else says in objection


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"codes": {"44261-7": {"use": "score", "means": "x", "evidence": "T"}}}, "check digit"),
        ({"codes": {"44261-6": {"use": "score"}}}, "needs `use`"),
        ({"codes": {"44261-6": "PHQ-9"}}, "needs `use`"),
        ({"codes": {"44261-6": {"use": "total", "means": "x", "evidence": "T"}}}, "`use` is none of"),
        ({"codes": {"44261-6": {"use": "score", "means": "x", "evidence": "web"}}}, "`evidence` is none of"),
        ({"codes": {"44261-6": {"use": "score", "means": "x", "evidence": ""}}}, "`evidence` is none of"),
        ({"refused": {"44249-1": "no"}}, "both pinned and refused"),
    ],
)
def test_a_wrong_list_is_refused_with_its_place(loinc_document, change, says):
    document = copy.deepcopy(loinc_document)
    for table, entries in change.items():
        document[table].update(entries)
    with pytest.raises(ConfigurationError, match=says):
        PinnedList.load(document)


def test_a_list_without_tables_is_empty():
    assert PinnedList.load({"codes": [], "refused": None}).codes == {}
