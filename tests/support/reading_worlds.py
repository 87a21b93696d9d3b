"""Random histories of a store, and a slow account of who may be given which version of what, and since when.

Policies permit segments; some pairs are decided by the content of each resource. Everything happens at an instant, so
that what was in force and known at an earlier one can be told again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from zoneinfo import ZoneInfo

import orjson

from adapter.consent.bases import CONSENT
from adapter.consent.segment import Segment
from adapter.fhir.index import index_rows
from adapter.services.bulk import Bulk
from adapter.services.disclose import Caller
from adapter.services.everything import Everything
from adapter.services.groups import Groups
from adapter.services.identity_rules import shipped_matcher
from adapter.services.keys import SiteKeys
from adapter.services.obligations import ObligationTexts
from adapter.services.panel_people import PanelSeal
from adapter.services.panels import Panels
from adapter.services.versions import Versions
from adapter.services.write import stamp
from adapter.store.shapes import (
    BEGINNING,
    DENY,
    END,
    EXCEPTION,
    BoundRow,
    PolicySpan,
    ResourceWrite,
    RuleRow,
    row_key,
)
from adapter.store.sqlite.store import SqliteStore

KEYS = SiteKeys(bytes(range(32)))
ZONE = ZoneInfo("America/Denver")
START = 1_790_000_000_000_000
STEP = 10_000_000
PEOPLE = tuple(f"p{number}" for number in range(4))
RECORDS = {"Observation": 5, "Encounter": 3}
SEGMENTS = ("s0", "s1", "s2", "s3")
LATE = "s3"
"""The segment that an agreement allows only from the middle of a history on."""
RULES = {
    "none": {},
    "some": {"s0": "permit", "s3": "permit"},
    "more": {"s0": "permit", "s1": "permit", "s2": "single"},
    "single": {"s0": "single", "s1": "single", "s2": "single", "s3": "single"},
}
"""What each policy says of a segment: permit, or decide of the single resource."""


def instant(moment):
    return START + moment * STEP


@dataclass(frozen=True)
class Version:
    """One version: made at a moment, in a segment, with a number that single decisions read."""

    moment: int
    segment: str
    number: int


@dataclass
class History:
    """What happened, and what follows. ``spans`` are (moment written, [(from moment, policy)]) of each person."""

    late: int = 5
    versions: dict = field(default_factory=dict)  # (kind, id) -> [Version], oldest first
    whose: dict = field(default_factory=dict)  # (kind, id) -> person
    spans: dict = field(default_factory=dict)  # person -> [(moment, [(from, policy)])]
    links: list = field(default_factory=list)  # (moment, one, other)
    events: list = field(default_factory=list)

    def policy(self, person, moment, known):
        """The policy in force at a moment, as it was known at another: what was written then counts not yet."""
        written = [spans for when, spans in self.spans.get(person, ()) if when < known or known is None]
        if not written:
            return "none"
        found = "none"
        for start, policy in written[-1]:
            if start <= moment:
                found = policy
        return found

    def decided(self, name, version, moment, known):
        """Whether a version is permitted at a moment by what was known at another."""
        if version.segment == LATE and moment < self.late:
            return False
        said = RULES[self.policy(self.whose[name], moment, known)].get(version.segment)
        return said == "permit" or (said == "single" and version.number % 2 == 0)

    def now(self, name, moment):
        """Whether the current version of a record is permitted at a moment."""
        return self.decided(name, self.versions[name][-1], moment, END)

    def sees(self, person, moment):
        """Whether a Patient is seen: itself or through one of its records."""
        mine = [name for name, whose in self.whose.items() if whose == person]
        return ("Patient", person) in self.versions and any(self.now(name, moment) for name in mine)

    def seen_versions(self, name, moment):
        """The versions of a resource that may be given, newest first: none if the current one may not."""
        if not self.readable(name, moment):
            return []
        whole = name[0] == "Patient" and any(
            self.now(other, moment) for other, whose in self.whose.items() if whose == name[1] and other != name
        )
        return [one for one in reversed(self.versions[name]) if whole or self.decided(name, one, moment, END)]

    def readable(self, name, moment):
        return self.sees(name[1], moment) if name[0] == "Patient" else self.now(name, moment)

    def reach(self, person, moment, since=None):
        """The records of a person that are seen to be one; of links that were there before ``since``."""
        found, waiting = {person}, [person]
        while waiting:
            one = waiting.pop()
            if not self.sees(one, moment) or (since is not None and self.patient_changed(one, moment, since)):
                continue
            for when, *pair in self.links:
                if one in pair and (since is None or when < since):
                    (other,) = set(pair) - {one}
                    if other not in found:
                        found.add(other)
                        waiting.append(other)
        return {one for one in found if self.sees(one, moment)}

    def changed(self, name, moment, since):
        """Whether a record is newer than a moment, or was not permitted then."""
        version = self.versions[name][-1]
        return version.moment >= since or not self.decided(name, version, since, since)

    def patient_changed(self, person, moment, since):
        """Whether a Patient is newer, or was not seen then through anything that is still permitted and unchanged."""
        name = ("Patient", person)
        if self.versions[name][-1].moment >= since:
            return True
        mine = [other for other, whose in self.whose.items() if whose == person]
        return not any(self.now(other, moment) and not self.changed(other, moment, since) for other in mine)

    def exported(self, kind, moment, since=None, members=None):
        """The ids of what an export holds of a type; ``members`` are pairs of person and moment it came in."""
        whole, part = set(), set()
        if members is None:
            (part if since is not None else whole).update(PEOPLE)
        else:
            reached = {one for person, _ in members for one in self.reach(person, moment)}
            if since is None:
                whole = reached
            else:
                old = [person for person, came in members if came < since and person in reached]
                part = {one for person in old for one in self.reach(person, moment, since)} | set(old)
                whole = reached - part
        found = set()
        for name, person in self.whose.items():
            if name[0] != kind or person not in whole | part or not self.readable(name, moment):
                continue
            changed = self.patient_changed(person, moment, since or 0) if kind == "Patient" else False
            if kind != "Patient" and person in part:
                changed = self.changed(name, moment, since)
            if person in whole or changed:
                found.add(name[1])
        return found


def draw_history(random, moments=10):
    """A history of some moments: records come and change, forms are signed for all time or from a moment on."""
    made = History()
    names = [("Patient", person) for person in PEOPLE]
    names += [(kind, f"{kind[0].lower()}{number}") for kind, count in RECORDS.items() for number in range(count)]
    for name in names:
        made.whose[name] = name[1] if name[0] == "Patient" else random.choice(PEOPLE)
    for name in [*names[: len(PEOPLE)], *random.sample(names[len(PEOPLE) :], 5)]:
        put(made, random, name, 0)
    for moment in range(1, moments):
        for _ in range(random.choice([0, 1, 1, 2, 3])):
            happen(made, random, names, moment)
    for name in names:
        if name not in made.versions:
            put(made, random, name, moments)
    return made


def happen(made, random, names, moment):
    what = random.random()
    if what < 0.5:
        put(made, random, random.choice(names), moment)
    elif what < 0.9:
        person = random.choice(PEOPLE)
        policies = list(RULES)
        spans = [(0, random.choice(policies))]
        if random.random() < 0.5:
            spans.append((random.randint(1, 9), random.choice(policies)))
        if not (made.spans.get(person) and made.spans[person][-1][0] == moment):
            made.spans.setdefault(person, []).append((moment, spans))
            made.events.append((moment, "sign", (person, spans)))
    else:
        one, other = random.sample(PEOPLE, 2)
        if not any({one, other} == {*pair} for _, *pair in made.links):
            made.links.append((moment, one, other))
            made.events.append((moment, "link", (one, other)))


def put(made, random, name, moment):
    version = Version(moment, random.choice(SEGMENTS), random.randrange(100))
    chain = made.versions.setdefault(name, [])
    if chain and (chain[-1].moment == moment or chain[-1].number == version.number):
        return
    chain.append(version)
    made.events.append((moment, "put", (name, version)))


def status(version):
    return "final" if version.number % 3 else "amended"


def body(name, version, person):
    kind, ident = name
    resource = {"resourceType": kind, "id": ident, "language": f"n{version.number}"}
    if kind != "Patient":
        resource["subject"] = {"reference": f"Patient/{person}"}
        resource["status"] = status(version)
    return resource


def written(name, version, person, segments):
    kind, ident = name
    resource = body(name, version, person)
    rest = orjson.dumps({key: value for key, value in resource.items() if key not in {"resourceType", "id"}})
    return ResourceWrite(
        type=kind,
        id=ident,
        rid=row_key(kind, ident),
        patient=row_key("Patient", person),
        segment=segments[version.segment],
        digest=digest(version),
        opening=f'{{"resourceType":"{kind}","id":"{ident}","meta":{{'.encode(),
        head=b'"security":[{"code":"N"}',
        tail=b"}," + rest[1:],
        index=partial(index_rows, resource, ZONE),
    )


def digest(version):
    return f"{version.number} {version.segment}".encode()


def version_id(name, version):
    return KEYS.version_id(*name, digest(version), instant(version.moment), 0)


NOBODYS = Segment(type="Observation", tier="detail", regime="justice")
"""Facets that every segment here has: nobody wrote any of these resources over FHIR."""


class Deciding:
    """Decisions filled on need from the table of rules."""

    def __init__(self, store, context, segments, policies):
        self.obligations = ObligationTexts(store, ZONE)
        self._store, self._context = store, context
        self._segments = {number: name for name, number in segments.items()}
        self._policies = {number: name for name, number in policies.items()}
        self.filled = 0

    async def segment(self, number):
        return NOBODYS

    async def fill(self, context, gaps):
        rows = []
        for gap in dict.fromkeys(gaps):
            said = RULES[self._policies[gap.policy]].get(self._segments[gap.segment])
            if gap.rid is None:
                effect = {"permit": CONSENT, "single": EXCEPTION}.get(said, DENY)
            else:
                assert said == "single"
                async with self._store.snapshot() as view:
                    row = await view.row(gap.rid)
                    if gap.version:
                        row = await view.version(row.type, row.id, gap.version)
                number = int(orjson.loads(row.head + b"]" + row.tail)["language"][1:])
                effect = CONSENT if number % 2 == 0 else DENY
            filled = RuleRow(
                context=context,
                policy=gap.policy,
                segment=gap.segment,
                rid=gap.rid,
                effect=effect,
                obligation=0,
                version=gap.version,
            )
            rows.append(filled)
        self.filled += len(rows)
        await self._store.add_rules(rows)


class ReadingWorld:
    """A store in which a history happened, and the gates over it."""

    def __init__(self, store, context, decisions):
        self.store, self.ledger, self.context, self.decisions = store, store.ledger(), context, decisions
        self.at = END
        numbers = iter(range(1, 1000))
        parts = (store, self.ledger, decisions, lambda: self.at)
        self.versions, self.everything = Versions(*parts), Everything(*parts)
        keys = SiteKeys(bytes(32))
        panels = Panels(store, PanelSeal(keys), keys, shipped_matcher())
        self.bulk = Bulk(*parts, panels=panels, new_id=lambda: f"made{next(numbers)}")
        self.groups = Groups(*parts, panels=panels, new_id=lambda: f"made{next(numbers)}")
        self._asked = 0

    def caller(self, **changed):
        self._asked += 1
        made = Caller(
            client="c",
            organisation="Organization/o",
            context=self.context,
            purpose="TREAT",
            rights=frozenset({"population-search"}),
            request_id=f"q{self._asked}",
        )
        return replace(made, **changed)

    async def passed(self):
        """The names and versions of what the ledger holds for the last question."""
        entries = await self.ledger.of_request(f"q{self._asked}")
        return [(row[0], row[1]) for entry in entries for row in entry.passed]

    async def close(self):
        await self.store.close()


async def open_history(folder, history, *, only=None):
    """A store of a history. ``only`` keeps a version, by its name and itself, or leaves it out."""
    store = SqliteStore(folder, stamp=stamp(KEYS), chain=b"chain", durable=False)
    await store.migrate()
    async with store.transaction() as change:
        segments = {name: await change.intern("segment", name.encode()) for name in SEGMENTS}
        policies = {name: await change.intern("policy", name.encode()) for name in RULES}
        context = await change.intern("context", b"context")
        starts = {name: instant(history.late) if name == LATE else BEGINNING for name in SEGMENTS}
        await change.add_bounds(
            [
                BoundRow(context=context, segment=segments[name], start=start, stop=END, bases=CONSENT, agreement="a")
                for name, start in starts.items()
            ]
        )
    for moment, what, told in history.events:
        async with store.transaction() as change:
            await happened(change, history, moment, what, told, segments, policies, only)
    return ReadingWorld(store, context, Deciding(store, context, segments, policies))


async def happened(change, history, moment, what, told, segments, policies, only):
    at = instant(moment)
    if what == "put":
        name, version = told
        person = history.whose[name]
        await change.admit({row_key("Patient", person)}, policies["none"])
        if only is None or only(name, version):
            await change.put([written(name, version, person, segments)], at=at, origin=None)
    elif what == "sign":
        person, spans = told
        starts = [BEGINNING, *(instant(start) for start, _ in spans[1:])]
        stops = [*starts[1:], END]
        found = [
            PolicySpan(start=start, stop=stop, policy=policies[policy], sources=())
            for start, stop, (_, policy) in zip(starts, stops, spans, strict=True)
        ]
        await change.set_policies([(row_key("Patient", person), found)], at=at)
    else:
        await change.link(*(row_key("Patient", person) for person in told), rule="test", at=at)
