"""The county's court, clinic and registry feeds: records become valid R4, every leaf is accounted for."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from adapter.errors import RecordError
from adapter.mapping import LeafCounts

CANONICAL = "https://sallyport.example/fhir"
COURT = "CaseDefendantParty"


def fhir(kind, **elements):
    shared = {"id": f"{kind}-1", "meta": {"source": "urn:unit:riverside-otp"}}
    return kind, shared | ({} if kind == "Patient" else {"subject": {"reference": "Patient/c1"}}) | elements


def test_a_defendant_is_a_person_and_the_docket_number_is_not_his(map_record):
    values = {
        "CaseTrackingID": "2026CR1",
        "CaseFiling.Date": "2026-02-01",
        f"{COURT}.PersonName.PersonGivenName": "Bo",
        f"{COURT}.PersonName.PersonSurName": "Ash, Jr",
        f"{COURT}.PersonBirthDate.Date": "1962-06-05",
        f"{COURT}.PersonSexCode": "M",
        f"{COURT}.PersonSSNIdentification.IdentificationID": "000-00-0000",
        f"{COURT}.PersonStateFingerprintIdentification.IdentificationID": "CO777",
        f"{COURT}.PartyID": "P1",
    }
    mapped = map_record("court_xml", "case", values)
    (patient,) = mapped.drafts
    assert (patient.key, mapped.person) == (("P1",), ("P1",))
    assert [entry["value"] for entry in patient.body["identifier"]] == ["P1", "CO777"]
    assert patient.body["name"][0]["suffix"] == ["Jr"]
    assert mapped.leaves == LeafCounts(mapped=6, ignored=3)


def test_an_order_is_an_observation_without_its_free_text(map_record):
    values = {
        "CaseTrackingID": "2026CR1",
        f"{COURT}.PartyID": "P1",
        "CourtOrder.OrderID": "2026CR1-1",
        "CourtOrder.OrderDate": "2026-02-03",
        "CourtOrder.OrderType": "competency-evaluation",
        "CourtOrder.OrderDescriptionText": "Evaluation by Dr Elm",
        "CourtOrder.OrderEndDate": "2026-05-03",
    }
    mapped = map_record("court_xml", "order", values)
    (order,) = mapped.drafts
    assert (order.key, mapped.person) == (("2026CR1", "2026CR1-1"), ("P1",))
    assert order.body["code"]["coding"][0] == {
        "system": f"{CANONICAL}/CodeSystem/court-event",
        "code": "competency-evaluation",
        "display": "Competency evaluation",
    }
    assert order.body["effectivePeriod"] == {"start": "2026-02-03", "end": "2026-05-03"}
    assert "Elm" not in json.dumps(order.body)
    odd = map_record("court_xml", "order", values | {"CourtOrder.OrderType": "warrant"})
    assert odd.drafts[0].body["code"] == {"text": "warrant"}


def test_a_patient_of_a_programme(map_record):
    kind, values = fhir(
        "Patient",
        id="c1",
        identifier=[{"system": "https://riverside.example/chart", "value": "c1"}],
        name=[{"use": "official", "family": "Ash", "given": ["Bo"]}],
        gender="male",
        birthDate="1962-06-05",
        telecom=[{"system": "phone", "value": "505-555-0101"}],
        text={"status": "generated", "div": "<div>secret</div>"},
    )
    mapped = map_record("ehr_fhir", kind, values)
    assert (mapped.unit, mapped.person, mapped.drafts[0].key) == ("riverside-otp", ("c1",), ("c1",))
    assert set(mapped.drafts[0].body) == {"resourceType", "identifier", "name", "gender", "birthDate", "telecom"}
    assert mapped.leaves == LeafCounts(mapped=11, ignored=2)


def test_an_observation_of_a_programme_keeps_values_and_loses_references_and_notes(map_record):
    kind, values = fhir(
        "Observation",
        status="final",
        category=[
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}
        ],
        code={"coding": [{"system": "http://loinc.org", "code": "44261-6"}]},
        effectiveDateTime="2026-03-02T09:00:00-07:00",
        valueQuantity={
            "value": Decimal("12.0"),
            "unit": "{score}",
            "extension": [{"url": "x", "valueString": "y"}],
        },
        encounter={"reference": "Encounter/e1"},
        performer=[{"reference": "Organization/riverside-otp"}],
        derivedFrom=[{"reference": "QuestionnaireResponse/q1"}],
        hasMember=[{"reference": "Observation/o1"}],
        note=[{"text": "secret"}],
        _status={"extension": []},
        newElement="x",
    )
    values["meta"] |= {
        "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}]
    }
    mapped = map_record("ehr_fhir", kind, values)
    body = mapped.drafts[0].body
    assert str(body["valueQuantity"]["value"]) == "12.0"
    assert set(body) == {"resourceType", "status", "category", "code", "effectiveDateTime", "valueQuantity"}
    assert mapped.labels == (("http://terminology.hl7.org/CodeSystem/v3-ActCode", "42CFRPart2"),)
    assert mapped.unmapped == (
        "valueQuantity.extension[0].url",
        "valueQuantity.extension[0].valueString",
        "newElement",
    )


def test_other_resources_of_a_programme(map_record):
    kind, values = fhir(
        "QuestionnaireResponse",
        status="completed",
        questionnaire="http://loinc.org/q/44249-1",
        authored="2026-03-02T09:00:00-07:00",
        item=[
            {
                "linkId": "/44250-9",
                "answer": [{"valueCoding": {"system": "http://loinc.org", "code": "LA6568-5"}}],
            }
        ],
    )
    mapped = map_record("ehr_fhir", kind, values)
    assert (mapped.person, mapped.drafts[0].body["item"]) == (("c1",), values["item"])
    kind, values = fhir(
        "Condition", code={"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F11.20"}]}
    )
    assert map_record("ehr_fhir", kind, values).drafts[0].body["code"] == values["code"]
    kind, values = fhir("Encounter", status="finished", reasonCode=[{"text": "opioid use"}])
    values["class"] = {"code": "AMB"}
    mapped = map_record("ehr_fhir", kind, values)
    assert "opioid" not in json.dumps(mapped.drafts[0].body)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"meta": {}}, "missing-unit"),
        ({"subject": {"reference": "Group/g"}}, "missing-key"),
        ({"status": None}, "missing-element"),
    ],
)
def test_a_resource_without_its_programme_person_or_status_waits(map_record, changed, code):
    kind, values = fhir("Observation", status="final", code={"text": "x"})
    with pytest.raises(RecordError) as caught:
        map_record("ehr_fhir", kind, values | changed)
    assert caught.value.code == code


def test_a_release_is_mapped_for_its_person_only(map_record):
    person = {
        "id": "p1-reg",
        "last": "Ash",
        "first": "Bo",
        "middle": None,
        "suffix": "Jr",
        "dob": "1962-06-05",
        "sex": "M",
        "ssn": "123-45-6780",
    }
    values = {
        "submission": "r1",
        "form": "universal-release",
        "version": "2026-1",
        "person": person,
        "signed": "2026-03-02T10:00:00-07:00",
        "expires": "2027-03-02",
        "refused": False,
        "choices": [{"partner": "pretrial", "purposes": ["pretrial-release"], "classes": ["mental-health"]}],
        "part2": {"signed": True, "partners": ["cottonwood"], "revocation_statement": True},
        "revocations": [{"at": "2026-04-02T10:00:00-06:00", "partners": "all"}],
        "signature": {"name": True, "hash": "x"},
    }
    mapped = map_record("releases", "release", values)
    assert mapped.person == ("p1-reg",)
    assert mapped.drafts[0].body["name"] == [{"use": "official", "family": "Ash", "given": ["Bo"], "suffix": ["Jr"]}]
    assert mapped.leaves == LeafCounts(mapped=7, ignored=16)


def test_every_mapping_is_named_for_the_connector_it_reads(county):
    assert {name: mapping.source for name, mapping in county.items()} == {
        "jail_roster": "jail.corerm_roster",
        "jail_charges": "jail.charge_csv",
        "jail_hl7": "jail.hl7v2",
        "court_xml": "court.niem_xml",
        "ehr_fhir": "behavioral_health.fhir_ndjson",
        "releases": "behavioral_health.release_forms",
    }
