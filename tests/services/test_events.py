"""Events that end a consent are found in the person's own records, whichever system tells of them."""

from __future__ import annotations

import pytest
import records
import worlds

pytestmark = pytest.mark.anyio
PRETRIAL = ("pretrial", "pretrial-release")


@pytest.fixture
async def world(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    await made.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    yield made
    await made.close()


async def sign(world, event, **of):
    form = records.release(records.choice(), expires_on={"event": event, **of})
    await world.deliver("releases", records.ndjson(form))
    assert await shown(world) == 1


async def shown(world):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    return len(await world.matches(PRETRIAL, f"/fhir/Observation?patient={patient}"))


def stay(code="IMP", *, status="finished", end="2026-03-20T10:00:00-06:00", ident="v1"):
    """A stay at the clinic as its system exports it."""
    period = {"start": "2026-03-10T10:00:00-06:00", **({"end": end} if end else {})}
    act = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code}
    return {
        "resourceType": "Encounter",
        "id": ident,
        "meta": {"source": "urn:unit:riverside-main"},
        "status": status,
        "class": act,
        "subject": {"reference": f"Patient/{records.CLINIC}"},
        "period": period,
    }


def decided(kind="disposition", day="2026-03-10", party_ssn=records.SSN):
    number = f"<PersonSSNIdentification><IdentificationID>{party_ssn}</IdentificationID></PersonSSNIdentification>"
    told = f"<OrderID>2026CR1-2</OrderID><OrderDate>{day}</OrderDate><OrderType>{kind}</OrderType>"
    order = f"<CourtOrder>{told}</CourtOrder>"
    return records.court(records.court_case(extra=order).replace("<PartyID>", f"{number}<PartyID>"))


@pytest.mark.parametrize(
    ("visit", "left"),
    [
        (stay(), 0),
        (stay("AMB"), 1),
        (stay(end=None), 1),
        (stay(status="in-progress"), 1),
        (stay(end="2026-02-01T10:00:00-06:00") | {"period": {"end": "2026-02-01T10:00:00-06:00"}}, 1),
    ],
)
async def test_a_stay_with_a_bed_that_ended_is_a_discharge(world, visit, left):
    await sign(world, "discharge")
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), visit))
    assert await shown(world) == left


async def test_a_discharge_is_no_release_from_custody(world):
    await sign(world, "release")
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), stay()))
    assert await shown(world) == 1


@pytest.mark.parametrize(
    ("kind", "day", "left"), [("disposition", "2026-03-10", 0), ("treatment-court", "2026-03-10", 1)]
)
async def test_the_court_tells_of_a_disposition(world, kind, day, left):
    await sign(world, "disposition")
    await world.deliver("court-cases", decided(kind, day))
    assert await shown(world) == left


@pytest.mark.parametrize(("number", "left"), [("2026CR1", 0), ("2026CR9", 1)])
async def test_a_named_case_ends_it_and_no_other(world, number, left):
    await sign(world, "disposition", of={"system": "https://alder-court.example/case", "value": number})
    await world.deliver("court-cases", decided())
    assert await shown(world) == left


async def test_what_happened_to_somebody_else_ends_nothing(world):
    await sign(world, "disposition")
    await world.deliver("court-cases", decided(party_ssn=records.OTHER_SSN))
    assert await shown(world) == 1


async def test_an_event_that_was_known_before_the_form_arrived_ends_it_too(world):
    await world.deliver("court-cases", decided(day="2026-03-10"))
    form = records.release(records.choice(), expires_on={"event": "disposition"})
    await world.deliver("releases", records.ndjson(form))
    assert await shown(world) == 0


async def test_records_that_become_the_persons_bring_their_events(world):
    """Whose a record is may be learned after the record."""
    await sign(world, "release")
    gone = records.roster_row("J9", ssn="", released="2026-03-20 09:00:00")
    await world.deliver("jail-roster", records.roster(gone))
    assert await shown(world) == 1
    await world.deliver("jail-roster", records.roster(records.roster_row("J9", released="2026-03-20 09:00:00")))
    assert await shown(world) == 0
