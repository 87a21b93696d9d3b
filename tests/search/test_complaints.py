"""What users of other servers complain of, each as a test. The numbers are those of the project's own list of them.

Four, twenty-one, twenty-two and the first half of twenty-three are about chains and `_has`: they are refused by name.
Eleven is about history, which is no search.
"""

from __future__ import annotations

from random import Random

import pytest
import search_worlds
from search_oracle import Held, Oracle
from search_worlds import NOW, ZONE, written

from adapter.errors import NotAllowed, RequestError
from adapter.fhir.codec import dump_value, parse
from adapter.store.shapes import DENY, RuleRow

pytestmark = pytest.mark.anyio
PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "name": [{"family": "Smith0", "given": ["Ann"]}],
    "birthDate": "1980-04-02",
}
SURVEY = {"coding": [{"system": "http://s", "code": "survey"}]}


def observation(ident, **more):
    body = {"resourceType": "Observation", "id": ident, "subject": {"reference": "Patient/p"}, "status": "final"}
    return Held(body | {"category": [SURVEY]} | more, permitted=True, updated=NOW, patient="Patient/p")


def provenance(ident, *targets, permitted=True):
    body = {"resourceType": "Provenance", "id": ident, "target": [{"reference": one} for one in targets]}
    return Held(body, permitted=permitted, updated=NOW, patient="Patient/p")


@pytest.fixture
async def opened(tmp_path):
    made = []

    async def world(*held, **more):
        patient = Held(PATIENT, permitted=True, updated=NOW, patient="Patient/p")
        oracle = Oracle(held=[patient, *held], zone=ZONE)
        made.append(await search_worlds.open_world(tmp_path / str(len(made)), oracle, **more))
        return made[-1]

    yield world
    for one in made:
        await one.close()


async def found(world, query, kind="Observation"):
    """The ids of the hits of one page, and the total."""
    bundle = await world.ask(kind, pairs(query))
    return ids(bundle, "match"), bundle["total"]


def pairs(query):
    return [tuple(part.split("=", 1)) for part in query.split("&") if part]


def ids(bundle, mode):
    return [entry["resource"]["id"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == mode]


def cursor(bundle):
    urls = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
    return urls[0].rpartition("_cursor=")[2] if urls else None


async def walked(world, query, kind="Observation"):
    """Every page, and that there is an end."""
    got, onward = [], None
    for _ in range(3000):
        got.append(await world.ask(kind, [*pairs(query), *([("_cursor", onward)] if onward else [])]))
        onward = cursor(got[-1])
        if onward is None:
            return got
    raise AssertionError("the pages do not end")


async def test_1_a_hit_matches_what_is_stored_now(opened):
    world = await opened(observation("o", status="preliminary"))
    async with world.store.transaction() as change:
        again = observation("o", status="final")
        await change.put([written(again, 2)], at=NOW + 5, origin=None)
    assert await found(world, "patient=p&status=preliminary") == ([], 0)
    assert await found(world, "patient=p&status=final") == (["o"], 1)


async def test_2_a_resource_that_matches_twice_is_one_hit(opened):
    codes = {"coding": [{"system": "http://s", "code": code} for code in "abc"]}
    world = await opened(*[observation(f"o{number}", code=codes) for number in range(7)])
    for query in ("code=a,b,c", "code=a&code=b", "patient=p&code=a,b", "code=http://s|", "code:not=d&code=a,c"):
        pages = await walked(world, f"{query}&_count=2")
        assert sorted(one for page in pages for one in ids(page, "match")) == [f"o{number}" for number in range(7)]
        assert [len(ids(page, "match")) for page in pages] == [2, 2, 2, 1]
        assert {page["total"] for page in pages} == {7}


async def test_3_revinclude_brings_only_what_names_a_hit_of_the_page(opened):
    held = [observation(f"o{number}") for number in range(3)]
    traces = [provenance(f"v{number}", f"Observation/o{number}") for number in range(3)]
    world = await opened(*held, *traces, provenance("other", "Patient/p"))
    for page in await walked(world, "patient=p&_revinclude=Provenance:target&_count=1"):
        (hit,) = ids(page, "match")
        assert ids(page, "include") == [hit.replace("o", "v")]


@pytest.mark.parametrize(
    "query",
    [
        "patient.name=x",
        "subject:Patient.name=x",
        "_has:Provenance:target:agent=x",
        "patient:Patient._has:Observation:patient:code=x",
        "_filter=code eq x",
        "_include:iterate=Observation:patient",
    ],
)
async def test_4_21_22_23_chains_are_refused_by_name(opened, query):
    world = await opened(observation("o"))
    with pytest.raises(RequestError) as caught:
        await world.ask("Observation", [("patient", "p"), *pairs(query)])
    assert caught.value.expression == query.partition("=")[0]


@pytest.mark.parametrize(
    ("query", "hit"),
    [
        ("date=2026-03-08", True),
        ("date=ge2026-03-08", True),
        ("date=le2026-03-08", True),
        ("date=gt2026-03-08", False),
        ("date=lt2026-03-08", False),
        ("date=gt2026-03-07", True),
        ("date=lt2026-03-09", True),
        ("date=sa2026-03-07", True),
        ("date=sa2026-03-08", False),
        ("date=eb2026-03-09", True),
        ("date=eb2026-03-08", False),
        ("date=ne2026-03-08", False),
        ("date=2026-03", True),
        ("date=2026", True),
    ],
)
async def test_5_days_end_where_they_end(opened, query, hit):
    """Also on the day on which clocks change, which has 23 hours: its last second is at 05:59:59Z."""
    for moment in ("2026-03-08T00:00:00-07:00", "2026-03-09T05:59:59Z", "2026-03-08"):
        world = await opened(observation("o", effectiveDateTime=moment))
        assert await found(world, f"patient=p&{query}") == ((["o"], 1) if hit else ([], 0))


async def test_6_a_date_without_a_zone_is_read_where_the_county_is(opened):
    world = await opened(observation("o", effectiveDateTime="2026-03-03T06:30:00Z"))
    assert await found(world, "patient=p&date=2026-03-02") == (["o"], 1)
    assert await found(world, "patient=p&date=2026-03-02T23:30") == (["o"], 1)
    assert await found(world, "patient=p&date=2026-03-03") == ([], 0)
    assert await found(world, "patient=p&date=2026-03-03T06:30:00Z") == (["o"], 1)


async def test_7_repeated_parameters_all_hold(opened):
    dates = ["2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01"]
    world = await opened(*[observation(f"o{n}", effectiveDateTime=date) for n, date in enumerate(dates)])
    assert await found(world, "patient=p&date=ge2026-02-01&date=lt2026-03-01&_sort=date") == (["o1", "o2"], 2)
    assert await found(world, "patient=p&date=lt2026-03-01&date=ge2026-02-01&_sort=date") == (["o1", "o2"], 2)
    assert await found(world, "_id=o1,o2&_id=o2,o3") == (["o2"], 1)


async def test_8_a_cursor_that_was_tampered_with_is_refused(opened):
    world = await opened(*[observation(f"o{number}") for number in range(4)])
    whole = cursor(await world.ask("Observation", pairs("patient=p&_count=2")))
    random = Random(8)  # noqa: S311 - no secret
    for _ in range(40):
        broken = list(whole)
        broken[random.randrange(len(whole) - 1)] = random.choice("abcXYZ019-_")
        if "".join(broken) == whole:
            continue
        with pytest.raises(RequestError) as caught:
            await world.ask("Observation", [("patient", "p"), ("_cursor", "".join(broken))])
        assert caught.value.expression == "_cursor"
    for junk in ("x", "==", "0" * 2000, whole[:-4], whole + whole):
        with pytest.raises(RequestError):
            await world.ask("Observation", [("patient", "p"), ("_cursor", junk)])


@pytest.mark.parametrize("total", ["", "&_total=accurate", "&_total=estimate"])
async def test_9_10_the_total_is_the_same_on_every_page(opened, total):
    world = await opened(*[observation(f"o{number}") for number in range(9)])
    pages = await walked(world, f"patient=p&_count=4{total}")
    assert [page["total"] for page in pages] == [9, 9, 9]
    assert all("total" not in page for page in await walked(world, "patient=p&_count=4&_total=none"))


async def test_12_a_long_search_goes_to_its_end(opened):
    world = await opened(*[observation(f"o{number}") for number in range(2100)])
    pages = await walked(world, "patient=p&_count=200")
    seen = [one for page in pages for one in ids(page, "match")]
    assert len(seen) == len(set(seen)) == pages[0]["total"] == 2100


async def test_13_several_revincludes_on_a_large_page_are_answered(opened):
    held = [observation(f"o{number}") for number in range(150)]
    traces = [provenance(f"v{number}", f"Observation/o{number}") for number in range(150)]
    world = await opened(*held, *traces)
    query = (
        "patient=p&_count=200&_revinclude=Provenance:target&_include=Observation:patient&_include=Observation:subject"
    )
    page = await world.ask("Observation", pairs(query))
    assert (len(ids(page, "match")), len(ids(page, "include"))) == (150, 151)
    brought = await world.ask("Patient", pairs("_id=p&_revinclude=Observation:patient&_revinclude=Observation:subject"))
    assert sorted(ids(brought, "include")) == sorted(one.resource["id"] for one in held)


async def test_23_a_hidden_person_is_answered_as_an_absent_one(opened):
    hidden = Held({"resourceType": "Patient", "id": "h"}, permitted=False, updated=NOW, patient="Patient/h")
    world = await opened(hidden, rights=())
    answers = [await world.ask("Observation", pairs(f"patient={ident}")) for ident in ("h", "absent")]
    assert [parse(dump_value(one).replace(b"absent", b"h")) for one in answers] == [answers[0]] * 2
    with pytest.raises(NotAllowed):
        await world.ask("Observation", pairs("status=final"))


async def test_24_the_next_page_and_its_total_are_decided_anew(opened):
    world = await opened(*[observation(f"o{number}") for number in range(4)])
    first = await world.ask("Observation", pairs("patient=p&_count=2"))
    assert first["total"] == 4
    (policy,) = await world.store.interned("policy")
    rows = [
        RuleRow(context=world.context, policy=policy, segment=n, rid=None, effect=DENY, obligation=0) for n in (1, 2)
    ]
    await world.store.add_rules(rows)
    second = await world.ask("Observation", [*pairs("patient=p"), ("_cursor", cursor(first))])
    assert (second["total"], ids(second, "match"), cursor(second)) == (0, [], None)


async def test_25_what_comes_along_is_decided_like_a_hit(opened):
    world = await opened(
        observation("o"), provenance("shown", "Observation/o"), provenance("shut", "Observation/o", permitted=False)
    )
    page = await world.ask("Observation", pairs("patient=p&_revinclude=Provenance:target"))
    assert ids(page, "include") == ["shown"]
    assert await world.passed() == ["Observation/o", "Provenance/shown"]


@pytest.mark.parametrize(
    "query", ["name=Smith0", "name=smith", "name=Ann", "name:exact=Ann", "family=smi", "name:contains=mith"]
)
async def test_names_are_found_by_any_of_their_parts(opened, query):
    world = await opened()
    assert await found(world, query, "Patient") == (["p"], 1)


async def test_a_decimal_comes_back_as_it_went_in(opened):
    value = parse(b'{"value":1.50,"unit":"x"}')
    world = await opened(observation("o", valueQuantity=value))
    page = await world.ask("Observation", pairs("value-quantity=gt1.49&patient=p&_summary=true"))
    assert str(page["entry"][0]["resource"]["valueQuantity"]["value"]) == "1.50"


@pytest.mark.parametrize(("query", "name"), [("birthdate=notadate", "birthdate"), ("colour=red", "colour")])
async def test_what_cannot_be_read_is_no_empty_answer(opened, query, name):
    world = await opened()
    with pytest.raises(RequestError) as caught:
        await world.ask("Patient", pairs(query))
    assert caught.value.expression == name


async def test_a_count_of_nothing_is_the_total_alone(opened):
    world = await opened(observation("o"))
    assert await found(world, "patient=p&_count=0") == ([], 1)
