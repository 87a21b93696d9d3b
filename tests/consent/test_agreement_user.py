"""Whose signature under the user agreement counts, and until when."""

from datetime import date, timedelta

import pytest
from consent_builders import DENVER
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from adapter.consent.agreement_user import DAY, DEPARTED, SIGNED, UserAgreement, current, versions, why_not
from adapter.fhir.dates import interval

TEXT = {
    "user_agreement": "users",
    "version": "1",
    "title": "User agreement",
    "effective": "2026-01-01",
    "required_of": ["police"],
    "text": "I will be careful.",
    "certifications": {"careful": "I am careful.", "quiet": "I am quiet."},
    "contact": "privacy officer",
}


def text(**changed):
    return UserAgreement.model_validate(TEXT | changed)


def first(day):
    return interval(day, DENVER)[0]


ONE, TWO = text(), text(version="2", effective="2026-07-01", text="I will be more careful.")
KNOWN = versions([ONE, TWO], DENVER)
NOON = first("2026-03-01")


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({}, True),
        ({"effective": "2026-02-01", "required_of": ["police", "court"], "valid_days": 30, "contact": "x"}, True),
        ({"certifications": {"quiet": "I am quiet.", "careful": "I am careful."}}, True),
        ({"text": "I will be careful!"}, False),
        ({"version": "1b"}, False),
        ({"title": "Users"}, False),
        ({"certifications": {"careful": "I am careful."}}, False),
        ({"user_agreement": "others"}, False),
    ],
)
def test_the_hash_covers_everything_that_is_read_and_certified(changed, same):
    assert (text(**changed).text_hash() == ONE.text_hash()) is same
    assert len(ONE.text_hash()) == 32


def test_the_version_that_counts_is_the_latest_that_has_begun():
    assert [one.name for one in KNOWN] == ["2", "1"]
    names = {
        day: getattr(current(KNOWN, first(day)), "name", None) for day in ("2025-12-31", "2026-01-01", "2026-07-01")
    }
    assert names == {"2025-12-31": None, "2026-01-01": "1", "2026-07-01": "2"}
    assert current(KNOWN, first("2026-07-01") - 1).name == "1"


@pytest.mark.parametrize(
    ("kind", "text_hash", "signed", "at", "why"),
    [
        (SIGNED, ONE.text_hash(), NOON, NOON, ""),
        (SIGNED, ONE.text_hash(), NOON, first("2026-07-01") - 1, ""),
        (SIGNED, ONE.text_hash(), NOON, first("2026-07-01"), "has signed an earlier version"),
        (SIGNED, TWO.text_hash(), NOON, NOON, "has signed an earlier version"),
        (SIGNED, b"x" * 32, NOON, NOON, "has signed a text that is not on file"),
        (SIGNED, ONE.text_hash(), NOON + 1, NOON, "has not signed the user agreement"),
        ("", b"", 0, NOON, "has not signed the user agreement"),
        ("", b"", 0, first("2025-06-01"), ""),
        (DEPARTED, b"", NOON, NOON, "has left the agency"),
        (DEPARTED, b"", NOON, first("2025-06-01"), "has left the agency"),
        ("scribbled", ONE.text_hash(), NOON, NOON, "has not signed the user agreement"),
    ],
)
def test_whose_word_counts(kind, text_hash, signed, at, why):
    assert why_not(KNOWN, kind, text_hash, signed, at) == why


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 366), st.integers(0, 800), st.integers(0, 800))
def test_a_signature_counts_for_as_many_days_as_the_text_says(valid, signed_on, asked_on):
    known = versions([text(valid_days=valid)], DENVER)
    signed = first("2026-01-01") + signed_on * DAY
    at = signed + asked_on * DAY
    assert (why_not(known, SIGNED, ONE.text_hash(), signed, at) == "") is (asked_on < valid)
    end = signed + valid * DAY
    assert why_not(known, SIGNED, ONE.text_hash(), signed, end - 1) == ""
    assert why_not(known, SIGNED, ONE.text_hash(), signed, end) == "has to certify again"


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.integers(0, 365))
def test_no_other_hash_counts(text_hash, later):
    at = NOON + later * DAY
    assert bool(why_not(KNOWN, SIGNED, text_hash, NOON, at)) or text_hash in {one.text_hash for one in KNOWN}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"certifications": {}}, "at least 1"),
        ({"required_of": []}, "at least 1"),
        ({"valid_days": 400}, "366"),
        ({"text": ""}, "at least 1"),
        ({"effective": "soon"}, "date"),
        ({"novel": 1}, "not permitted"),
    ],
)
def test_a_text_that_says_too_little_is_refused(changed, expected):
    with pytest.raises(ValidationError, match=expected):
        text(**changed)


def test_a_day_is_a_day():
    assert timedelta(microseconds=DAY) == date(2026, 1, 2) - date(2026, 1, 1)
