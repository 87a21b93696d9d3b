"""Clinical documents: what is a record of its own, what goes with it, and what is refused."""

from __future__ import annotations

import json

import clinical_documents as cda
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.behavioral_health.ccda import Ccda

CCDA = Ccda()


def leaves(value):
    if isinstance(value, dict):
        return [leaf for entry in value.values() for leaf in leaves(entry)]
    return [leaf for entry in value for leaf in leaves(entry)] if isinstance(value, list) else [value]


def kinds(reading):
    return [record.kind for record in reading.records]


def test_a_document_and_each_observation_are_records(read):
    data = cda.document(cda.section(cda.phq9()))
    reading = read(CCDA, data)
    assert reading.faults == []
    assert kinds(reading) == ["document", "assessment", "supporting", "supporting"]
    header, scale, total, answer = reading.records
    assert header.values["patient.name"] == {"@use": "L", "given": ["Ada", "Mae"], "family": "Marsh"}
    assert header.values["patientRole.addr"] == {"streetAddressLine": "12 Elm Street"}
    assert {one["@extension"] for one in scale.values["PatientId"]} == {"c1", "433-27-5914"}
    assert scale.values["value"] == {"@type": "INT", "@value": "12"}
    assert scale.values["Writer"]["assignedAuthor"]["representedOrganization"]["id"]["@extension"] == "main"
    assert scale.values["SectionCode"]["@code"] == "10190-7"
    assert "entryRelationship" not in json.dumps(scale.values["entryRelationship"])
    assert total.values["Scale"][0]["id"]["@extension"] == "a1"
    assert [one.values["code"]["@code"] for one in (total, answer)] == ["44261-6", "44250-9"]
    assert all(record.raw in data for record in reading.records)


def test_no_leaf_of_the_document_is_in_no_record(read):
    data = cda.document(cda.section(cda.phq9()), cda.section(template="2.14", code="47420-5"))
    told = {leaf for record in read(CCDA, data).records for leaf in leaves(dict(record.values))}
    for text in (cda.SECRET, "MENTAL STATUS", "12 Elm Street", "tel:505-555-0142", "Reed", "Riverside", "DRIV", "#a"):
        assert any(text in leaf for leaf in told), text


def test_an_assessment_stands_once_and_not_in_the_document(read):
    header = read(CCDA, cda.document(cda.section(cda.phq9()))).records[0]
    assert "44249-1" not in json.dumps(header.values)
    assert cda.SECRET in json.dumps(header.values["component"])


def test_entries_of_the_status_sections_are_records_by_template_or_code(read):
    entry = f"<entry>{cda.observation('4.74', '373930000', 's1')}</entry>"
    inside = cda.observation("4.67", "1", "s2")
    group = f"<entry><organizer classCode='CLUSTER'><component>{inside}</component></organizer></entry>"
    sections = [
        cda.section(entry),
        cda.section(group, template="2.14", code="x"),
        cda.section(entry.replace("s1", "s3"), template="2.999", code="47420-5"),
        cda.section(entry.replace("s1", "s4"), template="2.999", code="8716-3"),
    ]
    found = read(CCDA, cda.document(*sections)).records
    assert [record.values["id"]["@extension"] for record in found if record.kind == "status"] == ["s1", "s2", "s3"]


def test_an_observation_has_the_confidentiality_of_all_that_is_around_it_and_its_own_author(read):
    marking = cda.marking("42CFRPart2")
    secret = cda.coded("R", system="2.16.840.1.113883.5.25", name="confidentialityCode")
    own = cda.assessment("44249-1", "a2", cda.value(3), cda.author("otp"))
    reading = read(
        CCDA, cda.document(cda.section(cda.phq9(), own, marking, more=secret), cda.section(cda.phq9(5, "b")))
    )
    scales = [record.values for record in reading.records if record.kind == "assessment"]
    assert [one["@code"] for one in scales[0]["Confidentiality"]] == ["R", "N"]
    assert scales[0]["Privacy"]["@code"] == "42CFRPart2"
    assert scales[1]["Writer"]["assignedAuthor"]["representedOrganization"]["id"]["@extension"] == "otp"
    assert "Privacy" not in scales[2]
    assert scales[2]["Confidentiality"]["@code"] == "N"


def test_documents_one_after_the_other(read):
    broken = cda.document(cda.section(cda.phq9())).replace(b"</section>", b"")
    reading = read(CCDA, cda.document() + broken.partition(b"\n")[2] + cda.document().partition(b"\n")[2])
    assert kinds(reading) == ["document", "document"]
    assert [code for code, _ in reading.faults] == ["bad-xml"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (cda.document(patient="<recordTarget/>"), "no-patient"),
        (cda.document(patient="<recordTarget><patientRole/></recordTarget>" * 2), "several-patients"),
        (cda.document("<component>" * 120 + "</component>" * 120), "too-deep"),
        (b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + cda.document().partition(b"\n")[2], "dtd-refused"),
        (b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + cda.document(), "dtd-refused"),
        (cda.document().replace(b"Ada Marsh", b"&b;"), "bad-xml"),
        (b"<section><templateId/></section>", "unexpected-content"),
        (cda.document().replace(b"Ada Marsh", b"Ad\xe9 Marsh"), "undecodable"),
        (cda.document()[:-40], "bad-xml"),
    ],
)
def test_what_is_refused(read, data, code):
    reading = read(CCDA, data)
    assert reading.records == []
    assert {found for found, _ in reading.faults} == {code}
    assert all("Marsh" not in item.expected and "passwd" not in item.expected for item in reading.malformed)


def test_utf_16_is_read(read):
    data = cda.document(cda.section(cda.phq9())).decode().replace("UTF-8", "UTF-16").encode("utf-16")
    assert kinds(read(CCDA, data)) == ["document", "assessment", "supporting", "supporting"]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_damage_is_a_fault_and_never_a_failure(read, data):
    whole = cda.document(cda.section(cda.phq9()))
    at = data.draw(st.integers(0, len(whole) - 1))
    stop = data.draw(st.integers(at, min(len(whole), at + 40)))
    junk = data.draw(st.binary(max_size=12))
    for item in read(CCDA, whole[:at] + junk + whole[stop:]).items:
        assert item.position.line >= 1
