"""Random stores for searches: every type on offer, values that collide, a part withheld, people with several records.

The way in is the store itself and the way out the search interaction, so what is in between is tested as it runs; who
may see what is decided by two segments, one of which is open.
"""

from __future__ import annotations

import json
from functools import partial
from zoneinfo import ZoneInfo

from search_oracle import CODES, PARAMETERS, Held, Oracle

from adapter.assets import r4_facts
from adapter.consent.bases import CONSENT
from adapter.consent.segment import Segment
from adapter.fhir.codec import dump_value, parse
from adapter.fhir.facts import Facts
from adapter.fhir.index import index_rows
from adapter.fhir.subset import Subsets
from adapter.rest.cursor import Cursors
from adapter.rest.search import Search
from adapter.services.disclose import Caller, Disclosure
from adapter.services.obligations import ObligationTexts
from adapter.store.shapes import BEGINNING, DENY, END, BoundRow, PolicySpan, ResourceWrite, RuleRow, row_key
from adapter.store.sqlite.store import SqliteStore

ZONE = ZoneInfo("America/Denver")
BASE = "https://gate.example/fhir"
NOW = 1_790_000_000_000_000
SYSTEMS = ("http://s", "http://t", "")
WORDS = ("a", "b", "c|d", "e,f")
DATES = (
    "2026",
    "2026-03",
    "2026-03-08",
    "2026-03-09",
    "2026-11-01",
    "2024-02-29",
    "2025-12-31",
    "2026-03-08T01:59:59-07:00",
    "2026-03-08T09:00:00Z",
    "2026-03-08T23:30:00.120-06:00",
    "2026-11-01T01:30:00-06:00",
    "2026-11-01T01:30:00-07:00",
)
NAMES = ("Nuñez", "nunez", "Ann", "Anna", "McAda", "van Dyke", "Straße", "O|k", "b,c")
NUMBERS = ("5", "5.4", "5.40", "5.35", "5.45", "100", "99.5", "100.5", "-3", "0", "0.001", "12345678901234567890.12")
UNITS = (("http://ucum", "mg", "mg"), ("http://ucum", "{score}", "score"), ("", "", "mg"), ("", "mg", ""))


NOBODYS = Segment(type="Observation", tier="detail", regime="justice")
"""Facets that every segment here has: nobody wrote any of these resources over FHIR."""


class Given:
    """Decisions that are all made: the tables hold every rule, so nothing is ever missing."""

    def __init__(self, store):
        self.obligations = ObligationTexts(store, ZONE)

    async def segment(self, number):
        return NOBODYS

    async def fill(self, context, gaps):
        raise AssertionError("a decision is missing")


def draw_resource(random, kind, ident, names):
    """A resource with some of everything that is searched for."""
    body = {"resourceType": kind, "id": ident}
    for name, (type_, paths) in PARAMETERS[kind].items():
        if name in {"patient", "subject", "family", "given"} or name.startswith("address-") or random.random() < 0.3:
            continue
        put(body, random.choice(paths), draw_value(random, kind, name, type_, names))
    return body


def put(body, path, value):
    first, _, rest = path.partition(".")
    if rest:
        body.setdefault(first, {} if first == "hospitalization" else [{}])
        inner = body[first] if isinstance(body[first], dict) else body[first][0]
        put(inner, rest, value)
    elif value is not None:
        body[first] = value


PLAIN = {"status", "gender"}
LISTED = {"category", "identifier", "type", "specialty", "code", "performer", "target", "name", "alias", "location"}


def draw_value(random, kind, name, type_, names):
    if type_ == "token":
        return draw_token(random, kind, name)
    if type_ == "string":
        return draw_string(random, kind, name)
    if type_ == "quantity":
        system, code, unit = random.choice(UNITS)
        whole = {"value": parse(b'{"n":' + random.choice(NUMBERS).encode() + b"}")["n"], "system": system, "code": code}
        return {key: value for key, value in (whole | {"unit": unit}).items() if value != ""}
    if type_ == "date":
        return random.choice(DATES)
    if type_ == "canonical":
        return random.choice(["http://q/1", "http://q/1|2", "http://q/2"])
    return draw_reference(random, kind, name, names)


def draw_token(random, kind, name):
    if name in PLAIN:
        return random.choice("ab")
    if name == "identifier":
        return [draw_identifier(random) for _ in range(random.randint(1, 2))]
    codings = [
        {key: value for key, value in (("system", random.choice(SYSTEMS)), ("code", random.choice(WORDS))) if value}
        for _ in range(random.randint(0, 2))
    ]
    concept = {"coding": codings} if codings else {"text": "said"}
    if name == "class":
        return codings[0] if codings else None
    one = name in {"clinical-status", "verification-status", "discharge-disposition", "scope"}
    single = one or (kind, name) in SINGLE
    return concept if single else [concept]


SINGLE = {("Observation", "code"), ("Condition", "code"), ("AllergyIntolerance", "code"), ("DocumentReference", "type")}


def draw_identifier(random):
    one = {"value": random.choice(WORDS)} if random.random() < 0.9 else {}
    if system := random.choice(SYSTEMS):
        one["system"] = system
    if random.random() < 0.5:
        one["type"] = {"coding": [{"system": "http://v2", "code": random.choice(["MR", "SS"])}]}
    return one


def draw_string(random, kind, name):
    if name == "address":
        parts = {key: random.choice(NAMES) for key in ("city", "state", "postalCode", "text") if random.random() < 0.6}
        whole = parts | {"line": [random.choice(NAMES)]}
        return whole if kind == "Location" else [whole]
    if kind in {"Patient", "Practitioner"}:
        person = {"family": random.choice(NAMES), "given": random.sample(NAMES, 2), "text": random.choice(NAMES)}
        return [{key: value for key, value in person.items() if random.random() < 0.7} or {"use": "usual"}]
    return random.choice(NAMES)


def draw_reference(random, kind, name, names):
    targets = {
        "performer": ("Organization", "Practitioner"),
        "service-provider": ("Organization",),
        "partof": (kind,),
        "target": ("Patient", "Observation", "Encounter"),
        "encounter": ("Encounter",),
    }.get(name, (name.capitalize(),))
    kinds = [one for one in names if one.partition("/")[0] in targets] + [f"{targets[0]}/absent"]
    value = {"reference": random.choice(kinds)}
    if random.random() < 0.2:
        value = {"identifier": draw_identifier(random)} | (value if random.random() < 0.5 else {})
    if name in {"location", "endpoint"} and kind == "PractitionerRole":
        return [value]
    return [value] if name in {"performer", "target"} else value


def draw_held(random, size):
    """A store of about ``size`` resources."""
    kinds = [random.choice(list(PARAMETERS)) for _ in range(size)] + ["Patient", "Patient", "Patient"]
    names = [f"{kind}/r{number}" for number, kind in enumerate(kinds)]
    patients = [name for name in names if name.startswith("Patient/")]
    held = []
    for number, (kind, name) in enumerate(zip(kinds, names, strict=True)):
        body = draw_resource(random, kind, name.partition("/")[2], names)
        about = "" if kind not in OF_PERSON else random.choice(patients)
        if kind == "Patient":
            about = name
        elif about and OF_PERSON[kind]:
            put(body, OF_PERSON[kind], {"reference": about})
        updated = NOW + random.choice([0, 1, 999, 1000, 86_400_000_000, 5_000_000_123]) + number * 1_000
        permitted = random.random() < (0.3 if kind == "Patient" else 0.6) or kind in DIRECTORY
        held.append(Held(resource=body, permitted=permitted, updated=updated, patient=about))
    for one in held:
        settle(one, {other.name: other.patient for other in held})
    links = {frozenset(random.sample(patients, 2)) for _ in range(random.randint(0, 2)) if len(patients) > 1}
    return Oracle(held=held, zone=ZONE, links=links)


def settle(one, whose):
    """What names a record of a person is of the same person."""
    if one.name.startswith("Provenance/"):
        named = [target.get("reference") for target in one.resource.get("target", ())]
        one.patient = next((whose[name] for name in named if name in whose), one.patient)
    encounter = one.resource.get("encounter", {})
    if whose.get(encounter.get("reference")) != one.patient and "reference" in encounter:
        encounter["reference"] = "Encounter/absent"


OF_PERSON = {
    "Observation": "subject",
    "Encounter": "subject",
    "Condition": "subject",
    "QuestionnaireResponse": "subject",
    "Consent": "patient",
    "Provenance": "",
    "RelatedPerson": "patient",
    "AllergyIntolerance": "patient",
    "DocumentReference": "subject",
    "Appointment": "participant.actor",
}
DIRECTORY = ("Organization", "Practitioner", "PractitionerRole", "Location")


def stamp(write, at, again):
    instant = at // 1000 * 1000
    return f"{write.id}-{at}-{again}", write.opening + f'"lastUpdated":"{instant}",'.encode() + write.head


def written(one, segment):
    """One resource as the store takes it."""
    kind, ident = one.name.split("/")
    opening = f'{{"resourceType":"{kind}","id":"{ident}","meta":{{'.encode()
    rest = {key: value for key, value in one.resource.items() if key not in {"resourceType", "id"}}
    body = dump_value(rest)
    return ResourceWrite(
        type=kind,
        id=ident,
        rid=row_key(kind, ident),
        patient=row_key(*one.patient.split("/")) if one.patient else 0,
        segment=segment,
        digest=body,
        opening=opening,
        head=b'"security":[{"code":"N"}',
        tail=b"}," + body[1:] if rest else b"}}",
        index=partial(index_rows, one.resource, ZONE),
    )


class SearchWorld:
    """A store filled from an oracle, and how to ask it."""

    def __init__(self, store, oracle, context, rights=("population-search",)):
        self.oracle = oracle
        self.store = store
        self.ledger = store.ledger()
        gate = Disclosure(store, self.ledger, Given(store), lambda: NOW)
        cursors = Cursors(bytes(range(64)))
        self._search = Search(gate, base_url=BASE, zone=ZONE, cursors=cursors, subsets=Subsets(Facts(r4_facts())))
        self.context, self._rights, self._asked = context, frozenset(rights), 0

    async def ask(self, kind, pairs):
        """One page as parsed JSON, decimals kept."""
        self._asked += 1
        caller = Caller(
            client="c",
            organisation="Organization/o",
            context=self.context,
            purpose="TREAT",
            rights=self._rights,
            request_id=f"q{self._asked}",
        )
        return parse((await self._search(caller, kind, pairs)).body)

    async def passed(self):
        """The names of what the ledger holds for the last question."""
        (entry,) = await self.ledger.of_request(f"q{self._asked}")
        return sorted(row[0] for row in entry.passed)

    async def close(self):
        await self.store.close()


async def open_world(folder, oracle, *, hidden=True, rights=("population-search",)):
    """A store of what the oracle holds; without ``hidden`` only of what is visible."""
    store = SqliteStore(folder, stamp=stamp, chain=b"chain", durable=False)
    await store.migrate()
    async with store.transaction() as change:
        shut, opened = await change.intern("segment", b"shut"), await change.intern("segment", b"open")
        policy = await change.intern("policy", b"policy")
        context = await change.intern("context", b"context")
        for one in oracle.held:
            if hidden or oracle.visible(one):
                await change.put([written(one, opened if one.permitted else shut)], at=one.updated, origin=None)
        everyone = {row_key(*one.patient.split("/")) for one in oracle.held if one.patient} | {0}
        always = [PolicySpan(start=BEGINNING, stop=END, policy=policy, sources=())]
        await change.set_policies([(rid, always) for rid in sorted(everyone)], at=NOW)
        rows = [
            BoundRow(context=context, segment=number, start=0, stop=END, bases=CONSENT, agreement="a")
            for number in (shut, opened)
        ]
        await change.add_bounds(rows)
        for pair in oracle.links:
            await change.link(*(row_key(*name.split("/")) for name in sorted(pair)), rule="test", at=NOW)
    rules = [
        RuleRow(context=context, policy=policy, segment=number, rid=None, effect=effect, obligation=0)
        for number, effect in ((shut, DENY), (opened, CONSENT))
    ]
    await store.add_rules(rules)
    return SearchWorld(store, oracle, context, rights)


def escape(text):
    for character in "\\,|$":
        text = text.replace(character, f"\\{character}")
    return text


def draw_query(random, kind, oracle):
    """A few criteria whose values come from the same small pools as those stored, so that they meet."""
    return [draw_criterion(random, kind, oracle) for _ in range(random.choice([0, 1, 1, 1, 2, 2, 3]))]


def draw_criterion(random, kind, oracle):
    name = random.choice([*PARAMETERS[kind], "_id", "_lastUpdated"])
    if name == "_id":
        ids = [one.resource["id"] for one in oracle.held]
        return name, ",".join(random.sample(ids, random.randint(1, 3)))
    if name == "_lastUpdated":
        return name, draw_date(random, ["2026", "2026-09-21", "2026-09-21T14:13:20Z", "2026-09-21T14:13:20.003Z"])
    if random.random() < 0.15:
        return f"{name}:missing", random.choice(["true", "false"])
    key, one = draw_one(random, kind, name, PARAMETERS[kind][name][0], oracle)
    several = [draw_one(random, kind, name, PARAMETERS[kind][name][0], oracle) for _ in range(2)]
    same = [other[1] for other in several if other[0] == key] if random.random() < 0.3 else []
    return key, ",".join([one, *same])


def draw_one(random, kind, name, type_, oracle):
    """One value of a criterion and the name it goes with."""
    if type_ == "token":
        return draw_token_asked(random, kind, name)
    if type_ == "string":
        modifier = random.choice(["", "", ":exact", ":contains"])
        word = random.choice([*NAMES, "n", "NUN", "ad", "an", "dyke"])
        return name + modifier, escape(word)
    if type_ == "date":
        return name, draw_date(random, [*DATES, "2026-03-08T01:59", "2026-11-01T01:30", "2026-03-08T01:59:59"])
    if type_ == "quantity":
        prefix = random.choice(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"])
        unit = random.choice(["", "", "|http://ucum|mg", "||mg", "||score", "|http://t|mg"])
        return name, prefix + random.choice([*NUMBERS, "5.38", "101"]) + unit
    if type_ == "canonical":
        return name, escape(random.choice(["http://q/1", "http://q/2"])) + random.choice(["", "|2"])
    return draw_reference_asked(random, kind, name, oracle)


def draw_token_asked(random, kind, name):
    if name == "identifier" and random.random() < 0.3:
        return "identifier:of-type", f"http://v2|{random.choice(['MR', 'SS'])}|{escape(random.choice(WORDS))}"
    system = CODES.get((kind, name), CODES.get(name, random.choice(SYSTEMS)))
    code = escape(random.choice("ab" if name in PLAIN else WORDS))
    forms = [code, f"{system}|{code}", f"|{code}"] + ([f"{system}|"] if system else [])
    return name + random.choice(["", "", ":not"]), random.choice(forms)


def draw_reference_asked(random, kind, name, oracle):
    if name not in {"patient", "subject"} and random.random() < 0.2:
        return f"{name}:identifier", draw_token_asked(random, kind, "specialty")[1]
    named = [one.name for one in oracle.held]
    target = draw_reference(random, kind, "patient" if name == "subject" else name, named)
    asked = target.get("reference") if isinstance(target, dict) else target[0].get("reference")
    asked = asked or ("Patient/absent" if name in {"patient", "subject", "target"} else f"{type_of(kind, name)}/absent")
    forms = [asked, f"{BASE}/{asked}", f"{asked}/_history/3"]
    return name, random.choice(forms if name in {"target", "performer"} else [*forms, asked.partition("/")[2]])


def type_of(kind, name):
    return {"service-provider": "Organization", "partof": kind, "performer": "Organization"}.get(
        name, name.capitalize()
    )


def draw_date(random, dates):
    return random.choice(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]) + random.choice(dates)


def shown(text):
    """A question as it is quoted when an answer is wrong."""
    return json.dumps(text, ensure_ascii=False)
