"""A recipient's share of a consent: its recipient finds it, nobody else does, and it goes with the consent."""

from __future__ import annotations

import orjson
import pytest
import records
import worlds

pytestmark = pytest.mark.anyio
CLINIC, PRETRIAL, DEFENDER = ("cottonwood", "TREAT"), ("pretrial", "pretrial-release"), ("defender", "diversion")
BOTH = ("mental-health", "substance-use")
CHOICES = (records.choice(), records.choice("cottonwood", purposes=("TREAT",), classes=BOTH))


@pytest.fixture
async def world(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    await made.deliver("releases", records.ndjson(records.release(*CHOICES, part2=records.part2_section("cottonwood"))))
    yield made
    await made.close()


def consents(world):
    return f"/fhir/Consent?patient={world.patient('releases', records.REGISTRY)}"


async def sign(world, *choices, **changed):
    return await world.deliver("releases", records.ndjson(records.release(*(choices or CHOICES), **changed)))


async def test_each_recipient_finds_its_own_share_and_no_other(world):
    (clinic,) = await world.matches(CLINIC, consents(world))
    (pretrial,) = await world.matches(PRETRIAL, consents(world))
    assert clinic["id"] != pretrial["id"]
    for mine, other in ((clinic, "pretrial"), (pretrial, "cottonwood")):
        assert other not in orjson.dumps(mine).decode()
    assert await world.matches(DEFENDER, consents(world)) == []
    for caller, theirs in ((CLINIC, pretrial), (PRETRIAL, clinic), (DEFENDER, clinic)):
        assert (await world.ask(caller, f"/fhir/Consent/{theirs['id']}")).status_code == 404


async def test_who_keeps_the_form_has_the_form_and_no_share(world):
    (whole,) = await world.matches(("registry", "TREAT"), consents(world))
    assert whole["identifier"][0]["value"] == "r1"
    assert {one["status"] for one in (whole,)} == {"active"}


async def test_a_share_is_labelled_as_what_it_tells_of(world):
    (clinic,) = await world.matches(CLINIC, consents(world))
    (pretrial,) = await world.matches(PRETRIAL, consents(world))
    codes = {label["code"] for label in clinic["meta"]["security"]}
    assert {"MH", "SUD", "42CFRPart2", "R"} <= codes
    assert not {"SUD", "42CFRPart2"} & {label["code"] for label in pretrial["meta"]["security"]}
    assert "riverside-otp" not in orjson.dumps(pretrial).decode()


@pytest.mark.parametrize(
    "changed",
    [
        {"revocations": [{"at": "2026-03-05T10:00:00-07:00", "partners": "all"}]},
        {"revocations": [{"at": "2026-03-05T10:00:00-07:00", "partners": ["cottonwood"]}]},
        {"choices": [records.choice()]},
        {"refusals": [{"classes": list(BOTH)}]},
        {"signature": {"name": False}},
        {"version": "1999-1"},
        {"entered_in_error": True},
    ],
)
async def test_a_share_is_withdrawn_with_what_it_tells_of(world, changed):
    (before,) = await world.matches(CLINIC, consents(world))
    await sign(world, **changed)
    (after,) = await world.matches(CLINIC, consents(world))
    assert (after["id"], before["status"], after["status"]) == (before["id"], "active", "inactive")
    assert after["provision"] == {"type": "deny"}
    assert await world.matches(CLINIC, f"{consents(world)}&status=active") == []


async def test_revoking_one_partner_leaves_the_share_of_another(world):
    await sign(world, revocations=[{"at": "2026-03-05T10:00:00-07:00", "partners": ["cottonwood"]}])
    assert [one["status"] for one in await world.matches(PRETRIAL, consents(world))] == ["active"]


async def test_who_was_never_named_is_told_nothing_by_a_revocation(world):
    await sign(world, records.choice("defender", purposes=("diversion",)), submission="r2", person="q2", ssn="")
    await sign(world, revocations=[{"at": "2026-03-05T10:00:00-07:00", "partners": "all"}])
    assert await world.matches(DEFENDER, consents(world)) == []
    assert world.rows("SELECT count(*) FROM resource WHERE type = 6") == [(5,)]


async def test_a_share_is_no_consent_of_its_own(world):
    """It would deny all that it does not permit, and a copy of a consent would outlive it."""
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    url = f"/fhir/Observation?patient={world.patient('jail-medical-hl7', records.JAIL)}"
    assert len(await world.matches(PRETRIAL, url)) == 1
    sources = world.rows("SELECT DISTINCT CAST(sources AS TEXT) FROM patient_policy_source")
    ((whole,),) = world.rows("SELECT id FROM resource WHERE type = 6 AND CAST(head AS TEXT) NOT LIKE '%consent-share%'")
    assert sources == [(f'[["Consent/{whole}"]]',)]


async def test_a_share_can_be_explained_to_the_people_of_the_county(world):
    (clinic,) = await world.matches(CLINIC, consents(world))
    told = await world.services.explain.resource("Organization/cottonwood", "TREAT", f"Consent/{clinic['id']}")
    assert told.effect == "PERMIT"
    other = await world.services.explain.resource(
        "Organization/pretrial", "pretrial-release", f"Consent/{clinic['id']}"
    )
    assert other.effect == "DENY"
