"""Data types of clinical documents as FHIR elements."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import RecordError
from adapter.mapping.functions import cda
from adapter.mapping.mapped import Environment
from adapter.mapping.scope import Remarks, Scope

LOINC, SNOMED = "2.16.840.1.113883.6.1", "2.16.840.1.113883.6.96"


@pytest.fixture
def noted():
    scope = Scope({}, Environment(zone="America/Denver"))
    return Remarks(scope, ("column",) * 4), scope


def codes(scope):
    return [warning.code for warning in scope.warnings or ()]


def test_numbers_by_their_root():
    ids = [
        {"@root": "1.2", "@extension": "a"},
        {"@root": "1.3", "@extension": "b"},
        {"@root": "1.3", "@nullFlavor": "UNK"},
    ]
    assert cda.cda_number(ids, "1.3") == "b"
    assert cda.cda_number(ids[0], "1.3") is None
    assert cda.cda_number(None, "1.3") is None
    assert cda.cda_unique(ids) == "1.2|a"
    assert cda.cda_unique({"@root": "f1aa44dd"}) == "f1aa44dd"
    assert cda.cda_unique({"@nullFlavor": "NI"}) is None


def test_identifiers_with_a_system(noted):
    remarks, scope = noted
    ids = [
        {"@root": "1.2", "@extension": "a"},
        {"@root": cda.SSN_ROOT, "@extension": "433-27-5914"},
        {"@root": "1.9", "@extension": "b"},
        {"@root": "1.2"},
    ]
    found = cda.cda_identifiers(remarks, ids, {"1.2": "https://clinic.example/chart"})
    assert [one["value"] for one in found] == ["a", "433275914"]
    assert codes(scope) == ["unknown-authority"]


def test_names(noted):
    remarks, _ = noted
    name = [
        {"@use": "L", "given": ["Ada", {"#text": "Mae", "@qualifier": "CL"}], "family": "Marsh", "suffix": "Jr."},
        {"@use": "P", "given": "Addie"},
        {"@nullFlavor": "UNK"},
    ]
    assert cda.cda_names(remarks, name) == [
        {"use": "official", "family": "Marsh", "given": ["Ada", "Mae"], "suffix": ["Jr."]},
        {"use": "nickname", "given": ["Addie"]},
    ]
    assert cda.cda_names(remarks, None) is None
    with pytest.raises(RecordError):
        cda.cda_names(remarks, {"family": "TEST ONLY PROGRAMS"})


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ({"@value": "20150622"}, "2015-06-22"),
        ({"@value": "20150622101500-0500"}, "2015-06-22T10:15:00-05:00"),
        ({"@value": "201506221015"}, "2015-06-22T10:15:00-06:00"),
        ({"low": {"@value": "20150622"}, "high": {"@value": "20150623"}}, "2015-06-22"),
        ({"@nullFlavor": "UNK"}, None),
        ({"low": {"@nullFlavor": "UNK"}}, None),
        (None, None),
    ],
)
def test_times(noted, time, expected):
    assert cda.cda_datetime(noted[0], time) == expected


def test_births(noted):
    remarks, scope = noted
    assert cda.cda_birth_date(remarks, {"@value": "198004020915"}) == "1980-04-02"
    assert cda.cda_birth_date(remarks, {"@nullFlavor": "UNK"}) is None
    assert cda.cda_birth_date(remarks, {"@value": "20990101"}) is None
    assert "birth-after-newest-year" in codes(scope)


def test_codes_with_translations(noted):
    remarks, scope = noted
    code = {
        "@code": "44249-1",
        "@codeSystem": LOINC,
        "@displayName": "PHQ-9",
        "translation": [{"@code": "x", "@codeSystem": "1.2.3"}, {"@code": "715252007", "@codeSystem": SNOMED}],
        "originalText": "Ada told of her brother",
    }
    assert cda.cda_concept(remarks, code) == {
        "coding": [
            {"system": "http://loinc.org", "code": "44249-1", "display": "PHQ-9"},
            {"system": "http://snomed.info/sct", "code": "715252007"},
        ],
        "text": "PHQ-9",
    }
    assert codes(scope) == ["unknown-code-system"]
    assert cda.cda_concept(remarks, code, {"1.2.3": "https://clinic.example/code"})["coding"][1]["code"] == "x"
    assert cda.cda_concept(remarks, {"@code": "q", "@codeSystem": "9"}) == {"text": "q"}
    assert cda.cda_concept(remarks, {"@nullFlavor": "UNK"}) is None


def test_a_scale_has_the_code_of_its_total_first(noted):
    total = {"system": "http://loinc.org", "code": "44261-6"}
    code = {"@code": "44249-1", "@codeSystem": LOINC}
    found = cda.cda_scale(noted[0], code, total)
    assert [one["code"] for one in found["coding"]] == ["44261-6", "44249-1"]
    assert cda.cda_scale(noted[0], {"@code": "44261-6", "@codeSystem": LOINC}, total)["coding"] == [total]
    assert cda.cda_scale(noted[0], code, None)["coding"][0]["code"] == "44249-1"
    assert cda.cda_scale(noted[0], None, None) is None


ANSWER = {"@type": "CO", "@code": "LA6568-5", "@codeSystem": LOINC, "@displayName": "Not at all"}


@pytest.mark.parametrize(
    ("value", "element", "expected"),
    [
        ({"@type": "INT", "@value": "12"}, "quantity", {"value": Decimal(12), "unit": "{score}"}),
        ({"@type": "REAL", "@value": "1.50"}, "quantity", {"value": Decimal("1.50")}),
        ({"@type": "PQ", "@value": "7", "@unit": "mg"}, "quantity", {"value": Decimal(7), "unit": "mg"}),
        ({"@type": "PQ", "@value": "7", "@unit": "1"}, "quantity", {"unit": "{score}"}),
        ([{"@type": "INT", "@value": "0"}, ANSWER], "quantity", {"value": Decimal(0)}),
        ([ANSWER, {"@type": "INT", "@value": "0"}], "quantity", {"value": Decimal(0)}),
        (ANSWER, "concept", {"text": "Not at all"}),
        ({"@type": "ST", "#text": "high"}, "text", "high"),
        ({"@type": "BL", "@value": "true"}, "boolean", True),
        ({"@type": "BL", "@value": "false"}, "boolean", False),
        ({"@type": "INT", "@nullFlavor": "ASKU"}, "absent", "asked-unknown"),
        ({"@type": "INT", "@nullFlavor": "MSK"}, "absent", "masked"),
        (None, "absent", "unknown"),
    ],
)
def test_exactly_one_element_takes_a_value(noted, value, element, expected):
    remarks, _ = noted
    found = {
        "quantity": cda.cda_quantity(remarks, value),
        "concept": cda.cda_value_concept(remarks, value),
        "text": cda.cda_text(remarks, value),
        "boolean": cda.cda_boolean(value),
        "absent": cda.cda_absent(value),
    }
    assert [name for name, made in found.items() if made is not None] == [element]
    made = found[element]
    if element == "absent":
        assert made["coding"][0]["code"] == expected
    elif isinstance(expected, dict):
        assert expected.items() <= made.items()
    else:
        assert made == expected
    assert str(made.get("value", "")) in {"", "12", "1.50", "7", "0"} if element == "quantity" else True


def test_values_that_cannot_be_read_are_named(noted):
    remarks, scope = noted
    assert cda.cda_quantity(remarks, {"@type": "INT", "@value": "twelve"}) is None
    assert cda.cda_text(remarks, {"@type": "IVL_PQ", "low": {"@value": "1"}}) is None
    assert codes(scope) == ["bad-decimal", "value-type-unknown"]


def test_labels_keep_systems_that_nobody_knows():
    confidentiality = {"@code": "R", "@codeSystem": "2.16.840.1.113883.5.25"}
    privacy = [
        {"@code": "42CFRPart2", "@codeSystem": "2.16.840.1.113883.5.4"},
        {"@code": "NORDSLCD", "@codeSystem": "2.16.840.1.113883.5.1063"},
        {"@nullFlavor": "UNK"},
    ]
    assert [
        (one["system"].rpartition("/")[2], one["code"]) for one in cda.cda_labels(confidentiality, privacy, ["MH"])
    ] == [
        ("v3-Confidentiality", "R"),
        ("v3-ActCode", "42CFRPart2"),
        ("2.16.840.1.113883.5.1063", "NORDSLCD"),
        ("v3-ActCode", "MH"),
    ]
    assert cda.cda_labels(None, None) is None
    assert cda.cda_labels(None, None, ["MH"])


JSON = st.recursive(
    st.none() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["@value", "@code", "@type", "@root", "low", "translation", "given", "#text"]), inner
        )
    ),
    max_leaves=8,
)


@given(JSON)
@settings(max_examples=80, deadline=None)
def test_any_structure_is_read_or_refused_in_words(value):
    remarks = Remarks(Scope({}, Environment(zone="UTC")), ("column",) * 4)
    for read in (cda.cda_datetime, cda.cda_birth_date, cda.cda_concept, cda.cda_quantity, cda.cda_text, cda.cda_names):
        read(remarks, value)
    cda.cda_absent(value)
    cda.cda_labels(value, value)
    cda.cda_unique(value)
