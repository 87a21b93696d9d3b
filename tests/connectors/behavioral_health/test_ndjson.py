"""FHIR resources and release forms, one a line: strict JSON, digits kept, bad lines cost themselves only."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.behavioral_health.fhir_ndjson import FhirNdjson
from connectors.behavioral_health.json_lines import read_json
from connectors.behavioral_health.release_forms import ReleaseForms

FHIR = FhirNdjson()
FORMS = ReleaseForms()
GOOD = b'{"resourceType":"Observation","status":"final","valueQuantity":{"value":1.50}}\n'


def test_a_resource_is_a_record_of_its_type_with_its_elements(read):
    data = GOOD + b'{"id":"p","resourceType":"Patient","active":true,"name":[],"multipleBirthInteger":0}\n'
    observation, patient = read(FHIR, data).records
    assert (observation.kind, patient.kind) == ("Observation", "Patient")
    assert observation.values == {"status": "final", "valueQuantity": {"value": Decimal("1.50")}}
    assert str(observation.values["valueQuantity"]["value"]) == "1.50"
    assert patient.values == {"id": "p", "active": True, "multipleBirthInteger": 0}
    assert observation.raw + patient.raw == data
    assert patient.position.line == 2


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", "bad-json"),
        (b'{"resourceType":"Patient","id":"a","id":"b"}', "bad-json"),
        (b'{"resourceType":"Patient","x":{"a":1,"a":1}}', "bad-json"),
        (b'{"resourceType":"Patient","x":NaN}', "bad-json"),
        (b'{"resourceType":"Patient","x":-Infinity}', "bad-json"),
        (b'{"resourceType":"Patient","x":1e99999999999999999999}', "bad-json"),
        (b'{"resourceType":"Patient","x":' + b"9" * 5000 + b"}", "bad-json"),
        (b'{"resourceType":"Patient","x":"\\ud800"}', "bad-json"),
        (b'{"resourceType":"Patient","x":"a\0b"}', "bad-json"),
        (b"[" * 100_000, "bad-json"),
        (b"\xef\xbb\xbf{}", "bad-json"),
        (b'{"resourceType":"Patient","x":"\xff"}', "undecodable"),
        (b'["Patient"]', "not-an-object"),
        (b"null", "not-an-object"),
        (b'{"id":"a"}', "missing-resource-type"),
        (b'{"resourceType":7}', "missing-resource-type"),
        (b'{"resourceType":"../x"}', "missing-resource-type"),
    ],
)
def test_a_line_that_cannot_be_read_leaves_its_neighbours_alone(read, line, code):
    reading = read(FHIR, GOOD + line + b"\n" + GOOD)
    assert reading.faults == [(code, 2)]
    assert reading.malformed[0].raw == line + b"\n"
    assert [item.position.line for item in reading.records] == [1, 3]


def test_a_whole_surrogate_pair_is_text(read):
    data = b'{"resourceType":"Patient","x":"\\ud83d\\ude00"}'
    assert read(FHIR, data).records[0].values["x"] == "\U0001f600"


def test_marks_blank_lines_and_windows_line_ends_do_no_harm(read):
    data = b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n") + b"\r\n \n" + GOOD.rstrip()
    reading = read(FHIR, data, encoding="cp1252")
    assert reading.faults == []
    assert [item.position.line for item in reading.records] == [1, 4]


def test_a_submission_is_a_record_with_what_was_signed(read):
    data = b'{"submission":"r0001","person":{"last":"DOE"},"refused":false,"choices":[]}\n{}\n[]\n'
    reading = read(FORMS, data)
    (record,) = reading.records
    assert record.kind == "release"
    assert record.values == {"submission": "r0001", "person": {"last": "DOE"}, "refused": False}
    assert reading.faults == [("empty-submission", 2), ("not-an-object", 3)]


def test_a_line_without_end_comes_back_in_bounded_pieces(read, repeated):
    data = GOOD + b"x" * (17 * 2**20) + b"\n" + GOOD
    reading = read(FHIR, data)
    assert reading.faults == [("too-long", 2), ("too-long", 2)]
    assert b"".join(item.raw for item in reading.items) == data


def test_memory_stays_flat(peak, repeated):
    line = b'{"resourceType":"Patient","x":"' + b"A" * 20_000 + b'"}\n'
    count, most = peak(FHIR, repeated(line, 30_000_000))
    assert count > 1400
    assert most < 8_000_000


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(values)
def test_json_comes_back_with_every_digit(value):
    digits = []

    def written(number):
        digits.append(f"{number:f}")
        return f"#{len(digits) - 1}#"

    text = json.dumps(value, default=written)
    for place, number in enumerate(digits):
        text = text.replace(f'"#{place}#"', number)
    again = read_json(text.encode())
    assert json.dumps(again, default=lambda number: f"{number:f}") == json.dumps(
        json.loads(text, parse_float=Decimal), default=lambda number: f"{number:f}"
    )


dirt = st.sampled_from(
    [GOOD, b"\n", b"\r", b"{", b"}", b'"', b":", b"1.0", b'{"resourceType":"A', b'"}', b"\\u", b"\xff"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(dirt | st.binary(max_size=4), max_size=16).map(b"".join), st.integers(1, 30))
def test_any_bytes_are_read_the_same_however_they_arrive(read, in_order, data, step):
    for connector in (FHIR, FORMS):
        reading = read(connector, data)
        in_order(reading.items, data)
        assert read(connector, data, step=step) == reading
