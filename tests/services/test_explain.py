"""The trace of a decision, for the county's own people: by resource now, and by request as it was then."""

from __future__ import annotations

import pytest
import records
import worlds

from adapter.errors import NotFound

pytestmark = pytest.mark.anyio
PRETRIAL, COURT = ("pretrial", "pretrial-release"), ("treatment-court", "diversion")


@pytest.fixture(scope="module")
async def county(tmp_path_factory):
    made = await worlds.open_site(tmp_path_factory.mktemp("explain") / "site")
    await made.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await made.deliver("releases", records.ndjson(records.release(records.choice())))
    yield made
    await made.close()


async def summary_of(world):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    (item,) = await world.matches(PRETRIAL, f"/fhir/Observation?patient={patient}")
    return f"Observation/{item['id']}"


async def test_a_permitted_resource_names_record_provision_and_agreement(county):
    target = await summary_of(county)
    told = await county.services.explain.resource("Organization/pretrial", "pretrial-release", target)
    assert told.effect == "PERMIT"
    assert target in told.question
    words = "\n".join(told.lines)
    assert "summary Observation of Organization/jail-medical, regime hipaa" in words
    assert "Consent/" in words
    assert "#provision[0].provision[0] permits" in words
    assert "alder-mou-2026 allows" in words


async def test_a_denied_resource_names_the_losing_rules_too(county):
    target = await summary_of(county)
    told = await county.services.explain.resource("Organization/treatment-court", "diversion", target)
    assert told.effect == "DENY"
    words = "\n".join(told.lines)
    assert "#provision[0].provision[0] does not apply" in words
    assert "#provision[0] denies" in words


async def test_without_an_agreement_the_trace_says_so(county):
    target = await summary_of(county)
    told = await county.services.explain.resource("Organization/jail", "supervision", target)
    assert told.effect == "DENY"
    assert any(line.startswith("no agreement in force") for line in told.lines)


async def test_an_own_record_is_explained_as_such(county):
    target = await summary_of(county)
    told = await county.services.explain.resource("Organization/jail-medical", "TREAT", target)
    assert told.effect == "PERMIT"
    assert any("made this record itself" in line for line in told.lines)


async def test_what_is_not_stored_is_denied_as_such(county):
    told = await county.services.explain.resource("Organization/pretrial", "pretrial-release", "Observation/absent")
    assert (told.effect, told.lines) == ("DENY", ("no such resource is stored",))


async def test_a_request_is_explained_by_its_id(county):
    target = await summary_of(county)
    permitted = await county.ask(PRETRIAL, f"/fhir/{target}")
    denied = await county.ask(COURT, f"/fhir/{target}")
    (yes,) = await county.services.explain.request(permitted.headers["x-request-id"])
    (no,) = await county.services.explain.request(denied.headers["x-request-id"])
    assert (yes.effect, no.effect) == ("PERMIT", "DENY")
    assert target in yes.question
    assert "treatment-court" in no.question


async def test_a_search_is_explained_hit_by_hit_and_an_empty_one_as_empty(county):
    patient = county.patient("jail-medical-hl7", records.JAIL)
    full = await county.ask(PRETRIAL, f"/fhir/Observation?patient={patient}")
    empty = await county.ask(COURT, f"/fhir/Observation?patient={patient}")
    assert [one.effect for one in await county.services.explain.request(full.headers["x-request-id"])] == ["PERMIT"]
    (nothing,) = await county.services.explain.request(empty.headers["x-request-id"])
    assert nothing.effect == "EMPTY"
    assert "search-type" in nothing.question


async def test_an_unknown_request_says_what_to_compare(county):
    with pytest.raises(NotFound, match="X-Request-Id"):
        await county.services.explain.request("nobody-asked")


async def test_an_answer_is_explained_by_what_was_in_force_when_it_was_given(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    target = await summary_of(world)
    given = await world.ask(PRETRIAL, f"/fhir/{target}")
    revoked = [{"at": "2026-03-05T10:00:00-07:00", "partners": "all"}]
    await world.deliver("releases", records.ndjson(records.release(records.choice(), revocations=revoked)))
    (then,) = await world.services.explain.request(given.headers["x-request-id"])
    now = await world.services.explain.resource("Organization/pretrial", "pretrial-release", target)
    assert (then.effect, now.effect) == ("PERMIT", "DENY")
    assert any("#provision[0].provision[0] permits" in line for line in then.lines)
    assert any("has changed since" in line for line in then.lines)
    await world.close()
