"""The way into the store: completed, labelled last, checked, and stamped with names that tell nothing."""

from __future__ import annotations

import orjson
import pytest
import worlds

from adapter.errors import InvalidResource
from adapter.fhir.served import Parts, join
from adapter.services.keys import SiteKeys
from adapter.services.write import Facets, stamp

pytestmark = pytest.mark.anyio
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
FACETS = Facets(tier="detail", labels=((ACT, "MH"),), regime="hipaa", domain="mh", unit="Organization/jail-medical")
ENCOUNTER = {
    "resourceType": "Encounter",
    "status": "finished",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
}


@pytest.fixture(scope="module")
async def writer(tmp_path_factory):
    world = await worlds.open_site(tmp_path_factory.mktemp("write") / "site")
    yield world.services.ingest._lines["jail-roster"].assembly._writer
    await world.close()


def whole(write):
    _, head = stamp(SiteKeys(worlds.SECRET))(write, 0, 0)
    return orjson.loads(join(Parts(head=head, tail=write.tail)))


async def test_a_resource_gets_its_name_its_subject_and_its_labels(writer):
    body = {**ENCOUNTER, "id": "the-senders", "subject": {"reference": "Patient/the-senders"}, "meta": {"source": "x"}}
    made = whole(await writer.prepare(body, FACETS, ident="e1", patient="p1"))
    assert (made["id"], made["subject"]) == ("e1", {"reference": "Patient/p1"})
    assert list(made["meta"])[-1] == "security"
    assert made["meta"]["security"] == [{"system": ACT, "code": "MH"}]
    assert "source" not in made["meta"]


async def test_labels_of_the_body_stand_behind_those_of_the_record_without_repeats(writer):
    more = [{"system": ACT, "code": "MH"}, {"system": ACT, "code": "SUD"}]
    made = whole(await writer.prepare({**ENCOUNTER, "meta": {"security": more}}, FACETS, ident="e2", patient="p1"))
    assert [label["code"] for label in made["meta"]["security"]] == ["MH", "SUD"]


async def test_an_invalid_resource_is_refused_with_the_path_of_what_is_wrong(writer):
    with pytest.raises(InvalidResource) as caught:
        await writer.prepare({**ENCOUNTER, "status": "somewhere"}, FACETS, ident="e3", patient="p1")
    assert [issue.path for issue in caught.value.issues] == ["Encounter.status"]
    assert "somewhere" not in str(caught.value)


async def test_a_valid_content_is_checked_once(writer, monkeypatch):
    await writer.prepare(ENCOUNTER, FACETS, ident="e4", patient="p1")
    monkeypatch.setattr(writer, "_validator", None)
    again = await writer.prepare(ENCOUNTER, FACETS, ident="e4", patient="p1")
    assert again.id == "e4"
    with pytest.raises(AttributeError):
        await writer.prepare(ENCOUNTER, FACETS, ident="e5", patient="p1")


async def test_what_is_remembered_as_valid_does_not_grow_without_end(writer, monkeypatch):
    monkeypatch.setattr("adapter.services.write._REMEMBERED", 2)
    for count in range(5):
        await writer.prepare(ENCOUNTER, FACETS, ident=f"many{count}", patient="p1")
    assert len(writer._valid) <= 2


async def test_the_directory_is_about_nobody(writer):
    facets = Facets(tier="directory", labels=FACETS.labels, regime="justice", domain="", unit="")
    body = {"resourceType": "Organization", "active": True, "name": "Somewhere"}
    assert (await writer.prepare(body, facets, ident="o1", patient="")).patient == 0


async def test_versions_differ_by_content_and_instant_and_by_nothing_else(writer):
    build = stamp(SiteKeys(worlds.SECRET))
    one = await writer.prepare(ENCOUNTER, FACETS, ident="e6", patient="p1")
    other = await writer.prepare({**ENCOUNTER, "status": "planned"}, FACETS, ident="e6", patient="p1")
    at = 1_772_000_000_000_000
    first, head = build(one, at, 0)
    assert build(one, at, 0)[0] == first
    assert len({first, build(one, at + 1, 0)[0], build(one, at, 1)[0], build(other, at, 0)[0]}) == 4
    assert f'"versionId":"{first}","lastUpdated":"2026-02-25T06:13:20.000Z"'.encode() in head
