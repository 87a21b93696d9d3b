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
import writers
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from noninterfering import (
    HELD_FIXED,
    answers,
    delete_withheld,
    described,
    hold_fixed,
    permitted_rows,
    questions,
    records_of,
    same,
)

from adapter.store.shapes import TYPE_NAMES

pytestmark = pytest.mark.anyio
PEOPLE = 5


@pytest.fixture
def anyio_backend():
    return "asyncio"


WORLDS = settings(max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


AFRESH = 50_000
"""Ids of a site that is opened again begin behind those that it has."""


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
    less = await worlds.open_site(folder / "less", first_id=AFRESH)
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
    less = await worlds.open_site(folder / "less", first_id=AFRESH)
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


def asked_writes(world):
    """Writes that name everyone and everything: present, hidden and absent, by id, by reference and by criteria."""
    rows = world.rows("SELECT type, id, CAST(head || ']' || tail AS TEXT) FROM resource ORDER BY rid")
    patients = [(ident, orjson.loads(body)) for kind, ident, body in rows if TYPE_NAMES[kind] == "Patient"]
    records = [(TYPE_NAMES[kind], ident) for kind, ident, _ in rows if TYPE_NAMES[kind] in writers.WRITTEN]
    yield "POST", "/Patient", writers.patient("N1"), {}
    for ident, body in [*patients, ("absent", {"identifier": [{"system": "urn:x", "value": "1"}]})]:
        yield "POST", "/Observation", writers.phq9(ident), {}
        yield "PUT", f"/Observation?patient={ident}&code=44261-6", writers.phq9(ident), {}
        yield "PUT", f"/Patient/{ident}", writers.patient("N2") | {"id": ident}, {"If-Match": 'W/"1"'}
        for number in body.get("identifier", ())[:1]:
            criteria = f"identifier={number['system']}|{number.get('value', '')}"
            yield "POST", "/Patient", writers.patient(identifier=[number]), {"If-None-Exist": criteria}
            subject = {"subject": {"reference": f"Patient?{criteria}"}}
            yield "POST", "", writers.bundle(writers.entry("POST", "Observation", writers.phq9("x") | subject)), {}
    for kind, ident in [*records, ("Observation", "absent")]:
        yield "DELETE", f"/{kind}/{ident}", None, {}
        yield "DELETE", f"/{kind}/{ident}", None, {"If-Match": 'W/"1"'}
        entries = [writers.entry("DELETE", f"{kind}/{ident}"), writers.entry("GET", f"{kind}/{ident}")]
        yield "POST", "", writers.bundle(*entries, kind="batch"), {}
        yield "PATCH", f"/{kind}/{ident}", [{"op": "remove", "path": "/status"}], {}


@WORLDS
@given(seed=st.integers(0, 10_000))
async def test_writing_answers_alike_whatever_is_held(tmp_path_factory, seed):
    caller, folder = writers.COTTONWOOD, tmp_path_factory.mktemp("whole")
    whole = await worlds.open_site(folder / "site")
    await worlds.ingest_all(whole, worlds.extracts(folder / "extracts", people=2, seed=seed))
    requests = list(asked_writes(whole))
    seen = await permitted_rows(whole, caller)
    await whole.close()
    shutil.copytree(folder / "site", folder / "less")
    delete_withheld(folder / "less", seen)
    got = []
    for name in ("site", "less"):
        world = await worlds.open_site(folder / name, first_id=10_000)
        mine = await writers.registered(world, number="N0")
        answers = []
        for method, url, body, headers in requests:
            media = "application/json-patch+json" if method == "PATCH" else "application/fhir+json"
            answers.append(await writers.send(world, method, url, body, headers=headers, media=media))
        for place, (kind, ident) in enumerate(records_of(requests)):
            told = (
                {"derivedFrom": [{"reference": f"{kind}/{ident}"}]} if place % 2 else {"focus": [{"reference": ident}]}
            )
            answers.append(await writers.send(world, "POST", "/Observation", writers.phq9(mine, **told)))
        got.append([worlds.comparable(one) for one in answers])
        await world.close()
    assert got[0] == got[1]
    assert {200, 201, 404, 422} <= {status for status, _, _ in got[0]}
