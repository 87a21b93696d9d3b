"""Tokens, scopes, writers and subscribers: who asks, and how, tells and widens nothing."""

from __future__ import annotations

import httpx2
import orjson
import pytest
import registered_clients
import smart_clients as sc
import subscribers
import worlds
import writers
from leaks import entries, hidden_patient

from adapter.listening import ALERTS, MLLP
from adapter.subscription.hl7v2 import control_id

pytestmark = pytest.mark.anyio


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


def counts(text):
    """Samples but for how long answers took."""
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines if "answer_seconds" not in name}


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


CHANNELS = [
    {},
    {"channel": MLLP, "endpoint": "mllp://127.0.0.1:2575", "content": "full-resource"},
    {"channel": ALERTS, "endpoint": "folder:alerts", "content": "full-resource"},
]


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


async def test_a_population_search_needs_the_right(world):
    answer = await world.ask(("pretrial", "pretrial-release"), "/fhir/Observation?code=44261-6")
    assert answer.status_code == 403
    assert (await world.ask(("pretrial", "pretrial-release"), "/fhir/Patient?name=a")).status_code == 403
    assert (await world.ask(("cottonwood", "TREAT"), "/fhir/Observation?code=44261-6")).status_code == 200
