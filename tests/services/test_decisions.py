"""The decision tables: filled on first need, bounded by agreements, and forgotten when those change."""

from __future__ import annotations

import orjson
import pytest
import records
import worlds

from adapter.consent.segment import Segment
from adapter.errors import Unavailable
from adapter.services import decisions
from adapter.services.write import Facets
from adapter.store.shapes import Gap

pytestmark = pytest.mark.anyio
PRETRIAL = ("pretrial", "pretrial-release")


async def ada(folder, **options):
    world = await worlds.open_site(folder, **options)
    if not world.rows("SELECT 1 FROM resource WHERE type = 1"):
        await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
        await world.deliver("releases", records.ndjson(records.release(records.choice())))
    return world


async def seen(world, caller=PRETRIAL):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    return len(await world.matches(caller, f"/fhir/Observation?patient={patient}"))


def edit(folder, old, new):
    path = folder / "agreements" / "memorandum.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


async def test_an_agreement_denies_from_the_day_after_its_end(tmp_path):
    world = await ada(tmp_path, adjust=lambda folder: edit(folder, "end: null", "end: 2026-12-31"))
    assert await seen(world) == 1
    world.clock.set("2026-12-31T23:59:59-07:00")
    world.tokens.clear()
    assert await seen(world) == 1
    world.clock.set("2027-01-01T00:00:00-07:00")
    assert await seen(world) == 0
    assert await seen(world, ("jail-medical", "TREAT")) == 2
    await world.close()


async def test_a_changed_agreement_holds_from_the_next_start(tmp_path):
    world = await ada(tmp_path)
    assert await seen(world) == 1
    assert world.rows("SELECT count(*) > 0 FROM rule") == [(1,)]
    await world.close()
    edit(tmp_path, "- {recipient: pretrial, purposes: [pretrial-release]", "- {recipient: pretrial, purposes: [TREAT]")
    world = await ada(tmp_path, first_id=1000)
    assert world.rows("SELECT count(*) FROM rule") == [(0,)]
    assert await seen(world) == 0
    await world.close()
    edit(tmp_path, "- {recipient: pretrial, purposes: [TREAT]", "- {recipient: pretrial, purposes: [pretrial-release]")
    world = await ada(tmp_path, first_id=2000)
    assert await seen(world) == 1
    await world.close()


async def test_decisions_of_an_older_engine_are_forgotten(tmp_path, monkeypatch):
    world = await ada(tmp_path)
    assert await seen(world) == 1
    filled = world.rows("SELECT * FROM rule ORDER BY context, policy, segment")
    await world.close()
    world = await ada(tmp_path, first_id=1000)
    assert world.rows("SELECT * FROM rule ORDER BY context, policy, segment") == filled
    await world.close()
    monkeypatch.setattr(decisions, "ENGINE", decisions.ENGINE + 1)
    world = await ada(tmp_path, first_id=2000)
    assert world.rows("SELECT count(*) FROM rule") == [(0,)]
    assert await seen(world) == 1
    assert world.rows("SELECT * FROM rule ORDER BY context, policy, segment") == filled
    await world.close()


@pytest.fixture(scope="module")
async def shared(tmp_path_factory):
    made = await ada(tmp_path_factory.mktemp("decisions"))
    yield made
    await made.close()


async def test_a_context_has_one_number_and_local_purposes_their_own_system(shared):
    tables = shared.services.decisions
    one = await tables.context_of("Organization/pretrial", "pretrial-release")
    assert await tables.context_of("Organization/pretrial", "pretrial-release") == one
    other = await tables.context_of("Organization/cottonwood", "TREAT")
    assert other != one
    assert (await tables.recipient(one)).purposes == ((decisions.PURPOSES, "pretrial-release"),)
    assert (await tables.recipient(other)).purposes == ((decisions.ACT_REASON, "TREAT"),)


async def test_a_unit_acts_for_the_organisation_it_is_part_of(shared):
    tables = shared.services.decisions
    context = await tables.context_of("Organization/riverside-otp", "TREAT")
    assert (await tables.recipient(context)).actors == {"Organization/riverside-otp", "Organization/riverside"}
    assert (await tables.recipient(context)).organisation == "Organization/riverside-otp"


async def test_a_new_segment_has_its_bounds_for_every_context_at_once(shared):
    tables = shared.services.decisions
    context = await tables.context_of("Organization/pretrial", "pretrial-release")
    facets = {"type": "Observation", "profiles": (), "labels": (), "domain": "mh"}
    granted = await tables.segment_number(
        Segment(tier="summary", regime="hipaa", unit="Organization/jail-medical", **facets)
    )
    refused = await tables.segment_number(
        Segment(tier="detail", regime="hipaa", unit="Organization/jail-medical", **facets)
    )
    async with shared.services.store.snapshot() as view:
        assert [bound.agreement for bound in await view.bounds(context, granted)] == ["alder-mou-2026"]
        assert await view.bounds(context, refused) == []


async def test_a_decision_about_an_unknown_segment_or_resource_is_unavailable(shared):
    tables = shared.services.decisions
    context = await tables.context_of("Organization/pretrial", "pretrial-release")
    ((policy,),) = shared.rows("SELECT min(id) FROM policy")
    with pytest.raises(Unavailable):
        await tables.fill(context, [Gap(policy=policy, segment=987_654, rid=None)])
    ((segment,),) = shared.rows("SELECT min(id) FROM segment")
    with pytest.raises(Unavailable):
        await tables.fill(context, [Gap(policy=policy, segment=segment, rid=1)])


async def test_consents_that_test_single_resources_are_decided_one_by_one(tmp_path):
    """A data period cannot be tested on a segment: each resource is decided, in the same join."""
    world = await ada(tmp_path)
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(21, at="20260401080000-0600", control="R2")))
    ((ident, body),) = world.rows(
        "SELECT id, CAST(head || ']' || tail AS TEXT) FROM resource "
        "WHERE type = 6 AND CAST(head AS TEXT) NOT LIKE '%consent-share%'"
    )
    consent = orjson.loads(body)
    consent["provision"]["provision"][0]["dataPeriod"] = {"start": "2026-03-15", "end": "2026-12-31"}
    line = world.services.ingest._lines["releases"].assembly
    patient = world.patient("releases", records.REGISTRY)
    write = await line._writer.prepare(
        consent,
        decisions_facets(),
        ident=ident,
        patient=patient,
    )
    async with world.services.store.transaction() as change:
        await change.put([write], at=world.clock.now, origin=None)
        await world.services.in_force.refresh(change, [write.patient], at=world.clock.now)
    url = f"/fhir/Observation?patient={world.patient('jail-medical-hl7', records.JAIL)}"
    for _ in range(2):
        assert [item["effectiveDateTime"] for item in await world.matches(PRETRIAL, url)] == ["2026-04-01"]
    assert world.rows("SELECT count(*) FROM exception") >= [(2,)]
    await world.close()


def decisions_facets():
    return Facets(tier="consent", labels=(), regime="justice", domain="", unit="Organization/registry")
