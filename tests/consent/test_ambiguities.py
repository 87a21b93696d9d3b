"""Each ambiguity of R4's Consent and how it is resolved, by the number of its row.

The numbered cases cover the main line of most rows; these are their other sides.
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
EXTENSION = {"url": "https://example.org/only-here", "valueString": "county"}
STYLE = {"url": "http://hl7.org/fhir/StructureDefinition/rendering-style", "valueString": "color: red"}
ENCOUNTER = {"resourceType": "Encounter", "id": "e", "episodeOfCare": [{"reference": "EpisodeOfCare/s"}]}
IN_E = {"resource": observation(encounter={"reference": "Encounter/e"})}
BY_ROLE = {"resource": observation(performer=[{"reference": "PractitionerRole/r"}])}
BY_TWO = {"resource": observation(performer=[{"reference": "Practitioner/z"}, {"reference": "Practitioner/w"}])}
ROLE = {
    "resourceType": "PractitionerRole",
    "id": "r",
    "practitioner": {"reference": "Practitioner/z"},
    "organization": {"reference": "Organization/x"},
}
STATEMENT = {
    "resourceType": "MedicationStatement",
    "id": "m",
    "meta": {"security": [{"system": ACT, "code": "PERSISTLABEL"}]},
    "subject": {"reference": "Patient/a"},
    "medicationReference": {"reference": "Medication/k"},
}
MEDICATION = {"resourceType": "Medication", "id": "k", "code": concept("http://loinc.org", "718-7")}
EVENING = {"start": "2026-11-22T20:00:00-07:00", "end": "2026-11-22"}
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
    ("17 a concept in words", D, [consent(permit(deny(code=[{"text": "blood"}])))], {}),
    (
        "17 a code without a system on the resource",
        D,
        [consent(permit(deny(codes=["74013-4"])))],
        {"resource": observation(component=[{"code": {"coding": [{"code": "74013-4"}]}}])},
    ),
    (
        "17 the resource does not say what it is",
        D,
        [consent(permit(deny(codes=["74013-4"])))],
        {"resource": observation(code={"text": "alcohol"})},
    ),
    ("17 another code", P, [consent(permit(deny(codes=["74013-4"])))], {}),
    (
        "18 issued when there is no effective date",
        P,
        [consent(permit(dataPeriod={"start": "2022", "end": "2022"}))],
        {"resource": observation(effectiveDateTime=None, issued="2022-07-07T10:00:00Z")},
    ),
    (
        "18 a timing",
        D,
        [consent(permit(deny(dataPeriod={"start": "1990", "end": "1991"})))],
        {
            "resource": observation(
                effectiveDateTime=None, effectiveTiming={"event": ["2022"]}, issued="2022-07-07T10:00:00Z"
            )
        },
    ),
    (
        "18 a change inside a denied period",
        D,
        [consent(permit(deny(dataPeriod={"start": "2024", "end": "2024"})))],
        {
            "resource": observation(
                meta={
                    "security": [{"system": ACT, "code": "PERSISTLABEL"}],
                    "lastUpdated": "2024-04-04T00:00:00Z",
                }
            )
        },
    ),
    (
        "18 a change inside a permitted period",
        D,
        [consent(permit(dataPeriod={"start": "2024", "end": "2024"}))],
        {
            "resource": observation(
                meta={
                    "security": [{"system": ACT, "code": "PERSISTLABEL"}],
                    "lastUpdated": "2024-04-04T00:00:00Z",
                }
            )
        },
    ),
    (
        "18 an unreadable change",
        D,
        [consent(permit(deny(dataPeriod={"start": "2024", "end": "2024"})))],
        {"resource": observation(meta={"lastUpdated": "lately"})},
    ),
    (
        "18 partly inside",
        D,
        [consent(permit(dataPeriod={"start": "2022-06-16"}))],
        {"resource": observation(effectiveDateTime="2022-06")},
    ),
    ("18 an open end", P, [consent(permit(dataPeriod={"start": "2022"}))], {}),
    (
        "18 an unreadable date",
        D,
        [consent(permit(deny(dataPeriod={"start": "2024", "end": "2024"})))],
        {"resource": observation(effectiveDateTime="2022-02-30")},
    ),
    (
        "18 an empty period",
        D,
        [consent(permit(dataPeriod={"start": "2000"}))],
        {"resource": observation(effectiveDateTime=None, effectivePeriod={})},
    ),
    (
        "18 a period of no dates",
        D,
        [consent(permit(dataPeriod={"start": "2000"}))],
        {"resource": observation(effectiveDateTime=None, effectivePeriod={"start": 5})},
    ),
    (
        "18 a date that is a list",
        D,
        [consent(permit(dataPeriod={"start": "2000"}))],
        {"resource": observation(effectiveDateTime=["2022"])},
    ),
    (
        "18 a type without a date",
        D,
        [consent(permit(deny(dataPeriod={"start": "2024"})))],
        {"resource": {"resourceType": "Patient", "id": "a"}},
    ),
    ("20 a nested period is the life of the rule", P, [consent(permit(deny(period={"end": "2020"})))], {}),
    ("21 dependents, permit", P, [consent(permit(data=[("dependents", "Encounter/e")]))], IN_E),
    ("21 dependents, elsewhere", D, [consent(permit(data=[("dependents", "Encounter/e")]))], {}),
    (
        "21 related by what the target refers to",
        P,
        [consent(permit(data=[("related", "DiagnosticReport/d")]))],
        {"context": [{"resourceType": "DiagnosticReport", "id": "d", "result": [{"reference": "Observation/o"}]}]},
    ),
    (
        "21 denied both ways",
        D,
        [consent(permit(deny(data=[("dependents", "DiagnosticReport/d")])))],
        {"context": [{"resourceType": "DiagnosticReport", "id": "d", "result": [{"reference": "Observation/o"}]}]},
    ),
    (
        "21 denied, target not at hand",
        D,
        [consent(permit(deny(data=[("related", "DiagnosticReport/d")])))],
        {},
    ),
    (
        "21 denied, target at hand and apart",
        P,
        [consent(permit(deny(data=[("related", "DiagnosticReport/d")])))],
        {"context": [{"resourceType": "DiagnosticReport", "id": "d"}]},
    ),
    (
        "21 an encounter that names the episode",
        P,
        [consent(permit(data=[("related", "EpisodeOfCare/s")]))],
        {**IN_E, "context": [ENCOUNTER]},
    ),
    (
        "21 an encounter not at hand",
        D,
        [consent(permit(deny(data=[("related", "EpisodeOfCare/s")])))],
        {**IN_E, "context": [{"resourceType": "EpisodeOfCare", "id": "s"}]},
    ),
    (
        "21 a care plan it is based on",
        P,
        [consent(permit(data=[("related", "CarePlan/p")]))],
        {"resource": observation(basedOn=[{"reference": "CarePlan/p"}])},
    ),
    (
        "21 a target known by an identifier only",
        D,
        [consent(permit(deny(data=[("related", "Encounter/e")])))],
        {
            "resource": observation(encounter={"identifier": {"system": "urn:s", "value": "1"}}),
            "context": [{**ENCOUNTER, "identifier": [{"system": "urn:s", "value": "1"}]}],
        },
    ),
    (
        "21 another encounter by an identifier",
        D,
        [consent(permit(deny(data=[("related", "Encounter/e")])))],
        {
            "resource": observation(encounter={"identifier": {"system": "urn:s", "value": "2"}}),
            "context": [ENCOUNTER],
        },
    ),
    (
        "21 a resource without an id",
        D,
        [consent(permit(deny(data=[("instance", "Observation/q")])))],
        {"resource": observation(identity=None)},
    ),
    (
        "21 a resource without an id that refers",
        D,
        [consent(permit(deny(data=[("related", "Encounter/e")])))],
        {"resource": observation(identity=None, encounter={"reference": "Encounter/e"})},
    ),
    (
        "21 an instance by its identifier",
        D,
        [
            consent(permit(deny(data=[("instance", "Observation/q")])), id="c"),
            consent(permit(deny(data=[("instance", "Observation/z")])), id="d"),
        ],
        {"resource": observation(identity="z")},
    ),
    ("21 an unknown meaning", D, [consent(permit(deny(data=[("sideways", "Observation/q")])))], {}),
    (
        "21 the same id on another server",
        D,
        [consent(permit(deny(data=[("instance", "https://elsewhere.example/Observation/o")])))],
        {},
    ),
    (
        "21 authored through a role",
        D,
        [consent(permit(deny(data=[("authoredby", "Practitioner/z")])))],
        {**BY_ROLE, "context": [ROLE]},
    ),
    (
        "21 authored through a role not at hand",
        D,
        [consent(permit(deny(data=[("authoredby", "Practitioner/z")])))],
        BY_ROLE,
    ),
    (
        "21 authored by somebody else",
        P,
        [consent(permit(deny(data=[("authoredby", "Practitioner/q")])))],
        {**BY_ROLE, "context": [ROLE]},
    ),
    ("21 nobody knows who authored", D, [consent(permit(deny(data=[("authoredby", "Practitioner/z")])))], {}),
    (
        "21 an author by name only",
        D,
        [consent(permit(deny(data=[("authoredby", "Practitioner/z")])))],
        {"resource": observation(performer=[{"display": "Dr. Z"}])},
    ),
    (
        "21 several authors, one denied",
        D,
        [consent(permit(deny(data=[("authoredby", "Practitioner/w")])))],
        BY_TWO,
    ),
    (
        "21 several authors, one permitted",
        D,
        [consent(permit(data=[("authoredby", "Practitioner/w")]))],
        BY_TWO,
    ),
    (
        "21 one author, permitted",
        P,
        [consent(permit(data=[("authoredby", "Practitioner/w")]))],
        {"resource": observation(performer=[{"actor": {"reference": "Practitioner/w"}}])},
    ),
    (
        "21 an author by name only, permitted",
        D,
        [consent(permit(data=[("authoredby", "Practitioner/w")]))],
        {"resource": observation(performer=[{"display": "W"}])},
    ),
    (
        "21 an author of another server",
        D,
        [consent(permit(data=[("authoredby", "Practitioner/w")]))],
        {"resource": observation(performer=[{"reference": "https://elsewhere.example/Practitioner/w"}])},
    ),
    (
        "21 an agent of its Provenance",
        D,
        [consent(permit(deny(data=[("authoredby", "Practitioner/w")])))],
        {
            "resource": observation(performer=[{"reference": "Practitioner/z"}]),
            "context": [
                {
                    "resourceType": "Provenance",
                    "target": [{"reference": "Observation/o/_history/2"}],
                    "agent": [{"who": {"reference": "Practitioner/w"}}],
                }
            ],
        },
    ),
    (
        "21 an agent nobody can read",
        D,
        [consent(permit(deny(data=[("authoredby", "Practitioner/w")])))],
        {
            "resource": observation(performer=[{"reference": "Practitioner/z"}]),
            "context": [{"resourceType": "Provenance", "target": [{"reference": "Observation/o"}], "agent": ["w"]}],
        },
    ),
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
        "17 a type that has no code",
        P,
        [consent(permit(deny(codes=["718-7"])))],
        {"resource": {"resourceType": "Patient", "id": "a"}},
    ),
    (
        "17 a medication by reference",
        D,
        [consent(permit(deny(codes=["718-7"])))],
        {"resource": STATEMENT, "context": [MEDICATION]},
    ),
    (
        "17 another medication by reference",
        P,
        [consent(permit(deny(codes=["74013-4"])))],
        {"resource": STATEMENT, "context": [MEDICATION]},
    ),
    ("17 a medication not at hand", D, [consent(permit(deny(codes=["74013-4"])))], {"resource": STATEMENT}),
    (
        "17 a medication nobody can name",
        D,
        [consent(permit(deny(codes=["74013-4"])))],
        {"resource": {**STATEMENT, "medicationReference": {"display": "pills"}}},
    ),
    (
        "18 a date without a time",
        D,
        [consent(permit(), dateTime=["2026"]), consent(deny(), id="d", dateTime="soon")],
        {},
    ),
    ("20 a period that may end before it starts", D, [consent(permit(period=EVENING))], {"timezone": "UTC"}),
    (
        "20 the same in another zone",
        P,
        [consent(permit(period=EVENING))],
        {"at": "2026-11-22T21:00:00-07:00"},
    ),
    (
        "20 a deny that may end before it starts",
        D,
        [consent(permit(deny(period=EVENING)))],
        {"timezone": "UTC"},
    ),
    (
        "18 a data period that may end before it starts",
        D,
        [consent(permit(deny(dataPeriod=EVENING)))],
        {"timezone": "UTC"},
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
