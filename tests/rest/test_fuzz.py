"""No request makes the face fail, and no refusal repeats what it was sent."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.rest.app import application

pytestmark = pytest.mark.anyio

KINDS = st.sampled_from(["Patient", "Observation", "Condition", "Medication", "metadata", "", "..", "$match"])
NAMES = st.sampled_from(
    [
        *("patient", "_id", "code", "date", "name", "birthdate", "identifier", "status:not", "x", ""),
        *("_count", "_sort", "_cursor", "_format", "_summary", "_elements", "_total", "mode"),
        "subject:Patient.name",
    ]
)
VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(["p1", "Patient/p1", "ge2026-01", "2026-02-30", "sys|code", "|", "-1", "1e9", ",", "\\,", "json"]),
)
QUERIES = st.one_of(
    st.binary(max_size=40),
    st.lists(st.tuples(NAMES, VALUES), max_size=5).map(
        lambda pairs: "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs).encode()
    ),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                b"accept",
                b"authorization",
                b"x-purpose-of-use",
                b"content-type",
                b"content-length",
                b"if-none-match",
            ]
        ),
        st.one_of(
            st.binary(max_size=20),
            st.sampled_from([b"*/*", b"application/x-www-form-urlencoded", b"TREAT", b"Bearer x", b"99999999"]),
        ),
    ),
    max_size=3,
)
MARK = "zqxmark"


@pytest.fixture
def app(services):
    return application(services)


async def _ask(app, *, method, path, query=b"", headers=(), body=b""):
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": query,
        "headers": list(headers),
    }
    await app(scope, receive, send)
    start, *parts = sent
    return start["status"], dict(start["headers"]), b"".join(part.get("body", b"") for part in parts)


async def _credentials(services):
    headers = await services.headers(rights=("population-search",))
    return (b"authorization", headers["authorization"].encode())


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "QUERY"]),
    kind=KINDS,
    tail=st.one_of(
        st.sampled_from(["", "/_search", "/p1", "/$export"]),
        st.sampled_from(["/p1/_history", "/p1/_history/v-p1", "/p1/$everything", "/p1/$export"]),
        st.text(max_size=8).map(lambda text: "/" + text),
        st.text(max_size=8).map(lambda text: "/p1/_history/" + text),
    ),
    query=QUERIES,
    headers=HEADERS,
    body=QUERIES,
    known=st.booleans(),
)
async def test_no_request_is_a_500(app, services, gate, method, kind, tail, query, headers, body, known):
    gate.put("Patient", "p1")
    if known:
        headers = [*headers, await _credentials(services)]
    status, said, content = await _ask(
        app,
        method=method,
        path=f"/fhir/{kind}{tail}",
        query=query,
        headers=headers,
        body=body,
    )
    assert status in {200, 202, 304, 400, 401, 403, 404, 405, 406, 413, 414, 415}
    assert said[b"cache-control"] == b"no-store"
    assert b"x-request-id" in said
    if method != "HEAD" and status not in {202, 304}:
        assert json.loads(content)["resourceType"] in {
            "OperationOutcome",
            "Bundle",
            "CapabilityStatement",
            "Patient",
        }


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    path=st.sampled_from(
        [
            f"/fhir/Patient/{MARK}",
            f"/fhir/{MARK}",
            f"/fhir/{MARK}/p1",
            f"/fhir/Patient/p1/{MARK}",
            f"/fhir/Patient/p1/_history/{MARK}",
            f"/fhir/Patient/{MARK}/_history",
            f"/fhir/Patient/{MARK}/$everything",
            f"/fhir/Group/{MARK}",
            f"/fhir/Group/{MARK}/$export",
            f"/fhir/exports/{MARK}",
            f"/fhir/exports/{MARK}/0.ndjson",
            f"/fhir/Patient/{MARK}~",
            f"/fhir/Observation/_search/{MARK}",
            f"/fhir/metadata/{MARK}",
            f"/{MARK}",
            f"/health/{MARK}",
        ]
    ),
    name=NAMES,
    known=st.booleans(),
)
async def test_no_refusal_repeats_the_path_or_a_value(app, services, method, path, name, known):
    headers = [(b"accept", f"*/*, text/{MARK}".encode()), (b"x-request-id", MARK.encode())]
    if known:
        headers.append(await _credentials(services))
    status, said, content = await _ask(
        app,
        method=method,
        path=path,
        query=f"{quote(name)}={MARK}".encode(),
        headers=headers,
    )
    assert 400 <= status < 500
    assert MARK.encode() not in content
    assert MARK.encode() not in b"".join(said.values())


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["Patient", "Observation", "Encounter", "Consent", "Condition", "Organization"]),
    name=NAMES,
    shape=st.sampled_from(["{}", "ge{}", "{}|{}", "|{}", "Patient/{}", "{},{}", "-{}", "2026-{}", "http://h/{}"]),
)
async def test_a_value_that_is_refused_is_not_repeated(app, services, kind, name, shape):
    status, _, content = await _ask(
        app,
        method="GET",
        path=f"/fhir/{kind}",
        query=f"{quote(name)}={quote(shape.replace('{}', MARK))}".encode(),
        headers=[await _credentials(services)],
    )
    assert status in {200, 400, 406}
    assert status == 200 or MARK.encode() not in content
