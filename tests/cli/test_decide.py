"""`sallyport decide --cases`: one verdict a line, nothing else on standard output, and never a line less."""

from __future__ import annotations

import io
import json
import sys

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CONSENT = {
    "resourceType": "Consent",
    "id": "c1",
    "status": "active",
    "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
    "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
    "patient": {"reference": "Patient/a"},
    "provision": {"type": "permit"},
}
TREAT = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
    "subject": {"reference": "Patient/a"},
}


def case(ident, *, consents=(CONSENT,), **request):
    asked = {
        "actors": ["Organization/x"],
        "purposes": [TREAT],
        "action": "access",
        "at": "2026-11-22T12:00:00-07:00",
        "timezone": "America/Denver",
    }
    return {"id": ident, "consents": list(consents), "context": [], "request": asked | request, "resource": OBSERVATION}


def lines(*items):
    return b"".join((item if isinstance(item, bytes) else orjson.dumps(item)) + b"\n" for item in items)


@pytest.fixture
def decide(sallyport, tmp_path):
    def answer(content):
        path = tmp_path / "cases.ndjson"
        path.write_bytes(content)
        ran = sallyport("decide", "--cases", path)
        return ran.code, [json.loads(line) for line in ran.out.splitlines()], ran.err

    return answer


def test_a_verdict_a_line_and_exit_code_0_whatever_the_verdicts(decide):
    denied = {**CONSENT, "provision": {"type": "deny"}}
    code, verdicts, err = decide(lines(case("p"), case("d", consents=[denied]), case("n", consents=[])))
    assert (code, err) == (0, "")
    assert [(verdict["id"], verdict["effect"]) for verdict in verdicts] == [
        ("p", "PERMIT"),
        ("d", "DENY"),
        ("n", "DENY"),
    ]
    for verdict in verdicts:
        assert set(verdict) == {"id", "effect", "obligations", "reasons"}
        for reason in verdict["reasons"]:
            assert set(reason) == {"rule", "source", "outcome", "because"}
            assert reason["outcome"] in {"permit", "deny", "not-applicable", "cap"}


def test_a_line_that_is_no_case_gives_an_error_and_the_others_are_answered(decide):
    code, verdicts, _ = decide(lines(case("one"), b"{not json", {"id": "two"}, b"[]", case("three")))
    assert code == 4
    assert [verdict.get("id") for verdict in verdicts] == ["one", None, "two", None, "three"]
    assert [sorted(verdict) == ["error", "id"] for verdict in verdicts] == [False, True, True, True, False]
    assert all("expected" in verdict["error"] for verdict in verdicts if "error" in verdict)


def test_an_invalid_consent_in_a_readable_case_is_a_denial_and_no_error(decide):
    for broken in ({"resourceType": "Consent"}, {}, {**CONSENT, "provision": {"type": "maybe"}}):
        code, (verdict,), _ = decide(lines(case("x", consents=[broken])))
        assert (code, verdict["effect"]) == (0, "DENY")


def test_blank_lines_and_an_empty_file_are_no_cases(decide):
    assert decide(b"") == (0, [], "")
    code, verdicts, _ = decide(b"\n  \n" + lines(case("x")) + b"\n")
    assert (code, len(verdicts)) == (0, 1)


def test_a_last_line_without_its_end_is_answered(decide):
    code, verdicts, _ = decide(lines(case("x")).rstrip(b"\n"))
    assert (code, [verdict["effect"] for verdict in verdicts]) == (0, ["PERMIT"])


def test_cases_from_standard_input(sallyport, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines(case("x")))))
    ran = sallyport("decide", "--cases", "-")
    assert (ran.code, json.loads(ran.out)["effect"]) == (0, "PERMIT")


def test_a_file_that_is_not_there_is_named(sallyport):
    ran = sallyport("decide", "--cases", "nowhere.ndjson")
    assert ran.code == 1
    assert "nowhere.ndjson" in ran.err
    assert ran.out == ""


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(garbage=st.lists(st.binary(max_size=40).filter(lambda raw: b"\n" not in raw and raw.strip()), max_size=5))
def test_whatever_stands_in_the_file_every_line_is_answered(decide, garbage):
    _, verdicts, err = decide(lines(case("first"), *garbage, case("last")))
    assert err == ""
    assert len(verdicts) == len(garbage) + 2
    assert (verdicts[0]["effect"], verdicts[-1]["effect"]) == ("PERMIT", "PERMIT")
