"""From a key to an answer, as a client lives it."""

from __future__ import annotations

import anyio
import orjson
import pytest
import registered_clients as rc
import smart_clients as sc
import worlds

from adapter.store.clients import ClientEvent

ENDPOINTS = {"token": "token", "introspect": "introspection", "revoke": "revocation"}
pytestmark = pytest.mark.anyio


async def token_of(world, client="clinic-chart", key=sc.EC_KEY, **more):
    answer = await rc.ask_token(world, key, client, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


async def ledgered(world, answer):
    (entry,) = await world.services.ledger.of_request(answer.headers["x-request-id"])
    return entry


@pytest.mark.parametrize("key", [sc.EC_KEY, sc.RSA_KEY])
async def test_a_proven_client_is_given_a_short_lived_token(world, key):
    answer = await rc.ask_token(world, key, "clinic-chart")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("bearer", 300)
    assert body["scope"] == "system/Observation.rs system/Organization.rs system/Patient.rs"
    entry = await ledgered(world, answer)
    assert (entry.interaction, entry.client, entry.target, entry.outcome) == ("token", "clinic-chart", "", "")
    assert (await rc.get(world, body["access_token"], "/fhir/Organization/cottonwood")).status_code == 200
    stored = b"".join(bytes(row[0]) for row in world.rows("SELECT digest FROM token_grant"))
    assert body["access_token"].encode() not in stored


async def test_a_token_dies_with_its_time(world):
    token = await token_of(world)
    began = world.clock.now
    world.clock.forward(seconds=299)
    assert (await rc.get(world, token, "/fhir/Organization/cottonwood")).status_code == 200
    world.clock.forward(seconds=1)
    assert (await rc.get(world, token, "/fhir/Organization/cottonwood")).status_code == 401
    world.clock.now = began


async def test_a_narrowed_token_sees_a_part_of_the_whole_and_counts_only_that(world):
    survey = f"system/Observation.rs?category={rc.CATEGORY}|survey"
    whole, part, nothing = [
        await token_of(world, scope=one)
        for one in ("system/Observation.rs", survey, f"system/Observation.rs?category={rc.CATEGORY}|imaging")
    ]
    url = "/fhir/Observation?category=survey,social-history&_count=200"
    totals = [orjson.loads((await rc.get(world, one, url)).content)["total"] for one in (whole, part, nothing)]
    assert totals[0] == totals[1] > 0
    assert totals[2] == 0
    both = await token_of(world, scope=f"{survey} system/Observation.rs?category={rc.CATEGORY}|imaging")
    assert orjson.loads((await rc.get(world, both, url)).content)["total"] == totals[0]


async def test_pages_go_on_under_the_same_scope_and_stop_under_a_narrower_one(world):
    whole = await token_of(world, scope="system/Observation.rs")
    narrow = await token_of(world, scope=f"system/Observation.rs?category={rc.CATEGORY}|imaging")
    first = await rc.get(world, whole, "/fhir/Observation?category=survey&_count=1")
    (url,) = [one["url"] for one in first.json()["link"] if one["relation"] == "next"]
    assert (await rc.get(world, whole, url)).json()["total"] == first.json()["total"]
    beyond = (await rc.get(world, narrow, url)).json()
    assert beyond["total"] == 0
    assert not [one for one in beyond["entry"] if one["search"]["mode"] == "match"]


async def test_a_user_who_signed_may_ask_for_what_nobody_may_ask_alone(world):
    asked = sc.b2b("police-triage", ["TREAT"], "ana")
    answer = await rc.ask_token(world, sc.EC_KEY, "crisis-tablet", **asked)
    assert answer.status_code == 200
    assert (await ledgered(world, answer)).client == "crisis-tablet for ana"
    token = answer.json()["access_token"]
    read = await rc.get(world, token, "/fhir/Organization/police")
    assert (await ledgered(world, read)).client == "crisis-tablet for ana"
    for wrong in (
        sc.b2b("police-triage", ["TREAT"]),
        sc.b2b("police-triage", ["TREAT"], "bo"),
        sc.b2b("police", ["TREAT"], "bo"),
        sc.b2b("police", ["diversion"], "ana"),
    ):
        assert (await rc.ask_token(world, sc.EC_KEY, "crisis-tablet", **wrong)).json()["error"] == "invalid_grant"
    officer = await token_of(world, "crisis-tablet", **sc.b2b("police", ["diversion"], "bo"))
    assert (await rc.get(world, officer, "/fhir/Organization/police")).status_code == 200
    assert (
        await rc.get(world, officer, "/fhir/Organization/police", **{"X-Purpose-Of-Use": "TREAT"})
    ).status_code == 403


async def test_who_leaves_has_left_with_the_next_request(world):
    await rc.sign(world, "cy", "Organization/police-triage")
    asked = sc.b2b("police-triage", ["TREAT"], "cy")
    token = await token_of(world, "crisis-tablet", **asked)
    assert (await rc.get(world, token, "/fhir/Organization/police")).status_code == 200
    services = world.services
    await services.user_agreements.depart(
        services.store, user="cy", organisation="Organization/police-triage", at=services.now()
    )
    assert (await rc.get(world, token, "/fhir/Organization/police")).status_code == 401
    assert (await rc.about(world, "introspect", token, token)).status_code == 401
    assert (await rc.ask_token(world, sc.EC_KEY, "crisis-tablet", **asked)).status_code == 400


async def test_a_client_that_was_shut_out_stays_out_until_it_is_let_in(world):
    token = await token_of(world, "jail-chart")
    services = world.services
    for kind, status in (("stopped", 401), ("restored", 200)):
        async with services.store.transaction() as change:
            event = ClientEvent(client="jail-chart", kind=kind, author="officer", words="", at=services.now())
            await change.add_client_event(event)
        answer = await rc.ask_token(world, sc.EC_KEY, "jail-chart")
        assert answer.status_code == status
        assert (await ledgered(world, answer)).outcome == ("401 invalid_client stopped" if status == 401 else "")
    assert (await rc.get(world, token, "/fhir/Patient/absent")).status_code == 404


async def test_what_a_token_grants_is_told_to_its_client_and_to_a_resource_server(world):
    token = await token_of(world, "crisis-tablet", **sc.b2b("police-triage", ["TREAT"], "ana"))
    told = (await rc.about(world, "introspect", token, token)).json()
    seconds = world.clock.now // 1_000_000
    assert told == {
        "active": True,
        "scope": "system/*.rs",
        "client_id": "crisis-tablet",
        "sub": "crisis-tablet",
        "iss": worlds.BASE,
        "aud": worlds.BASE,
        "token_type": "bearer",
        "iat": seconds,
        "exp": seconds + 300,
        **sc.b2b("police-triage", ["TREAT"], "ana"),
    }
    proof = sc.sign(sc.claims("county-gateway", world.clock.now), sc.OTHER_KEY)
    form = {"token": token, "client_assertion_type": sc.TYPE, "client_assertion": proof}
    assert (await rc.post(world, "/auth/introspect", form)).json() == told
    again = await rc.post(world, "/auth/introspect", form)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")
    await rc.about(world, "revoke", token, token)
    proof = sc.sign(sc.claims("county-gateway", world.clock.now), sc.OTHER_KEY)
    assert (await rc.post(world, "/auth/introspect", form | {"client_assertion": proof})).json() == {"active": False}


async def test_a_token_that_is_taken_back_ends_with_the_next_request(world):
    token, other = await token_of(world), await token_of(world)
    for _ in range(2):
        assert (await rc.about(world, "revoke", other, token)).json() == {}
    assert (await rc.get(world, token, "/fhir/Organization/cottonwood")).status_code == 401
    assert (await rc.get(world, other, "/fhir/Organization/cottonwood")).status_code == 200


async def test_a_feeder_feeds_and_reads_nothing(world):
    token = await token_of(world, "roster-feeder")
    answer = await rc.get(world, token, "/feeds/jail-roster/receipts/absent")
    assert answer.status_code == 404
    assert (await rc.get(world, token, "/feeds/court-cases/receipts/absent")).status_code == 403
    assert (await rc.get(world, token, "/fhir/Organization/jail")).status_code == 403


async def test_one_of_many_requests_with_the_same_statement_wins(world):
    form = sc.form(sc.sign(sc.claims("clinic-chart", world.clock.now)))
    statuses = []

    async def ask():
        statuses.append((await rc.post(world, "/auth/token", form)).status_code)

    async with anyio.create_task_group() as group:
        for _ in range(24):
            group.start_soon(ask)
    assert sorted(statuses) == [200] + [401] * 23


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, 400, "invalid_request"),
        (
            {"grant_type": "client_credentials", "client_id": "clinic-chart", "client_secret": "x"},
            400,
            "invalid_request",
        ),
        (
            {"grant_type": "client_credentials", "client_assertion_type": "x", "client_assertion": "y"},
            400,
            "invalid_request",
        ),
        (sc.form("x.y.z"), 401, "invalid_client"),
        (sc.form(""), 401, "invalid_client"),
        (sc.form("x" * 70_000), 413, "invalid_request"),
    ],
)
async def test_what_is_wrong_is_told_by_its_code_alone(world, form, status, error):
    answer = await rc.post(world, "/auth/token", form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "error_description"}
    assert ("www-authenticate" in answer.headers) is (status == 401)
    assert b"clinic-chart" not in answer.content


async def test_parameters_in_the_address_or_twice_or_as_json_are_refused(world):
    form = sc.form(sc.sign(sc.claims("clinic-chart", world.clock.now)))
    async with rc.opened(world) as client:
        answers = [
            await client.post("/auth/token", params=form),
            await client.post("/auth/token?x=1", data=form),
            await client.post("/auth/token", data=form | {"scope": ["system/Patient.r", "system/Patient.s"]}),
            await client.post("/auth/token", json=form),
            await client.get("/auth/token"),
        ]
    assert [one.status_code for one in answers] == [400, 400, 400, 415, 405]
    assert {one.json()["error"] for one in answers[:4]} == {"invalid_request"}


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        ("system/Patient.r", "system/Patient.r"),
        ("system/*.cruds", "system/Observation.rs system/Organization.rs system/Patient.rs"),
        ("system/Patient.crud system/Observation.s", "system/Observation.s system/Patient.r"),
        ("system/Patient.rs system/Encounter.rs", None),
        ("system/Patient.c", None),
        ("patient/Patient.rs", None),
        ("system/Patient.read", None),
        ("openid", None),
        ("", None),
        ("system/Patient.r  system/Patient.s", None),
    ],
)
async def test_scopes_are_granted_as_far_as_registered_and_told(world, scope, granted):
    answer = await rc.ask_token(world, sc.EC_KEY, "clinic-chart", scope=scope)
    if granted is None:
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    else:
        assert answer.json()["scope"] == granted


async def test_a_refusal_is_explained_to_the_county_by_its_request_id(world):
    answer = await rc.ask_token(world, sc.EC_KEY, "clinic-chart", **sc.b2b("cottonwood", ["discharge-planning"]))
    entry = await ledgered(world, answer)
    assert entry.outcome == "400 invalid_grant purpose-not-agreed-without-user"
    (told,) = await world.services.explain.request(answer.headers["x-request-id"])
    assert "unattended" in told.findings[0].says
    answer = await rc.ask_token(world, sc.OTHER_KEY, "clinic-chart")
    (told,) = await world.services.explain.request(answer.headers["x-request-id"])
    assert "signature" in told.findings[0].says


async def test_the_ledger_still_follows_and_holds_nothing_that_was_sent(world):
    await rc.ask_token(world, sc.EC_KEY, "someone-unregistered", **sc.b2b("cottonwood", ["TREAT"], "somebody"))
    assert await world.services.ledger.verify() > 0
    async for entry, *_ in world.services.ledger.entries():
        assert "someone-unregistered" not in repr(entry)
        assert "somebody" not in repr(entry)


async def test_what_comes_along_with_an_answer_is_bound_by_the_same_scopes(world):
    """Whatever brought a resource to the gate: one usable scope opens no other type, and no narrowed one its rest."""
    gate = world.services.disclosure
    token = await token_of(world, scope=f"system/Patient.rs system/Observation.rs?category={rc.CATEGORY}|imaging")
    whole = await token_of(world)
    callers = [
        await world.services.requester.caller([(b"authorization", f"Bearer {one}".encode())], "r")
        for one in (token, whole)
    ]
    names = {1: "Patient", 3: "Observation", 8: "Organization"}
    rows = world.rows("SELECT type, rid FROM resource WHERE type IN (1, 3, 8)")

    async def passed(caller, kind, rid):
        async def answer(view):
            hits = (await gate._found(view, caller, kind, rid, world.clock.now)).hits
            return await gate._serve(view, caller, hits, world.clock.now, "r")

        return [served.type for _, served in await gate._decided(caller, answer)]

    left = [[one for kind, rid in rows for one in await passed(caller, names[kind], rid)] for caller in callers]
    assert set(left[0]) == {"Patient"}
    assert set(left[1]) == {"Patient", "Observation", "Organization"}
    assert left[0].count("Patient") == left[1].count("Patient")


async def test_operations_need_a_scope_of_their_own(world):
    token = await token_of(world, "crisis-tablet", **sc.b2b("police-triage", ["TREAT"], "ana"))
    async with rc.opened(world) as client:
        for path in ("/fhir/$explain", "/fhir/Patient/$assert-basis"):
            answer = await client.post(path, headers={"Authorization": f"Bearer {token}"}, json={})
            assert answer.status_code == 403
            expected = (403, None) if path == "/fhir/$explain" else (403, 'Bearer error="insufficient_scope"')
            assert (answer.status_code, answer.headers.get("www-authenticate")) == expected
            entry = await ledgered(world, answer)
            assert (entry.outcome, entry.passed) == ("403 forbidden", [])


async def test_discovery_says_where_and_how(world):
    async with rc.opened(world) as client:
        found = await client.get("/fhir/.well-known/smart-configuration")
        stated = (await client.get("/fhir/metadata")).json()["rest"][0]["security"]
        others = [
            (await client.get(f"/fhir/.well-known/{name}")).status_code for name in ("udap", "", "openid-configuration")
        ]
        wrong = await client.post("/fhir/.well-known/smart-configuration")
    document = found.json()
    assert found.headers["content-type"] == "application/json"
    assert document["token_endpoint"] == sc.TOKEN_URL
    assert document["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    assert document["grant_types_supported"] == ["client_credentials"]
    assert document["capabilities"] == ["client-confidential-asymmetric", "permission-v2"]
    assert "authorization_endpoint" not in document
    told = {one["url"]: one["valueUri"] for one in stated["extension"][0]["extension"]}
    assert told == {name: document[f"{full}_endpoint"] for name, full in ENDPOINTS.items()}
    assert stated["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    assert (others, wrong.status_code) == ([404, 404, 404], 405)


async def test_who_somebody_is_is_told_within_the_scopes(world):
    """The candidates of a match are Patients that a search of the same token would find."""
    whole = await token_of(world)
    seen = [
        (await rc.get(world, whole, f"/fhir/Patient/{ident}")).json()
        for (ident,) in world.rows("SELECT id FROM resource WHERE type = 1 ORDER BY rid")
    ]
    family, birthdate = next((one["name"][0]["family"], one["birthDate"]) for one in seen if one.get("birthDate"))
    person = {"resourceType": "Patient", "name": [{"family": family}], "birthDate": birthdate}
    body = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": person}]}
    gender = "system/Patient.rs?gender=http://hl7.org/fhir/administrative-gender|"
    found = {}
    async with rc.opened(world) as client:
        for scope in (
            "system/Patient.rs",
            "system/Patient.r",
            "system/Observation.rs",
            f"{gender}male",
            f"{gender}other",
        ):
            headers = {"Authorization": f"Bearer {await token_of(world, scope=scope)}"}
            answer = await client.post("/fhir/Patient/$match", headers=headers, json=body)
            found[scope] = (answer.status_code, len(answer.json().get("entry", ())))
    assert found["system/Patient.rs"][1] > 0
    assert found["system/Patient.r"] == found["system/Observation.rs"] == (403, 0)
    assert found[f"{gender}male"][1] in {0, found["system/Patient.rs"][1]}
    assert found[f"{gender}other"] == (200, 0)
