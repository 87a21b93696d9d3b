"""An Encounter that a client writes is its own word: it makes a treatment relationship only where the site takes it.

The clinic screened Ada; the chart system of another provider, allowed by an agreement what treatment needs, registers
the same person and writes that it treats her.
"""

from __future__ import annotations

import pytest
import records
import worlds
import writers

from adapter.consent.standing import Fact
from adapter.errors import ConfigurationError
from adapter.store.shapes import row_key

pytestmark = pytest.mark.anyio
AGREEMENT = """\
agreement: care
title: What the chart system may receive of whom its provider treats
kind: mou
authority: county commission resolution 2026-15
parties: [riverside, cottonwood]
start: 2026-01-01
end: null
contact: county privacy officer
directions:
  - {senders: [riverside], recipients: [cottonwood], classes: [screening-summary]}
grants:
  - {recipient: cottonwood, purposes: [TREAT], classes: [screening-summary], regimes: [hipaa], bases: [T]}
signatories:
  - {name: Silas Orme, role: chief executive, organisation: riverside, date: 2025-12-08}
  - {name: Wren Castellan, role: medical director, organisation: cottonwood, date: 2025-12-08}
"""
COUNTY = "establishes_treatment: false\n"
"""What the feed of the fictional county says of it."""
TREATS = {Fact(kind="treatment", recipient="Organization/cottonwood")}


def site(said):
    """What a test makes of the folder: the agreement, and what the feed says of treatment."""

    def adjust(folder):
        (folder / "agreements" / "care.yaml").write_text(AGREEMENT)
        feed = folder / "feeds" / "cottonwood_chart.yaml"
        feed.write_text(feed.read_text().replace(COUNTY, "") + said)

    return adjust


def visit(patient, *, status="in-progress", **more):
    return {
        "resourceType": "Encounter",
        "status": status,
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{patient}"},
        "period": {"start": "2026-11-20T09:00:00-07:00"},
        **more,
    }


async def facts_of(world, patient):
    async with world.services.store.snapshot() as view:
        span = await view.policy_of(row_key("Patient", patient), at=world.clock.now)
    return set((await world.services.decisions.policy(span.policy)).facts)


async def ada(folder, said=""):
    """The clinic's Ada with her screening, and the same person as the chart system registered her."""
    world = await worlds.open_site(folder, adjust=site(said))
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), records.clinic_result()))
    known = {key: value for key, value in records.clinic_patient().items() if key not in {"id", "meta"}}
    answer = await writers.send(world, "POST", "/Patient", known)
    assert answer.status_code == 201
    return world, world.patient("riverside-ehr", records.CLINIC), answer.json()["id"]


async def summaries(world, patient):
    return await world.matches(writers.COTTONWOOD, f"/fhir/Observation?patient={patient}")


@pytest.mark.parametrize(
    ("said", "status", "opens"),
    [
        ("", "in-progress", False),
        ("establishes_treatment: false\n", "in-progress", False),
        ("establishes_treatment: true\n", "in-progress", True),
        ("establishes_treatment: true\n", "planned", False),
        ("establishes_treatment: true\n", "entered-in-error", False),
    ],
)
async def test_a_written_encounter_opens_what_others_hold_only_where_the_site_takes_the_writers_word(
    tmp_path, said, status, opens
):
    world, theirs, own = await ada(tmp_path / "site", said)
    assert await summaries(world, theirs) == []
    answer = await writers.send(world, "POST", "/Encounter", visit(own, status=status))
    assert answer.status_code == 201
    assert await facts_of(world, own) == await facts_of(world, theirs) == (TREATS if opens else set())
    assert len(await summaries(world, theirs)) == (1 if opens else 0)
    assert (await world.ask(writers.COTTONWOOD, f"/fhir/Encounter/{answer.json()['id']}")).status_code == 200
    await world.close()


async def test_what_a_written_encounter_opened_closes_with_it_and_when_the_site_takes_its_word_no_longer(tmp_path):
    world, theirs, own = await ada(tmp_path / "site", "establishes_treatment: true\n")
    encounter = await writers.written(world, visit(own))
    assert len(await summaries(world, theirs)) == 1
    await world.close()
    feed = tmp_path / "site" / "feeds" / "cottonwood_chart.yaml"
    feed.write_text(feed.read_text().replace("establishes_treatment: true\n", COUNTY))
    world = await worlds.open_site(tmp_path / "site", first_id=1000)
    assert await summaries(world, theirs) == []
    await world.close()
    feed.write_text(feed.read_text().replace(COUNTY, "establishes_treatment: true\n"))
    world = await worlds.open_site(tmp_path / "site", first_id=2000)
    assert len(await summaries(world, theirs)) == 1
    assert (await writers.send(world, "DELETE", f"/Encounter/{encounter['id']}")).status_code == 204
    assert await summaries(world, theirs) == []
    await world.close()


async def test_an_encounter_of_the_units_own_records_needs_no_word(tmp_path):
    """A feed is told from records of the unit; what is asked here is asked of writers alone."""
    world, theirs, _ = await ada(tmp_path / "site")
    lines = records.ndjson(visit(records.CLINIC) | {"id": "v1", "meta": {"source": "urn:unit:riverside-main"}})
    await world.deliver("riverside-ehr", lines, "visit")
    told = {fact.recipient for fact in await facts_of(world, theirs)}
    assert told == {"Organization/riverside-main", "Organization/riverside"}
    await world.close()


async def test_only_a_feed_that_a_client_writes_says_whether_its_encounters_treat(tmp_path):
    def adjust(folder):
        feed = folder / "feeds" / "riverside_ehr.yaml"
        feed.write_text(feed.read_text() + "establishes_treatment: true\n")

    with pytest.raises(ConfigurationError) as caught:
        await worlds.open_site(tmp_path / "site", adjust=adjust)
    assert "establishes_treatment" in str(caught.value)
