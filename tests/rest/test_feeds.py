"""`POST /feeds/{feed}`: durable before the answer, refused before a byte is kept, answered in the sender's language."""

from __future__ import annotations

import httpx2
import orjson
import pytest
import records
import worlds
import yaml

pytestmark = pytest.mark.anyio
HL7 = {"content-type": "application/hl7-v2"}
ROSTER = records.roster(records.roster_row())


@pytest.fixture
async def world(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    yield made
    await made.close()


async def token_of(world, organisation, *rights):
    return await world.services.tokens.issue(
        client="feeder", organisation=f"Organization/{organisation}", purposes=["TREAT"], rights=rights, lifetime=3600
    )


async def ask(world, method, url, *, token=None, content=None, headers=None):
    sent = dict(headers or {}) | ({} if token is None else {"authorization": f"Bearer {token}"})
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        return await client.request(method, url, content=content, headers=sent)


async def push(world, feed, content, organisation="jail", **more):
    token = await token_of(world, organisation)
    return await ask(world, "POST", f"/feeds/{feed}", token=token, content=content, **more)


async def receipts(world):
    return [one.id for one in await world.services.inbox.receipts()]


async def test_an_extract_is_durable_before_it_is_answered_and_told_afterwards(world):
    answer = await push(world, "jail-roster", ROSTER)
    assert answer.status_code == 202
    told = answer.json()
    assert (told["bytes"], told["receipt"]) == (len(ROSTER), *await receipts(world))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["location"] == told["report"] == f"/feeds/jail-roster/receipts/{told['receipt']}"
    token = await token_of(world, "jail")
    before = await ask(world, "GET", told["report"], token=token)
    assert (before.status_code, before.json()["state"]) == (200, "waiting")
    await world.services.intake.drain()
    after = (await ask(world, "GET", told["report"], token=token)).json()
    assert (after["state"], after["written"]["Patient"]) == ("processed", 1)


async def test_the_same_bytes_again_are_the_same_receipt(world):
    first, again = (await push(world, "jail-roster", ROSTER)).json(), (await push(world, "jail-roster", ROSTER)).json()
    assert first == again
    assert len(await receipts(world)) == 1


async def test_a_message_is_acknowledged_and_again_with_the_same_bytes(world):
    message = records.hl7(records.phq9(4))
    answer = await push(world, "jail-medical-hl7", message, "jail-medical", headers=HL7)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/hl7-v2")
    assert answer.content.split(b"\r")[1] == b"MSA|AA|R1"
    await push(world, "jail-medical-hl7", records.hl7(records.phq9(5, control="R2")), "jail-medical")
    again = await push(world, "jail-medical-hl7", message, "jail-medical", headers=HL7)
    assert again.content == answer.content
    assert len(await receipts(world)) == 2
    await world.services.intake.drain()
    assert world.rows("SELECT count(*) FROM resource WHERE type = 1") == [(1,)]


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("x-application/hl7-v2+er7; charset=utf-8", "x-application/hl7-v2+er7"),
        ("text/html", "application/hl7-v2"),
    ],
)
async def test_the_answer_has_a_media_type_of_hl7(world, sent, answered):
    headers = {"content-type": sent}
    answer = await push(world, "jail-medical-hl7", records.hl7(records.phq9(4)), "jail-medical", headers=headers)
    assert answer.headers["content-type"] == answered


@pytest.mark.parametrize("body", [b"FHS|^~\\&|J\rBHS|^~\\&|J\rBTS|0\rFTS|1\r", b"no message at all"])
async def test_what_is_no_single_message_is_kept_and_answered_with_its_receipt(world, body):
    answer = await push(world, "jail-medical-hl7", body, "jail-medical")
    assert (answer.status_code, answer.json()["receipt"]) == (202, *await receipts(world))


@pytest.mark.parametrize(
    "body", [b"MSH|^^^^|broken\r", b"MSH|^~\\&|\r", records.hl7(records.phq9(4)).replace(b"|P|", b"|T|")]
)
async def test_a_message_that_cannot_be_used_is_kept_and_rejected(world, body):
    for _ in range(2):
        answer = await push(world, "jail-medical-hl7", body, "jail-medical")
        assert answer.status_code == 400
        assert answer.content.split(b"\r")[1].startswith(b"MSA|AR|")
    assert len(await receipts(world)) == 1


async def test_a_batch_is_acknowledged_message_by_message_or_at_once(tmp_path):
    day = records.hl7(records.phq9(4), records.phq9(5, control="R2"))
    batch = b"BHS|^~\\&|J|A|||||||B7\r" + day + b"BTS|2\r"
    for setting, codes in (("message", [b"AA|R1", b"AA|R2"]), ("batch", [b"AA|B7"])):

        def adjust(folder, setting=setting):
            path = folder / "feeds" / "jail_medical_hl7.yaml"
            kept = [line for line in path.read_text().splitlines() if not line.startswith("hl7:")]
            path.write_text("\n".join([*kept, f"hl7: {{batch: {setting}}}", ""]))

        world = await worlds.open_site(tmp_path / setting, adjust=adjust)
        answer = await push(world, "jail-medical-hl7", batch, "jail-medical")
        assert answer.status_code == 200
        assert [line[4:9] for line in answer.content.split(b"\r") if line.startswith(b"MSA")] == codes
        short = await push(world, "jail-medical-hl7", batch.replace(b"BTS|2", b"BTS|3"), "jail-medical")
        assert short.status_code == (400 if setting == "batch" else 200)
        assert len(await receipts(world)) == 2
        await world.close()


async def test_a_body_beyond_what_is_acknowledged_is_a_receipt_whose_messages_can_be_asked_for(world, monkeypatch):
    monkeypatch.setattr("adapter.rest.feeds.ANSWERED", 300)
    message = records.hl7(records.phq9(4))
    answer = await push(world, "jail-medical-hl7", message, "jail-medical")
    assert (len(message) > 300, answer.status_code) == (True, 202)
    await world.services.intake.drain()
    told = await fate(world, "R1")
    assert [one["receipt"] for one in told.json()["messages"]] == [answer.json()["receipt"]]


async def test_a_store_that_fails_is_503_with_ae_and_nothing_kept(world, monkeypatch):
    async def failing(group):
        raise OSError

    monkeypatch.setattr(world.services.reception._messages, "keep", failing)
    answer = await push(world, "jail-medical-hl7", records.hl7(records.phq9(4)), "jail-medical", headers=HL7)
    assert (answer.status_code, answer.content.split(b"\r")[1][:9]) == (503, b"MSA|AE|R1")
    assert await receipts(world) == []


async def fate(world, control, organisation="jail-medical", feed="jail-medical-hl7", rights=()):
    token = await token_of(world, organisation, *rights)
    return await ask(world, "GET", f"/feeds/{feed}/receipts?control-id={control}", token=token)


async def test_a_sender_asks_for_its_messages_by_control_id(world):
    await push(world, "jail-medical-hl7", records.hl7(records.phq9(4)), "jail-medical")
    (waiting,) = (await fate(world, "R1")).json()["messages"]
    assert (waiting["acknowledged"], waiting["state"]) == ("AA", "received")
    await world.services.intake.drain()
    (told,) = (await fate(world, "R1")).json()["messages"]
    assert told["state"] == "processed"
    report = await ask(world, "GET", told["report"], token=await token_of(world, "jail-medical"))
    assert report.json()["written"]["Patient"] == 1


async def test_messages_of_others_and_unknown_ones_are_one_answer(world):
    right = ("feed:jail-medical-hl7",)
    token = await token_of(world, "vendor", *right)
    mine = records.hl7(records.phq9(4, control="V1"))
    await ask(world, "POST", "/feeds/jail-medical-hl7", token=token, content=mine)
    await push(world, "jail-medical-hl7", records.hl7(records.phq9(4)), "jail-medical")
    assert len((await fate(world, "V1", "vendor", rights=right)).json()["messages"]) == 1
    foreign, unknown = await fate(world, "R1", "vendor", rights=right), await fate(world, "R9", "vendor", rights=right)
    assert foreign.status_code == unknown.status_code == 200
    assert foreign.content.replace(b"R1", b"R9") == unknown.content
    assert len((await fate(world, "V1")).json()["messages"]) == 1


async def test_only_who_may_push_a_feed_may_ask_for_its_messages(world):
    for feed in ("jail-medical-hl7", "fax"):
        assert (await fate(world, "R1", "court", feed)).status_code == 403
    missing = await ask(world, "GET", "/feeds/jail-medical-hl7/receipts", token=await token_of(world, "jail-medical"))
    assert (missing.status_code, issue(missing)["expression"]) == (400, ["control-id"])
    assert (await ask(world, "GET", "/feeds/jail-medical-hl7/receipts?control-id=R1")).status_code == 401


def issue(answer):
    (found,) = answer.json()["issue"]
    return found


async def test_only_who_sends_a_feed_or_holds_its_right_may_push_it(world):
    for organisation, rights, status in (
        ("jail", (), 202),
        ("court", (), 403),
        ("vendor", ("feed:jail-roster",), 202),
        ("vendor", ("feed:court-cases",), 403),
        ("vendor", ("population-search",), 403),
    ):
        token = await token_of(world, organisation, *rights)
        answer = await ask(world, "POST", "/feeds/jail-roster", token=token, content=ROSTER)
        assert answer.status_code == status
    assert len(await receipts(world)) == 1


async def test_a_feed_of_others_and_one_that_does_not_exist_are_one_answer(world):
    other, none = await push(world, "court-cases", ROSTER), await push(world, "fax", ROSTER)
    assert other.status_code == none.status_code == 403
    assert other.content == none.content


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer nobody"}, {"authorization": "Basic eDp5"}])
async def test_without_a_valid_token_nothing_is_taken(world, headers):
    for method, url in (("POST", "/feeds/jail-roster"), ("GET", "/feeds/jail-roster/receipts/x")):
        answer = await ask(world, method, url, content=ROSTER if method == "POST" else None, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert await receipts(world) == []


async def test_a_token_that_only_feeds_asks_for_nothing(world):
    token = await world.services.tokens.issue(
        client="feeder", organisation="Organization/jail", purposes=[], rights=["feed:jail-roster"], lifetime=60
    )
    assert (await ask(world, "POST", "/feeds/jail-roster", token=token, content=ROSTER)).status_code == 202
    assert (await ask(world, "GET", "/fhir/Patient?_id=x", token=token)).status_code == 403
    named = {"x-purpose-of-use": "TREAT"}
    assert (await ask(world, "GET", "/fhir/Patient?_id=x", token=token, headers=named)).status_code == 403


async def test_a_report_is_told_to_its_sender_alone(world):
    told = (await push(world, "jail-roster", ROSTER)).json()
    stranger = await ask(world, "GET", told["report"], token=await token_of(world, "court"))
    assert stranger.status_code == 403
    token = await token_of(world, "court")
    absent = await ask(world, "GET", "/feeds/court-cases/receipts/absent", token=token)
    other = await ask(world, "GET", f"/feeds/court-cases/receipts/{told['receipt']}", token=token)
    assert absent.status_code == other.status_code == 404
    assert absent.content == other.content


def with_limit(folder):
    path = folder / "feeds" / "jail_roster.yaml"
    path.write_text(path.read_text() + "post_megabytes: 1\n")


async def pieces(count, size=100_000):
    for _ in range(count):
        yield b"x" * size


async def test_a_body_that_is_too_large_is_refused_and_nothing_of_it_kept(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=with_limit)
    declared = await push(world, "jail-roster", b"x" * 1_000_001)
    streamed = await push(world, "jail-roster", pieces(11))
    assert (declared.status_code, streamed.status_code) == (413, 413)
    assert declared.content == streamed.content
    assert await receipts(world) == []
    assert (await push(world, "jail-roster", pieces(10))).status_code == 202
    await world.close()


async def test_a_body_in_pieces_is_the_same_receipt_as_in_one(world):
    async def parts():
        for place in range(0, len(ROSTER), 7):
            yield ROSTER[place : place + 7]

    assert (await push(world, "jail-roster", parts())).json() == (await push(world, "jail-roster", ROSTER)).json()


async def test_an_empty_or_compressed_body_is_refused(world):
    assert (await push(world, "jail-roster", b"")).status_code == 400
    packed = await push(world, "jail-roster", b"\x1f\x8b", headers={"content-encoding": "gzip"})
    assert packed.status_code == 415
    assert await receipts(world) == []


async def test_a_body_that_ends_early_is_not_kept(world):
    sent = []
    arriving = iter([{"type": "http.request", "body": ROSTER[:20], "more_body": True}, {"type": "http.disconnect"}])

    async def receive():
        return next(arriving)

    async def send(message):
        sent.append(message)

    token = await token_of(world, "jail")
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/feeds/jail-roster",
        "raw_path": b"/feeds/jail-roster",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer " + token.encode())],
        "http_version": "1.1",
    }
    await world.app(scope, receive, send)
    assert [message.get("status") for message in sent][:1] in ([], [400])
    assert await receipts(world) == []


def lapse(folder):
    path = folder / "agreements" / "hosting_contract.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"end": "2026-11-21"}))


@pytest.fixture
async def closed(tmp_path):
    made = await worlds.open_site(tmp_path / "closed", adjust=lapse)
    yield made
    await made.close()


async def test_a_closed_feed_answers_503_and_takes_nothing(closed):
    answer = await push(closed, "jail-roster", ROSTER)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3600")
    assert issue(answer)["code"] == "transient"
    assert await receipts(closed) == []
    assert (await push(closed, "court-cases", records.court(records.court_case()), "court")).status_code == 202


async def test_a_message_to_a_closed_feed_is_answered_ae(closed):
    answer = await push(closed, "jail-medical-hl7", records.hl7(records.phq9(4)), "jail-medical")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3600")
    header, acknowledged, *_ = answer.content.split(b"\r")
    assert header.split(b"|")[4:6] == [b"JAILEHR", b"ALDERJAIL"]
    assert acknowledged.startswith(b"MSA|AE|R1|")
    assert b"MARSH" not in answer.content.upper()
    assert await receipts(closed) == []
    batch = await push(closed, "jail-medical-hl7", b"FHS|^~\\&|J\r" * 3000, "jail-medical")
    assert (batch.status_code, issue(batch)["code"]) == (503, "transient")


async def test_readiness_tells_which_contract_keeps_a_feed_closed(closed, world):
    answer = await ask(closed, "GET", "/health/ready")
    assert answer.status_code == 200
    assert answer.json()["agreements_ending"] == [
        {
            "agreement": "alder-hosting-dua-2026",
            "days_left": -1,
            "last_day": "2026-11-21",
            "closes_feeds": ["jail-roster", "jail-medical-hl7", "riverside-ehr"],
        }
    ]
    assert (await ask(world, "GET", "/health/ready")).json() == {"status": "ready"}


async def test_no_answer_of_a_feed_says_anything_of_what_was_pushed(world):
    message = records.hl7(records.phq9(4, ssn="900112233"))
    for answer in (
        await push(world, "jail-medical-hl7", message, "jail-medical"),
        await push(world, "jail-medical-hl7", message, "court"),
        await push(world, "jail-roster", message),
    ):
        told = answer.content.upper()
        assert b"MARSH" not in told
        assert b"900112233" not in told
    report = orjson.loads((await push(world, "jail-roster", message)).content)["report"]
    await world.services.intake.drain()
    told = (await ask(world, "GET", report, token=await token_of(world, "jail"))).content.upper()
    assert b"MARSH" not in told
