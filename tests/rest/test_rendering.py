"""The same answers as XML, errors included, and which of them are compressed."""

from __future__ import annotations

import gzip

import pytest

from adapter.assets import r4_facts
from adapter.errors import Unavailable
from adapter.fhir.codec import dump, parse
from adapter.fhir.facts import Facts
from adapter.fhir.xml_dump import XmlWriter
from adapter.fhir.xml_parse import XmlReader

pytestmark = pytest.mark.anyio
FACTS = Facts(r4_facts())
READ = XmlReader(FACTS).parse
XML = {"accept": "application/fhir+xml"}


async def both(client, url, **more):
    """The same answer as JSON and as XML, which say the same and differ in nothing else."""
    whole = {"accept-encoding": "identity"}
    plain = await client.get(url, headers=whole, **more)
    marked = await client.get(url, headers=XML | whole, **more)
    assert marked.headers["content-type"] == "application/fhir+xml"
    assert marked.status_code == plain.status_code
    assert READ(marked.content) == parse(plain.content)
    assert int(marked.headers["content-length"]) == len(marked.content)
    kept = ("etag", "last-modified", "cache-control", "x-content-type-options", "allow")
    assert [marked.headers.get(name) for name in kept] == [plain.headers.get(name) for name in kept]
    return marked


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/fhir/Patient/p1", 200),
        ("/fhir/Patient/absent", 404),
        ("/fhir/Observation?patient=p1&_count=1", 200),
        ("/fhir/Observation?patient=p1&_summary=count", 200),
        ("/fhir/Observation?patient=p1&oops=1", 400),
        ("/fhir/Nothing/x", 404),
        ("/fhir/metadata", 200),
        ("/fhir/Patient/$match", 405),
    ],
)
async def test_every_answer_has_its_xml(client, gate, url, status):
    gate.put("Patient", "p1")
    gate.put("Observation", "o1", "o2")
    assert (await both(client, url)).status_code == status


async def test_the_format_may_be_asked_for_in_the_url_and_in_the_form(client, gate):
    gate.put("Observation", "o1")
    got = await client.get("/fhir/Observation?patient=p1&_format=xml")
    posted = await client.post("/fhir/Observation/_search", data={"patient": "p1", "_format": "xml"})
    assert got.headers["content-type"] == posted.headers["content-type"] == "application/fhir+xml"
    assert READ(got.content) == READ(posted.content)
    refused = await client.post("/fhir/Observation/_search", data={"patient": "p1", "_format": "xml", "oops": "1"})
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/fhir+xml")
    assert READ(refused.content)["issue"][0]["expression"] == ["oops"]


async def test_an_error_without_a_token_and_a_defect_are_in_the_format_too(services, client, gate, client_of):
    async with client_of(services) as stranger:
        await both(stranger, "/fhir/Patient/p1")
    for failure in (Unavailable("a rule cannot be filled"), ZeroDivisionError()):
        gate.raises = failure
        await both(client, "/fhir/Patient/p1")


async def test_a_format_that_is_not_offered_is_refused_in_json(client):
    answer = await client.get("/fhir/Patient/p1?_format=ttl")
    assert (answer.status_code, answer.headers["content-type"]) == (406, "application/fhir+json")


async def test_head_tells_the_length_of_the_xml(client, gate):
    gate.put("Patient", "p1")
    head, got = await client.head("/fhir/Patient/p1", headers=XML), await client.get("/fhir/Patient/p1", headers=XML)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(got.content)))


async def test_a_large_page_is_the_same(client, gate):
    gate.put("Observation", *[f"o{number}" for number in range(200)])
    long = await both(client, "/fhir/Observation?patient=p1&_count=200&code=" + "x" * 9000)
    assert len(READ(long.content)["entry"]) == 201


def parameters(**values):
    named = [{"name": name.replace("_", "-"), "valueString": value} for name, value in values.items()]
    return {"resourceType": "Parameters", "parameter": named}


async def test_an_operation_takes_xml(services, client_of):
    async with client_of(services) as officer:
        officer.headers.update(await services.headers(rights=("privacy-officer",)))
        body = XmlWriter(FACTS).dump(parameters(request_id="r1"))
        sent = {"content-type": "application/fhir+xml; charset=utf-8"}
        answer = await officer.post("/fhir/$explain", content=body, headers=sent)
        assert answer.status_code == 404
        (question,) = services.explain.asked
        assert question.request == "r1"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<Parameters", 400),
        (b"{}", 400),
        (
            b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Parameters xmlns="http://hl7.org/fhir">&e;</Parameters>',
            400,
        ),
        (b"<" * 70_000, 413),
    ],
)
async def test_xml_that_cannot_be_read_is_refused(services, client_of, body, status):
    async with client_of(services) as officer:
        officer.headers.update(await services.headers(rights=("privacy-officer",)))
        sent = {"content-type": "application/fhir+xml"}
        answer = await officer.post("/fhir/$explain", content=body, headers=sent)
        assert answer.status_code == status
        assert b"passwd" not in answer.content
        assert services.explain.asked == []


async def test_a_body_is_not_read_for_whoever_may_not_send_it(services, client_of):
    async def never():
        raise AssertionError("the body was read")
        yield b""

    async with client_of(services) as stranger:
        sent = {"content-type": "application/fhir+xml"}
        assert (await stranger.post("/fhir/$explain", content=never(), headers=sent)).status_code == 401


async def test_only_what_says_nothing_of_anyone_is_compressed(client, gate):
    gate.put("Patient", "p1")
    squeezed = {"accept-encoding": "gzip"}
    for url in ("/fhir/Patient/p1", "/fhir/Patient/absent", "/fhir/Observation?patient=p1", "/fhir/Observation?x=1"):
        answer = await client.get(url, headers=squeezed)
        assert "content-encoding" not in answer.headers
        assert "vary" not in answer.headers
    async with client.stream("GET", "/fhir/metadata", headers=squeezed) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "accept, accept-encoding"
    plain = await client.get("/fhir/metadata", headers={"accept-encoding": "identity"})
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 3


@pytest.mark.parametrize(
    ("accepted", "given"),
    [
        ("gzip, br", True),
        ("*", True),
        ("br, gzip;q=0", False),
        ("*, gzip; q=0", False),
        ("identity", False),
        ("", False),
    ],
)
async def test_gzip_is_given_to_whoever_takes_it(client, accepted, given):
    answer = await client.get("/fhir/metadata", headers={"accept-encoding": accepted})
    assert ("content-encoding" in answer.headers) is given


def test_json_and_xml_of_a_decimal_say_the_same():
    observation = parse(b'{"resourceType":"Observation","status":"final","valueQuantity":{"value":1.50}}')
    assert dump(READ(XmlWriter(FACTS).dump(observation))) == dump(observation)
