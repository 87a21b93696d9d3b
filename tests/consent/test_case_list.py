"""The numbered cases a consent engine has to get right, each under its number.

Defaults: an active privacy consent of patient A, organisation X asking for treatment, an Observation of A
labelled N, no other consent.
"""

import pytest
from consent_builders import (
    ACT,
    DRINKS,
    PCF,
    X,
    answered,
    case,
    concept,
    consent,
    deny,
    effect,
    observation,
    part2_consent,
    permit,
    rule,
)

P, D = "PERMIT", "DENY"
PRIVILEGED = {
    "resourceType": "Group",
    "id": "privileged",
    "actual": True,
    "member": [{"entity": {"reference": "Practitioner/member"}}],
}
ROLE = {
    "resourceType": "PractitionerRole",
    "id": "r",
    "practitioner": {"reference": "Practitioner/n"},
    "organization": {"reference": "Organization/department"},
}
DEPARTMENT = {"resourceType": "Organization", "id": "department", "partOf": {"reference": X}}
BREAK_GLASS = deny(permit(actors=["Group/privileged"], purposes=["BTG"]))
IN_YEAR = {"start": "2022", "end": "2022"}


def alcohol():
    return observation("R", "SUD", "42CFRPart2", code=concept("http://loinc.org", "75624-7"))


def drug_court(**elements):
    return part2_consent(
        deny(permit(actors=["Organization/court"], purposes=["diversion"], labels=["SUD"])), **elements
    )


COURT = {"actors": ("Organization/court",), "purposes": ("diversion",)}
SENSITIVE_TREE = permit(deny(permit(purposes=["TREAT"], actors=[X]), labels=["SUD"]))
STATE_ONLY = {
    **permit(),
    "extension": [{"url": "https://example.org/consent-location", "valueString": "in state"}],
}
FOCUSED = permit(permit(labels=["PSY"], actors=["Practitioner/p"]), labels=["N"])
UNKNOWN_MODIFIER = {
    **permit(),
    "modifierExtension": [{"url": "https://example.org/except", "valueBoolean": True}],
}

CASES = [
    ("1", D, [], {}),
    ("2", P, [consent(permit())], {}),
    ("3", D, [consent(deny())], {}),
    ("4", D, [consent(permit(), status="inactive")], {}),
    ("5", D, [consent(permit(period={"start": "2020-01-01", "end": "2021-01-01"}))], {}),
    ("6", P, [consent(permit(period={"end": "2026-11-22"}))], {"at": "2026-11-22T23:00:00-07:00"}),
    ("6-next-day", D, [consent(permit(period={"end": "2026-11-22"}))], {"at": "2026-11-23T00:00:00-07:00"}),
    ("7", P, [consent(deny(period={"end": "2021"})), consent(permit(), id="d")], {}),
    ("8", D, [consent(permit(purposes=["TREAT"]))], {"purposes": ("HMARKT",)}),
    ("9", D, [consent(permit(purposes=["TREAT"]))], {"purposes": ("TREAT", "HMARKT")}),
    ("10", D, [consent(permit(purposes=["TREAT"]))], {"purposes": ()}),
    ("11", P, [consent(permit(purposes=["TREAT"]))], {"purposes": ("ETREAT",)}),
    ("12", D, [consent(permit(purposes=["TREAT"]))], {"purposes": ("BTG",)}),
    (
        "13",
        P,
        [consent(BREAK_GLASS)],
        {"actors": ("Practitioner/member",), "purposes": ("BTG",), "context": [PRIVILEGED]},
    ),
    (
        "14",
        D,
        [consent(BREAK_GLASS)],
        {"actors": ("Practitioner/stranger",), "purposes": ("BTG",), "context": [PRIVILEGED]},
    ),
    ("15", D, [consent(permit(purposes=["TREAT", "HPAYMT", "HOPERAT"]))], {"purposes": ("HLEGAL",)}),
    ("16", D, [consent(permit(deny(purposes=["HMARKT"])))], {"purposes": ("HMARKT",)}),
    ("17", D, [consent(permit(deny(actors=["Practitioner/b"])))], {"actors": ("Practitioner/b",)}),
    ("17-other", P, [consent(permit(deny(actors=["Practitioner/b"])))], {"actors": ("Practitioner/c",)}),
    ("17-organisation", P, [consent(permit(deny(actors=["Practitioner/b"])))], {}),
    ("18", D, [consent(permit(actors=[X]))], {"actors": ("Organization/y",)}),
    (
        "19",
        P,
        [consent(permit(actors=[X]))],
        {"actors": ("PractitionerRole/r",), "context": [ROLE, DEPARTMENT]},
    ),
    ("20", D, [consent(permit(deny(actors=["Group/g"])))], {}),
    ("21", D, [consent(deny(permit(actors=["Group/g"])))], {}),
    ("22-R", D, [consent(permit(deny(labels=["R"])))], {"resource": observation("R")}),
    ("22-V", D, [consent(permit(deny(labels=["R"])))], {"resource": observation("V")}),
    ("22-N", P, [consent(permit(deny(labels=["R"])))], {"resource": observation("N")}),
    ("23-R", D, [consent(permit(labels=["N"]))], {"resource": observation("R")}),
    ("23-L", P, [consent(permit(labels=["N"]))], {"resource": observation("L")}),
    ("24", D, [consent(permit(deny(labels=["ETH"])))], {"resource": observation("SUD")}),
    ("25", D, [consent(permit(deny(labels=["SUD"])))], {"resource": observation("OPIOIDUD")}),
    ("26", D, [consent(deny(permit(labels=["PSY"])))], {"resource": observation("PSY", "SUD")}),
    ("27", D, [consent(permit(deny(labels=["SUD"])))], {"resource": observation("SUD", "DIA")}),
    (
        "28",
        D,
        [consent(permit(deny(labels=["SUD"]), deny(labels=["SEX"])))],
        {"resource": observation("SUD")},
    ),
    ("29", D, [consent(permit(deny(labels=["SUD"])))], {"labeller": "unavailable"}),
    ("30", P, [consent(deny(permit(codes=["718-7"])))], {}),
    (
        "30-other",
        D,
        [consent(deny(permit(codes=["718-7"])))],
        {"resource": observation(code=concept("http://loinc.org", DRINKS))},
    ),
    (
        "31",
        D,
        [consent(permit(deny(codes=[DRINKS])))],
        {"resource": observation(component=[{"code": concept("http://loinc.org", DRINKS)}])},
    ),
    (
        "32",
        D,
        [consent(deny(permit(codes=["718-7"])))],
        {
            "resource": observation(
                code=concept("http://loinc.org", DRINKS),
                component=[{"code": concept("http://loinc.org", "718-7")}],
            )
        },
    ),
    (
        "33",
        P,
        [consent(permit(deny(classes=["MedicationStatement"], labels=["R"])))],
        {"resource": {**observation("N"), "resourceType": "MedicationStatement"}},
    ),
    (
        "34",
        D,
        [consent(permit(deny(classes=["MedicationStatement"])))],
        {"resource": {**observation("N"), "resourceType": "MedicationStatement"}},
    ),
    ("35", P, [consent(permit(dataPeriod=IN_YEAR))], {}),
    (
        "35-before",
        D,
        [consent(permit(dataPeriod=IN_YEAR))],
        {"resource": observation(effectiveDateTime="2021-06-01")},
    ),
    (
        "36",
        D,
        [consent(permit(deny(dataPeriod=IN_YEAR)))],
        {"resource": observation(effectiveDateTime=None, effectivePeriod={"start": "2021-12-20", "end": "2022-01-10"})},
    ),
    ("37", D, [consent(permit(dataPeriod=IN_YEAR))], {"resource": observation(effectiveDateTime=None)}),
    (
        "38",
        D,
        [consent(deny(permit(dataPeriod={"start": "2024", "end": "2024"})))],
        {"resource": observation(effectiveDateTime="2015-03-03")},
    ),
    (
        "39",
        D,
        [consent(permit(deny(data=[("instance", "Observation/o1")])))],
        {"resource": observation(identity="o1")},
    ),
    (
        "39-other",
        P,
        [consent(permit(deny(data=[("instance", "Observation/o1")])))],
        {"resource": observation(identity="o2")},
    ),
    (
        "40",
        P,
        [consent(permit(data=[("related", "Encounter/e")]))],
        {"resource": observation(encounter={"reference": "Encounter/e"})},
    ),
    (
        "40-other",
        D,
        [consent(permit(data=[("related", "Encounter/e")]))],
        {"resource": observation(encounter={"reference": "Encounter/f"})},
    ),
    (
        "41",
        D,
        [consent(permit(deny(data=[("authoredby", "Practitioner/z")])))],
        {"resource": observation(performer=[{"reference": "Practitioner/z"}])},
    ),
    ("42", D, [consent(deny(permit(actions=["correct"])))], {}),
    ("43", D, [consent(deny(permit(period={"end": "2020"})))], {}),
    ("44", P, [consent(SENSITIVE_TREE)], {"resource": observation("SUD")}),
    ("44-payment", D, [consent(SENSITIVE_TREE)], {"resource": observation("SUD"), "purposes": ("HPAYMT",)}),
    (
        "45",
        D,
        [consent(permit(deny(STATE_ONLY, labels=["SUD"]), purposes=["TREAT", "HPAYMT", "HOPERAT"]))],
        {"resource": observation("SUD")},
    ),
    (
        "46",
        D,
        [consent(deny(permit(deny(labels=["SUD"]), actors=[X]), permit(purposes=["TREAT"])))],
        {"resource": observation("SUD")},
    ),
    (
        "47",
        P,
        [consent(FOCUSED, meta={"profile": [PCF]})],
        {"resource": observation("R", "PSY"), "actors": ("Practitioner/p",)},
    ),
    (
        "47-other",
        D,
        [consent(FOCUSED, meta={"profile": [PCF]})],
        {"resource": observation("R", "PSY"), "actors": ("Practitioner/q",)},
    ),
    ("48", D, [consent(FOCUSED)], {"resource": observation("R", "PSY"), "actors": ("Practitioner/p",)}),
    (
        "49",
        D,
        [consent(deny(), dateTime="2020-05-01"), consent(permit(), id="new", dateTime="2024-05-01")],
        {},
    ),
    (
        "50",
        P,
        [consent(deny(), dateTime="2020-05-01"), consent(permit(), id="new", dateTime="2024-05-01")],
        {
            "context": [
                {
                    "resourceType": "Provenance",
                    "target": [{"reference": "Consent/new"}],
                    "entity": [{"role": "revision", "what": {"reference": "Consent/c"}}],
                }
            ]
        },
    ),
    ("51", P, [consent(policyRule=concept(ACT, "OPTIN"))], {}),
    ("51-root", P, [consent(rule(None, deny(labels=["SUD"])), policyRule=concept(ACT, "OPTIN"))], {}),
    ("52", D, [consent(permit(), policyRule=concept(ACT, "OPTOUT"))], {}),
    ("53", D, [consent(UNKNOWN_MODIFIER)], {}),
    ("54", D, [consent(permit())], {"resource": observation(focus=[{"reference": "Patient/b"}])}),
    ("55", D, [consent(permit())], {"resource": alcohol(), **COURT}),
    ("56", P, [drug_court()], {"resource": alcohol(), **COURT}),
    ("57", D, [drug_court(status="inactive")], {"resource": alcohol(), **COURT}),
]


@pytest.mark.parametrize(
    ("expected", "consents", "keywords"),
    [entry[1:] for entry in CASES],
    ids=[entry[0] for entry in CASES],
)
def test_the_case(expected, consents, keywords):
    assert effect(*consents, **keywords) == expected


def outcomes(*consents, **keywords):
    return {(one["rule"], one["outcome"]) for one in answered(case(*consents, **keywords))["reasons"]}


def test_48_leaves_a_work_item():
    found = outcomes(consent(FOCUSED), resource=observation("R", "PSY"), actors=("Practitioner/p",))
    assert ("shape", "cap") in found


def test_49_reports_the_conflict():
    assert ("conflict", "deny") in outcomes(consent(deny()), consent(permit(), id="new"))


def test_56_carries_the_notice_and_forbids_redisclosure():
    verdict = answered(case(drug_court(), resource=alcohol(), **COURT))
    codes = [one["code"] for one in verdict["obligations"]]
    assert codes == ["42CFRPart2", "NORDSCLCD", "PERSISTLABEL", "42CFR2.32", "42CFR2.32-scope"]
    assert verdict["obligations"][4]["source"] == "Consent/c#provision[0].provision[0]"


def test_a_denial_carries_nothing():
    assert answered(case(resource=alcohol()))["obligations"] == []
