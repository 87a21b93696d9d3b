"""What is withheld changes no byte of what a subscriber gets: notifications, `$status`, `$events`.

Compared with a store to which the source records behind what is withheld never came; what decides is held fixed.
"""

from __future__ import annotations

import pytest
import records
import subscribers
import worlds
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from subscribers import COTTONWOOD, send, settle, subscribe, subscription

from adapter.listening import ALERTS, MLLP
from adapter.subscription.channel import REST_HOOK
from adapter.subscription.hl7v2 import control_id

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"
RELEASE = records.choice("cottonwood", purposes=("TREAT",))
WORLDS = settings(max_examples=5, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
PEOPLE = {"J1": (records.REGISTRY, records.SSN), "J2": ("q2", records.OTHER_SSN)}


ENDPOINTS = {
    "chart": {"channel": MLLP, "address": "mllp://127.0.0.1:2575", "application": "CHART"},
    "alerts": {"channel": ALERTS, "folder": ".", "jackets": "https://release-registry.example/person"},
}
CHANNELS = [
    {"content": "id-only"},
    {"content": "full-resource"},
    {"content": "full-resource", "channel": MLLP, "endpoint": "mllp://127.0.0.1:2575"},
    {"content": "full-resource", "channel": ALERTS, "endpoint": "folder:alerts"},
]


def registered(folder):
    subscribers.register_endpoints(folder, ENDPOINTS)


def happenings():
    """Screenings of two people of whom one has signed; when somebody looks; what the receiver answers."""
    screening = st.tuples(st.just("screen"), st.sampled_from(sorted(PEOPLE)), st.integers(1, 28), st.booleans())
    return st.lists(st.one_of(screening, st.just(("look", "", 0, False))), min_size=4, max_size=12)


async def stream(folder, story, *, withheld):
    """Everything that a subscriber gets while this happens; without what is withheld if so wanted."""
    world = await worlds.open_site(folder, adjust=registered)
    receiver = subscribers.attach(world)
    person = records.release()["person"] | {"ssn": records.SSN}
    await world.deliver("releases", records.ndjson(records.release(RELEASE, person=person)), "release")
    asked = [subscription(**{"most": 1 if "channel" in one else 2} | one) for one in CHANNELS]
    idents = [await subscribe(world, one) for one in asked]
    await settle(world)
    for number, (what, person, day, corrected) in enumerate(story):
        if what == "look":
            await settle(world)
        elif withheld or person == "J1":
            message = records.phq9(
                day,
                control=f"R{person}{day}",
                at=f"202603{day:02d}080000-0700",
                person=person,
                ssn=PEOPLE[person][1],
                status="C" if corrected else "F",
            )
            await world.deliver(FEED, records.hl7(message), f"{number}")
        world.clock.forward(seconds=1)
    await settle(world)
    told = {one.channel for one in receiver.got if one.kind == "event-notification"}
    assert told in (set(), {REST_HOOK, MLLP, ALERTS})
    got = [
        (one.row.topic, one.kind, _unlike(one.row.id, one.name), _unlike(one.row.id, one.body.decode()), one.beside)
        for one in sorted(receiver.got, key=lambda one: idents.index(one.row.id))
    ]
    for ident in idents:
        urls = (f"{ident}/$status", f"{ident}/$events", f"{ident}/$events?eventsSinceNumber=2", ident)
        got += [worlds.comparable(await send(world, COTTONWOOD, "GET", f"/fhir/Subscription/{url}")) for url in urls]
    await world.close()
    return [_unnamed(one, idents) for one in got]


def _unlike(ident, text):
    """Control ids begin with what stands for the subscription."""
    return text.replace(control_id(ident, ""), "control-")


def _unnamed(one, idents):
    """The ids of subscriptions are drawn from one counter with those of receipts, which differ in number."""
    text = repr(one)
    for number, ident in enumerate(idents):
        text = text.replace(ident, f"subscription-{number}")
    return text


@WORLDS
@given(story=happenings())
async def test_the_stream_is_that_of_a_store_that_never_got_what_is_withheld(tmp_path_factory, story):
    folder = tmp_path_factory.mktemp("stream")
    whole = await stream(folder / "whole", story, withheld=True)
    less = await stream(folder / "less", story, withheld=False)
    assert whole == less
