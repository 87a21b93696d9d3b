from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import NotAcceptable
from adapter.rest.formats import JSON, XML, negotiate


def _taken(accept, pairs=()):
    try:
        return negotiate([(b"accept", accept)] if accept is not None else [], pairs)
    except NotAcceptable:
        return None


@pytest.mark.parametrize(
    "accept",
    [
        None,
        b"",
        b"*/*",
        b"application/fhir+json",
        b"application/json",
        b"application/*",
        b"APPLICATION/FHIR+JSON; charset=UTF-8",
        b"application/fhir+json;fhirVersion=4.0",
        b'application/fhir+json; fhirVersion="4.0"',
        b"application/fhir+xml;q=0.5, application/fhir+json;q=0.6",
        b"application/fhir+xml, application/fhir+json",
        b"application/fhir+xml;q=much, application/fhir+json;q=0.001",
        b"application/fhir+json, */*;q=0",
        b"text/html,application/xhtml+xml,*/*;q=0.8",
    ],
)
def test_json_is_given_to_whoever_takes_it(accept):
    assert _taken(accept) == JSON


@pytest.mark.parametrize(
    "accept",
    [
        b"application/fhir+xml",
        b"text/xml",
        b"application/xml; q=0.1",
        b"text/*",
        b"application/fhir+xml, application/fhir+json;q=0.1",
        b"*/*, application/fhir+json;q=0",
        b"*/*;q=0.5, application/fhir+xml;q=0.6",
        b"application/fhir+json;q=0.3, */*;q=0.5",
        b"application/fhir+json;fhirVersion=5.0, application/fhir+xml;fhirVersion=4.0",
    ],
)
def test_xml_is_given_to_whoever_likes_it_better(accept):
    assert _taken(accept) == XML


@pytest.mark.parametrize(
    "accept",
    [
        b"text/html",
        b"application/fhir+xml;q=0",
        b"application/fhir+json;q=0",
        b"*/*;q=0",
        b"application/fhir+json;q=much",
        b"application/fhir+json;q=7",
        b"application/fhir+json;fhirVersion=5.0",
        b"application/fhir+turtle, image/png",
        b",;,",
    ],
)
def test_nothing_is_guessed_for_whoever_does_not(accept):
    assert _taken(accept) is None


def test_several_accept_headers_are_one_list():
    assert negotiate([(b"accept", b"application/fhir+xml;q=0.9"), (b"accept", b"application/json")]) == JSON
    with pytest.raises(NotAcceptable):
        negotiate([(b"accept", b"image/png"), (b"accept", b"text/html")])


@pytest.mark.parametrize("value", ["ttl", "text/html", "", "html/json", "json;fhirVersion=3.0"])
def test_a_format_that_is_not_offered_is_refused_by_name(value):
    with pytest.raises(NotAcceptable) as refused:
        negotiate([(b"accept", b"*/*")], [("_format", value)])
    assert refused.value.expression == "_format"


def test_the_format_parameter_overrides_the_header():
    assert _taken(b"application/fhir+xml", [("patient", "p1"), ("_format", "json")]) == JSON
    assert _taken(b"application/fhir+json", [("_format", "application/fhir xml")]) == XML
    assert _taken(b"*/*", [("_format", "json"), ("_format", "xml")]) is None


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_no_header_breaks_the_negotiation(accept):
    assert _taken(accept) in {JSON, XML, None}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([b"text/html", b"application/fhir+xml;q=0.9", b"*/*;q=0"]), max_size=40))
def test_naming_json_is_enough_beside_anything_else(others):
    assert _taken(b", ".join([*others, b"application/fhir+json"])) == JSON
