"""Each ambiguity of R4's Consent and how it is resolved, by the number of its row.

Row 21: single resources, what hangs together with them, and authors.
"""

import pytest
from consent_builders import (
    answered,
    case,
    consent,
    deny,
    observation,
    permit,
)

P, D = "PERMIT", "DENY"
SUD = {"resource": observation("SUD")}
PSY = {"resource": observation("PSY")}
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
ROWS = [
    (
        "21 a Provenance of something else",
        P,
        [consent(permit(deny(data=[("authoredby", "Practitioner/w")])))],
        {
            "resource": observation(performer=[{"reference": "Practitioner/z"}]),
            "context": [
                {
                    "resourceType": "Provenance",
                    "target": [{"reference": "Observation/other"}],
                    "agent": [{"who": {"reference": "Practitioner/w"}}],
                }
            ],
        },
    ),
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
]


@pytest.mark.parametrize(("expected", "consents", "keywords"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_row(expected, consents, keywords):
    keywords = dict(keywords)
    zone = keywords.pop("timezone", "America/Denver")
    line = case(*consents, **keywords)
    line["request"]["timezone"] = zone
    assert answered(line)["effect"] == expected
