"""The same event by every channel: what a rest-hook says of somebody and of the law, the others say too."""

from __future__ import annotations

import orjson
import pytest
import records
import registered_clients
import smart_clients as sc
import subscribers
import worlds
from asserting import staff
from subscribers import COTTONWOOD, send, settle, subscribe, subscription

from adapter import inspection
from adapter.assets import copy_fictional_county
from adapter.consent.obligations import NOTICE_LONG
from adapter.errors import ConfigurationError, NotSupported
from adapter.listening import ALERTS, MLLP
from adapter.settings import PartnersSection, check, load_site
from adapter.subscription.channel import CHANNELS
from adapter.subscription.topic import TopicSpec, ready
from connectors.jail.hl7v2.escapes import unescape
from connectors.jail.hl7v2.message import read_message

pytestmark = pytest.mark.anyio
CLASSES = (records.MENTAL_HEALTH, records.SUBSTANCE_USE)
ENDPOINTS = {
    "chart": {"channel": MLLP, "address": "mllp://127.0.0.1:2575", "application": "CHART"},
    "alerts": {"channel": ALERTS, "folder": ".", "jackets": "https://release-registry.example/person"},
}


async def test_a_part_2_record_has_its_labels_and_notice_by_every_channel(tmp_path):
    world = await worlds.open_site(
        tmp_path / "site", adjust=lambda folder: subscribers.register_endpoints(folder, ENDPOINTS)
    )
    receiver = subscribers.attach(world)
    others = {MLLP: "mllp://127.0.0.1:2575", ALERTS: "folder:alerts"}
    for more in ({}, *({"channel": code, "endpoint": place} for code, place in others.items())):
        await subscribe(world, subscription(content="full-resource", **more))
    await settle(world)
    choice = records.choice("cottonwood", purposes=("TREAT",), classes=CLASSES)
    signed = records.release(choice, part2=records.part2_section("cottonwood"))
    await world.deliver("releases", records.ndjson(signed), "release")
    unit = "riverside-otp"
    clinic = [records.clinic_patient(unit=unit), records.clinic_result(code="82667-7", score=7, unit=unit)]
    await world.deliver("riverside-ehr", records.ndjson(*clinic), "clinic")
    await settle(world)
    told = {one.channel: one for one in receiver.got if one.kind == "event-notification"}
    assert set(told) == set(CHANNELS)
    (entry,) = [one for one in orjson.loads(told["rest-hook"].body)["entry"] if "resource" in one][1:]
    resource = entry["resource"]
    (notice,) = [one for one in resource["meta"]["extension"] if one["url"].endswith("disclosure-notice")]
    said = [part.get("valueString", part.get("valueUri")) for part in notice["extension"]]
    assert said[0] == NOTICE_LONG
    labels = {one["code"] for one in resource["meta"]["security"]}
    assert "42CFRPart2" in labels
    message = read_message(told[MLLP].body, line=1, fallback="ascii")
    assert message.component(8, 1) in labels
    assert labels <= {line.field(3).partition("^")[0] for line in message.lines if line.name == "ARV"}
    (note,) = [line.field(3) for line in message.lines if line.name == "NTE"]
    assert unescape(note, message.delimiters, message.encoding).splitlines() == said
    assert told[ALERTS].body.count(b"\r\n") == 2
    beside = told[ALERTS].beside.decode()
    codes = [one["code"] for one in resource["meta"]["security"]]
    assert beside.splitlines()[0].partition(": ")[2].split(", ") == codes
    assert [line for line in beside.splitlines()[1:] if line] == said
    # Each of them in the ledger, with the same resource; the channels that name somebody with whom they name.
    entries = [one async for one, *_ in world.services.ledger.entries() if one.interaction == "notification"]
    passed = sorted(({target for target, *_ in one.passed} for one in entries), key=len)
    assert passed[0] == {f"Observation/{resource['id']}"}
    assert passed[1] == passed[2] > passed[0]
    assert {one.partition("/")[0] for one in passed[1] - passed[0]} == {"Patient"}
    await world.close()


async def test_who_may_not_read_patients_is_told_by_no_channel_that_names_them(tmp_path):
    scopes = ["system/Subscription.cruds", "system/Observation.rs", "system/Patient.rs"]

    def adjust(folder):
        subscribers.register_endpoints(folder, ENDPOINTS)
        chart = sc.spec(scopes=scopes, rights=["population-subscribe"], notify_endpoints=ENDPOINTS)
        registered_clients.register_all(folder, exchange_chart=chart)

    world = await worlds.open_site(tmp_path / "site", adjust=adjust)
    answer = await registered_clients.ask_token(world, sc.EC_KEY, "exchange-chart", scope=" ".join(scopes[:2]))
    world.tokens[COTTONWOOD] = answer.json()["access_token"]
    for content, expected in (("full-resource", 403), ("id-only", 201)):
        asked = subscription(content=content, channel=MLLP, endpoint="mllp://127.0.0.1:2575")
        answer = await send(world, COTTONWOOD, "POST", "/fhir/Subscription", asked)
        assert answer.status_code == expected, answer.text
    await world.close()


def test_a_topic_of_another_type_is_told_in_full_by_rest_hooks_only():
    spec = {"topic": "t", "title": "t", "description": "d", "triggers": [{"resource": "Condition"}]}
    topic = ready(TopicSpec.model_validate(spec), None)
    CHANNELS["rest-hook"].fits(topic, "full-resource")
    CHANNELS[MLLP].fits(topic, "id-only")
    for code in (MLLP, ALERTS):
        with pytest.raises(NotSupported, match="Consent, Encounter, Observation only"):
            CHANNELS[code].fits(topic, "full-resource")


HL7, CSV = ENDPOINTS["chart"], ENDPOINTS["alerts"]
BAD = [
    (HL7 | {"address": "mllp://ehr.example:2575"}, "address"),
    (HL7 | {"address": "https://ehr.example"}, "partners.p.notify_endpoints.e.hl7v2-mllp.address"),
    (HL7 | {"application": "A|B"}, "partners.p.notify_endpoints.e.hl7v2-mllp.application"),
    (CSV | {"address": "sftp://h.example/in"}, "folder"),
    ({"channel": ALERTS, "address": "sftp://h.example/in", "jackets": "s"}, "user"),
    (CSV | {"codes": {"a": "=1"}}, "partners.p.notify_endpoints.e.coremr-alerts-csv.codes.a"),
    ({"channel": "telex"}, "partners.p.notify_endpoints.e"),
]


@pytest.mark.parametrize(("endpoint", "path"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_an_endpoint_that_cannot_be_is_told_with_its_key(endpoint, path):
    document = {"partners": {"p": {"name": "P", "entity": "custody", "notify_endpoints": {"e": endpoint}}}}
    assert path in [one.path for one in check(PartnersSection, document, "partners.yaml")]


def test_files_of_an_endpoint_that_are_not_there_are_told_before_anything_is_opened(tmp_path):
    endpoints = {
        "chart": HL7 | {"address": "mllps://ehr.example:2575", "certificate": "none.pem"},
        "ca": HL7 | {"address": "mllps://ehr.example:2576", "ca_file": "site.toml"},
        "alerts": CSV | {"folder": "nowhere"},
        "sftp": {
            "channel": ALERTS,
            "jackets": "s",
            "address": "sftp://h.example/in",
            "user": "u",
            "key": "none",
            "host_key": "ssh-ed25519 AAAA",
        },
    }
    copy_fictional_county(tmp_path / "site")
    subscribers.register_endpoints(tmp_path / "site", endpoints)
    with pytest.raises(ConfigurationError) as caught:
        inspection.check(load_site(tmp_path / "site"))
    told = str(caught.value)
    for words in ("`none.pem`: there is no such file", "TLS cannot be set up", "no folder `nowhere`", "no public key"):
        assert words in told


async def test_an_unlinked_record_is_recalled_by_every_channel_without_a_word_of_anybody(tmp_path):
    world = await worlds.open_site(
        tmp_path / "site", adjust=lambda folder: subscribers.register_endpoints(folder, ENDPOINTS)
    )
    receiver = subscribers.attach(world)
    feed = "jail-medical-hl7"
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient()), "p")
    signed = records.release(records.choice("cottonwood", purposes=("TREAT",)))
    await world.deliver("releases", records.ndjson(signed), "release")
    await world.deliver(feed, records.hl7(records.phq9(4)), "screening")
    clinic, jail = world.patient("riverside-ehr", records.CLINIC), world.patient(feed, records.JAIL)
    for code, place in (("rest-hook", None), (MLLP, "mllp://127.0.0.1:2575"), (ALERTS, "folder:alerts")):
        more = {} if place is None else {"channel": code, "endpoint": place}
        asked = subscription(content="full-resource", filters=[f"patient={jail}"], **more)
        await subscribe(world, asked)
    await settle(world)
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_result()), "o")
    await settle(world)
    told = {one.channel: one for one in receiver.got if one.kind == "event-notification"}
    (focus,) = [one["resource"]["id"] for one in orjson.loads(told["rest-hook"].body)["entry"][1:]]
    receiver.got.clear()
    await world.services.identities.unlink(jail, clinic, staff(), why="two people")
    await settle(world)
    recalls = {one.channel: one for one in receiver.got}
    assert set(recalls) == set(CHANNELS)
    message = read_message(recalls[MLLP].body, line=1, fallback="ascii")
    assert [line.name for line in message.lines][:2] == ["MSH", "OBR"]
    (order,) = [line for line in message.lines if line.name == "OBR"]
    assert order.field(3) == f"{focus}^SALLYPORT"
    assert order.field(4).startswith("entered-in-error^")
    _, row = recalls[ALERTS].body.decode().splitlines()
    assert row.split(",")[:3] == ['""'] * 3
    assert row.split(",")[4:] == ['"entered-in-error"', f'"SALLYPORT {focus}"', '"SALLYPORT"']
    for one in recalls.values():
        assert not any(word in one.body + one.beside for word in (b"MARSH", b"Marsh", b"q1", clinic.encode()))
    await world.close()
