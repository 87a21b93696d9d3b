"""Non-interference: what is withheld from a caller changes no byte of any answer to that caller.

(a) the withheld rows deleted, (b) the source records behind them never ingested; the decision's inputs (Consents,
agreements, links) held fixed, clock and ids frozen. Every route that exists is asked.
"""

from __future__ import annotations

import shutil

import asserting
import orjson
import pytest
import worlds
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adapter.store.shapes import TYPE_NAMES
from adapter.store.sqlite.connection import connect

pytestmark = pytest.mark.anyio
PEOPLE = 5
HELD_FIXED = (
    "patient_policy",
    "patient_policy_source",
    "patient_link",
    "policy",
    "segment",
    "context",
    "obligation",
    "bound",
    "rule",
    "exception",
)
BY_ROW = (
    "resource",
    "resource_history",
    "clinical",
    "token",
    "string",
    "date",
    "reference",
    "indexed",
    "screening",
    "origin",
    "relation",
)


@pytest.fixture
def anyio_backend():
    return "asyncio"


def questions(world):
    """URLs that ask for everything, by every means, of everyone: present, hidden and absent alike."""
    names = [(TYPE_NAMES[kind], ident) for kind, ident in world.rows("SELECT type, id FROM resource ORDER BY rid")]
    patients = [ident for kind, ident in names if kind == "Patient"]
    urls = [f"/fhir/{kind}/{ident}" for kind, ident in names] + [
        "/fhir/Patient/absent",
        "/fhir/Nothing/x",
        "/fhir/metadata",
    ]
    for patient in [*patients, "absent"]:
        urls += [
            f"/fhir/Observation?patient={patient}",
            f"/fhir/Observation?patient=Patient/{patient}&category=survey&_count=1",
            f"/fhir/Observation?patient={patient}&date=ge2025-01-01&_sort=date&_count=2",
            f"/fhir/Observation?subject=Patient/{patient}&code=44261-6,bjmhs-result&_summary=count",
            f"/fhir/Observation?patient={patient}&status=final&_count=0",
            f"/fhir/Consent?patient={patient}&status=active",
            f"/fhir/Encounter?patient={patient}",
            f"/fhir/Condition?patient={patient}",
            f"/fhir/QuestionnaireResponse?patient={patient}",
            f"/fhir/Patient?_id={patient}",
            f"/fhir/Patient?_id={patient}&_revinclude=Observation:patient&_revinclude=Provenance:target&_summary=true",
            f"/fhir/Observation?patient={patient}&_include=Observation:patient&_revinclude=Provenance:target&_count=2",
            f"/fhir/Observation?patient={patient}&code:not=44261-6&value-quantity=ge5&_sort=-_lastUpdated,_id",
            f"/fhir/Observation?patient={patient}&value-quantity:missing=true&_elements=code&_total=none",
            f"/fhir/Observation?patient={patient}&_include=Observation:subject&_format=xml&_sort=status&_count=3",
            f"/fhir/Observation?patient={patient}&_include=Observation:subject&_format=xml&_count=3",
            f"/fhir/Condition?patient={patient}&onset-date=ge1990&_sort=recorded-date",
        ]
    observations = [ident for kind, ident in names if kind == "Observation"][:5]
    urls += [f"/fhir/Provenance?target=Observation/{ident}" for ident in observations]
    urls += [f"/fhir/Observation?_id={','.join(observations)}"]
    urls += [
        "/fhir/Observation?code=44261-6&_count=2",
        "/fhir/Observation?category=survey&_count=3&_sort=-date",
    ]
    urls += [
        "/fhir/Patient?name=a",
        "/fhir/Patient?family=s&birthdate=ge1950",
        "/fhir/Patient?family:contains=a&_sort=-family,birthdate&_count=2&_revinclude=Encounter:patient",
        "/fhir/Patient?gender:not=male&_sort=-_lastUpdated&_summary=data",
        "/fhir/Patient?death-date:missing=true&_count=0",
        "/fhir/Observation?_lastUpdated=ge2026&_sort=value-quantity",
        "/fhir/Observation?_lastUpdated=ge2026&_include=Observation:subject&_count=3",
        "/fhir/Encounter?location:missing=true&_summary=text",
        "/fhir/Organization?name=a",
        "/fhir/Organization?name:contains=a&_sort=name&_revinclude=PractitionerRole:organization",
        "/fhir/Observation?oops=1",
        "/fhir/Basic?code=SubscriptionTopic",
        "/fhir/Basic/screening-summary",
        "/fhir/Subscription?status=active",
        "/fhir/Subscription/absent",
        "/fhir/Subscription/absent/$events",
        "/fhir/Subscription/$status",
    ]
    for (body,) in world.rows(
        "SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 1 ORDER BY rid LIMIT 6"
    ):
        document = orjson.loads(body)
        urls += [
            f"/fhir/Patient?identifier={item['system']}|{item['value']}"
            for item in document.get("identifier", ())
            if "value" in item
        ]
        urls += [
            f"/fhir/Patient?family={name['family']}&birthdate={document['birthDate']}"
            for name in document.get("name", ())[:1]
            if "birthDate" in document and "family" in name
        ]
    return urls


def described(world):
    """People as a caller of `$match` may describe them: as they are held, misspelt, and somebody who is not."""
    bodies = world.rows("SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 1 ORDER BY rid")
    found = [{"resourceType": "Patient", "name": [{"family": "Nobody", "given": ["Here"]}], "birthDate": "1971-01-02"}]
    for (body,) in bodies:
        held = orjson.loads(body)
        told = {key: held[key] for key in ("resourceType", "identifier", "name", "birthDate", "gender") if key in held}
        told["identifier"] = [
            {"system": item["system"], "value": item["value"]}
            for item in told.get("identifier", ())
            if "value" in item and "system" in item
        ]
        found += [told, {key: value for key, value in told.items() if key != "identifier"}]
    return found


async def answers(world, caller, urls, people):
    """Everything one caller gets: pages followed to their end, the same searches by POST, and who people are."""
    got = {}
    for number, person in enumerate(people):
        for certain in (False, True):
            parts = [
                {"name": "resource", "resource": person},
                {"name": "onlyCertainMatches", "valueBoolean": certain},
            ]
            document = {"resourceType": "Parameters", "parameter": parts}
            answer = await world.ask(caller, "/fhir/Patient/$match", method="POST", document=document)
            got[f"$match {number} {certain}"] = worlds.comparable(answer)
    for url in urls:
        path, _, query = url.partition("?")
        if query:
            got[url] = [worlds.comparable(answer) for answer in await world.pages(caller, url)]
            form = worlds.query_of(url)
            got["POST " + url] = worlds.comparable(await world.ask(caller, path + "/_search", method="POST", form=form))
        else:
            got[url] = worlds.comparable(await world.ask(caller, url))
            target = url.removeprefix("/fhir/")
            told = await world.why(caller, recipient=caller[0], purpose=caller[1], resource=target)
            got["$explain " + url] = worlds.comparable(told)
    got["$explain request"] = worlds.comparable(await world.why(caller, request_id="id" + "0" * 23 + "7"))
    return got


async def permitted_rows(world, caller):
    """The keys of what this caller may see, read one by one."""
    seen = set()
    for kind, ident, rid in world.rows("SELECT type, id, rid FROM resource"):
        if (await world.ask(caller, f"/fhir/{TYPE_NAMES[kind]}/{ident}")).status_code == 200:
            seen.add(rid)
    return seen


def delete_withheld(folder, seen):
    db = connect(folder / "data" / "store.sqlite")
    kept = ",".join(map(str, seen)) or "-1"
    with db:
        for table in BY_ROW:
            db.execute(f"DELETE FROM {table} WHERE rid NOT IN ({kept})")
    db.close()


def same(one, other):
    differing = [url for url in one if one[url] != other[url]]
    assert differing == []


WORLDS = settings(max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@WORLDS
@given(seed=st.integers(0, 10_000), who=st.integers(0, len(worlds.CALLERS) - 1))
async def test_a_answers_equal_those_of_a_store_without_the_withheld_rows(tmp_path_factory, seed, who):
    caller, folder = worlds.CALLERS[who], tmp_path_factory.mktemp("whole")
    whole = await worlds.open_site(folder / "site")
    await worlds.ingest_all(whole, worlds.extracts(folder / "extracts", people=PEOPLE, seed=seed))
    urls, people = questions(whole), described(whole)
    seen = await permitted_rows(whole, caller)
    expected = await answers(whole, caller, urls, people)
    await whole.close()
    shutil.copytree(folder / "site", folder / "less")
    delete_withheld(folder / "less", seen)
    less = await worlds.open_site(folder / "less")
    same(expected, await answers(less, caller, urls, people))
    await less.close()


@WORLDS
@given(seed=st.integers(0, 10_000), who=st.integers(0, len(worlds.CALLERS) - 1))
async def test_b_answers_equal_those_of_a_store_that_never_got_the_records(tmp_path_factory, seed, who):
    caller, folder = worlds.CALLERS[who], tmp_path_factory.mktemp("whole")
    source = worlds.extracts(folder / "extracts", people=PEOPLE, seed=seed)
    whole = await worlds.open_site(folder / "site")
    await worlds.ingest_all(whole, source)
    urls, people = questions(whole), described(whole)
    seen = await permitted_rows(whole, caller)
    behind = {}
    names = {receipt.id: (receipt.feed, receipt.name) for receipt in await whole.services.inbox.receipts()}
    for rid, receipt, line in whole.rows("SELECT rid, receipt, line FROM origin"):
        behind.setdefault((*names[receipt], line), set()).add(rid)
    expected = await answers(whole, caller, urls, people)
    fixed = {table: whole.rows(f"SELECT * FROM {table}") for table in HELD_FIXED}
    await whole.close()

    def keep(feed, name, item):
        return bool(behind.get((feed, name, item.position.line), set()) & seen)

    less = await worlds.open_site(folder / "less")
    await worlds.ingest_all(less, source, keep=keep)
    await less.close()
    hold_fixed(folder / "less", fixed)
    less = await worlds.open_site(folder / "less")
    same(expected, await answers(less, caller, urls, people))
    await less.close()


def asked_assertions(world):
    """`$assert-basis` about everyone: present, hidden and absent, by id and by what is known, right and wrong."""
    ids = [ident for (ident,) in world.rows("SELECT id FROM resource WHERE type = 1 ORDER BY rid")]
    for number, ident in enumerate([*ids, "absent"]):
        yield asserting.body(ident, request=f"id-{number}")
        yield asserting.body(ident, request=f"id-{number}")
        yield asserting.body(ident, request=f"id-{number}", facts=asserting.FACTS["E"] | {"nature": "changed"})
        yield asserting.body(ident, request=f"lacking-{number}", facts={})
        yield asserting.body(ident, request=f"order-{number}", basis="O")
    people = [
        orjson.loads(body)
        for (body,) in world.rows("SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 1 ORDER BY rid")
    ]
    for number, person in enumerate([*people, {"resourceType": "Patient", "birthDate": "1980-01-01"}]):
        yield asserting.body(person=person, request=f"person-{number}")


@WORLDS
@given(seed=st.integers(0, 10_000))
async def test_asserting_a_basis_answers_alike_whatever_is_held(tmp_path_factory, seed):
    caller, folder = asserting.COTTONWOOD, tmp_path_factory.mktemp("whole")

    def often(site):
        path = site / "site.toml"
        path.write_text(path.read_text().replace("assertions_per_hour = 60", "assertions_per_hour = 200"))

    whole = await worlds.open_site(folder / "site", adjust=often)
    await worlds.ingest_all(whole, worlds.extracts(folder / "extracts", people=PEOPLE, seed=seed))
    documents = list(asked_assertions(whole))
    seen = await permitted_rows(whole, caller)
    await whole.close()
    shutil.copytree(folder / "site", folder / "less")
    delete_withheld(folder / "less", seen)
    got = []
    for name in ("site", "less"):
        world = await worlds.open_site(folder / name, first_id=10_000)
        got.append([worlds.comparable(await asserting.post(world, caller, one)) for one in documents])
        await world.close()
    assert got[0] == got[1]
    assert {status for status, _, _ in got[0]} == {202, 400, 403, 409}


def hold_fixed(folder, tables):
    """Give a store the decision's inputs of another; its own segment numbers are translated."""
    db = connect(folder / "data" / "store.sqlite")
    bodies = {body: number for number, body in tables["segment"]}
    with db:
        mine = {number: bodies[body] for number, body in db.execute("SELECT id, body FROM segment")}
        shift = 1_000_000
        for table in ("resource", "resource_history", "clinical", "token"):
            for number, other in mine.items():
                db.execute(f"UPDATE {table} SET segment = ? WHERE segment = ?", (other + shift, number))
            db.execute(f"UPDATE {table} SET segment = segment - {shift} WHERE segment > {shift}")
        for table, rows in tables.items():
            db.execute(f"DELETE FROM {table}")
            for row in rows:
                db.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)
    db.close()
