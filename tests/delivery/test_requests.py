"""Subscription over REST: what is refused and where, whose it is, what is told of it, and the topics."""

from __future__ import annotations

import pytest
import records
import subscribers
import worlds
from subscribers import COTTONWOOD, ENDPOINT, TOPICS, send, settle, subscribe, subscription

from adapter.listening import ALERTS, MLLP
from adapter.subscription import wish
from adapter.subscription.channel import CHANNEL, SYSTEM

pytestmark = pytest.mark.anyio
OTHER = ("riverside-main", "TREAT")
SECRET = "Bearer do-not-tell-anyone"


ENDPOINTS = {
    "chart": {"channel": MLLP, "address": "mllps://chart.example:2575", "application": "CHART"},
    "alerts": {"channel": ALERTS, "folder": ".", "jackets": "https://jail.example/person"},
}


@pytest.fixture
async def site(tmp_path):
    world = await worlds.open_site(
        tmp_path / "site", adjust=lambda folder: subscribers.register_endpoints(folder, ENDPOINTS)
    )
    world.receiver = subscribers.attach(world)
    yield world
    await world.close()


def changed(**channel):
    asked = subscription()
    return asked | {"channel": asked["channel"] | channel}


def other(channel, endpoint, topic="screening-summary", **more):
    asked = {"content": "full-resource", "channel": channel, "endpoint": endpoint} | more
    return subscription(topic, **asked)


def named(**coding):
    """A channel named in the extension, beside a code of R4."""
    return changed(type="message", _type={"extension": [{"url": CHANNEL, "valueCoding": {"system": SYSTEM} | coding}]})


CHART, FOLDER = "mllps://chart.example:2575", "folder:alerts"
OTHER_CHANNELS = [
    (named(code="carrier-pigeon"), "Subscription.channel.type"),
    (named(code=MLLP, system="urn:other"), "Subscription.channel.type"),
    (named(code="rest-hook"), "Subscription.channel.type"),
    (other(MLLP, CHART) | {"channel": other(MLLP, CHART)["channel"] | {"type": "email"}}, "Subscription.channel.type"),
    (other(MLLP, "mllps://chart.example:2576"), "Subscription.channel.endpoint"),
    (other(MLLP, FOLDER), "Subscription.channel.endpoint"),
    (other(ALERTS, CHART), "Subscription.channel.endpoint"),
    (other(ALERTS, "folder:elsewhere"), "Subscription.channel.endpoint"),
    (other(MLLP, CHART, most=2), "Subscription.channel.extension"),
    (other(MLLP, CHART, header=["Authorization: x"]), "Subscription.channel.header"),
    (other(ALERTS, FOLDER, content="id-only"), "Subscription.channel.payload"),
    (other(ALERTS, FOLDER, content="empty"), "Subscription.channel.payload"),
    (other(ALERTS, FOLDER, "moved"), "Subscription.channel.type"),
]
REFUSED = [
    (subscription(topic="weather"), "Subscription.criteria"),
    (changed(type="websocket"), "Subscription.channel.type"),
    (changed(_type={"extension": []}), "Subscription.channel.type"),
    (changed(payload="text/plain"), "Subscription.channel.payload"),
    (subscription(content="everything"), "Subscription.channel.payload"),
    (changed(_payload={}), "Subscription.channel.payload"),
    (changed(extension=[{"url": "x", "valueCode": "y"}]), "Subscription.channel.extension"),
    (subscription(heartbeat=1), "Subscription.channel.extension"),
    (subscription(timeout=3600), "Subscription.channel.extension"),
    (subscription(header=["X-Anything: x"]), "Subscription.channel.header"),
    (subscription(header=["Authorization: a\r\nX: y"]), "Subscription.channel.header"),
    (subscription(endpoint="https://elsewhere.example/hook"), "Subscription.channel.endpoint"),
    (subscription(endpoint="http://listen.cottonwood.example/hook"), "Subscription.channel.endpoint"),
    (subscription(endpoint="https://listen.cottonwood.example@evil.example/"), "Subscription.channel.endpoint"),
    (subscription(endpoint="https://169.254.169.254/latest"), "Subscription.channel.endpoint"),
    (subscription(filters=["Observation?value-quantity=5"]), "Subscription.criteria"),
    (subscription(filters=["Encounter?patient=x"]), "Subscription.criteria"),
    (subscription(filters=["patient=a/b/c"]), "Subscription.criteria"),
    (subscription(filters=["date=yesterday"]), "Subscription.criteria"),
    (subscription(end="2020-01-01T00:00:00Z"), "Subscription.end"),
    (subscription(end="soon"), "Subscription.end"),
    (subscription(reason=""), "Subscription.reason"),
    (subscription(recipients=["probation"]), "Subscription.extension"),
    (subscription(colour="red"), "Subscription"),
    ({"resourceType": "Patient"}, "resourceType"),
]


@pytest.mark.parametrize(("document", "path"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
async def test_what_is_not_offered_is_refused_with_its_path(site, document, path):
    answer = await send(site, COTTONWOOD, "POST", "/fhir/Subscription", document)
    assert answer.status_code in {400, 403}
    (issue,) = answer.json()["issue"]
    assert issue["expression"] == [path]
    assert await site.services.store.subscriptions() == []
    (entry,) = await site.services.ledger.of_request(answer.headers["x-request-id"])
    assert entry.outcome.startswith(str(answer.status_code))


async def test_what_another_channel_does_not_offer_is_refused_with_its_path(site):
    for document, path in OTHER_CHANNELS:
        answer = await send(site, COTTONWOOD, "POST", "/fhir/Subscription", document)
        assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, [path])
    assert await site.services.store.subscriptions() == []
    for document in (other(MLLP, CHART), other(ALERTS, FOLDER, most=100)):
        told = (await send(site, COTTONWOOD, "POST", "/fhir/Subscription", document)).json()["channel"]
        assert {name: told[name] for name in ("type", "_type", "endpoint", "payload", "_payload")} == {
            name: document["channel"][name] for name in ("type", "_type", "endpoint", "payload", "_payload")
        }


async def test_a_subscription_is_told_back_without_its_secret(site):
    document = subscription(header=[f"Authorization: {SECRET}"], filters=["Observation?code=x|y"], heartbeat=60)
    answer = await send(site, COTTONWOOD, "POST", "/fhir/Subscription", document)
    assert answer.status_code == 201
    told = answer.json()
    assert answer.headers["location"].endswith(f"/Subscription/{told['id']}/_history/1")
    assert (told["status"], told["criteria"]) == ("requested", f"{TOPICS}/screening-summary")
    assert told["_criteria"]["extension"][0]["valueString"] == "Observation?code=x|y"
    assert told["channel"]["endpoint"] == ENDPOINT
    assert {one["url"] for one in told["channel"]["extension"]} == {wish.HEARTBEAT, wish.TIMEOUT, wish.MOST}
    await settle(site)
    assert dict(site.receiver.got[0].headers) == {"authorization": SECRET}
    for url in ("", f"/{told['id']}", f"/{told['id']}/$status", "/$status", f"/{told['id']}/$events"):
        assert SECRET.encode() not in (await send(site, COTTONWOOD, "GET", f"/fhir/Subscription{url}")).content
    assert not any(SECRET.encode() in path.read_bytes() for path in site.services.site.store_folder.iterdir())


async def test_only_the_own_subscriptions_exist(site):
    ident = await subscribe(site)
    nowhere = [
        await send(site, OTHER, "GET", f"/fhir/Subscription/absent{tail}") for tail in ("", "/$status", "/$events")
    ]
    theirs = [
        await send(site, OTHER, "GET", f"/fhir/Subscription/{ident}{tail}") for tail in ("", "/$status", "/$events")
    ]
    assert [worlds.comparable(one) for one in theirs] == [worlds.comparable(one) for one in nowhere]
    assert {one.status_code for one in theirs} == {404}
    for method, document in (("PUT", subscription()), ("DELETE", None)):
        mine = await send(site, OTHER, method, f"/fhir/Subscription/{ident}", document)
        absent = await send(site, OTHER, method, "/fhir/Subscription/absent", document)
        assert mine.status_code == absent.status_code == 404
        assert worlds.comparable(mine) == worlds.comparable(absent)
    for url in ("/fhir/Subscription", f"/fhir/Subscription?_id={ident}", "/fhir/Subscription/$status"):
        assert (await send(site, OTHER, "GET", url)).json()["total"] == 0
        assert (await send(site, COTTONWOOD, "GET", url)).json()["total"] == 1


async def test_subscriptions_are_searched_changed_ended_and_deleted(site):
    ident = await subscribe(site)
    await settle(site)
    for query, total in (("status=active", 1), ("status=off", 0), (f"url={ENDPOINT}", 1), (f"criteria={TOPICS}/x", 0)):
        assert (await send(site, COTTONWOOD, "GET", f"/fhir/Subscription?{query}")).json()["total"] == total
    assert (await send(site, COTTONWOOD, "GET", "/fhir/Subscription?owner=x")).status_code == 400
    answer = await send(site, COTTONWOOD, "PUT", f"/fhir/Subscription/{ident}", subscription(content="empty", id=ident))
    assert (answer.status_code, answer.json()["status"], answer.headers["etag"]) == (200, "requested", 'W/"2"')
    await settle(site)
    assert [one.kind for one in site.receiver.got] == ["handshake", "handshake"]
    off = await send(site, COTTONWOOD, "PUT", f"/fhir/Subscription/{ident}", subscription(status="off"))
    assert off.json()["status"] == "off"
    await settle(site)
    assert len(site.receiver.got) == 2
    assert (await send(site, COTTONWOOD, "DELETE", f"/fhir/Subscription/{ident}")).status_code == 204
    assert (await send(site, COTTONWOOD, "GET", f"/fhir/Subscription/{ident}")).status_code == 404
    for table in ("subscription", "subscription_known", "subscription_event"):
        assert site.rows(f"SELECT count(*) FROM {table}") == [(0,)]


async def test_a_change_of_the_address_loses_nothing_that_waits(site):
    release = records.release(records.choice("cottonwood", purposes=("TREAT",)))
    await site.deliver("releases", records.ndjson(release), "release")
    ident = await subscribe(site)
    await settle(site)
    await site.deliver("jail-medical-hl7", records.hl7(records.phq9(4)), "one")
    await site.services.notifying.announcements.step()
    moved = subscription(endpoint="https://listen.cottonwood.example/other")
    assert (await send(site, COTTONWOOD, "PUT", f"/fhir/Subscription/{ident}", moved)).status_code == 200
    await settle(site)
    assert [(one.kind, one.endpoint) for one in site.receiver.got[1:]] == [
        ("handshake", "https://listen.cottonwood.example/other"),
        ("event-notification", "https://listen.cottonwood.example/other"),
    ]


async def test_topics_are_advertised_and_served_as_basic(site):
    (rest,) = (await send(site, COTTONWOOD, "GET", "/fhir/metadata")).json()["rest"]
    (declared,) = [one for one in rest["resource"] if one["type"] == "Subscription"]
    urls = {one["valueCanonical"] for one in declared["extension"]}
    bundle = (await send(site, COTTONWOOD, "GET", "/fhir/Basic?code=SubscriptionTopic")).json()
    served = {entry["resource"]["extension"][0]["valueUri"] for entry in bundle["entry"]}
    assert served == urls == {f"{TOPICS}/{name}" for name in SHIPPED}
    one = (await send(site, COTTONWOOD, "GET", "/fhir/Basic/screening-summary")).json()
    assert one["code"]["coding"][0]["code"] == "SubscriptionTopic"
    assert (await send(site, COTTONWOOD, "GET", "/fhir/Basic/absent")).status_code == 404
    assert (await send(site, COTTONWOOD, "POST", "/fhir/Basic", {})).status_code == 405


SHIPPED = (
    "booked",
    "consent",
    "consent-expiring",
    "consent-last-week",
    "court-order",
    "high-results",
    "moved",
    "released",
    "screening-summary",
)


async def test_a_county_may_have_topics_of_its_own(tmp_path):
    def own(folder):
        subscribers.register(folder)
        (folder / "topics" / "of-ours.yaml").write_text(
            "topic: ours\ntitle: Ours\ndescription: What is ours.\n"
            "triggers:\n  - {resource: Observation, where: [category=survey], key: [valueCodeableConcept.text]}\n"
            "filters: [patient, result]\n"
        )

    world = await worlds.open_site(tmp_path / "site", adjust=own)
    assert f"{TOPICS}/ours" in world.services.subscriptions.topics
    await subscribe(world, subscription("ours", filters=["result=high"]))
    await world.close()
