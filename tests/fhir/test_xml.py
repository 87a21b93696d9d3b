"""FHIR XML and JSON say the same: to the digit, with extensions on primitives, in the order of the definition."""

from __future__ import annotations

from decimal import Decimal

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from adapter.errors import InvalidResource
from adapter.fhir.codec import dump, parse
from adapter.fhir.primitives import PRIMITIVES
from adapter.fhir.xml_dump import XmlWriter
from adapter.fhir.xml_parse import XmlReader

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs", "Cc"]), min_size=1)
SPACED = st.builds(lambda one, two: f"{one}\n\t {two}\r", TEXT, TEXT)
DECIMALS = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?", fullmatch=True).map(
    lambda text: parse(f'{{"n":{text}}}'.encode())["n"]
)
VALUES = {
    "boolean": st.booleans(),
    "decimal": DECIMALS,
    "integer": st.integers(-(2**31), 2**31 - 1),
    "positiveInt": st.integers(1, 2**31 - 1),
    "unsignedInt": st.integers(0, 2**31 - 1),
    "xhtml": TEXT.map(
        lambda text: (
            '<div xmlns="http://www.w3.org/1999/xhtml"><p class="x">'
            + text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            + "<br/></p></div>"
        )
    ),
}
ROOTS = ("Patient", "Observation", "Consent", "Provenance", "Bundle", "Parameters", "Location", "CapabilityStatement")


@pytest.fixture(scope="session")
def writer(facts):
    return XmlWriter(facts)


@pytest.fixture(scope="session")
def reader(facts):
    return XmlReader(facts)


@st.composite
def content(draw, facts, name, depth):
    """Some elements of a type, nested a few levels."""
    structure, body = facts.types[name], {}
    wanted = draw(st.lists(st.sampled_from(structure.elements), max_size=4, unique_by=lambda one: one.name))
    for element in wanted:
        form, kind = draw(st.sampled_from(sorted(element.forms.items())))
        if kind in PRIMITIVES or kind == "Resource":
            put(draw, facts, body, element, form, kind, depth)
        elif depth:
            inner = content(facts, kind, depth - 1).filter(bool)
            body[form] = draw(st.lists(inner, min_size=1, max_size=2) if element.repeats else inner)
    return body


def put(draw, facts, body, element, form, kind, depth):
    if kind == "Resource":
        inner = resource(facts, ("Patient", "Organization"), depth - 1)
        if depth:
            body[form] = [draw(inner)] if element.repeats else draw(inner)
        return
    value = VALUES.get(kind, TEXT | SPACED)
    if form not in element.extensible:
        body[form] = draw(value)
        return
    extension = st.fixed_dictionaries({"extension": st.just([{"url": "http://x", "valueCode": "y"}])})
    beside = extension | TEXT.map(lambda text: {"id": text})
    if not element.repeats:
        shape = draw(st.sampled_from(["value", "beside", "both"]))
        body.update({form: draw(value)} if shape != "beside" else {})
        body.update({f"_{form}": draw(beside)} if shape != "value" else {})
        return
    pairs = draw(st.lists(st.tuples(st.none() | value, st.none() | beside), min_size=1, max_size=3))
    pairs = [pair for pair in pairs if pair != (None, None)]
    for key, column in ((form, [pair[0] for pair in pairs]), (f"_{form}", [pair[1] for pair in pairs])):
        if any(one is not None for one in column):
            body[key] = column


@st.composite
def resource(draw, facts, roots=ROOTS, depth=3):
    kind = draw(st.sampled_from(roots))
    return {"resourceType": kind, **draw(content(facts, kind, max(depth, 0)))}


def same(one, other):
    """Equal, and every number written alike."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    # A whole number is read as one, though it was a decimal.
    return isinstance(one, str) is isinstance(other, str) and str(one) == str(other)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_goes_out_as_xml_comes_back_the_same(facts, writer, reader, data):
    body = data.draw(resource(facts))
    marked = writer.dump(body)
    etree.fromstring(marked)
    assert same(reader.parse(marked), body)
    assert writer.dump(reader.parse(marked)) == marked


def test_every_digit_stays(writer, reader, observation):
    for text in ("1.50", "0.0", "-0", "12345678901234567890.12", "1E+2", "100"):
        observation["valueQuantity"] = {"value": parse(f'{{"n":{text}}}'.encode())["n"]}
        marked = writer.dump(observation)
        assert f'<value value="{text}"/>'.encode() in marked
        assert dump(reader.parse(marked)["valueQuantity"]) == f'{{"value":{text}}}'.encode()


def test_extensions_stand_on_their_own_primitive(writer, reader):
    given = [{"id": "g"}, None, {"extension": [{"url": "http://x", "valueDecimal": Decimal("2.0")}]}]
    patient = {
        "resourceType": "Patient",
        "_birthDate": {"extension": [{"url": "http://x", "valueCode": "unknown"}]},
        "name": [{"id": "n", "given": ["Ada", "M", None], "_given": given}],
    }
    marked = writer.dump(patient).decode()
    assert '<name id="n"><given value="Ada" id="g"/>' in marked
    assert '<given value="M"/><given><extension url="http://x"><valueDecimal value="2.0"/>' in marked
    assert '<birthDate><extension url="http://x"><valueCode value="unknown"/></extension></birthDate>' in marked
    assert same(reader.parse(marked.encode()), patient)


@pytest.mark.parametrize("name", ["patient", "observation", "consent"])
def test_it_is_what_the_models_write(writer, reader, request, name):
    """fhir.resources writes XML from models of its own; canonical forms are equal, and each reads the other's."""
    body = request.getfixturevalue(name)
    if "valueQuantity" in body:
        body["valueQuantity"]["value"] = Decimal("12.5")  # of 12 its models make 12.0
    model = get_fhir_model_class(body["resourceType"]).model_validate(body)
    theirs, ours = model.model_dump_xml(), writer.dump(body)
    one, other = (etree.tostring(etree.fromstring(text), method="c14n") for text in (theirs, ours))
    assert one == other
    assert reader.parse(theirs) == body


REFUSED = [
    b"",
    b"<Patient",
    b"\xff<Patient/>",
    b'<?xml version="1.0" encoding="UTF-16"?><Patient/>'.decode().encode("utf-16"),
    b"<Patient/>",
    b'<Patient xmlns="http://hl7.org/fhir" id="x"/>',
    b'<Nothing xmlns="http://hl7.org/fhir"/>',
    b'<HumanName xmlns="http://hl7.org/fhir"/>',
    b'<!DOCTYPE Patient><Patient xmlns="http://hl7.org/fhir"/>',
    b'<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;">]><Patient xmlns="http://hl7.org/fhir">&c;</Patient>',
]
INSIDE = [
    b"text",
    b"<active/>",
    b'<active value=""/>',
    b'<active value="yes"/>',
    b'<active value="true" other="x"/>',
    b'<active value="true">text</active>',
    b'<active value="true"/><active value="true"/>',
    b'<birthDate value="1990"/><active value="true"/>',
    b'<colour value="red"/>',
    b'<active xmlns="http://other" value="true"/>',
    b'<deceasedBoolean value="true"/><deceasedDateTime value="2020"/>',
    b"<name/>",
    b'<name url="x"/>',
    b'<name><family value="A"/>text</name>',
    b'<multipleBirthInteger value="1.0"/>',
    b'<multipleBirthInteger value=" 1"/>',
    b'<multipleBirthInteger value="+1"/>',
    b"<contained/>",
    b"<contained><Patient/><Patient/></contained>",
    b"<contained><Nothing/></contained>",
    b"<contained>text<Patient/></contained>",
    b'<text><status value="generated"/><div/></text>',
    b'<text><status value="generated"/><p xmlns="http://www.w3.org/1999/xhtml"/></text>',
    b'<text><div xmlns="http://www.w3.org/1999/xhtml"><x xmlns="http://other"/></div></text>',
    b"<contact>" * 101,
]


@pytest.mark.parametrize(
    "data", [*REFUSED, *(b'<Patient xmlns="http://hl7.org/fhir">%s</Patient>' % one for one in INSIDE)]
)
def test_what_r4_does_not_define_is_refused_and_never_dropped(reader, data):
    with pytest.raises(InvalidResource) as caught:
        reader.parse(data)
    (issue,) = caught.value.issues
    assert issue.code == "structure"
    assert issue.path


def test_nesting_has_an_end(reader):
    deep = b'<extension url="x">' * 120 + b"</extension>" * 120
    with pytest.raises(InvalidResource, match="deep"):
        reader.parse(b'<Patient xmlns="http://hl7.org/fhir">%s</Patient>' % deep)


def test_the_place_of_an_error_is_told(reader):
    data = b'<Patient xmlns="http://hl7.org/fhir"><name><given value="A"/><given value=""/></name></Patient>'
    with pytest.raises(InvalidResource) as caught:
        reader.parse(data)
    assert caught.value.issues[0].path == "Patient.name[0].given[1]"


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Nothing"},
        {"resourceType": "Patient", "colour": "red"},
        {"resourceType": "Patient", "name": [{"colour": "red"}]},
        {"resourceType": "Patient", "contained": [{"resourceType": "Nothing"}]},
        {"resourceType": "Patient", "text": {"div": "<div>&nbsp;</div>"}},
    ],
)
def test_what_has_no_place_in_xml_is_refused_and_never_left_out(writer, body):
    with pytest.raises(InvalidResource):
        writer.dump(body)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=60).map(lambda junk: b'<Patient xmlns="http://hl7.org/fhir">' + junk + b"</Patient>"))
def test_any_bytes_are_read_or_refused(reader, data):
    try:
        found = reader.parse(data)
    except InvalidResource:
        return
    assert found["resourceType"] == "Patient"
