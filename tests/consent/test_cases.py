"""The line contract: what is a case, what is an error, and what an answer holds."""

import orjson
import pytest
from consent_builders import X, answered, case, consent, observation, part2_consent, permit

from adapter.consent.cases import answer

REQUEST = case()["request"]


def told(line):
    said, read = answer(orjson.dumps(line))
    return orjson.loads(said), read


@pytest.mark.parametrize(
    ("elements", "named"),
    [
        ({"request": None}, "request"),
        ({"request": {**REQUEST, "at": None}}, "request.at"),
        ({"request": {**REQUEST, "at": "2026-11-22"}}, "request.at"),
        ({"request": {**REQUEST, "at": "2026-11-22T25:00:00Z"}}, "request.at"),
        ({"request": {**REQUEST, "timezone": None}}, "request.timezone"),
        ({"request": {**REQUEST, "timezone": "Mars/Base"}}, "request.timezone"),
        ({"request": {**REQUEST, "timezone": "../etc"}}, "request.timezone"),
        ({"request": {**REQUEST, "timezone": "America"}}, "request.timezone"),
        ({"request": {**REQUEST, "actors": X}}, "request.actors"),
        ({"request": {**REQUEST, "actors": [5]}}, "request.actors"),
        ({"request": {**REQUEST, "purposes": ["TREAT"]}}, "request.purposes"),
        ({"request": {**REQUEST, "purposes": [{"code": "TREAT"}]}}, "request.purposes"),
        ({"resource": []}, "resource"),
        ({"consents": None}, "consents"),
        ({"context": {}}, "context"),
        ({"labeller": "off"}, "labeller"),
        ({"labeller": ["on"]}, "labeller"),
    ],
)
def test_a_line_that_is_no_case_says_what_it_expected(elements, named):
    said, read = told({**case(consent(permit())), **elements})
    assert not read
    assert said["id"] == "case"
    assert said["error"].startswith(f"expected {named}")


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"5", b"\xff", b"[" * 5000])
def test_a_line_that_is_no_object_has_no_id(line):
    said, read = answer(line)
    assert not read
    assert orjson.loads(said)["id"] is None


@pytest.mark.parametrize(("identity", "echoed"), [("x", "x"), (7, 7), (None, None), ([1], None)])
def test_the_id_comes_back(identity, echoed):
    assert told({**case(), "id": identity})[0]["id"] == echoed


def test_an_invalid_consent_in_a_case_is_a_denial():
    assert told({**case(), "consents": [5, {}, "x"]})[0]["effect"] == "DENY"


def test_a_context_may_hold_anything():
    assert told({**case(consent(permit())), "context": [5, None, "x", [], {}]})[0]["effect"] == "PERMIT"


def test_what_may_be_left_out():
    line = case(consent(permit()))
    del line["context"], line["request"]["actors"], line["request"]["purposes"]
    assert told(line)[0]["effect"] == "PERMIT"
    line["request"] |= {"actors": None, "purposes": None}
    assert told({**line, "context": None})[0]["effect"] == "PERMIT"


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("access", "PERMIT"),
        ("disclose", "PERMIT"),
        ("correct", "DENY"),
        ("peek", "DENY"),
        (None, "DENY"),
        (5, "DENY"),
    ],
)
def test_the_action_of_the_request(action, expected):
    line = case(consent(permit(actions=["use"])))
    line["request"]["action"] = action
    assert told(line)[0]["effect"] == expected


def test_an_answer_names_provisions_by_their_consent():
    verdict = answered(case(consent(permit(), id="first"), consent(permit(), id="second")))
    assert [one["source"] for one in verdict["reasons"]] == [
        "Consent/first#provision[0]",
        "Consent/first",
        "Consent/second#provision[0]",
        "Consent/second",
    ]


def test_obligations_carry_their_wording():
    verdict = answered(case(part2_consent(permit(actors=[X])), resource=observation("SUD", "42CFRPart2")))
    notice, scope = verdict["obligations"][3:]
    assert notice["version"] == "89-FR-12472"
    assert notice["text"].startswith("This record which has been disclosed to you is protected")
    assert scope == {
        "code": "42CFR2.32-scope",
        "system": "https://sallyport.example/fhir/CodeSystem/obligation",
        "version": "89-FR-12472",
        "text": "disclosure to this recipient only",
        "source": "Consent/c#provision[0]",
    }
