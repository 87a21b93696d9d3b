"""Each ambiguity of R4's Consent and how it is resolved, by the number of its row.

Rows 1 to 16: types, nesting, recipients, purposes and labels. The numbered cases cover the main line of most
rows; these are their other sides.
"""

import pytest
from consent_builders import (
    ACT,
    PARTICIPATION,
    PCF,
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
    rule,
)

P, D = "PERMIT", "DENY"
SUD = {"resource": observation("SUD")}
PSY = {"resource": observation("PSY")}
ROWS = [
    ("1 neither type nor policyRule", D, [consent(rule(None)), consent(permit(), id="d")], {}),
    ("1 policyRule in no system", D, [consent(policyRule={"coding": [{"code": "OPTIN"}]})], {}),
    ("1 both rules", D, [consent(policyRule=concept(ACT, "OPTIN", "OPTOUT"))], {}),
    ("1 empty root", P, [consent({}, policyRule=concept(ACT, "OPTIN"))], {}),
    ("1 OPTOUT alone", D, [consent(policyRule=concept(ACT, "OPTOUT")), consent(permit(), id="d")], {}),
    ("2 an unmatched root deny is no permit", D, [consent(deny(labels=["R"]))], {}),
    ("3 children inherit", D, [consent(deny(permit(), classes=["Condition"]))], {}),
    ("4 deny in deny", D, [consent(deny(deny(labels=["SUD"]), permit()))], SUD),
    ("4 deny in deny elsewhere", P, [consent(deny(deny(labels=["SUD"]), permit()))], {}),
    (
        "4 additive rule keeps the other criteria of the root",
        D,
        [consent(permit(permit(labels=["PSY"]), labels=["N"], purposes=["HMARKT"]), meta={"profile": [PCF]})],
        PSY,
    ),
    (
        "4 sibling denies apply to the additive rule",
        D,
        [
            consent(
                permit(permit(labels=["PSY"]), deny(purposes=["TREAT"]), labels=["N"]),
                meta={"profile": [PCF]},
            )
        ],
        PSY,
    ),
    (
        "4 the period of the root stays the life of the consent",
        D,
        [
            consent(
                permit(permit(labels=["PSY"], period={"end": "2030"}), labels=["N"], period={"end": "2025"}),
                meta={"profile": [PCF]},
            )
        ],
        PSY,
    ),
    ("5 no type under a permit", D, [consent(permit(rule(None, labels=["SUD"])))], SUD),
    ("5 no type under a permit elsewhere", P, [consent(permit(rule(None, labels=["SUD"])))], {}),
    ("5 no type under a deny", D, [consent(deny(rule(None, labels=["SUD"]), permit()))], {}),
    ("6 siblings", D, [consent(deny(permit(), deny(purposes=["TREAT"])))], {}),
    ("8 a permit needs every purpose", P, [consent(permit(purposes=["TREAT", "HMARKT"]))], {}),
    ("8 no purpose and a deny with one", D, [consent(permit(deny(purposes=["HMARKT"])))], {"purposes": ()}),
    ("8 no purpose and none stated", P, [consent(permit())], {"purposes": ()}),
    ("9 BTG by name", P, [consent(permit(purposes=["BTG"]))], {"purposes": ("BTG",)}),
    ("9 a deny reaches down to BTG", D, [consent(permit(deny(purposes=["TREAT"])))], {"purposes": ("BTG",)}),
    (
        "9 an unknown purpose asked",
        D,
        [consent(permit(deny(purposes=["HMARKT"])))],
        {"purposes": ("NEWCODE",)},
    ),
    (
        "9 a local purpose asked",
        P,
        [consent(permit(deny(purposes=["HMARKT"])))],
        {"purposes": ("diversion",)},
    ),
    ("9 an unknown purpose denied", D, [consent(permit(deny(purposes=["NEWCODE"])))], {}),
    (
        "9 a purpose without a system",
        D,
        [consent(permit(deny(purpose=[{"code": "HMARKT"}])))],
        {},
    ),
    ("10 another role beside", D, [consent(permit(actor=[actor(X), actor(X, "CST")]))], {}),
    ("10 another role alone", D, [consent(permit(actor=[actor(X, "CST")]))], {}),
    (
        "10 another role, nobody matches",
        P,
        [consent(permit(deny(actor=[actor("Practitioner/b"), actor(X, "CST")])))],
        {},
    ),
    ("10 no role", D, [consent(permit(actor=[{"reference": {"reference": X}}]))], {}),
    (
        "10 a role in words",
        D,
        [consent(permit(actor=[{"role": {"text": "recipient"}, "reference": {"reference": X}}]))],
        {},
    ),
    (
        "10 GRANTEE",
        P,
        [
            consent(
                permit(
                    actor=[
                        {
                            "role": concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "GRANTEE"),
                            "reference": {"reference": X},
                        }
                    ]
                )
            )
        ],
        {},
    ),
    (
        "10 a name without a reference",
        D,
        [
            consent(
                permit(deny(actor=[{"role": concept(PARTICIPATION, "IRCP"), "reference": {"display": "the clinic"}}]))
            )
        ],
        {},
    ),
    (
        "10 the same id on another server",
        D,
        [consent(permit(deny(actors=["https://elsewhere.example/Organization/x"])))],
        {},
    ),
    (
        "10 another id on another server",
        P,
        [consent(permit(deny(actors=["https://elsewhere.example/Organization/q"])))],
        {},
    ),
    ("10 nobody asks", D, [consent(permit(deny(actors=["Practitioner/b"])))], {"actors": ()}),
    ("11 collect", D, [consent(permit(actions=["collect"]))], {}),
    ("11 disclose", P, [consent(permit(actions=["disclose", "correct"]))], {}),
    ("11 an unknown action", D, [consent(permit(deny(actions=["peek"])))], {}),
    ("11 an action in words", D, [consent(permit(deny(action=[{"text": "peek"}])))], {}),
    ("12 a permit of R covers N", P, [consent(permit(labels=["R"]))], {}),
    ("12 the highest level counts", D, [consent(permit(labels=["R"]))], {"resource": observation("L", "V")}),
    (
        "12 a sensitivity is at least R",
        D,
        [consent(permit(labels=["N"]))],
        {"resource": observation("N", "DIA")},
    ),
    (
        "12 sensitivities cover up to R",
        D,
        [consent(permit(labels=["PSY"]))],
        {"resource": observation("V", "PSY")},
    ),
    ("12 V listed", P, [consent(permit(labels=["PSY", "V"]))], {"resource": observation("V", "PSY")}),
    (
        "12 an unknown level asked",
        D,
        [
            consent(
                permit(
                    securityLabel=[{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "X"}]
                )
            )
        ],
        {},
    ),
    ("13 BH for a deny", D, [consent(permit(deny(labels=["BH"])))], {"resource": observation("MH")}),
    ("13 BH for a permit", D, [consent(permit(labels=["BH"]))], {"resource": observation("MH")}),
    ("13 BH for a permit, its own", P, [consent(permit(labels=["BH"]))], {"resource": observation("COGN")}),
    ("13 MH for a deny", D, [consent(permit(deny(labels=["MH"])))], PSY),
    ("13 an ancestor of what is denied", D, [consent(permit(deny(labels=["ETHUD"])))], SUD),
    ("13 an ancestor of what is permitted", D, [consent(permit(labels=["ETHUD"]))], SUD),
    ("13 SUD denied, ETH said", D, [consent(permit(deny(labels=["SUD"])))], {"resource": observation("ETH")}),
    ("14 all listed", P, [consent(permit(labels=["PSY", "SUD"]))], {"resource": observation("PSY", "SUD")}),
    ("14 none on the resource", D, [consent(permit(labels=["PSY"]))], {}),
    (
        "14 a policy label denied",
        D,
        [part2_consent(permit(deny(labels=["42CFRPart2"]), actors=[X]))],
        {"resource": observation("42CFRPart2")},
    ),
    (
        "15 nobody labelled it",
        D,
        [consent(permit(deny(labels=["SUD"])))],
        {"resource": observation(meta=None, code=concept("http://loinc.org", "75624-7"))},
    ),
    ("15 nothing to label", P, [consent(permit(deny(labels=["SUD"])))], {"resource": observation(meta=None)}),
    ("15 the labeller is away and no label is asked", D, [consent(permit())], {"labeller": "unavailable"}),
    (
        "15 the labeller is away, Part 2 consent",
        P,
        [part2_consent(permit(actors=[X]))],
        {"labeller": "unavailable"},
    ),
    (
        "16 a class of an unknown system",
        D,
        [consent(permit(deny(**{"class": [{"system": "urn:ietf:bcp:13", "code": "text/plain"}]})))],
        {},
    ),
    ("16 an abstract class", D, [consent(permit(deny(classes=["Resource"])))], {}),
]


@pytest.mark.parametrize(("expected", "consents", "keywords"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_row(expected, consents, keywords):
    keywords = dict(keywords)
    zone = keywords.pop("timezone", "America/Denver")
    line = case(*consents, **keywords)
    line["request"]["timezone"] = zone
    assert answered(line)["effect"] == expected
