"""Each ambiguity of R4's Consent and how it is resolved, by the number of its row.

Rows 23 to 25: identity, what is not understood, and 42 CFR Part 2.
"""

import pytest
from consent_builders import (
    ACT,
    X,
    actor,
    answered,
    case,
    concept,
    consent,
    deny,
    observation,
    part2_consent,
    permit,
)

P, D = "PERMIT", "DENY"
SUD = {"resource": observation("SUD")}
PSY = {"resource": observation("PSY")}
EXTENSION = {"url": "https://example.org/only-here", "valueString": "county"}
STYLE = {"url": "http://hl7.org/fhir/StructureDefinition/rendering-style", "valueString": "color: red"}
ROWS = [
    ("23 another patient", D, [consent(permit(), patient={"reference": "Patient/b"})], {}),
    ("24 an extension in a permit", D, [consent({**permit(), "extension": [EXTENSION]})], {}),
    ("24 a harmless extension in a permit", P, [consent({**permit(), "extension": [STYLE]})], {}),
    (
        "24 an extension in a deny elsewhere",
        P,
        [consent(permit({**deny(labels=["SUD"]), "extension": [EXTENSION]}))],
        {},
    ),
    (
        "24 an extension on a criterion of a permit",
        D,
        [
            consent(
                permit(
                    purpose=[
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
                            "code": "TREAT",
                            "extension": [EXTENSION],
                        }
                    ]
                )
            )
        ],
        {},
    ),
    (
        "24 a modifier on an actor of a deny",
        D,
        [consent(permit(deny(actor=[{**actor("Practitioner/b"), "modifierExtension": [EXTENSION]}])))],
        {},
    ),
    ("24 an unknown element", D, [consent({**permit(), "novel": 1})], {}),
    ("24 an extension of the type", D, [consent({**permit(), "_type": {"extension": [EXTENSION]}})], {}),
    ("24 an extension of no element", D, [consent({**permit(), "_novel": {"extension": [STYLE]}})], {}),
    ("24 an extension that is none", D, [consent({**permit(), "extension": {}})], {}),
    ("24 an extension at the consent", P, [consent(permit(), extension=[EXTENSION])], {}),
    ("25 not by name", D, [part2_consent(permit())], {"resource": observation("SUD", "42CFRPart2")}),
    (
        "25 by name above",
        P,
        [part2_consent(permit(deny(permit(), labels=["SUD"]), actors=[X]))],
        {"resource": observation("SUD", "42CFRPart2")},
    ),
    (
        "25 by the name of somebody else",
        D,
        [part2_consent(permit(actors=["Organization/y"]), id="d"), consent(permit())],
        {"resource": observation("SUD", "42CFRPart2")},
    ),
    (
        "25 typed by policyRule",
        P,
        [consent(permit(actors=[X]), policyRule=concept(ACT, "42CFRPart2CD"))],
        {"resource": observation("SUD", "42CFRPart2")},
    ),
    (
        "24 an extension of a code",
        D,
        [
            consent(
                permit(
                    purpose=[
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
                            "code": "TREAT",
                            "_code": {"extension": [EXTENSION]},
                        }
                    ]
                )
            )
        ],
        {},
    ),
]


@pytest.mark.parametrize(("expected", "consents", "keywords"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_row(expected, consents, keywords):
    keywords = dict(keywords)
    zone = keywords.pop("timezone", "America/Denver")
    line = case(*consents, **keywords)
    line["request"]["timezone"] = zone
    assert answered(line)["effect"] == expected
