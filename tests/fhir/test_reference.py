"""Literal references."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.fhir.reference import Reference, parse_reference

IDS = st.from_regex(r"[A-Za-z0-9.-]{1,64}", fullmatch=True)


@settings(max_examples=100, deadline=None)
@given(key=IDS, version=st.none() | IDS, base=st.sampled_from(["", "https://x.example/fhir/", "http://x/"]))
def test_forms_of_one_reference(key, version, base):
    text = f"{base}Patient/{key}" + (f"/_history/{version}" if version else "")
    reference = parse_reference(text)
    assert reference == Reference(base=base, type="Patient", id=key)
    assert str(reference) == f"{base}Patient/{key}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#p1",
        "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
        "Patient",
        "Patient/",
        "Patient/a_b",
        "patient/1",
    ],
)
def test_other_text_names_no_resource(text):
    assert parse_reference(text) is None
