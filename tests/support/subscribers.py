"""Subscribers written by hand: what they ask for, a receiver that remembers, and driving the outbox step by step."""

from __future__ import annotations

import asyncio

import httpx2
import orjson
import yaml

from adapter.delivery.ways import Received
from adapter.subscription import wish
from adapter.subscription.channel import CHANNELS, REST_HOOK, written_channel

ENDPOINT = "https://listen.cottonwood.example/hook"
TOPICS = "https://sallyport.example/fhir/SubscriptionTopic"
COTTONWOOD = ("cottonwood", "TREAT")


def subscription(topic="screening-summary", *, endpoint=ENDPOINT, content="id-only", filters=(), header=(), **more):
    """A Subscription as a client sends it."""
    numbers = {
        wish.HEARTBEAT: more.pop("heartbeat", None),
        wish.TIMEOUT: more.pop("timeout", None),
        wish.MOST: more.pop("most", None),
    }
    recipients = more.pop("recipients", ())
    kind = more.pop("channel", REST_HOOK)
    asked = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "care coordination",
        "criteria": f"{TOPICS}/{topic}",
        "channel": {
            **written_channel(kind),
            "endpoint": endpoint,
            "payload": CHANNELS[kind].payload,
            "_payload": {"extension": [{"url": wish.CONTENT, "valueCode": content}]},
        },
    }
    told = [{"url": url, "valueUnsignedInt": value} for url, value in numbers.items() if value is not None]
    if told:
        asked["channel"]["extension"] = told
    if header:
        asked["channel"]["header"] = list(header)
    if filters:
        asked["_criteria"] = {"extension": [{"url": wish.FILTER, "valueString": one} for one in filters]}
    if recipients:
        asked["extension"] = [
            {"url": wish.END_RECIPIENT, "valueReference": {"reference": f"Organization/{one}"}} for one in recipients
        ]
    return asked | more


class Receiver:
    """Stands in for the rest-hook: remembers what was sent, and answers what it is told to."""

    def __init__(self):
        self.got = []
        self.answers = []

    async def send(self, sending):
        self.got.append(sending)
        answer = self.answers.pop(0) if self.answers else Received(taken=True)
        if callable(answer):
            answer = await answer(sending)
        return answer

    def bundles(self, kind=None):
        """The notifications, parsed; of one kind."""
        return [orjson.loads(one.body) for one in self.got if kind is None or one.kind == kind]

    def events(self):
        """(number, focus, notice) of every event told, in the order of arrival."""
        return [event for one in self.bundles("event-notification") for event in events(one)]


def events(bundle):
    """(number, focus, notice) of the events of a notification."""
    found = []
    for parameter in bundle["entry"][0]["resource"]["parameter"]:
        if parameter["name"] == "notification-event":
            parts = {part["name"]: part for part in parameter["part"]}
            focus = parts.get("focus", {}).get("valueReference", {}).get("reference")
            notice = parameter.get("extension", [{}])[0].get("valueCode", "")
            found.append((int(parts["event-number"]["valueString"]), focus and focus.partition("/fhir/")[2], notice))
    return found


def register(folder, *, hosts=("listen.cottonwood.example",), partner="cottonwood"):
    """Give a partner of a site folder hosts to listen on."""
    path = folder / "partners.yaml"
    document = yaml.safe_load(path.read_text())
    document["partners"][partner]["notify_hosts"] = list(hosts)
    path.write_text(yaml.safe_dump(document))


def register_endpoints(folder, endpoints, *, partner="cottonwood", networks=()):
    """Give a partner of a site folder endpoints of other channels, and the private networks that they are in."""
    register(folder, partner=partner)
    path = folder / "partners.yaml"
    document = yaml.safe_load(path.read_text())
    document["partners"][partner]["notify_endpoints"] = endpoints
    path.write_text(yaml.safe_dump(document))
    site = folder / "site.toml"
    site.write_text(site.read_text().replace("private_networks = []", f"private_networks = {list(networks)}"))


def attach(world, receiver=None):
    """Put a receiver in the place of the rest-hook of a world."""
    receiver = receiver or Receiver()
    world.services.notifying.outbox._hook = receiver
    return receiver


async def settle(world, most=200):
    """Let the outbox do everything that is to be done at this instant."""
    outbox = world.services.notifying.outbox
    for _ in range(most):
        busy = await outbox.step() or bool(outbox.sending)
        await outbox.settled()
        await asyncio.sleep(0)
        if not busy:
            return
    raise AssertionError("the outbox does not come to rest")


async def send(world, caller, method, url, document=None):
    """A request with a JSON body."""
    headers = {"Authorization": f"Bearer {await world.token(*caller)}", "Content-Type": "application/fhir+json"}
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        content = None if document is None else orjson.dumps(document)
        return await client.request(method, url, headers=headers, content=content)


async def subscribe(world, document=None, *, caller=COTTONWOOD):
    """Ask for a subscription; its id."""
    answer = await send(world, caller, "POST", "/fhir/Subscription", document or subscription())
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]
