"""HL7 v2 over MLLP to a real receiver on loopback: what it is told, and what follows from each of its answers."""

from __future__ import annotations

import asyncio
import importlib.util
import ssl
import threading
from pathlib import Path

import mllp_receiver
import pytest
import records
import subscribers
import worlds
from certificates import Authority
from mllp_receiver import Hl7Receiver
from subscribers import COTTONWOOD, send, settle, subscribe, subscription

from adapter.listening import MLLP

pytestmark = pytest.mark.anyio
RELEASE = records.choice("cottonwood", purposes=("TREAT",))
REVOKED = [{"at": "2026-03-05T10:00:00-07:00", "partners": "all"}]
FEED = "jail-medical-hl7"
REGISTRY = "https://release-registry.example/person"


@pytest.fixture
async def receiver():
    made = await Hl7Receiver().start()
    yield made
    await made.close()


@pytest.fixture
async def ada(tmp_path, receiver):
    """A county that may tell Cottonwood's chart on a port of this host."""
    endpoint = {
        "channel": MLLP,
        "address": f"mllp://127.0.0.1:{receiver.port}",
        "application": "CHART",
        "facility": "COTTONWOOD",
        "identifiers": REGISTRY,
        "authorities": {REGISTRY: "REGISTRY"},
    }
    world = await worlds.open_site(
        tmp_path / "site", adjust=lambda folder: subscribers.register_endpoints(folder, {"chart": endpoint})
    )
    world.address = endpoint["address"]
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")
    yield world
    await world.close()


def asked(world, topic="screening-summary", *, content="full-resource", **more):
    return subscription(topic, endpoint=world.address, content=content, channel=MLLP, **more)


async def screen(world, score=4, **more):
    await world.deliver(FEED, records.hl7(records.phq9(score, **more)), f"s{score}{sorted(more.items())}")


async def status(world, ident):
    return (await send(world, COTTONWOOD, "GET", f"/fhir/Subscription/{ident}")).json()


def fields(message, name):
    return next((line for line in message if line[0] == name), None)


def controls(receiver):
    return [fields(one, "MSH")[9].rpartition("-")[2] for one in receiver.messages]


async def test_a_summary_is_an_oru_about_somebody_with_its_labels_and_its_ledger_row(ada, receiver):
    ident = await subscribe(ada, asked(ada))
    assert (await status(ada, ident))["status"] == "requested"
    await settle(ada)
    told = await status(ada, ident)
    assert told["status"] == "active"
    assert told["channel"]["type"] == "message"
    assert told["channel"]["_type"]["extension"][0]["valueCoding"]["code"] == MLLP
    await screen(ada)
    await settle(ada)
    handshake, message = receiver.messages
    assert fields(handshake, "OBR")[4] == "handshake^Subscription handshake^99SALLYPORT"
    assert fields(handshake, "PID") is None
    head = fields(message, "MSH")
    assert head[2:6] == ["SALLYPORT", "", "CHART", "COTTONWOOD"]
    assert head[7:12] == ["R", "ORU^R01^ORU_R01", head[9], "P", "2.5.1"]
    assert head[17] == "UNICODE UTF-8"
    numbers = fields(message, "PID")[3].split("~")
    assert numbers[0] == f"q1^^^REGISTRY&{REGISTRY}&URI"
    assert {one.split("^", 1)[0] for one in numbers[1:]} == {
        ada.patient(FEED, records.JAIL),
        ada.patient("releases", records.REGISTRY),
    }
    assert "R^^99V3CONFIDENTIALITY" in [line[3] for line in message if line[0] == "ARV"]
    observed = fields(message, "OBX")
    assert observed[2:4] == ["CWE", "phq-9-level^PHQ-9 level^99JBHRESULTCODE^^^^^^PHQ-9 level"]
    assert "^99JBHRESULTCATEGORY" in observed[5]
    # The summary and whom the message names are in the ledger, in the entry of this notification and in no other.
    (entry,) = [one async for one, *_ in ada.services.ledger.entries() if one.interaction == "notification"]
    passed = {target for target, *_ in entry.passed}
    assert passed == {
        f"Observation/{fields(message, 'OBR')[3].partition('^')[0]}",
        *(f"Patient/{one.split('^', 1)[0]}" for one in numbers[1:]),
    }
    assert entry.target == f"Subscription/{ident} 1-1"


async def test_less_is_told_to_whom_less_was_agreed_on(ada, receiver):
    for content in ("empty", "id-only"):
        await subscribe(ada, asked(ada, content=content))
    await settle(ada)
    receiver.got.clear()
    await screen(ada)
    await settle(ada)
    empty, named = sorted(receiver.messages, key=len)
    (summary,) = await ada.matches(COTTONWOOD, "/fhir/Observation?category=survey&_count=9")
    assert fields(empty, "OBR")[3:5] == ["", "event^Event^99SALLYPORT"]
    assert fields(named, "OBR")[3:5] == [f"{summary['id']}^SALLYPORT", "event^Event^99SALLYPORT"]
    for message in (empty, named):
        assert {line[0] for line in message} == {"MSH", "OBR", "OBX"}
    assert [line[5] for line in empty if line[0] == "OBX"][1:] == ["1"]
    entries = [one async for one, *_ in ada.services.ledger.entries() if one.interaction == "notification"]
    assert sorted(len(one.passed) for one in entries) == [0, 1]


FAULTS = {
    "AE": (mllp_receiver.answer("AE"), "acknowledged AE"),
    "CE": (mllp_receiver.answer("CE"), "acknowledged CE"),
    "hangs": (mllp_receiver.hang, "no acknowledgement within 1 seconds"),
    "resets": (mllp_receiver.reset, "no acknowledgement: "),
    "byte by byte": (mllp_receiver.slowly, "no acknowledgement within 1 seconds"),
    "without a frame": (mllp_receiver.unframed, "no acknowledgement: what came stands in no MLLP frame"),
    "of another": (mllp_receiver.answer("AA", b"OTHER"), "no acknowledgement within 1 seconds"),
    "nonsense": (mllp_receiver.answer("OK"), "the acknowledgement has no code of table 0008"),
}


async def test_what_is_not_acknowledged_goes_again_with_its_control_id_before_anything_else(ada, receiver):
    ident = await subscribe(ada, asked(ada, timeout=1))
    await settle(ada)
    for day, (behave, reason) in enumerate(FAULTS.values(), 1):
        receiver.got.clear()
        receiver.behaviours = [behave]
        await screen(ada, day, control=f"R{day}", at=f"202603{day:02d}080000-0700")
        await settle(ada)
        told = await status(ada, ident)
        assert (told["status"], told["error"][: len(reason)]) == ("error", reason)
        ada.clock.forward(seconds=60)
        await settle(ada)
        assert controls(receiver) == [str(day), str(day)]
        assert receiver.got[0] == receiver.got[1]
        assert (await status(ada, ident))["status"] == "active"
    # A late acknowledgement of something else is passed over; CA takes a message like AA.
    receiver.got.clear()
    receiver.behaviours = [mllp_receiver.another_first, mllp_receiver.answer("CA")]
    for day in (20, 21):
        await screen(ada, 5, control=f"R{day}", at=f"202603{day}080000-0700")
        await settle(ada)
    assert controls(receiver) == ["9", "10"]


async def test_a_message_that_is_rejected_is_given_up_and_the_next_one_is_told(ada, receiver):
    ident = await subscribe(ada, asked(ada))
    await settle(ada)
    receiver.got.clear()
    receiver.behaviours = [mllp_receiver.answer("AR"), mllp_receiver.accept, mllp_receiver.answer("CR")]
    for day in (1, 2, 3):
        await screen(ada, 4, control=f"R{day}", at=f"2026030{day}080000-0700")
        await settle(ada)
    assert controls(receiver) == ["1", "2", "3"]
    told = await status(ada, ident)
    assert (told["status"], told["error"]) == ("error", "acknowledged CR")
    assert ada.rows("SELECT number FROM subscription_event WHERE dead IS NOT NULL ORDER BY number") == [(1,), (3,)]
    assert await ada.services.notifying.notifications.replay(ident) == 2
    await settle(ada)
    assert controls(receiver) == ["1", "2", "3", "1", "3"]
    assert (await status(ada, ident))["status"] == "active"


async def test_a_rejected_handshake_leaves_it_requested(ada, receiver):
    receiver.behaviours = [mllp_receiver.answer("AR")]
    ident = await subscribe(ada, asked(ada))
    await settle(ada)
    assert (await status(ada, ident))["status"] == "requested"
    ada.clock.forward(seconds=10)
    await settle(ada)
    assert (await status(ada, ident))["status"] == "active"
    handshakes = controls(receiver)
    assert len(set(handshakes)) == 2
    assert all(one.startswith("H") for one in handshakes)


async def test_a_revocation_in_between_stops_it_and_what_was_told_is_stopped(ada, receiver):
    await subscribe(ada, asked(ada))
    await settle(ada)
    receiver.got.clear()
    await screen(ada, 4, control="R1")
    await settle(ada)
    (whole,) = receiver.messages
    receiver.behaviours = [mllp_receiver.reset]
    await screen(ada, 5, control="R2", at="20260303080000-0700")
    await settle(ada)
    await screen(ada, 6, control="R3", at="20260304080000-0700")
    await ada.services.notifying.announcements._reconciler.look()
    await ada.deliver("releases", records.ndjson(records.release(RELEASE, revocations=REVOKED)), "revoked")
    receiver.got.clear()
    ada.clock.forward(seconds=10)
    await settle(ada)
    # Sent before without an answer: its number and nothing else. Never sent: gone. Told: stop using it.
    assert controls(receiver)[0] == "2"
    for message in receiver.messages:
        assert {line[0] for line in message} == {"MSH", "OBR", "OBX"}
    again, *stops = receiver.messages
    assert fields(again, "OBR")[3:5] == ["", "event^Event^99SALLYPORT"]
    assert {fields(one, "OBR")[4] for one in stops} == {"no-longer-permitted^No longer permitted^99SALLYPORT"}
    ident = fields(whole, "OBR")[3]
    assert ident in [fields(one, "OBR")[3] for one in stops]
    assert {fields(one, "OBX")[11] for one in stops} == {"D"}


async def test_one_that_hangs_keeps_nobody_else_waiting(ada, receiver):
    for _ in range(2):
        await subscribe(ada, asked(ada, timeout=30))
    await settle(ada)
    receiver.got.clear()
    answered = []

    async def noted(message, writer):
        answered.append(message)
        await mllp_receiver.accept(message, writer)

    receiver.behaviours = [mllp_receiver.hang, noted]
    await screen(ada)
    outbox = ada.services.notifying.outbox
    async with asyncio.timeout(20):
        while not answered or outbox.sending > 1:
            await outbox.step()
            await asyncio.sleep(0.01)
    assert outbox.sending == 1
    await outbox.stop()


async def test_custody_is_told_as_adt_to_whom_it_may_be_told(tmp_path, receiver):
    endpoint = {"channel": MLLP, "address": f"mllp://127.0.0.1:{receiver.port}", "application": "JAILEHR"}
    world = await worlds.open_site(
        tmp_path / "site",
        adjust=lambda folder: subscribers.register_endpoints(folder, {"ehr": endpoint}, partner="jail"),
    )
    jail = ("jail", "supervision")
    patient = world.patient("jail-roster", records.JAIL)
    for topic in ("booked", "released"):
        wanted = subscription(
            topic,
            endpoint=endpoint["address"],
            content="full-resource",
            channel=MLLP,
            filters=[f"Encounter?patient={patient}"],
        )
        await subscribe(world, wanted, caller=jail)
    await settle(world)
    receiver.got.clear()
    await world.deliver("jail-roster", records.roster(records.roster_row()), "one")
    await settle(world)
    await world.deliver("jail-roster", records.roster(records.roster_row(released="2026-03-20 09:00:00")), "two")
    await settle(world)
    booked, released = receiver.messages
    assert [fields(one, "MSH")[8] for one in (booked, released)] == ["ADT^A01^ADT_A01", "ADT^A03^ADT_A03"]
    assert fields(booked, "PV1")[19].startswith("B1^^^")
    assert fields(released, "PV1")[45] == "20260320090000-0600"
    assert fields(booked, "PID")[5].startswith("MARSH^ADA")
    await world.close()


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca")


def server_context(authority, *, clients):
    certificate, key, _ = authority.issue("receiver")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(clients.path)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_tls_proves_both_sides_and_no_other_network_is_reached(tmp_path, authority):
    """A receiver with a certificate of its authority that asks for ours; others are not told."""
    others = Authority(tmp_path / "others", "Other CA")
    receivers = [
        await Hl7Receiver().start(context=server_context(one, clients=authority)) for one in (authority, others)
    ]
    certificate, key, _ = authority.issue("county")
    both = tmp_path / "county.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    common = {"channel": MLLP, "application": "CHART", "ca_file": str(authority.path)}
    good, bad = (f"mllps://127.0.0.1:{one.port}" for one in receivers)
    world = await worlds.open_site(
        tmp_path / "site",
        adjust=lambda folder: subscribers.register_endpoints(
            folder,
            {
                "good": common | {"address": good, "certificate": str(both)},
                "forged": common | {"address": bad, "certificate": str(both)},
                "private": common | {"address": "mllps://10.1.2.3:2575"},
            },
            networks=["127.0.0.0/8"],
        ),
    )
    states = {}
    for address in (good, bad, "mllps://10.1.2.3:2575"):
        ident = await subscribe(world, subscription(endpoint=address, content="full-resource", channel=MLLP, timeout=5))
        await settle(world)
        (row,) = world.rows("SELECT status, reason FROM subscription WHERE id = ?", ident)
        states[address] = row
    assert states[good] == ("active", "")
    assert states[bad] == ("requested", "no acknowledgement: SSLCertVerificationError")
    assert "in a network that the site does not name" in states["mllps://10.1.2.3:2575"][1]
    assert [len(one.got) for one in receivers] == [1, 0]
    for one in receivers:
        await one.close()
    await world.close()


async def test_an_endpoint_that_is_registered_no_more_ends_the_subscription(ada, receiver):
    ident = await subscribe(ada, asked(ada))
    await settle(ada)
    ada.services.site.partners["cottonwood"].notify_endpoints.clear()
    await screen(ada)
    await settle(ada)
    told = await status(ada, ident)
    assert (told["status"], told["error"]) == ("off", "its endpoint is not registered any more")
    assert len(receiver.got) == 1


async def test_the_receiver_of_the_examples_keeps_prints_and_acknowledges_each_message_once(tmp_path, capsys):
    path = Path(__file__).parents[2] / "examples" / "hl7_receiver.py"
    spec = importlib.util.spec_from_file_location("hl7_receiver", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server = module.server(0, tmp_path / "received")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"mllp://127.0.0.1:{server.server_address[1]}"
    endpoint = {"channel": MLLP, "address": address, "application": "CHART", "acknowledge": "enhanced"}
    world = await worlds.open_site(
        tmp_path / "site", adjust=lambda folder: subscribers.register_endpoints(folder, {"chart": endpoint})
    )
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")
    try:
        await subscribe(world, subscription(endpoint=address, content="full-resource", channel=MLLP))
        await settle(world)
        await screen(world)
        await settle(world)
        world.rows("UPDATE subscription_event SET accepted = NULL")
        world.rows("UPDATE subscription SET due = 0, lease = 0")
        await settle(world)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert world.rows("SELECT count(*) FROM subscription_event WHERE accepted IS NULL") == [(0,)]
    handshake, told = capsys.readouterr().out.splitlines()
    assert handshake.partition(": ")[2] == "handshake (not told)"
    (summary,) = await world.matches(COTTONWOOD, "/fhir/Observation?category=survey&_count=9")
    assert told == f"event 1: phq-9-level {summary['id']}"
    assert len(list((tmp_path / "received").glob("*.hl7"))) == 2
    await world.close()
