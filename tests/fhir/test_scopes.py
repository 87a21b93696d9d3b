"""Scopes never widen: what is granted is held by what was asked and by what is registered, letter by letter."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.fhir.index import index_rows
from adapter.fhir.scopes import LETTERS, LONGEST, MOST, Scope, Scopes, granted, meet, read_scope, read_scopes, told

TYPES = frozenset({"Patient", "Observation", "Consent", "Encounter", "Organization"})
ZONE = ZoneInfo("America/Denver")
BASE = "https://county.example/fhir"
SURVEY = "http://terminology.hl7.org/CodeSystem/observation-category|survey"

CODES = st.sampled_from(["survey", "social-history", "c|survey", "c|social-history", "c|", "|survey"])
NARROWED = st.lists(st.tuples(st.sampled_from(["category", "code", "status"]), CODES), max_size=3)


@st.composite
def scopes(draw):
    kind = draw(st.sampled_from(["*", "Observation", "Patient"]))
    letters = "".join(sorted(draw(st.sets(st.sampled_from(LETTERS), min_size=1)), key=LETTERS.index))
    within = draw(NARROWED) if kind == "Observation" else []
    return Scope(kind=kind, letters=letters, within=tuple(sorted(set(within))))


def coded(*texts):
    pairs = [text.split("|") if "|" in text else ["", text] for text in texts]
    return [{"coding": [{"system": system, "code": code} if system else {"code": code}]} for system, code in pairs]


@st.composite
def observations(draw):
    category = draw(st.lists(st.sampled_from(["survey", "c|survey", "c|social-history", "d|x"]), max_size=2))
    found = {"resourceType": "Observation", "id": "o", "status": draw(st.sampled_from(["final", "survey"]))}
    found["code"] = coded(draw(st.sampled_from(["survey", "c|survey", "c|y"])))[0]
    return found | ({"category": coded(*category)} if category else {})


RESOURCES = st.one_of(observations(), st.just({"resourceType": "Patient", "id": "p"}))


def allowed(scopes_, resource, letter):
    """The slow meaning: one scope has the type, the letter, and every parameter holds."""
    codes = {(row.param, row.value) for row in index_rows(resource, ZONE)}

    def holds(name, value):
        system, bar, code = value.partition("|")
        for param, row in codes:
            own, _, said = row.partition("|")
            if param == name and ((not bar and said == system) or (bar and own == system and code in {"", said})):
                return True
        return False

    return any(
        one.kind in {"*", resource["resourceType"]}
        and letter in one.letters
        and all(holds(name, value) for name, value in one.within)
        for one in scopes_
    )


def enforced(scopes_):
    return Scopes(scopes_, base_url=BASE, zone=ZONE)


@settings(max_examples=120, deadline=None)
@given(st.lists(scopes(), min_size=1, max_size=4), st.lists(scopes(), max_size=4), RESOURCES, st.sampled_from(LETTERS))
def test_what_is_granted_allows_nothing_that_was_not_both_asked_and_registered(asked, registered, resource, letter):
    given_ = granted(asked, registered)
    both = allowed(asked, resource, letter) and allowed(registered, resource, letter)
    assert not enforced(given_).covers(resource, letter) or both
    if given_:
        assert enforced(given_).covers(resource, letter) is both


@settings(max_examples=120, deadline=None)
@given(st.lists(scopes(), max_size=4), RESOURCES, st.sampled_from(LETTERS))
def test_enforcement_is_the_slow_meaning(scopes_, resource, letter):
    one = enforced(scopes_)
    assert one.covers(resource, letter) is allowed(scopes_, resource, letter)
    if one.covers(resource, letter):
        assert one.allows(resource["resourceType"], letter)


@settings(max_examples=120, deadline=None)
@given(scopes(), scopes(), RESOURCES, st.sampled_from(LETTERS))
def test_a_scope_that_holds_another_allows_all_of_it_and_two_meet_in_what_both_allow(one, other, resource, letter):
    if one.holds(other) and allowed([other], resource, letter):
        assert allowed([one], resource, letter)
    met = meet(one, other)
    both = allowed([one], resource, letter) and allowed([other], resource, letter)
    assert (met is not None and allowed([met], resource, letter)) is both
    assert met == meet(other, one)
    assert met is None or (one.holds(met) and other.holds(met))


@settings(max_examples=120, deadline=None)
@given(st.lists(scopes(), min_size=1, max_size=5))
def test_scopes_are_read_as_they_are_written(listed):
    assert read_scopes(told(listed), TYPES) == tuple(dict.fromkeys(listed))


@settings(max_examples=120, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="system/Observation.*rs?category=a&|% ", max_size=60))
def test_any_text_is_a_scope_or_refused_in_words_that_do_not_repeat_it(text):
    try:
        scope = read_scope(text, TYPES)
    except ValueError:
        with pytest.raises(ValueError, match="expected"):
            read_scope(text, TYPES)
    else:
        assert read_scope(str(scope), TYPES) == scope


@pytest.mark.parametrize(
    "text",
    [
        "",
        "system/Observation",
        "system/Observation.",
        "system/Observation.sr",
        "system/Observation.rr",
        "system/Observation.read",
        "system/Observation.*",
        "System/Observation.r",
        "patient/Observation.rs",
        "user/Observation.rs",
        "openid",
        "offline_access",
        "system/Unknown.rs",
        "system/observation.rs",
        "system/Observation.rs?",
        "system/Observation.rs?category",
        "system/Observation.rs?category=",
        "system/Observation.rs?category=%00",
        "system/Observation.rs?category=%ff",
        "system/Observation.rs?category:not=survey",
        "system/Observation.rs?date=2026",
        "system/Observation.rs?patient=x",
        "system/Observation.rs?_id=x",
        "system/Observation.rs?_count=1",
        "system/Observation.rs?category=a\\b",
        'system/Observation.rs?category="a"',
        "system/*.rs?category=survey",
        "system/Patient.rs?category=survey",
        "system/Observation.rs\n",
    ],
)
def test_what_cannot_be_kept_is_no_scope(text):
    with pytest.raises(ValueError, match="expected"):
        read_scope(text, TYPES)


@pytest.mark.parametrize(
    "text", ["a" * (LONGEST + 1), " ".join(["system/Patient.r"] * (MOST + 1)), "system/Patient.r  "]
)
def test_a_list_that_is_too_long_or_loose_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        read_scopes(text, TYPES)


def test_one_scope_of_which_nothing_is_registered_refuses_all():
    registered = read_scopes(f"system/Patient.rs system/Observation.rs?category={SURVEY}", TYPES)
    assert granted(read_scopes("system/Patient.rs system/Consent.r", TYPES), registered) == ()
    assert told(granted(read_scopes("system/*.rs", TYPES), registered)) == told(sorted(registered))
    assert told(granted(read_scopes("system/Observation.cruds", TYPES), registered)) == (
        f"system/Observation.rs?category={SURVEY}"
    )
    assert granted(read_scopes("system/Patient.cud", TYPES), registered) == ()


def test_what_another_scope_holds_is_not_said_twice():
    registered = read_scopes("system/Patient.rs system/*.r", TYPES)
    assert told(granted(read_scopes("system/Patient.rs", TYPES), registered)) == "system/Patient.rs"


def test_one_usable_scope_opens_no_other_type():
    one = enforced(read_scopes("system/Patient.rs", TYPES))
    assert one.allows("Patient", "r")
    assert not any(one.allows(kind, letter) for kind in TYPES - {"Patient"} for letter in LETTERS)
    assert not one.allows("Patient", "u")


def test_nothing_is_no_scope():
    assert not enforced(()).allows("Patient", "r")
    assert not enforced(()).covers({"resourceType": "Patient"}, "r")
