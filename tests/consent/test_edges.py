"""Edges of intervals, identifiers and shapes: cases in which a small slip would change the answer."""

from dataclasses import replace

import pytest
from consent_builders import (
    ACT,
    DENVER,
    X,
    case,
    concept,
    consent,
    deny,
    effect,
    observation,
    permit,
    purpose,
)

from adapter.consent.cases import case_of
from adapter.consent.decide import decide
from adapter.consent.directive import read
from adapter.consent.evaluate import Effect
from adapter.consent.force import Combination
from adapter.consent.labels import content_labels
from adapter.consent.names import AtHand
from adapter.consent.policy import timeline
from adapter.consent.recipient import close
from adapter.consent.rules import exception
from adapter.consent.segment import segment_of

P, D = "PERMIT", "DENY"
IN_2022 = {"start": "2022", "end": "2022"}
NOT_2022 = permit(deny(dataPeriod=IN_2022))
LATE = {"effectiveDateTime": "2030"}
FORM = {"system": "https://example.org/ids", "value": "e"}
VISIT = {"resourceType": "Encounter", "id": "e", "identifier": [FORM]}


def changed(moment):
    return observation(meta={"security": [{"system": ACT, "code": "DIA"}], "lastUpdated": moment}, **LATE)


def bare():
    """Without meta, so without a label and without a date of change."""
    return observation(meta=None, **LATE)


def derived(reference, **elements):
    return observation(derivedFrom=[reference], **elements)


@pytest.mark.parametrize(
    ("provision", "resource", "expected"),
    [
        (permit(dataPeriod={"start": "2022-06-15", "end": "2022-06-15"}), observation(), P),
        (permit(dataPeriod={"start": "2022-06-15"}), observation(), P),
        (permit(dataPeriod={"start": "2022-06-16"}), observation(), D),
        (permit(dataPeriod={"end": "2022-06-14"}), observation(), D),
        (NOT_2022, observation(effectiveDateTime="2023"), P),
        (NOT_2022, observation(effectiveDateTime="2021"), P),
        (
            NOT_2022,
            observation(effectiveDateTime=None, effectivePeriod={"start": "2022-12", "end": "2023-01"}),
            D,
        ),
        (NOT_2022, observation(effectiveDateTime=None, effectivePeriod={"start": "2023", "end": "2024"}), P),
        (NOT_2022, changed("2031-01-01T00:00:00Z"), P),
        (NOT_2022, changed("2022-05-05T00:00:00Z"), D),
        (NOT_2022, changed("2023-01-01"), P),
        (NOT_2022, changed("soon"), D),
        (NOT_2022, bare(), P),
        (permit(deny(data=[("dependents", "Encounter/e")])), derived({"identifier": FORM}), D),
        (permit(deny(data=[("dependents", "Encounter/e")])), derived({"reference": "Encounter/e"}), D),
        (permit(deny(data=[("dependents", "Encounter/e")])), derived({"reference": "Encounter/f"}), P),
        (permit(data=[("dependents", "Encounter/e")]), derived({"identifier": FORM}), P),
        (permit(data=[("dependents", "Encounter/e")]), derived({"identifier": {**FORM, "value": "f"}}), D),
    ],
)
def test_dates_and_references(provision, resource, expected):
    assert effect(consent(provision), resource=resource, context=[VISIT]) == expected


@pytest.mark.parametrize(
    ("back", "expected"),
    [({"reference": "Observation/o"}, D), ({"identifier": FORM}, D), ({"identifier": {**FORM, "value": "f"}}, P)],
)
def test_what_is_denied_may_name_the_record_by_its_identifier(back, expected):
    visit = {**VISIT, "identifier": [], "diagnosis": [{"condition": back}]}
    resource = observation(identifier=[FORM])
    assert (
        effect(consent(permit(deny(data=[("related", "Encounter/e")]))), resource=resource, context=[visit]) == expected
    )


def test_a_target_not_at_hand_may_be_what_is_named_by_identifier():
    """A permit that may or may not match leaves its denials open; one that certainly does not says nothing."""
    unsure = deny(permit(), permit(deny(), data=[("dependents", "Encounter/lost")]))
    assert effect(consent(unsure), resource=derived({"identifier": FORM})) == D


@pytest.mark.parametrize(
    ("kind", "element"),
    [
        ("MedicationRequest", "medicationCodeableConcept"),
        ("Encounter", "type"),
        ("DocumentReference", "type"),
        ("Appointment", "serviceType"),
        ("Immunization", "vaccineCode"),
        ("CarePlan", "category"),
        ("Condition", "code"),
    ],
)
def test_what_a_record_is_stands_in_another_element_for_some_types(kind, element):
    made = {"resourceType": kind, "id": "r", "subject": {"reference": "Patient/a"}}
    made["meta"] = observation()["meta"]
    coded = {**made, element: concept("http://loinc.org", "718-7")}
    assert effect(consent(permit(codes=["718-7"])), resource=coded) == P
    elsewhere = {**made, "reasonCode": concept("http://loinc.org", "718-7")}
    assert effect(consent(permit(codes=["718-7"])), resource=elsewhere) == D


def latest(*consents):
    asked = replace(case_of(case(*consents)), combination=Combination.LATEST_WINS)
    return decide(asked).effect.value


def test_where_the_latest_wins_days_are_local_days():
    """Three in the morning in Greenwich is still the day before in Denver."""
    before = consent(deny(), id="before", dateTime="2024-01-01T03:00:00Z")
    assert latest(before, consent(permit(), id="day", dateTime="2024-01-01")) == P
    assert latest(before, consent(permit(), id="day", dateTime="2023-12-31")) == D


def test_two_of_the_same_date_are_weighed_together():
    twice = [consent(permit(), id="one", dateTime="2024"), consent(permit(), id="two", dateTime="2024")]
    assert latest(*twice) == P
    assert latest(*twice, consent(deny(), id="three", dateTime="2024")) == D


def test_an_exception_reads_dates_where_the_custodian_is():
    held = timeline([read(consent(permit(dataPeriod={"start": "2022-06-15T06:00:00Z"})))], DENVER)[0].policy
    resource = observation(effectiveDateTime="2022-06-15")
    segment = segment_of(resource, tier="detail", regime="hipaa")
    asks = close([X], AtHand(), purposes=[(one["system"], one["code"]) for one in [purpose("TREAT")]])
    assert exception(held, asks, segment, resource, AtHand(), zone=DENVER).effect is Effect.PERMIT
    later = timeline([read(consent(permit(dataPeriod={"start": "2022-06-15T06:00:01Z"})))], DENVER)[0].policy
    assert exception(later, asks, segment, resource, AtHand(), zone=DENVER).effect is Effect.DENY


HERE = {"url": "https://example.org/where", "valueString": "here"}
STYLE = {"url": "http://hl7.org/fhir/StructureDefinition/rendering-style", "valueString": "x"}


def coded(**companion):
    return consent(permit(code=[{"coding": [{"system": "http://loinc.org", "code": "718-7", **companion}]}]))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (coded(_code={"id": "x"}), P),
        (coded(_code={"extension": [STYLE]}), P),
        (coded(_code={"extension": [HERE]}), D),
        (coded(_code=[None, {"id": "x"}]), P),
        (coded(_code=[None, {"x": 1}]), D),
        (coded(_code=[{"extension": [STYLE]}, {"extension": [HERE]}]), D),
        (coded(_code="x"), D),
        (coded(_coding={"id": "x"}), D),
        (coded(_userSelected={"id": "x"}), P),
        (coded(_novel={"id": "x"}), D),
        (coded(userSelected=False), P),
        (coded(id="x"), P),
        (coded(extension=[STYLE]), P),
        (coded(extension=[STYLE, HERE]), D),
        (coded(extension=STYLE), D),
        (consent(permit(), meta={"_profile": [None, {"id": "x"}]}), P),
        (consent(permit(), meta={"_security": [{"id": "x"}]}), D),
    ],
)
def test_companions_of_primitive_elements(made, expected):
    assert effect(made) == expected


@pytest.mark.parametrize(
    ("codes", "revealed"),
    [
        (["F09"], set()),
        (["F10"], {"SUD"}),
        (["f19.20"], {"SUD"}),
        (["F20.0"], {"MH"}),
        (["F99"], {"MH"}),
        (["G00", "F10.1"], {"SUD"}),
        (["F10.1", "I10", "F32"], {"SUD", "MH"}),
    ],
)
def test_what_diagnoses_reveal(codes, revealed):
    pairs = [(ICD10, code) for code in codes]
    assert content_labels(pairs) == revealed
    assert content_labels([*pairs, ("http://loinc.org", "76499-3")]) == revealed | {"SDV"}
    assert content_labels([("http://loinc.org", "76499-3"), ("urn:other", "F10"), *pairs]) == revealed | {"SDV"}


ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
