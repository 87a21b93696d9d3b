"""Searchsets joined from bytes are valid Bundles that hold those bytes."""

from __future__ import annotations

from adapter.errors import Issue
from adapter.fhir.bundle import searchset
from adapter.fhir.codec import dump, parse
from adapter.fhir.outcome import outcome

BASE = "https://gate.example/fhir"


def test_a_full_page(validator, patient, observation):
    first, second = dump(observation), dump(patient)
    notice = outcome([Issue(path="", code="informational", message="redisclosure is prohibited")], "information")
    data = searchset(
        total=7,
        links=[("self", f"{BASE}/Observation?code=a%7Cb"), ("next", f"{BASE}/Observation?_cursor=x")],
        entries=[(f"{BASE}/Observation/o1", first)],
        included=[(f"{BASE}/Patient/p1", second)],
        outcome=notice,
        timestamp="2026-03-02T08:00:00Z",
    )
    bundle = parse(data)
    assert validator.issues(bundle) == []
    assert (bundle["total"], bundle["timestamp"]) == (7, "2026-03-02T08:00:00Z")
    assert [link["relation"] for link in bundle["link"]] == ["self", "next"]
    assert [entry["search"]["mode"] for entry in bundle["entry"]] == ["match", "include", "outcome"]
    assert [dump(entry["resource"]) for entry in bundle["entry"]] == [first, second, notice]
    assert data.count(first) == 1


def test_an_empty_page_has_no_entry(validator):
    data = searchset(total=0, links=[("self", f"{BASE}/Patient")], entries=[])
    assert data == (
        b'{"resourceType":"Bundle","type":"searchset","total":0,'
        b'"link":[{"relation":"self","url":"https://gate.example/fhir/Patient"}]}'
    )
    assert validator.valid(parse(data))


def test_without_total_or_links():
    assert searchset(total=None, links=[], entries=[]) == b'{"resourceType":"Bundle","type":"searchset"}'


def test_addresses_are_escaped():
    bundle = parse(searchset(total=None, links=[], entries=[('https://x/"y"', b"{}")]))
    assert bundle["entry"][0]["fullUrl"] == 'https://x/"y"'
