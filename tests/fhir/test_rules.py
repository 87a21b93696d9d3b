"""Invariants beyond structure, each held and broken, by key."""

from __future__ import annotations

import pytest

from adapter.fhir.paths import values
from adapter.fhir.rules import PERIODS, has_coding

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
REVERSED = {"start": "2026-03-02", "end": "2026-03-01"}
SUBJECT = {"reference": "Patient/p1"}


def concept(system, code):
    return {"coding": [{"system": system, "code": code}]}


def condition(**more):
    return {"resourceType": "Condition", "subject": SUBJECT, **more}


def observation(**more):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": concept("http://loinc.org", "1"),
        **more,
    }


def bundle(kind, *entries, **more):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries), **more}


def released(scope, **more):
    base = {
        "resourceType": "Consent",
        "status": "active",
        "category": [{"text": "x"}],
        "policyRule": {"text": "x"},
    }
    return base | {"scope": concept(SCOPE, scope)} | more


def contained(**inner):
    return observation(contained=[{"resourceType": "Patient", "id": "c", **inner}], subject={"reference": "#c"})


def narrative(div):
    return observation(text={"status": "generated", "div": div})


def parameters(*entries):
    return {"resourceType": "Parameters", "parameter": list(entries)}


REQUEST = {"method": "GET", "url": "Patient/p1"}
RESPONSE = {"status": "200"}
ENTRY = {"resource": {"resourceType": "Patient", "id": "p1"}}

BROKEN = [
    ("obs-7", observation(valueString="x", component=[{"code": concept("http://loinc.org", "1")}])),
    (
        "dom-2",
        contained(contained=[{"resourceType": "Patient", "id": "d", "managingOrganization": {"reference": "#"}}]),
    ),
    ("dom-3", observation(contained=[{"resourceType": "Patient", "id": "c", "active": True}])),
    ("dom-4", contained(meta={"versionId": "1"})),
    ("ref-1", observation(subject={"reference": "#c"})),
    ("dom-5", contained(meta={"security": [{"code": "R"}]})),
    ("txt-1", narrative("<div><script>x</script></div>")),
    ("txt-1", narrative('<div><b onclick="x()">x</b></div>')),
    ("per-1", observation(effectivePeriod=REVERSED)),
    ("per-1", {"resourceType": "Patient", "name": [{"family": "x"}, {"family": "y", "period": REVERSED}]}),
    ("per-1", released("patient-privacy", patient=SUBJECT, provision={"period": REVERSED})),
    (
        "per-1",
        released("patient-privacy", patient=SUBJECT, provision={"provision": [{"dataPeriod": REVERSED}]}),
    ),
    ("ppc-2", released("patient-privacy")),
    ("ppc-3", released("research")),
    ("ppc-4", released("adr")),
    ("ppc-5", released("treatment")),
    ("con-4", condition(abatementString="x", clinicalStatus=concept(CLINICAL, "active"))),
    ("con-4", condition(abatementDateTime="2026")),
    (
        "con-5",
        condition(
            verificationStatus=concept(VERIFICATION, "entered-in-error"),
            clinicalStatus=concept(CLINICAL, "active"),
        ),
    ),
    ("org-1", {"resourceType": "Organization", "active": True}),
    ("org-2", {"resourceType": "Organization", "name": "x", "address": [{"use": "home", "city": "y"}]}),
    ("org-3", {"resourceType": "Organization", "name": "x", "telecom": [{"use": "home"}]}),
    ("grp-1", {"resourceType": "Group", "type": "person", "actual": False, "member": [{"entity": SUBJECT}]}),
    ("inv-1", parameters({"name": "a"})),
    ("inv-1", parameters({"name": "a", "valueCode": "x", "part": [{"name": "b", "valueCode": "y"}]})),
    ("inv-1", parameters({"name": "a", "part": [{"name": "b"}]})),
    ("bdl-1", bundle("collection", ENTRY, total=1)),
    ("bdl-2", bundle("collection", ENTRY | {"search": {"mode": "match"}})),
    ("bdl-3", bundle("batch", ENTRY)),
    ("bdl-3", bundle("collection", ENTRY | {"request": REQUEST})),
    ("bdl-4", bundle("batch-response", ENTRY)),
    ("bdl-4", bundle("searchset", ENTRY | {"response": RESPONSE})),
    ("bdl-7", bundle("collection", ENTRY | {"fullUrl": "urn:a"}, ENTRY | {"fullUrl": "urn:a"})),
    ("bdl-8", bundle("collection", ENTRY | {"fullUrl": "http://x/Patient/1/_history/2"})),
]

HELD = [
    observation(valueString="x", component=[{"code": concept("http://loinc.org", "2")}]),
    observation(component=[{"code": concept("http://loinc.org", "1"), "valueString": "x"}]),
    observation(valueString="x", component=[{"code": {"text": "x"}}]) | {"code": {"text": "x"}},
    observation(effectivePeriod={"start": "2026-03-02", "end": "2026-03-02"}),
    observation(effectivePeriod={"start": "2026-03-02", "end": "2026"}),
    observation(effectivePeriod={"start": "2026-03-02T20:00:00-07:00", "end": "2026-03-02"}),
    contained(active=True),
    narrative("<div><p>on call = yes; <b>formatted</b></p></div>"),
    released("patient-privacy", patient=SUBJECT, provision={"period": {"start": "2026-03-02"}}),
    released("something-local"),
    condition(abatementString="x", clinicalStatus=concept(CLINICAL, "resolved")),
    condition(verificationStatus=concept(VERIFICATION, "entered-in-error")),
    {"resourceType": "Organization", "identifier": [{"value": "1"}]},
    {"resourceType": "Group", "type": "person", "actual": True, "member": [{"entity": SUBJECT}]},
    parameters({"name": "a", "part": [{"name": "b", "valueCode": "x"}]}, {"name": "c", "resource": ENTRY["resource"]}),
    bundle("searchset", ENTRY | {"search": {"mode": "match"}}, total=1),
    bundle("transaction", ENTRY | {"request": REQUEST}),
    bundle("history", ENTRY | {"request": REQUEST, "response": RESPONSE}, total=1),
    bundle("collection", ENTRY | {"fullUrl": "urn:a"}, ENTRY | {"fullUrl": "urn:b"}),
]


@pytest.mark.parametrize(("key", "resource"), BROKEN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_broken_invariant_is_named(validator, key, resource):
    issues = validator.issues(resource)
    assert [issue.message.partition(":")[0] for issue in issues] == [key]
    assert issues[0].code == "invariant"
    assert not validator.valid(resource)


@pytest.mark.parametrize("resource", HELD, ids=lambda resource: resource["resourceType"])
def test_what_the_invariants_allow(validator, resource):
    assert validator.issues(resource) == []
    assert validator.valid(resource)


def test_every_period_path_leads_to_a_period(facts):
    for kind, paths in PERIODS.items():
        for path in paths:
            structure = facts.types[kind]
            *parents, last = path.split(".")
            for name in parents:
                structure = facts.types[structure.element(name).forms[name]]
            forms = {form: kind for element in structure.elements for form, kind in element.forms.items()}
            assert forms[last] == "Period"


def test_paths_enter_arrays_and_pass_over_what_is_not_there():
    content = [{"b": 1}, {"b": [2, None, 3]}, {"c": 4}, 5, None]
    assert values(content, ["b"]) == [1, 2, 3]
    assert values(content, ["x", "y"]) == []
    assert values([1, None], []) == [1]
    assert values("text", []) == ["text"]


def test_codings_are_told_by_system_and_code():
    assert has_coding(concept("s", "a"), "s", "b", "a")
    assert not has_coding(concept("t", "a"), "s", "a")
    assert not has_coding(None, "s", "a")


def test_contained_resources_have_ids_of_their_own(validator):
    twice = [{"resourceType": "Patient", "id": "c", "active": True}] * 2
    resource = observation(contained=twice, subject={"reference": "#c"})
    assert [(one.path, one.code) for one in validator.issues(resource)] == [
        ("Observation.contained[0]", "structure"),
        ("Observation.contained[1]", "structure"),
    ]


def test_a_full_address_is_absolute(validator):
    resource = bundle("collection", ENTRY | {"fullUrl": "Patient/p1"})
    assert [(one.path, one.code) for one in validator.issues(resource)] == [("Bundle.entry[0].fullUrl", "value")]


def test_a_contained_resource_may_refer_to_the_outer_one(validator):
    inner = {"resourceType": "Patient", "id": "c", "managingOrganization": {"reference": "#"}}
    assert validator.issues(observation(contained=[inner])) == []
