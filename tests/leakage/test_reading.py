"""Reads and searches: totals, pages, ids, links, versions, errors and cursors tell nothing of what is withheld."""

from __future__ import annotations

import bulk_requests
import orjson
import pytest
import worlds
from leaks import entries

from adapter.store.shapes import TYPES

pytestmark = pytest.mark.anyio


async def test_totals_count_only_what_is_permitted(world, case):
    for suffix in ("", "&_summary=count", "&_count=0", "&_total=accurate", "&_count=1"):
        answer = await world.ask(case["caller"], f"/fhir/Observation?patient={case['patient']}{suffix}")
        assert orjson.loads(answer.content)["total"] == len(case["seen"])


async def test_pages_are_full_and_end_where_the_permitted_end(world, case):
    pages = await world.pages(case["caller"], f"/fhir/Observation?patient={case['patient']}&_count=1")
    assert [len(entries(page)) for page in pages] == [1] * len(case["seen"])
    assert {item["id"] for page in pages for item in entries(page)} == case["seen"]


async def test_denied_and_absent_reads_are_one_answer(world, case):
    hidden = await world.ask(case["caller"], f"/fhir/Observation/{min(case['hidden'])}")
    absent = await world.ask(case["caller"], "/fhir/Observation/absent")
    assert hidden.status_code == 404
    assert worlds.comparable(hidden) == worlds.comparable(absent)
    assert "etag" not in hidden.headers


async def test_a_search_for_the_hidden_is_empty_and_not_refused(world, case):
    answer = await world.ask(case["caller"], f"/fhir/Observation?_id={','.join(sorted(case['hidden']))}")
    bundle = orjson.loads(answer.content)
    assert (answer.status_code, bundle["total"], entries(answer)) == (200, 0, [])


async def test_get_and_post_search_are_one_entry_path(world, case):
    get = await world.ask(case["caller"], f"/fhir/Observation?patient={case['patient']}")
    post = await world.ask(
        case["caller"], "/fhir/Observation/_search", method="POST", form={"patient": case["patient"]}
    )
    assert entries(get) == entries(post)


async def test_how_to_reach_a_person_is_in_no_answer_to_a_partner_without_a_grant_of_it(world):
    held = world.rows("SELECT id, tail FROM resource WHERE type = 12")
    told = {one["value"].encode() for _, tail in held for one in orjson.loads(b"{" + tail[2:]).get("telecom", ())}
    assert told
    for caller in [one for one in worlds.CALLERS if not one[0].startswith("riverside")]:
        for url in ("/fhir/Patient", "/fhir/RelatedPerson", "/fhir/Patient?_revinclude=RelatedPerson:patient"):
            for (ident,) in world.rows(
                "SELECT p.id FROM resource r JOIN resource p ON p.rid = r.patient WHERE r.type = 12"
            )[:3]:
                name = "_id" if "/Patient" in url else "patient"
                answer = await world.ask(caller, f"{url}{'&' if '?' in url else '?'}{name}={ident}")
                assert not any(value in answer.content for value in told)
                assert b"RelatedPerson" not in answer.content.replace(url.encode(), b"")
    absent = await world.ask(("pretrial", "pretrial-release"), "/fhir/RelatedPerson/absent")
    hidden = await world.ask(("pretrial", "pretrial-release"), f"/fhir/RelatedPerson/{held[0][0]}")
    assert worlds.comparable(hidden) == worlds.comparable(absent)


async def test_a_share_of_a_consent_names_its_reader_and_no_other_partner(world):
    partners = {ident for (ident,) in world.rows("SELECT id FROM resource WHERE type = 8")}
    found = 0
    for caller in worlds.CALLERS:
        if caller[0] == "registry":
            continue  # it keeps the forms
        for (ident,) in world.rows("SELECT id FROM resource WHERE type = 1 ORDER BY rid LIMIT 120"):
            for share in await world.matches(caller, f"/fhir/Consent?patient={ident}"):
                text = orjson.dumps(share).decode()
                named = {partner for partner in partners if f'Organization/{partner}"' in text}
                assert named <= {caller[0], "registry", "riverside-otp"}
                assert "identifier/release" not in text
                found += 1
    assert found > 20


async def test_a_condition_on_a_hidden_resource_is_answered_as_on_an_absent_one(world, case):
    token = await world.token(*case["caller"])
    for kind in ("Encounter", "Observation", "Condition"):
        rows = world.rows("SELECT id, version FROM resource WHERE type = ? ORDER BY rid LIMIT 20", TYPES[kind])
        for ident, version in rows:
            answers = [
                await bulk_requests.get(world, token, f"/fhir/{kind}/{one}", if_none_match=tag)
                for one in (ident, "absent")
                for tag in (f'W/"{version}"', "*")
            ]
            if answers[0].status_code == 404:
                assert len({str(worlds.comparable(answer)) for answer in answers}) == 1


async def test_absent_withheld_and_malformed_ids_leave_the_same_kind_of_trace(world, case):
    entries = []
    for ident in (min(case["hidden"]), "absent", "not~an~id"):
        answer = await world.ask(case["caller"], f"/fhir/Observation/{ident}")
        assert answer.status_code == 404
        (entry,) = await world.services.ledger.of_request(answer.headers["x-request-id"])
        entries.append((entry.interaction, entry.passed, entry.client, answer.content))
    assert entries[0] == entries[1] == entries[2]


async def test_served_bytes_refer_to_nothing_but_their_patient(world, case):
    for item in entries(await world.ask(case["caller"], f"/fhir/Observation?patient={case['patient']}&_count=200")):
        text = orjson.dumps({key: value for key, value in item.items() if key != "subject"}).decode()
        assert '"reference"' not in text
        assert (
            not {
                "performer",
                "note",
                "text",
                "hasMember",
                "derivedFrom",
                "component",
                "identifier",
                "encounter",
            }
            & item.keys()
        )


async def test_a_patient_shows_no_number_that_serves_recognition_only(world, case):
    patient = orjson.loads((await world.ask(case["caller"], f"/fhir/Patient/{case['patient']}")).content)
    assert "us-ssn" not in orjson.dumps(patient).decode()
    assert not {"managingOrganization", "address", "telecom", "contact", "generalPractitioner"} & patient.keys()


async def test_patient_links_lead_to_visible_records_only(world):
    for caller in worlds.CALLERS:
        for (ident,) in world.rows("SELECT id FROM resource WHERE type = 1 ORDER BY rid LIMIT 60"):
            answer = await world.ask(caller, f"/fhir/Patient/{ident}")
            if answer.status_code == 200:
                for link in orjson.loads(answer.content).get("link", ()):
                    assert (await world.ask(caller, f"/fhir/{link['other']['reference']}")).status_code == 200


async def test_no_bundle_says_that_something_was_withheld(world, case):
    answer = await world.ask(case["caller"], f"/fhir/Observation?patient={case['patient']}")
    nothing = await world.ask(case["caller"], "/fhir/Observation?patient=absent")
    told = [entry["resource"] for entry in orjson.loads(nothing.content)["entry"]]
    assert [item["resourceType"] for item in told] == ["OperationOutcome"]
    (said,) = [
        entry["resource"] for entry in orjson.loads(answer.content)["entry"] if entry["search"]["mode"] == "outcome"
    ]
    assert said["issue"][0] == told[0]["issue"][0]
    assert "security" not in orjson.loads(answer.content).get("meta", {})


async def test_a_cursor_serves_only_whom_and_what_it_was_made_for(world, case):
    first = await world.ask(case["caller"], "/fhir/Observation?category=survey&_count=1")
    (url,) = [link["url"] for link in orjson.loads(first.content)["link"] if link["relation"] == "next"]
    local = "/fhir" + url.partition("/fhir")[2]
    assert (await world.ask(case["caller"], local)).status_code == 200
    assert (await world.ask(("riverside-main", "TREAT"), local)).status_code == 400
    assert (
        await world.ask(case["caller"], local.replace("category=survey", "category=social-history"))
    ).status_code == 400


async def test_every_answer_forbids_caching_and_is_in_the_ledger(world, case):
    for url in (
        f"/fhir/Patient/{case['patient']}",
        "/fhir/Patient/absent",
        "/fhir/Observation?patient=absent",
    ):
        answer = await world.ask(case["caller"], url)
        assert answer.headers["cache-control"] == "no-store"
        (entry,) = await world.services.ledger.of_request(answer.headers["x-request-id"])
        assert bool(entry.passed) == (answer.status_code == 200 and "absent" not in url)
    assert await world.services.ledger.verify() > 0


async def test_errors_repeat_nothing_of_the_question(world, case):
    for url in (
        "/fhir/Observation?patient=secret-name&date=secret-date",
        "/fhir/Observation?secret-param=1",
        "/fhir/Observation/secret-id",
    ):
        answer = await world.ask(case["caller"], url)
        assert b"secret-name" not in answer.content
        assert b"secret-date" not in answer.content
        assert b"secret-id" not in answer.content
