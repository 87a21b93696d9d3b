"""One row per channel of leakage: for each way an answer could show what is withheld, that it does not."""

from __future__ import annotations

import re

import asserting
import bulk_requests
import httpx2
import leaks
import orjson
import pytest
import registered_clients
import smart_clients as sc
import subscribers
import worlds
import writers
from leaks import entries

from adapter.listening import ALERTS, MLLP
from adapter.services.page import markdown
from adapter.store.shapes import TYPE_NAMES, TYPES
from adapter.subscription.hl7v2 import control_id

pytestmark = pytest.mark.anyio
"""Channels after Sallyport's own threat list; see docs/explanation/consent.md."""


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


def registered(folder):
    """Clients, one that writes, and where Cottonwood listens."""
    registered_clients.register_all(folder, chart_writer=sc.spec(scopes=["system/*.cruds"]))
    feed = "feed: chart-writer\ntitle: t\nconnector: fhir.rest\nclient: chart-writer\norganization: cottonwood\n"
    units = "units: {cottonwood: {organization: cottonwood, regime: hipaa}}\n"
    (folder / "feeds" / "chart_writer.yaml").write_text(feed + units)
    subscribers.register_endpoints(folder, ENDPOINTS)


ENDPOINTS = {
    "chart": {"channel": MLLP, "address": "mllp://127.0.0.1:2575", "application": "CHART"},
    "alerts": {"channel": ALERTS, "folder": ".", "jackets": "https://alder-jail.example/person"},
}
CHANNELS = [
    {},
    {"channel": MLLP, "endpoint": "mllp://127.0.0.1:2575", "content": "full-resource"},
    {"channel": ALERTS, "endpoint": "folder:alerts", "content": "full-resource"},
]


@pytest.fixture(scope="module")
async def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leaks")
    made = await worlds.open_site(folder / "site", adjust=registered)
    await worlds.ingest_all(made, worlds.extracts(folder / "extracts", people=90, seed=7))
    yield made
    await made.close()


@pytest.fixture(scope="module")
async def case(world):
    """A patient of whom cottonwood sees some summaries and not others, with both kinds at hand."""
    return await leaks.partly_seen(world, ("cottonwood", "TREAT"))


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


@pytest.mark.parametrize(
    "tail", ["/_history", "/_history?_count=0", "/_history/1", "/_history/{version}", "/$everything"]
)
async def test_other_ways_to_a_resource_lead_nowhere_either(world, case, tail):
    ((version,),) = world.rows("SELECT version FROM resource WHERE type = 3 AND id = ?", min(case["hidden"]))
    tail = tail.format(version=version)
    hidden = await world.ask(case["caller"], f"/fhir/Observation/{min(case['hidden'])}{tail}")
    absent = await world.ask(case["caller"], f"/fhir/Observation/absent{tail}")
    assert hidden.status_code == 404
    assert worlds.comparable(hidden) == worlds.comparable(absent)
    patient = hidden_patient(world, case)
    hidden, absent = [await world.ask(case["caller"], f"/fhir/Patient/{one}{tail}") for one in (patient, "absent")]
    assert hidden.status_code == 404
    assert worlds.comparable(hidden) == worlds.comparable(absent)


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


async def test_everything_of_a_person_holds_nothing_hidden_and_counts_none(world, case):
    pages = await world.pages(case["caller"], f"/fhir/Patient/{case['patient']}/$everything?_count=2")
    found = [item for page in pages for item in entries(page)]
    assert {item["id"] for item in found if item["resourceType"] == "Observation"} == case["seen"]
    assert {orjson.loads(page.content)["total"] for page in pages} == {len(found)}
    assert [len(entries(page)) for page in pages[:-1]] == [2] * (len(pages) - 1)
    for item in found:
        assert (await world.ask(case["caller"], f"/fhir/{item['resourceType']}/{item['id']}")).status_code == 200


async def test_an_export_holds_nothing_hidden_and_its_manifest_tells_of_nothing_hidden(world, case):
    token = await world.token(*case["caller"])
    found = await bulk_requests.export(world, token)
    names = bulk_requests.ids(found)
    assert case["seen"] <= {name.partition("/")[2] for name in names}
    assert not {f"Observation/{ident}" for ident in case["hidden"]} & names
    for name in sorted(names):
        assert (await world.ask(case["caller"], f"/fhir/{name}")).status_code == 200
    rows = world.rows("SELECT type, id FROM resource")
    for kind, ident in rows:
        if f"{TYPE_NAMES[kind]}/{ident}" not in names:
            assert (await world.ask(case["caller"], f"/fhir/{TYPE_NAMES[kind]}/{ident}")).status_code == 404
    assert all(found.values())


async def test_a_group_of_hidden_and_absent_people_holds_nobody(world, case):
    token = await world.token(*case["caller"])
    for members in ([hidden_patient(world, case)], ["absent"], [hidden_patient(world, case), "absent"]):
        entities = [{"entity": {"reference": f"Patient/{one}"}} for one in members]
        document = {"resourceType": "Group", "type": "person", "actual": True, "member": entities}
        made = await bulk_requests.get(world, token, "/fhir/Group", "POST", document)
        assert "member" not in made.json()
        told = await bulk_requests.manifest(
            world,
            token,
            await bulk_requests.kick_off(
                world, token, f"/fhir/Group/{made.json()['id']}/$export?_type=Patient,Observation"
            ),
        )
        assert told["output"] == []


async def test_a_list_of_hidden_seen_and_unknown_people_is_answered_and_followed_alike(world, case):
    """The upload tells nothing of anybody, and hidden people stay off what is read back and off what is followed."""
    token = await world.token(*case["caller"])
    rows = world.rows("SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 1 ORDER BY rid")
    named = [one for one in (orjson.loads(body) for (body,) in rows) if one.get("birthDate") and one.get("name")]
    readable = {
        one["id"]: (await world.ask(case["caller"], f"/fhir/Patient/{one['id']}")).json().get("birthDate")
        for one in named
    }
    people = [
        (one["name"][0]["family"], one["name"][0]["given"][0], one["birthDate"])
        for one in named
        if "given" in one["name"][0]
    ]
    seen = [one for one in named if readable[one["id"]]]
    assert seen
    assert len(seen) < len(named)
    head = "family,given,birth_date\r\n"
    answers = [
        await bulk_requests.upload(world, token, f"{head}{','.join(row)}\r\n")
        for row in [*people[:20], ("Nemo", "Nora", "1980-01-01")]
    ]
    every = head + "".join(",".join(row) + "\r\n" for row in people)
    whole = (await bulk_requests.upload(world, token, every)).json()
    assert {(one.status_code, len(one.content), one.json()["rows"]) for one in answers} == {
        (201, len(answers[0].content), 1)
    }
    read = (await world.ask(case["caller"], f"/fhir/{whole['group']}")).json()
    told = {one["entity"]["reference"].removeprefix("Patient/") for one in read["member"]}
    assert {one["id"] for one in seen if "given" in one["name"][0]} <= told
    for ident in told:
        assert (await world.ask(case["caller"], f"/fhir/Patient/{ident}")).status_code == 200


@pytest.mark.parametrize("query", ["", "?mode=delete", "?mode=update"])
async def test_a_check_of_a_hidden_resource_answers_as_of_an_absent_one(world, case, query):
    body = {"resourceType": "Observation"} if "update" in query else None
    hidden, absent = [
        await world.ask(case["caller"], f"/fhir/Observation/{ident}/$validate{query}", method="POST", document=body)
        for ident in (min(case["hidden"]), "absent")
    ]
    assert hidden.status_code == 404
    assert worlds.comparable(hidden) == worlds.comparable(absent)
    seen = await world.ask(case["caller"], f"/fhir/Observation/{min(case['seen'])}/$validate", method="POST")
    assert (seen.status_code, orjson.loads(seen.content)["issue"][0]["code"]) == (200, "informational")


async def test_a_check_looks_up_no_reference(world, case):
    told = {"resourceType": "Encounter", "status": "finished", "class": {"code": "IMP"}}
    answers = [
        await world.ask(
            case["caller"],
            "/fhir/Encounter/$validate",
            method="POST",
            document={
                **told,
                "partOf": {"reference": f"Encounter/{ident}"},
                "subject": {"reference": f"Patient/{ident}"},
            },
        )
        for ident in (min(case["hidden"]), case["patient"], "absent")
    ]
    assert len({str(worlds.comparable(answer)) for answer in answers}) == 1


async def test_the_reasons_of_an_answer_are_for_privacy_officers_only(world, case):
    hidden = await world.ask(case["caller"], f"/fhir/Observation/{min(case['hidden'])}")
    shown = await world.ask(case["caller"], f"/fhir/Observation/{min(case['seen'])}")
    recipient, purpose = case["caller"]
    answers = [
        await world.why(case["caller"], request_id=hidden.headers["x-request-id"]),
        await world.why(case["caller"], request_id=shown.headers["x-request-id"]),
        await world.why(case["caller"], request_id="absent"),
        await world.why(case["caller"], recipient=recipient, purpose=purpose, resource="Observation/absent"),
        await world.why(case["caller"], recipient=recipient, purpose=purpose, resource=f"Patient/{case['patient']}"),
        await world.why(case["caller"], nothing="known"),
    ]
    answers += [
        await world.why(case["caller"], recipient=recipient, purpose=purpose, resource=f"Observation/{ident}")
        for ident in sorted(case["hidden"] | case["seen"])
    ]
    assert {one.status_code for one in answers} == {403}
    assert len({str(worlds.comparable(one)) for one in answers}) == 1
    (entry,) = await world.services.ledger.of_request(answers[0].headers["x-request-id"])
    assert (entry.interaction, entry.target, entry.outcome) == ("$explain", "", "403 forbidden")


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


async def test_a_match_finds_no_patient_that_a_search_does_not(world):
    """Whoever is described exactly as a hidden record says is as unknown as somebody who does not exist."""
    caller = ("cottonwood", "TREAT")
    nobody = {"resourceType": "Patient", "name": [{"family": "Nobody", "given": ["Here"]}], "birthDate": "1971-01-02"}
    absent = await matched(world, caller, nobody)
    hidden = seen = 0
    for (body,) in world.rows("SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 1 ORDER BY rid"):
        person = orjson.loads(body)
        if "birthDate" not in person or "name" not in person:
            continue
        told = {key: person[key] for key in ("resourceType", "name", "birthDate")}
        answer = await matched(world, caller, told)
        for entry in orjson.loads(answer.content).get("entry", ()):
            seen += 1
            assert (await world.ask(caller, f"/fhir/Patient/{entry['resource']['id']}")).status_code == 200
        if orjson.loads(answer.content)["total"] == 0:
            hidden += 1
            assert worlds.comparable(answer) == worlds.comparable(absent)
    assert hidden > 20
    assert seen > 20


async def test_a_match_tells_nothing_by_a_number_that_is_never_served(world):
    """Neither the right number nor a wrong one changes an answer: recognition is not an oracle."""
    caller = ("cottonwood", "TREAT")
    for (body,) in world.rows("SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 1 LIMIT 20"):
        person = orjson.loads(body)
        if "birthDate" not in person or "name" not in person:
            continue
        told = {key: person[key] for key in ("resourceType", "name", "birthDate")}
        system = "http://hl7.org/fhir/sid/us-ssn"
        numbered = {**told, "identifier": [{"system": system, "value": "433275914"}]}
        one, other = await matched(world, caller, told), await matched(world, caller, numbered)
        assert worlds.comparable(one) == worlds.comparable(other)


async def matched(world, caller, person):
    document = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": person}]}
    return await world.ask(caller, "/fhir/Patient/$match", method="POST", document=document)


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


async def test_a_population_search_needs_the_right(world):
    answer = await world.ask(("pretrial", "pretrial-release"), "/fhir/Observation?code=44261-6")
    assert answer.status_code == 403
    assert (await world.ask(("pretrial", "pretrial-release"), "/fhir/Patient?name=a")).status_code == 403
    assert (await world.ask(("cottonwood", "TREAT"), "/fhir/Observation?code=44261-6")).status_code == 200


async def test_a_header_or_parameter_never_widens(world, case):
    token = await world.token("pretrial", "pretrial-release")
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        for purpose, status in (("pretrial-release", {200, 404}), ("TREAT", {403}), ("BTG", {403})):
            headers = {
                "Authorization": f"Bearer {token}",
                "X-Purpose-Of-Use": purpose,
                "X-Organisation": "cottonwood",
            }
            answer = await client.get(f"/fhir/Patient/{case['patient']}", headers=headers)
            assert answer.status_code in status


async def test_a_token_request_tells_nothing_of_clients_users_or_purposes(world):
    """Whoever cannot prove a client hears one thing, and a client whose request is not allowed hears another."""
    strange = [
        await registered_clients.ask_token(world, key, client)
        for client in ("clinic-chart", "nobody", "county-gateway", "")
        for key in (sc.OTHER_KEY, sc.RSA_KEY)
        if (client, key.kid) not in {("clinic-chart", "rsa-1"), ("county-gateway", "ec-1")}
    ]
    assert {one.status_code for one in strange} == {401}
    assert len({repr(worlds.comparable(one)) for one in strange}) == 1
    unlike = [
        sc.b2b("cottonwood", ["TREAT"], "c.reyes"),
        sc.b2b("cottonwood", ["TREAT"], "nobody-at-all"),
        sc.b2b("police", ["diversion"], "nobody-at-all"),
        sc.b2b("police", ["diversion"]),
        sc.b2b("cottonwood", ["BTG"]),
        sc.b2b("cottonwood", ["discharge-planning"]),
        sc.b2b("registry", ["TREAT"]),
        sc.b2b("absent", ["TREAT"]),
    ]
    refused = [await registered_clients.ask_token(world, sc.EC_KEY, "clinic-chart", **one) for one in unlike]
    assert {one.status_code for one in refused} == {400}
    assert len({repr(worlds.comparable(one)) for one in refused}) == 1


async def test_a_token_of_others_is_as_inactive_as_none(world):
    own, other = [
        (await registered_clients.ask_token(world, sc.EC_KEY, client)).json()["access_token"]
        for client in ("clinic-chart", "jail-chart")
    ]
    by_hand = await world.token("cottonwood", "TREAT")
    answers = [
        await registered_clients.about(world, "introspect", own, one) for one in (other, by_hand, "absent", "x" * 9000)
    ]
    assert len({repr(worlds.comparable(one)) for one in answers}) == 1
    assert answers[0].json() == {"active": False}
    answers = [await registered_clients.about(world, "revoke", own, one) for one in (other, by_hand, "absent")]
    assert len({repr(worlds.comparable(one)) for one in answers}) == 1
    assert (await registered_clients.about(world, "introspect", other, other)).json()["active"] is True
    assert (await world.ask(("cottonwood", "TREAT"), "/fhir/Organization/cottonwood")).status_code == 200


async def test_what_a_scope_leaves_out_is_as_absent(world, case):
    """A narrowed token: the same answers as if what it does not cover did not exist, and totals of what it covers."""
    scope = f"system/Observation.rs?category={registered_clients.CATEGORY}|imaging system/Patient.rs"
    token = (await registered_clients.ask_token(world, sc.EC_KEY, "clinic-chart", scope=scope)).json()["access_token"]
    for ident in sorted(case["seen"]):
        left_out = await registered_clients.get(world, token, f"/fhir/Observation/{ident}")
        absent = await registered_clients.get(world, token, "/fhir/Observation/absent")
        assert worlds.comparable(left_out) == worlds.comparable(absent)
    for query in (f"patient={case['patient']}", f"_id={min(case['seen'])}", "code=44261-6", "category=survey&_count=1"):
        answer = await registered_clients.get(world, token, f"/fhir/Observation?{query}")
        assert (answer.status_code, orjson.loads(answer.content)["total"], entries(answer)) == (200, 0, [])
    whole = await registered_clients.get(world, token, f"/fhir/Patient/{case['patient']}")
    assert whole.content == (await world.ask(case["caller"], f"/fhir/Patient/{case['patient']}")).content


async def test_a_type_out_of_scope_is_refused_alike_whatever_exists(world, case):
    token = (await registered_clients.ask_token(world, sc.EC_KEY, "clinic-chart", scope="system/Patient.r")).json()[
        "access_token"
    ]
    urls = [f"/fhir/Observation/{one}" for one in (min(case["seen"]), min(case["hidden"]), "absent")]
    urls += [f"/fhir/Observation?patient={one}" for one in (case["patient"], "absent")]
    urls += [f"/fhir/Patient?_id={case['patient']}", "/fhir/Patient?_id=absent"]
    answers = [await registered_clients.get(world, token, url) for url in urls]
    assert len({repr(worlds.comparable(one)) for one in answers}) == 1
    assert answers[0].status_code == 403
    assert answers[0].headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
    for one in answers:
        (entry,) = await world.services.ledger.of_request(one.headers["x-request-id"])
        assert (entry.passed, entry.outcome) == ([], "403 scope")


async def test_asserting_a_basis_confirms_nobody(world, case):
    """Whoever guesses ids, or describes people, learns nothing: neither from the answer nor from how it repeats."""
    known, hidden = case["patient"], hidden_patient(world, case)
    for caller, basis, status in ((case["caller"], "K", 403), (("pretrial", "pretrial-release"), "E", 403)):
        answers = [await asserting.post(world, caller, asserting.body(one, basis=basis)) for one in (known, "absent")]
        assert [answer.status_code for answer in answers] == [status] * 2
        assert worlds.comparable(answers[0]) == worlds.comparable(answers[1])
    caller = ("jail-medical", "TREAT")
    for number, changed in enumerate(({}, {"facts": {}}, {"classes": ("everything",)})):
        sent = [asserting.body(one, request=f"{number}-{one}", **changed) for one in (known, hidden, "absent")]
        answers = [await asserting.post(world, caller, one) for one in sent for _ in range(2)]
        assert len({repr(worlds.comparable(answer)) for answer in answers}) == 1
    people = [
        {"resourceType": "Patient", "birthDate": born, "identifier": [{"system": "x", "value": "1"}]}
        for born in ("1980-04-02", "1911-01-01")
    ]
    answers = [await asserting.post(world, caller, asserting.body(person=one)) for one in people]
    assert worlds.comparable(answers[0]) == worlds.comparable(answers[1])


async def test_who_asserts_an_emergency_sees_only_what_it_permits(world, case):
    """A Patient that is not there is not there afterwards either, and others see what they saw."""
    other = ("defender", "diversion")
    before = await world.ask(other, f"/fhir/Observation?patient={case['patient']}")
    caller = ("cottonwood", "TREAT")
    for patient in (hidden_patient(world, case), "absent"):
        assert (await asserting.post(world, caller, asserting.body(patient))).status_code == 202
    assert (await world.ask(caller, "/fhir/Patient/absent")).status_code == 404
    assert worlds.comparable(await world.ask(other, f"/fhir/Observation?patient={case['patient']}")) == (
        worlds.comparable(before)
    )


async def test_audit_events_do_not_exist_but_for_privacy_officers(world, case):
    """Whatever is held, seen or hidden: the answer is that of a type that is not offered."""
    nowhere = worlds.comparable(await world.ask(case["caller"], "/fhir/Medication"))
    tails = ["", f"?patient={case['patient']}", "?patient=absent", f"?entity=Observation/{min(case['hidden'])}"]
    for tail in (*tails, "/absent", "/" + "ab" * 32):
        assert worlds.comparable(await world.ask(case["caller"], f"/fhir/AuditEvent{tail}")) == nowhere


async def test_an_accounting_tells_that_somebody_asked_and_never_what_is_held(world, case):
    """A look-up that met something hidden reads as one that met nothing, in everything the person is given."""
    for ident in (min(case["hidden"]), min(case["seen"])):
        await world.ask(("harbor-house", "TREAT"), f"/fhir/Observation/{ident}")
    await world.ask(("harbor-house", "TREAT"), f"/fhir/Observation?patient={case['patient']}")
    account = await world.services.accounting.of(case["patient"], since=0, until=world.clock.now + 1)
    asked = [one for one in account.asked if one.recipient == "Organization/harbor-house"]
    assert [one.result for one in asked] == ["nothing"] * 3
    page, zone = world.services.account_page, world.services.zone
    told = [markdown(page.blocks(account, zone)), page.rows(account)]
    told.append(orjson.dumps(list(world.services.audit.events(account, officer=False))).decode())
    bodies = [bytes(tail).decode() for (tail,) in world.rows("SELECT tail FROM resource WHERE type = 3")]
    values = {text for body in bodies for text in re.findall(r'"(?:text|display|valueString)":"([^"]{9,})"', body)}
    values -= set(world.services.site.partners)  # who asked is told
    assert values
    assert not [value for value in values for text in told if value in text]
    assert not any(ident in text for ident in case["hidden"] for text in told[:2])


async def test_metrics_count_a_hidden_an_absent_and_an_empty_answer_alike(world, case):
    """Whoever reads them before and after a question learns that it was asked, and nothing of what is held."""
    changes = []
    hidden = min(case["hidden"])
    for url in ("Observation/absent", f"Observation/{hidden}", "Patient?_id=absent", f"Observation?_id={hidden}"):
        before = counts(await world.services.metrics())
        await world.ask(case["caller"], f"/fhir/{url}")
        after = counts(await world.services.metrics())
        changes.append({name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name)})
    assert changes[0] == changes[1]
    assert sorted(changes[2].values()) == sorted(changes[3].values())
    text = await world.services.metrics()
    assert case["patient"] not in text
    assert hidden not in text
    assert not [feed for feed in world.services.site.feeds if feed in text]


async def test_a_write_finds_nothing_of_others_not_even_what_may_be_read(world, case):
    """An id, a number and a reference that lead to somebody else's record lead to nothing, hidden or seen alike."""
    mine = {"client": "chart-writer"}
    for ident in (min(case["hidden"]), min(case["seen"]), "absent"):
        answers = [
            await writers.send(world, "DELETE", f"/Observation/{ident}", **mine),
            await writers.send(world, "PUT", f"/Observation/{ident}", writers.phq9("x") | {"id": ident}, **mine),
            await writers.send(world, "POST", "/Observation", writers.phq9(case["patient"]), **mine),
            await writers.send(world, "PUT", f"/Observation?patient={case['patient']}", writers.phq9("x"), **mine),
        ]
        assert [one.status_code for one in answers] == [404, 404, 422, 422]
        assert not any(ident.encode() in one.content for one in answers if ident != "absent")


async def test_what_a_writer_alone_sees_is_found_by_no_search_of_others(world):
    mine = {"client": "chart-writer"}
    answer = await writers.send(world, "POST", "/Patient", writers.patient("leak"), **mine)
    subject = answer.json()["id"]
    encounter = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": f"Patient/{subject}"},
        "location": [{"location": {"display": "a hidden place"}}],
    }
    assert (await writers.send(world, "POST", "/Encounter", encounter, **mine)).status_code == 201
    for caller in worlds.CALLERS:
        if caller[0] == "cottonwood":
            continue
        for url in (
            f"/fhir/Patient?_id={subject}",
            f"/fhir/Encounter?patient={subject}",
            "/fhir/Patient?family=Quillan",
        ):
            found = await world.ask(caller, url + ("&birthdate=1984-03-09" if "family" in url else ""))
            assert found.status_code == 200
            assert subject not in found.text.replace(f"_id={subject}", "").replace(f"patient={subject}", "")


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda one: one.get("channel", "rest-hook"))
async def test_a_subscription_names_hidden_and_absent_people_alike(world, case, channel):
    """Asked for, told of, its status and its events: nothing tells somebody who is hidden from nobody at all."""
    receiver = subscribers.attach(world)
    got = []
    for number, patient in enumerate((hidden_patient(world, case), "0" * 32)):
        asked = subscribers.subscription(filters=[f"Observation?patient={patient}"], **channel)
        made = await subscribers.send(world, case["caller"], "POST", "/fhir/Subscription", asked)
        assert made.status_code == 201
        await subscribers.settle(world)
        ident = made.json()["id"]
        urls = [f"/fhir/Subscription/{ident}{tail}" for tail in ("", "/$status", "/$events")]
        answers = [made, *[await world.ask(case["caller"], url) for url in urls]]
        got.append([repr(worlds.comparable(one)).replace(ident, "s").replace(patient, "p") for one in answers])
        got[-1] += [one.body.decode().replace(ident, "s").replace(control_id(ident, ""), "s-") for one in receiver.got]
        receiver.got.clear()
        assert (await world.ask(case["caller"], f"/fhir/Subscription?_id={ident}")).json()["total"] == 1
        deleted = await subscribers.send(world, case["caller"], "DELETE", f"/fhir/Subscription/{ident}")
        assert (number, deleted.status_code) == (number, 204)
    assert got[0] == got[1]


def counts(text):
    """Samples but for how long answers took."""
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines if "answer_seconds" not in name}


def hidden_patient(world, case):
    """A Patient of whom the caller sees nothing."""
    seen = set(case["seen"])
    for (ident,) in world.rows("SELECT id FROM resource WHERE type = 1 ORDER BY rid"):
        own = {
            row[0]
            for row in world.rows(
                "SELECT o.id FROM resource o JOIN resource p ON p.rid = o.patient WHERE p.id = ? AND o.type = 3", ident
            )
        }
        if own and not own & seen:
            return ident
    raise AssertionError("everyone is seen; choose another seed")
