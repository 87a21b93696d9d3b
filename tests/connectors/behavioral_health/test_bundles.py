"""Bundles: every entry a record with its exact bytes, written on one line or many."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.behavioral_health.fhir_ndjson import FhirNdjson

FHIR = FhirNdjson()
RESOURCE = '{"resourceType":"Observation","id":"o1","valueQuantity":{"value":1.50}}'


def bundle(*entries, **more):
    return {"resourceType": "Bundle", "type": "searchset", "entry": list(entries), **more}


@pytest.mark.parametrize("indent", [None, 2])
def test_each_entry_is_a_record_with_its_bytes(read, indent):
    found = bundle(*({"resource": {"resourceType": "Patient", "id": f"p{n}"}} for n in range(3)))
    data = json.dumps(found, indent=indent).encode()
    reading = read(FHIR, data)
    assert [(record.kind, record.values["id"]) for record in reading.records] == [
        ("Patient", f"p{n}") for n in range(3)
    ]
    assert all(record.raw in data and json.loads(record.raw)["id"] == record.values["id"] for record in reading.records)
    lines = [record.position.line for record in reading.records]
    assert lines == ([1, 1, 1] if indent is None else [6, 12, 18])
    assert [record.position.part for record in reading.records] == ["entry 1", "entry 2", "entry 3"]


def test_digits_are_kept_and_an_entry_that_cannot_be_read_costs_no_other(read):
    data = (
        '{"resourceType":"Bundle","entry":[{"resource":'
        + RESOURCE
        + '},{"resource":{"resourceType":"Patient","id":"a",'
        '"id":"b"}},{"resource":{"id":"x"}},{"fullUrl":"urn:x"},7,{"resource":' + RESOURCE + "}]}"
    ).encode()
    reading = read(FHIR, data)
    assert [str(record.values["valueQuantity"]["value"]) for record in reading.records] == ["1.50", "1.50"]
    assert [code for code, _ in reading.faults] == [
        "bad-json", "missing-resource-type", "missing-resource-type", "not-an-object",
    ]  # fmt: skip
    assert [item.position.part for item in reading.malformed] == ["entry 2", "entry 3", "entry 4", "entry 5"]


def test_a_bundle_may_stand_between_lines(read):
    data = f"{RESOURCE}\n{json.dumps(bundle({'resource': {'resourceType': 'Patient', 'id': 'p'}}))}\n{RESOURCE}\n"
    reading = read(FHIR, data.encode())
    assert [record.kind for record in reading.records] == ["Observation", "Patient", "Observation"]
    assert [record.position.line for record in reading.records] == [1, 2, 3]


def test_a_resource_over_several_lines_is_one_record(read):
    data = b"\n" + json.dumps(json.loads(RESOURCE), indent=2).encode() + b"\n\n"
    (record,) = read(FHIR, data).records
    assert (record.kind, record.position.line) == ("Observation", 2)


def test_lines_of_which_the_first_is_broken_are_still_lines(read):
    reading = read(FHIR, b"{\n" + RESOURCE.encode() + b"\n")
    assert reading.faults == [("bad-json", 1)]
    assert [record.position.line for record in reading.records] == [2]


def test_what_is_gone_names_what_it_was(read):
    gone = [{"request": {"method": "DELETE", "url": url}} for url in ("Observation/o1", "Patient?name=marsh")]
    reading = read(FHIR, json.dumps(bundle(*gone, type="transaction")).encode())
    (record,) = reading.records
    assert (record.kind, record.values) == ("Deleted", {"type": "Observation", "id": "o1"})
    assert [code for code, _ in reading.faults] == ["bad-deletion"]


@pytest.mark.parametrize(
    ("issues", "mode", "expected"),
    [
        ([{"severity": "error", "code": "not-found"}], "", ["server-outcome"]),
        ([{"severity": "fatal", "code": "exception"}], "outcome", ["server-outcome"]),
        ([{"severity": "warning", "code": "not-supported"}], "outcome", []),
        ([{"severity": "information", "code": "informational"}], "", []),
        ([], "", ["server-outcome"]),
        ("odd", "", ["server-outcome"]),
    ],
)
def test_what_a_server_could_not_give_is_seen(read, issues, mode, expected):
    outcome = {"resourceType": "OperationOutcome", "issue": issues}
    entry = {"resource": outcome, "search": {"mode": mode}} if mode else {"resource": outcome}
    reading = read(FHIR, json.dumps(bundle(entry)).encode())
    assert [code for code, _ in reading.faults] == expected
    assert reading.records == []
    assert all("marsh" not in item.expected for item in reading.malformed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.lists(st.dictionaries(st.sampled_from(["resource", "search", "request", "x"]), JSON), max_size=4), st.booleans()
)
@settings(max_examples=80, deadline=None)
def test_any_bundle_has_one_item_for_each_entry_that_is_no_remark(read, entries, spread):
    data = json.dumps(bundle(*entries), indent=3 if spread else None).encode()
    assert len(read(FHIR, data).items) == len(entries)


@given(st.binary(max_size=200))
@settings(max_examples=80, deadline=None)
def test_any_bytes_are_read_without_failing(read, data):
    for item in read(FHIR, b'{"resourceType":"Bundle",' + data).items:
        assert item.raw
