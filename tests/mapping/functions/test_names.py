"""Names as jails and courts type them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import RecordError
from adapter.mapping.functions.names import names
from adapter.mapping.mapped import LOSSY as LOST
from adapter.mapping.mapped import Environment
from adapter.mapping.scope import Remarks, Scope


def official(family, *given_names, suffix=None):
    name = {"use": "official"}
    if family:
        name["family"] = family
    if given_names:
        name["given"] = list(given_names)
    return name | ({"suffix": [suffix]} if suffix else {})


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (("SMITH", "JOHN", None), [official("SMITH", "JOHN")]),
        (("SMITH", "JOHN", "Q"), [official("SMITH", "JOHN", "Q")]),
        (("SMITH", None, "Q"), [official("SMITH", "Q")]),
        (("CHER", None, None), [official("CHER")]),
        ((None, "CHER", None), [official("", "CHER")]),
        ((None, None, None), None),
        (("SMITH", "MARY ANN", None), [official("SMITH", "MARY ANN")]),
        (("SMITH JR", "JOHN", None), [official("SMITH", "JOHN", suffix="JR")]),
        (("SMITH, Jr.", "JOHN", "Q"), [official("SMITH", "JOHN", "Q", suffix="Jr")]),
        (("SMITH", "JOHN", "III"), [official("SMITH", "JOHN", suffix="III")]),
        (("SMITH III", "JOHN", "III"), [official("SMITH", "JOHN", suffix="III")]),
        (("SMITH", "JOHN", "Q", "SR"), [official("SMITH", "JOHN", "Q", suffix="SR")]),
        (("DE LA CRUZ", "ANA", None), [official("DE LA CRUZ", "ANA")]),
        (("VIRK", "A", None), [official("VIRK", "A")]),
        (
            ("UEND (maiden: LEODI)", "ANA", None),
            [official("UEND", "ANA"), {"use": "maiden", "family": "LEODI", "given": ["ANA"]}],
        ),
        (
            ("SMITH AKA JONES", "BOB", None),
            [official("SMITH", "BOB"), {"use": "nickname", "family": "JONES"}],
        ),
    ],
)
def test_a_name_is_taken_from_its_columns(run, columns, expected):
    found = run("names", *columns)
    assert (found.value, found.states) == (expected, {})


def test_a_remark_in_brackets_is_cut_off_and_digits_are_pointed_at(run):
    found = run("names", "SMITH (cd 03-03)", "JOHN2", None)
    assert found.value == [official("SMITH", "JOHN2")]
    assert (found.states, found.warned) == ({"a0": LOST}, ["remark-in-name", "digits-in-name"])


def test_nothing_is_left_of_a_column_that_is_a_remark(run):
    assert run("names", "(unknown)", None, None).value is None


@pytest.mark.parametrize(
    "columns",
    [
        ("TEST ONLY", "PROGRAMS", None),
        ("NOT A CLIENT", "TEST", None),
        ("CLIENT", "NOT A", None),
        ("ONLY", "TEST", None),
        ("SMITH", "JOHN", "do not use"),
        ("TEST INMATE", "A", None),
    ],
)
def test_a_row_that_is_no_person_is_refused_without_its_content(run, columns):
    with pytest.raises(RecordError) as caught:
        run("names", *columns)
    assert caught.value.code == "test-record"
    assert "TEST ONLY" not in str(caught.value)
    assert "CLIENT" not in str(caught.value)


def test_a_real_surname_test_is_a_person(run):
    assert run("names", "TEST", "ANNA", None).value == [official("TEST", "ANNA")]


def test_aliases_of_a_column(run):
    found = run("aliases", "JONES, BOB Q; A/K/A ROB SMITH JR / SHORTY | ; (none)")
    assert found.value == [
        {"use": "nickname", "family": "JONES", "given": ["BOB", "Q"]},
        {"use": "nickname", "family": "SMITH", "given": ["ROB"], "suffix": ["JR"]},
        {"use": "nickname", "family": "SHORTY"},
    ]
    assert run("aliases", None).value is None
    assert run("aliases", "(none)").value is None


def test_a_cell_cannot_flood_a_patient(run):
    listed = run("aliases", ";".join(f"A{place}" for place in range(1000)))
    assert (len(listed.value), listed.states) == (20, {"a0": LOST})
    for name in ("names", "full_name"):
        arguments = ["A" + " " * 100_000 + "B (x"] + [None] * (name == "names")
        found = run(name, *arguments)
        assert (found.warned, found.states) == (["name-too-long"], {"a0": LOST})
        assert found.value[0]["family"] == "A"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SMITH, JOHN Q", [official("SMITH", "JOHN", "Q")]),
        ("SMITH JR, JOHN", [official("SMITH", "JOHN", suffix="JR")]),
        ("JOHN Q SMITH", [official("SMITH", "JOHN", "Q")]),
        ("JOHN SMITH, JR.", [official("SMITH", "JOHN", suffix="JR")]),
        ("CHER", [official("CHER")]),
        (
            "SMITH, JOHN AKA BOB JONES",
            [official("SMITH", "JOHN"), {"use": "nickname", "family": "JONES", "given": ["BOB"]}],
        ),
        (",", None),
        (None, None),
    ],
)
def test_a_name_in_one_column(run, text, expected):
    assert run("full_name", text).value == expected


def test_what_is_remarked_on_a_whole_name_stands_at_its_column(run):
    found = run("full_name", "SMITH (cd), JOHN2")
    assert (found.states, found.warned) == ({"a0": LOST}, ["remark-in-name", "digits-in-name"])


def test_fhir_names_keep_the_elements_of_a_name(run):
    given_name = {
        "use": "usual",
        "family": "Ash",
        "given": ["Bo"],
        "_family": {"x": 1},
        "extension": [{"url": "u"}],
    }
    assert run("human_names", [given_name, "x", {"extension": []}]).value == [
        {"use": "usual", "family": "Ash", "given": ["Bo"]}
    ]
    assert run("human_names", {"text": "Bo Ash"}).value == [{"text": "Bo Ash"}]
    assert run("human_names", None).value is None
    with pytest.raises(RecordError):
        run("human_names", [{"text": "TEST PATIENT"}])


TEXTS = st.none() | st.text(alphabet="ABC jriv.,;()/|aka123'-", min_size=1, max_size=25).map(str.strip).filter(bool)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
@settings(max_examples=120, deadline=None)
def test_no_name_has_empty_parts_and_none_is_invented(last, first, middle, suffix):
    scope = Scope({}, Environment(zone="UTC"))
    found = names(Remarks(scope, ("a", "b", "c", "d")), last, first, middle, suffix) or []
    written = " ".join(text for text in (last, first, middle, suffix) if text)
    for name in found:
        parts = [name.get("family"), *name.get("given", []), *name.get("suffix", [])]
        assert any(parts)
        assert all(part and part == part.strip() for part in parts if part is not None)
        assert all(word.strip(".") in written for part in parts if part for word in part.split())
