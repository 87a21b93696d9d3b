"""A recipient's share of a Consent: what lets this one receive, and nothing of the others."""

import orjson
import pytest
from signed_forms import CASE, CONDITION, CONDITIONED, PART2, PROCEEDINGS, SIGNED, authored

from adapter.consent.share import SHARE_PROFILE, reaches_part2, recipients, sensitivities, share, withdrawn

CLINIC, PRETRIAL, COURT = "Organization/cottonwood", "Organization/pretrial", "Organization/treatment-court"


def permits(given):
    return [
        (
            [label["code"] for label in rule["securityLabel"]],
            [purpose["code"] for purpose in rule["purpose"]],
        )
        for rule in given["provision"]["provision"]
    ]


def events(given):
    return [one for one in given["extension"] if one["url"].endswith("expiry-event")]


def test_a_share_names_its_recipient_and_no_other():
    made = authored()
    assert recipients(made) == [CLINIC, PRETRIAL]
    text = orjson.dumps(share(made, CLINIC)).decode()
    assert "pretrial" not in text
    assert "r0001" not in text
    assert permits(share(made, CLINIC)) == [(["MH", "SUD"], ["TREAT"])]
    assert permits(share(made, PRETRIAL)) == [(["MH"], ["pretrial-release"])]
    assert share(made, "Organization/probation") is None


def test_a_share_is_a_consent_of_its_own_profile_with_discloser_end_and_status():
    given = share(authored(part2=PART2), CLINIC)
    assert given["meta"]["profile"] == [SHARE_PROFILE]
    assert (given["status"], given["dateTime"]) == ("active", "2026-03-02")
    assert given["provision"]["period"] == {"start": "2026-03-02T10:00:00-07:00", "end": "2027-03-02"}
    words, program = given["extension"]
    assert words["valueString"] == "The jail and the clinic."
    assert program["valueReference"] == {"reference": "Organization/riverside-otp"}
    assert not {"identifier", "verification", "sourceAttachment"} & given.keys()


def test_the_program_is_named_to_whom_its_records_reach():
    made = authored(part2=PART2)
    assert reaches_part2(share(made, CLINIC))
    assert not reaches_part2(share(made, PRETRIAL))
    text = orjson.dumps(share(made, PRETRIAL)).decode()
    assert "otp" not in text
    assert "42CFRPart2CD" not in text
    assert sensitivities(share(made, CLINIC)) == {"MH", "SUD"}


@pytest.mark.parametrize(
    ("refusal", "left"),
    [
        ({"partner": "cottonwood", "classes": ["substance-use"]}, [(["MH"], ["TREAT"])]),
        ({"classes": ["substance-use"]}, [(["MH"], ["TREAT"])]),
        ({"classes": ["mental-health", "substance-use"]}, None),
        ({"partner": "cottonwood", "purposes": ["TREAT"]}, None),
        ({"partner": "cottonwood", "purposes": ["HPAYMT"]}, [(["MH", "SUD"], ["TREAT"])]),
        ({"partner": "probation"}, [(["MH", "SUD"], ["TREAT"])]),
        (
            {"partner": "cottonwood", "classes": ["substance-use"], "purposes": ["TREAT"]},
            [(["MH"], ["TREAT"])],
        ),
        (
            {"partner": "cottonwood", "classes": ["substance-use"], "purposes": ["HPAYMT"]},
            [(["MH", "SUD"], ["TREAT"])],
        ),
    ],
)
def test_what_was_refused_is_left_out_and_not_told(refusal, left):
    given = share(authored(refusals=[refusal]), CLINIC)
    assert (given and permits(given)) == left
    if given:
        assert all(rule["type"] == "permit" for rule in given["provision"]["provision"])


def test_a_refusal_of_a_class_for_a_purpose_leaves_the_rest():
    for_two = [
        {"partner": "cottonwood", "purposes": ["TREAT", "HPAYMT"], "classes": ["mental-health", "substance-use"]}
    ]
    refusal = {"partner": "cottonwood", "classes": ["substance-use"], "purposes": ["HPAYMT"]}
    given = share(authored(choices=for_two, refusals=[refusal]), CLINIC)
    assert permits(given) == [(["MH"], ["HPAYMT", "TREAT"]), (["MH", "SUD"], ["TREAT"])]


@pytest.mark.parametrize(
    ("revocations", "clinic", "pretrial"),
    [
        ([{"at": "2026-05-01", "partners": "all"}], False, False),
        ([{"at": "2026-05-01", "partners": ["pretrial"]}], True, False),
    ],
)
def test_a_revoked_consent_has_no_share(revocations, clinic, pretrial):
    made = authored(revocations=revocations)
    assert (share(made, CLINIC) is not None) is clinic
    assert (share(made, PRETRIAL) is not None) is pretrial


def test_a_withdrawn_share_says_that_it_is_and_no_more():
    gone = withdrawn("Patient/a", "Organization/registry")
    assert (gone["status"], gone["provision"]) == ("inactive", {"type": "deny"})
    assert set(gone) == {
        "resourceType", "meta", "status", "scope", "category", "patient", "organization", "policyRule", "provision",
    }  # fmt: skip


def test_a_share_ends_on_the_day_before_a_revocation_has_effect():
    from_court = [{"at": "2026-05-01", "partners": ["treatment-court"]}]
    made = authored(CONDITION, revocations=from_court)
    assert share(made, COURT)["provision"]["period"]["end"] == "2026-08-31"
    assert share(made, PRETRIAL)["provision"]["period"]["end"] == "2027-03-02"
    early = authored(CONDITION, revocations=from_court, expires="2026-07-01")
    assert share(early, COURT)["provision"]["period"]["end"] == "2026-07-01"


def test_the_event_that_ends_it_is_told_with_its_case_to_those_who_act_in_it():
    (event,) = events(share(authored(CONDITION), COURT))
    assert event["extension"] == [
        {"url": "event", "valueCode": "disposition"},
        {"url": "identifier", "valueIdentifier": CASE},
    ]
    made = authored(expires_on={"event": "release", "of": {"system": "https://jail.example", "value": "B1"}})
    (event,) = events(share(made, CLINIC))
    assert event["extension"] == [{"url": "event", "valueCode": "release"}]


def test_an_event_that_ends_it_for_another_is_not_told():
    by_release = CONDITIONED["condition"] | {"revocable_from": None, "revocable_on": "release"}
    from_court = [{"at": "2026-05-01", "partners": ["treatment-court"]}]
    made = authored(CONDITION, revocations=from_court, condition=by_release)
    assert [len(events(share(made, who))) for who in (COURT, PRETRIAL)] == [2, 1]
    assert "recipient" not in orjson.dumps(share(made, COURT)).decode()


def test_nothing_is_shared_of_a_refusal_or_an_offer():
    assert recipients(authored(refused=True, choices=[])) == []
    assert recipients(authored(flags=["incapacity"])) == []
    assert recipients(authored(PROCEEDINGS)) == ["Organization/court"]
    assert SIGNED["choices"]
