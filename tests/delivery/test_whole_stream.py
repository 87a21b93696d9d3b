"""Non-interference of all that a subscriber gets, over random histories, in its two forms.

(a) What is withheld throughout is deleted from the store as soon as it is written; what decides (consents, links, what
is in force) stays. Notifications, `$status`, `$events`, the numbers that exports state and what is read back of groups
are then the same, byte for byte. (b) What others bring in changes neither order nor batches.
"""

from __future__ import annotations

import bulk_requests
import pytest
import records
import subscribers
import worlds
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from subscribers import COTTONWOOD, send, settle, subscribe, subscription

from adapter.delivery.resthook import Received
from adapter.rest.bulk import CURRENT
from adapter.services import announcements, reconcile
from adapter.store.shapes import TYPE_NAMES, TYPES

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"
RELEASE = records.choice("cottonwood", purposes=("TREAT",))
PARTLY = records.choice("cottonwood", purposes=("TREAT",), classes=(records.SUBSTANCE_USE,))
REVOKED = [{"at": "2026-03-05T10:00:00-07:00", "partners": "all"}]
PEOPLE = {
    "J1": ("q1", records.SSN, "Marsh", "Ada", "1980-04-02"),
    "J2": ("q2", records.OTHER_SSN, "Oak", "Eve", "1975-11-30"),
    "J3": ("q3", "311-40-7788", "Pine", "May", "1966-07-07"),
}
HEAD = "key,family,given,birth_date\r\n"
LISTS = [
    HEAD + "".join(f"{key},{PEOPLE[key][2]},{PEOPLE[key][3]},{PEOPLE[key][4]}\r\n" for key in keys)
    for keys in ((), ("J1",), ("J2", "J3"), ("J1", "J2", "J3"))
]
BY_ROW = ("resource", "resource_history", "clinical", "token", "string", "date", "reference", "quantity", "indexed")
BY_ROW += ("screening", "origin", "relation")
DECIDES = ",".join(str(TYPES[kind]) for kind in ("Consent", "Provenance"))
SHAPES = {"deadline": None, "phases": [Phase.generate], "suppress_health_check": list(HealthCheck)}


def steps():
    """What may happen."""
    who = st.sampled_from(sorted(PEOPLE))
    screened = st.tuples(st.just("screen"), who, st.integers(1, 4), st.booleans())
    signed = st.tuples(st.just("sign"), who, st.sampled_from([RELEASE, RELEASE, PARTLY]))
    return st.one_of(
        *[screened] * 4,
        *[signed] * 3,
        *[st.tuples(st.just("look"))] * 3,
        st.tuples(st.just("revoke"), who),
        st.tuples(st.just("merge"), st.just("J2")),
        st.tuples(st.just("book"), who, st.booleans()),
        st.tuples(st.just("clinic"), st.integers(1, 3)),
        st.tuples(st.just("panel"), st.sampled_from(LISTS)),
        st.tuples(st.just("refuse")),
        st.tuples(st.just("export")),
    )


class Told:
    """A county and a subscriber, to which a history happens. ``kept``: what stays in the store; None: everything."""

    def __init__(self, world, kept=None):
        self.world, self.kept, self.ever = world, kept, set()
        self.receiver, self.idents, self.other = subscribers.attach(world), [], []
        self.signed = {}

    async def begin(self):
        self.group = (await self.upload(LISTS[1])).json()["group"]
        everyone = [subscription(content=content, most=2) for content in ("id-only", "full-resource")]
        followed = [
            subscription(topic, content="full-resource", most=1, filters=[f"_in={self.group}"])
            for topic in ("screening-summary", "consent", "booked")
        ]
        self.idents = [await subscribe(self.world, one) for one in [*everyone, *followed]]
        await settle(self.world)

    async def upload(self, content, group=""):
        return await bulk_requests.upload(self.world, await self.world.token(*COTTONWOOD), content, group)

    async def happens(self, number, what, *how):
        world = self.world
        world.clock.forward(seconds=1)
        if what == "look":
            await settle(world)
        elif what == "refuse":
            self.receiver.answers = [Received(taken=False, why="status 500")]
        elif what == "panel":
            answer = await self.upload(how[0], self.group)
            self.other.append(answer.status_code)
        elif what == "export":
            token = await world.token(*COTTONWOOD)
            place = await bulk_requests.kick_off(world, token, f"/fhir/{self.group}/$export?_type=Observation")
            told = await bulk_requests.manifest(world, token, place)
            files = await bulk_requests.files(world, token, told)
            self.other.append((told.get("extension", {}).get(CURRENT), files))
        else:
            await self.arrives(f"{number}", what, *how)
        await self.keep_to_it()

    async def arrives(self, name, what, *how):
        world = self.world
        who, *more = how
        if what == "clinic":
            await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient()), f"p{name}")
            result = records.clinic_result(f"o{who}", at=f"2026-03-1{who}T09:00:00-07:00")
            await world.deliver("riverside-ehr", records.ndjson(result), name)
            return
        person, ssn, family, given_, born = PEOPLE[who]
        if what == "screen":
            day, corrected = more
            status = "C" if corrected else "F"
            at = f"202603{day:02d}080000-0700"
            message = records.phq9(day, control=f"R{who}{day}", at=at, person=who, ssn=ssn, status=status)
            await world.deliver(FEED, records.hl7(message.replace("MARSH^ADA||19800402", shown(who))), name)
        elif what in {"sign", "revoke"}:
            choice = more[0] if what == "sign" else self.signed.get(who, RELEASE)
            self.signed[who] = choice
            told = {"id": person, "last": family, "first": given_, "dob": born, "sex": "F", "ssn": ssn}
            changed = {"revocations": REVOKED} if what == "revoke" else {}
            release = records.release(choice, submission=f"r{who}", **changed) | {"person": told}
            await world.deliver("releases", records.ndjson(release), name)
        elif what == "merge":
            head = records.admission(f"M{name}").split("\r")[0].replace("ADT^A01^ADT_A01", "ADT^A40^ADT_A39")
            lines = [head, "EVN|A40|20260304080000-0700", records.pid("J1"), f"MRG|{who}^^^ALDERJAIL^PCN"]
            await world.deliver(FEED, records.hl7("\r".join([*lines, ""])), name)
        else:
            row = records.roster_row(who, ssn=ssn, booking=f"B{who}", released="2026-03-20 09:00:00" if more[0] else "")
            await world.deliver("jail-roster", records.roster(row), name)

    async def keep_to_it(self):
        """Note what the subscriber may see now; delete what it never may, where that is wanted."""
        notifications, store = self.world.services.notifying.notifications, self.world.services.store
        (caller,) = await notifications.callers(await store.subscription(self.idents[0]), "")
        rows = self.world.rows("SELECT type, id, rid FROM resource WHERE patient <> 0 ORDER BY rid")
        names = {f"{TYPE_NAMES[kind]}/{ident}": rid for kind, ident, rid in rows}
        self.ever |= {names[name] for name in await notifications.gate.may(caller, list(names))}
        if self.kept is not None:
            kept = ",".join(map(str, self.kept)) or "-1"
            spared = f"SELECT rid FROM resource WHERE patient = 0 OR type IN ({DECIDES})"
            spared_rids = ",".join(str(rid) for (rid,) in self.world.rows(spared)) or "-1"
            for table in BY_ROW:
                self.world.rows(f"DELETE FROM {table} WHERE rid NOT IN ({kept}) AND rid NOT IN ({spared_rids})")

    async def stream(self):
        """Everything it got, and gets when it asks."""
        self.world.clock.forward(minutes=20)
        await settle(self.world)
        got = [(one.row.id, one.kind, one.body) for one in sorted(self.receiver.got, key=lambda one: one.row.id)]
        for ident in self.idents:
            urls = (f"{ident}/$status", f"{ident}/$events", f"{ident}/$events?eventsSinceNumber=2", ident)
            got += [await self.asked(f"/fhir/Subscription/{url}") for url in urls]
        return [*got, *self.other, await self.asked(f"/fhir/{self.group}")]

    async def asked(self, url):
        return worlds.comparable(await send(self.world, COTTONWOOD, "GET", url))


def shown(who):
    _, _, family, given_, born = PEOPLE[who]
    return f"{family.upper()}^{given_.upper()}||{born.replace('-', '')}"


async def run(folder, story, kept=None, *, without=lambda _: False):
    told = Told(await worlds.open_site(folder, adjust=subscribers.register), kept)
    await told.begin()
    for number, step in enumerate(story):
        if without(step):
            told.world.clock.forward(seconds=1)
        else:
            await told.happens(number, *step)
    await told.keep_to_it()
    stream = await told.stream()
    ((version,),) = told.world.rows("SELECT version FROM panel")
    await told.world.close()
    # These are drawn from one counter with the ids of receipts, which differ in number.
    text = repr(stream).replace(version, "version")
    for number, ident in enumerate([*told.idents, told.group.removeprefix("Group/")]):
        text = text.replace(ident, f"id-{number}")
    return stream, told.ever, text


@given(data=st.data())
@settings(max_examples=1, **SHAPES)
async def test_the_stream_is_that_of_a_store_without_what_is_withheld(tmp_path_factory, pytestconfig, data):
    for _ in range(pytestconfig.getoption("--histories")):
        story = data.draw(st.lists(steps(), min_size=6, max_size=16))
        folder = tmp_path_factory.mktemp("stream")
        whole, ever, _ = await run(folder / "whole", story)
        less, _, _ = await run(folder / "less", story, ever)
        differing = [(one, other) for one, other in zip(whole, less, strict=True) if one != other]
        assert differing == [], story


def of_strangers(step):
    """Whether something is told of people who sign nothing, and so is withheld."""
    return step[0] in {"screen", "book"} and step[1] != "J1"


@given(data=st.data())
@settings(max_examples=1, **SHAPES)
async def test_the_stream_is_that_of_a_store_that_never_got_what_is_withheld(tmp_path_factory, pytestconfig, data):
    own = steps().filter(lambda step: step[0] not in {"sign", "revoke", "merge"} or step[1] == "J1")
    for _ in range(pytestconfig.getoption("--histories")):
        story = data.draw(st.lists(own, min_size=6, max_size=16))
        folder = tmp_path_factory.mktemp("stream")
        _, _, whole = await run(folder / "whole", story)
        _, _, less = await run(folder / "less", story, without=of_strangers)
        assert whole == less, story


SOCIAL = [f"{number:03d}-55-01{number:02d}" for number in range(10, 40)]


def crowd(signed, hidden):
    """People who sign, each screened, and others who do not; all of it comes as one extract each."""
    releases = []
    for number in range(signed):
        told = {
            "id": f"c{number}",
            "last": f"Crowd{'abcdefghijkl'[number]}",
            "first": "Ann",
            "dob": "1970-02-03",
            "sex": "F",
        }
        releases.append(records.release(RELEASE, submission=f"c{number}") | {"person": told | {"ssn": SOCIAL[number]}})
    screenings = [
        records.phq9(4, control=f"C{number}", person=f"C{number}", ssn=SOCIAL[number]).replace(
            "MARSH^ADA||19800402", f"CROWD{'ABCDEFGHIJKL'[number]}^ANN||19700203"
        )
        for number in range(signed)
    ]
    screenings += [
        records.phq9(4, control=f"H{number}", person=f"H{number}", ssn=SOCIAL[20 + number]).replace(
            "MARSH^ADA||19800402", f"HIDDEN{'ABCDEFGHIJ'[number]}^BEA||19600304"
        )
        for number in range(hidden)
    ]
    return records.ndjson(*releases), screenings


async def told_of_crowd(folder, hidden, *, first):
    world = await worlds.open_site(folder, adjust=subscribers.register)
    receiver = subscribers.attach(world)
    releases, screenings = crowd(6, hidden)
    for number, one in enumerate(screenings[6:] if first else []):
        await world.deliver(FEED, records.hl7(one), f"h{number}")
    await world.deliver("releases", releases, "r")
    await subscribe(world, subscription(most=4))
    await settle(world)
    # Nobody looks while all of this comes in: it is looked at together.
    for number, one in enumerate(screenings[:6][::-1]):
        world.clock.forward(seconds=1)
        await world.deliver(FEED, records.hl7(one), f"s{number}")
    for number, one in enumerate([] if first else screenings[6:]):
        await world.deliver(FEED, records.hl7(one), f"h{number}")
    await settle(world)
    bodies = [one.body for one in receiver.got if one.kind == "event-notification"]
    updated = {
        f"{TYPE_NAMES[kind]}/{ident}": at for kind, ident, at in world.rows("SELECT type, id, updated FROM resource")
    }
    events = [(updated[focus], focus) for _, focus, _ in receiver.events()]
    await world.close()
    return bodies, events


async def test_whom_nobody_may_see_shifts_neither_order_nor_batches(tmp_path, monkeypatch):
    """More people than are looked at in one piece, hidden ones among them."""
    monkeypatch.setattr(reconcile, "PIECE", 3)
    alone, events = await told_of_crowd(tmp_path / "alone", 0, first=False)
    among, others = await told_of_crowd(tmp_path / "among", 8, first=False)
    assert len(events) == 6
    assert events == sorted(events) == others
    assert [len(one) for one in alone] == [len(one) for one in among]


async def told_after_an_agreement(folder, hidden):
    """Those of whom an agreement newly allows to tell, in the order in which they are told of."""

    def without(site):
        subscribers.register(site)
        path = site / "agreements" / "memorandum.yaml"
        path.write_text(path.read_text().replace("regimes: [hipaa, part2]\n    rights", "regimes: [part2]\n    rights"))

    world = await worlds.open_site(folder, adjust=without)
    subscribers.attach(world)
    releases, screenings = crowd(6, hidden)
    await world.deliver("releases", releases, "r")
    await subscribe(world, subscription(most=4))
    await settle(world)
    await world.deliver(FEED, records.hl7(*screenings), "s")
    await settle(world)
    await world.close()
    path = folder / "agreements" / "memorandum.yaml"
    path.write_text(path.read_text().replace("regimes: [part2]\n    rights", "regimes: [hipaa, part2]\n    rights"))
    world = await worlds.open_site(folder, first_id=900)
    receiver = subscribers.attach(world)
    await settle(world, 2_000)
    await world.close()
    return [(number, focus) for number, focus, _ in receiver.events()]


async def test_whom_nobody_may_see_does_not_shift_whom_an_agreement_newly_allows(tmp_path, monkeypatch):
    monkeypatch.setattr(announcements, "PIECE", 3)
    alone = await told_after_an_agreement(tmp_path / "alone", 0)
    among = await told_after_an_agreement(tmp_path / "among", 10)
    assert len(alone) == 6
    assert alone == among
