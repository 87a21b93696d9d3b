"""CorEMR alerts put in their place: a folder of this host, and one of another host over SFTP."""

from __future__ import annotations

import asyncssh
import pytest
import records
import subscribers
import worlds
from subscribers import COTTONWOOD, send, settle, subscribe, subscription

from adapter.listening import ALERTS
from connectors.transport.sftp_server import Drop, DropServer

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"
RELEASE = records.choice("cottonwood", purposes=("TREAT",))
REVOKED = [{"at": "2026-03-05T10:00:00-07:00", "partners": "all"}]
NUMBERS = "https://release-registry.example/person"
HEAD = b'"Jacket#","Booking#","Added","Removed","Code","AddedBy","RemovedBy"\r\n'


async def opened(tmp_path, endpoint, **more):
    world = await worlds.open_site(
        tmp_path / "site",
        adjust=lambda folder: subscribers.register_endpoints(
            folder, {"jail": {"channel": ALERTS, "jackets": NUMBERS} | endpoint}, **more
        ),
    )
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")
    return world


@pytest.fixture
async def ada(tmp_path):
    """A county with a folder from which Cottonwood takes alerts."""
    world = await opened(tmp_path, {"folder": "."})
    world.place = world.services.site.folder
    yield world
    await world.close()


def asked(endpoint="folder:jail", **more):
    return subscription(endpoint=endpoint, content="full-resource", channel=ALERTS, **more)


def files(folder):
    return {path.name.partition("-")[2].partition("-")[2]: path for path in sorted(folder.glob("sallyport-*"))}


async def screen(world, score=4, **more):
    await world.deliver(FEED, records.hl7(records.phq9(score, **more)), f"s{score}{sorted(more.items())}")


async def status(world, ident):
    return (await send(world, COTTONWOOD, "GET", f"/fhir/Subscription/{ident}")).json()


def rows(path):
    head, *lines = path.read_bytes().splitlines(keepends=True)
    assert head == HEAD
    return [[cell.strip('"') for cell in line.decode().strip().split(",")] for line in lines]


async def test_an_event_is_a_file_that_appears_whole_and_a_handshake_one_of_nobody(ada):
    ident = await subscribe(ada, asked())
    assert files(ada.place) == {}
    await settle(ada)
    assert (await status(ada, ident))["status"] == "active"
    ((name, handshake),) = files(ada.place).items()
    assert name.startswith("handshake-")
    assert rows(handshake) == []
    await screen(ada)
    await settle(ada)
    told = files(ada.place)
    assert [*told] == ["000000001.csv", "000000001.notice.txt", name]
    (row,) = rows(told["000000001.csv"])
    (summary,) = await ada.matches(COTTONWOOD, "/fhir/Observation?category=survey&_count=9")
    assert row == ["q1", "", "2026-03-02", "", row[4], f"SALLYPORT {summary['id']}", ""]
    assert row[4].startswith("phq-9-level:")
    assert told["000000001.notice.txt"].read_text().startswith(f"Event 1, SALLYPORT {summary['id']}: ")
    assert list(ada.place.glob("*.part")) == []
    (entry,) = [one async for one, *_ in ada.services.ledger.entries() if one.interaction == "notification"]
    assert f"Observation/{summary['id']}" in [target for target, *_ in entry.passed]
    assert f"Patient/{ada.patient('releases', records.REGISTRY)}" in [target for target, *_ in entry.passed]


async def test_whom_the_receiver_has_no_number_for_is_told_once_it_has_one(tmp_path):
    """Not told, without a number or a gap, until a link that the subscriber sees gives the person a number there."""
    world = await worlds.open_site(
        tmp_path / "site",
        adjust=lambda folder: subscribers.register_endpoints(
            folder, {"jail": {"channel": ALERTS, "folder": ".", "jackets": "https://elsewhere.example/person"}}
        ),
    )
    receiver = subscribers.attach(world)
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")
    await subscribe(world, asked())
    await settle(world)
    await screen(world)
    await settle(world)
    assert [one.kind for one in receiver.got] == ["handshake"]
    assert world.rows("SELECT events FROM subscription") == [(0,)]
    assert world.rows("SELECT count(*) FROM subscription_event") == [(0,)]
    place = world.services.site.partners["cottonwood"].notify_endpoints
    place["jail"] = place["jail"].model_copy(update={"jackets": NUMBERS})
    await screen(world, 5, control="R2", at="20260303080000-0700")
    await settle(world)
    assert [name.rpartition("-")[2] for name in [one.name for one in receiver.got[1:]]] == [
        "000000001.csv",
        "000000002.csv",
    ]
    await world.close()


async def test_an_alert_that_was_told_is_stopped_though_its_amendment_could_not_be_told(ada):
    """In between the receiver has no number for the person: nothing is told of the amendment, and nothing forgotten."""
    receiver = subscribers.attach(ada)
    await subscribe(ada, asked())
    await settle(ada)
    await screen(ada, 4, control="R1")
    await settle(ada)
    endpoints = ada.services.site.partners["cottonwood"].notify_endpoints
    known = endpoints["jail"]
    endpoints["jail"] = known.model_copy(update={"jackets": "https://elsewhere.example/person"})
    await screen(ada, 17, control="R1", status="C")
    await settle(ada)
    assert len(receiver.got) == 2
    endpoints["jail"] = known
    await ada.deliver("releases", records.ndjson(records.release(RELEASE, revocations=REVOKED)), "revoked")
    await settle(ada)
    assert b"no-longer-permitted" in receiver.got[2].body


async def test_a_place_that_cannot_be_written_is_tried_again_with_the_same_name(ada):
    ident = await subscribe(ada, asked())
    await settle(ada)
    hook = ada.services.notifying.outbox._hook._ways[ALERTS]
    folder_of, hook._folder_of = hook._folder_of, lambda _: Broken()
    await screen(ada)
    await settle(ada)
    told = await status(ada, ident)
    assert (told["status"], told["error"]) == ("error", "the file could not be put in place: no space")
    hook._folder_of = folder_of
    ada.clock.forward(seconds=5)
    await settle(ada)
    assert (await status(ada, ident))["status"] == "active"
    assert [name for name in files(ada.place) if name.endswith("1.csv")] == ["000000001.csv"]


class Broken:
    async def put(self, _name, _content):
        raise OSError(28, "no space")


async def test_after_a_revocation_a_row_stops_the_alert_and_names_nobody(ada):
    await subscribe(ada, asked(most=5))
    await settle(ada)
    for day in (2, 3):
        await screen(ada, day, control=f"R{day}", at=f"2026030{day}080000-0700")
    await settle(ada)
    (first, second) = rows(files(ada.place)["000000001-000000002.csv"])
    await ada.deliver("releases", records.ndjson(records.release(RELEASE, revocations=REVOKED)), "revoked")
    await settle(ada)
    stops = rows(files(ada.place)["000000003-000000004.csv"])
    assert sorted(one[5] for one in stops) == sorted([first[5], second[5]])
    assert {(*one[:3], *one[4:5], *one[6:]) for one in stops} == {("", "", "", "no-longer-permitted", "SALLYPORT")}


async def test_a_file_is_put_by_sftp_where_nothing_may_be_read_or_replaced(tmp_path):
    """Into our own drop server, which takes files and gives none: a repeat leaves what is there."""
    keys = {name: asyncssh.generate_private_key("ssh-ed25519") for name in ("host", "county")}
    for name, key in keys.items():
        key.write_private_key(tmp_path / name)
    public = {name: key.export_public_key().decode().strip() for name, key in keys.items()}
    (tmp_path / "drop").mkdir()
    drop = Drop(folder=tmp_path / "drop", keys=(public["county"],), longest=1 << 20)
    server = DropServer({"jail": drop}, host="127.0.0.1", port=0, host_key=tmp_path / "host")
    await server.start()
    address = f"sftp://127.0.0.1:{server.port}/"
    endpoint = {"address": address, "user": "jail", "key": str(tmp_path / "county"), "host_key": public["host"]}
    world = await opened(tmp_path, endpoint, networks=["127.0.0.0/8"])
    ident = await subscribe(world, asked(address))
    await settle(world)
    assert (await status(world, ident))["status"] == "active"
    await screen(world)
    await settle(world)
    told = files(tmp_path / "drop")
    assert [name for name in told if "handshake" not in name] == ["000000001.csv", "000000001.notice.txt"]
    before = told["000000001.csv"].read_bytes()
    # As after a crash between the file and what is noted of it.
    world.rows("UPDATE subscription_event SET accepted = NULL")
    world.rows("UPDATE subscription SET due = 0, lease = 0")
    await settle(world)
    assert world.rows("SELECT count(*) FROM subscription_event WHERE accepted IS NULL") == [(0,)]
    assert told["000000001.csv"].read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "drop").glob("sallyport-*.csv")) == sorted(
        path.name for path in told.values() if path.suffix == ".csv"
    )
    # Its key is known beforehand: another one is not spoken to.
    another = world.services.site.partners["cottonwood"].notify_endpoints
    another["jail"] = another["jail"].model_copy(update={"host_key": public["county"]})
    await screen(world, 9, control="R9", at="20260309080000-0700")
    await settle(world)
    assert (await status(world, ident))["error"] == "the file could not be put in place: HostKeyNotVerifiable"
    await server.close()
    await world.close()
