"""The life of a consent: when it ends, how it is taken back, and what that leaves alone."""

from __future__ import annotations

import orjson
import pytest
import records
from signed_forms import (
    CASE,
    CONDITION,
    CONDITIONED,
    DENVER,
    SIGNED,
    authored,
    instant,
    permits,
)

from adapter.consent.directive import read
from adapter.consent.expiry import Known
from adapter.consent.policy import timeline
from adapter.consent.standing import HOLD, Fact
from adapter.errors import RecordError

pytestmark = pytest.mark.anyio
PRETRIAL, DEFENDER = ("pretrial", "pretrial-release"), ("defender", "diversion")
CHOICES = (records.choice(), records.choice("defender", purposes=("diversion",)))
COURT = ("treatment-court", "diversion", "SUD")
CLINIC = ("cottonwood", "TREAT", "MH")
NUMBER = (CASE["system"], CASE["value"])
ALL_REVOKED = [{"at": "2026-03-05T10:00:00-07:00", "partners": "all"}]


def known(event, day, number=None):
    start = instant(day)
    return Known(event=event, start=start, stop=start + 1, identifiers=frozenset({number} if number else ()))


async def shown(world, caller=PRETRIAL):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    return len(await world.matches(caller, f"/fhir/Observation?patient={patient}"))


async def sign(world, **changed):
    return await world.deliver("releases", records.ndjson(records.release(*CHOICES) | changed))


@pytest.fixture
async def ada(world):
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await sign(world)
    assert (await shown(world), await shown(world, DEFENDER)) == (1, 1)
    return world


def test_01_a_consent_holds_through_its_last_day_in_the_zone_of_the_county():
    made = authored()
    assert permits([made], *CLINIC, at=instant("2027-03-02T23:59:59-07:00"))
    assert permits([made], *CLINIC, at=instant("2027-03-03T06:59:59Z"))
    assert not permits([made], *CLINIC, at=instant("2027-03-03T00:00:00-07:00"))


def test_02_an_event_ends_a_consent_once_it_is_known_and_the_last_day_does_until_then():
    for event in ("release", "discharge", "disposition"):
        made = authored(expires_on={"event": event})
        assert permits([made], *CLINIC, at=instant("2027-03-02"))
        assert not permits([made], *CLINIC, at=instant("2027-03-03"))
        happened = [known(event, "2026-09-01")]
        assert permits([made], *CLINIC, at=instant("2026-08-31"), events=happened)
        assert not permits([made], *CLINIC, at=instant("2026-09-01"), events=happened)


async def test_02_a_release_from_custody_that_the_roster_tells_ends_the_consent(ada):
    await ada.deliver("jail-roster", records.roster(records.roster_row()))
    await sign(ada, expires_on={"event": "release"})
    assert await shown(ada) == 1
    gone = records.roster_row(released="2026-03-20 09:00:00")
    await ada.deliver("jail-roster", records.roster(gone))
    assert await shown(ada) == 0


async def test_02_a_discharge_or_booking_before_the_signature_ends_nothing(ada):
    gone = records.roster_row(booked="2026-01-01 08:00:00", released="2026-01-20 09:00:00")
    await ada.deliver("jail-roster", records.roster(gone))
    await sign(ada, expires_on={"event": "release"})
    assert await shown(ada) == 1


@pytest.mark.parametrize("event", ["none", "end-of-treatment"])
def test_03_no_end_is_for_treatment_payment_and_operations_alone(event):
    open_ended = {"expires": None, "expires_on": {"event": event}}
    for_care = [{"partner": "cottonwood", "purposes": ["TREAT"], "classes": ["mental-health"]}]
    assert permits([authored(choices=for_care, **open_ended)], *CLINIC, at=instant("2040-01-01"))
    with pytest.raises(RecordError, match=r"2\.31\(a\)\(7\)"):
        authored(**open_ended)


def test_04_the_longest_the_law_of_the_place_allows_wins_over_a_longer_form():
    made = authored(changed_form={"longest_days": 90})
    assert permits([made], *CLINIC, at=instant("2026-05-31"))
    assert not permits([made], *CLINIC, at=instant("2026-06-01"))


async def test_05_a_revocation_between_two_pages_closes_the_second(ada):
    await ada.deliver("jail-medical-hl7", records.hl7(records.phq9(21, at="20260401080000-0600", control="R2")))
    patient = ada.patient("jail-medical-hl7", records.JAIL)
    first = orjson.loads((await ada.ask(PRETRIAL, f"/fhir/Observation?patient={patient}&_count=1")).content)
    (onward,) = [link["url"] for link in first["link"] if link["relation"] == "next"]
    await sign(ada, revocations=ALL_REVOKED)
    second = orjson.loads((await ada.ask(PRETRIAL, "/fhir" + onward.partition("/fhir")[2])).content)
    assert (first["total"], second["total"]) == (2, 0)
    assert [entry["search"]["mode"] for entry in second["entry"]] == ["outcome"]


async def test_06_a_revocation_leaves_what_was_disclosed_in_the_ledger(ada):
    patient = ada.patient("jail-medical-hl7", records.JAIL)
    answer = await ada.ask(PRETRIAL, f"/fhir/Observation?patient={patient}")
    await sign(ada, revocations=ALL_REVOKED)
    (entry,) = await ada.services.ledger.of_request(answer.headers["x-request-id"])
    assert len(entry.passed) == 1
    told = await ada.services.explain.request(answer.headers["x-request-id"])
    (passed,) = entry.passed
    assert [one.effect for one in told if one.targets == (passed[0],)][-1] == "PERMIT"


async def test_07_reliance_on_a_revoked_consent_brings_nothing_new(ada):
    (item,) = await ada.matches(PRETRIAL, f"/fhir/Observation?patient={ada.patient('jail-medical-hl7', records.JAIL)}")
    await sign(ada, revocations=ALL_REVOKED)
    assert (await ada.ask(PRETRIAL, f"/fhir/Observation/{item['id']}")).status_code == 404


def test_08_an_oral_revocation_is_a_hold_from_that_instant_until_there_is_paper():
    held = (instant("2026-04-01"), instant("2026-04-20"), Fact(kind=HOLD, recipient="Organization/cottonwood"))
    spans = timeline([read(authored() | {"id": "c"})], DENVER, facts=[held])
    holding = [span for span in spans if span.policy.facts]
    assert [(span.start, span.stop) for span in holding] == [held[:2]]
    assert all(fact.recipient == "Organization/cottonwood" for fact in holding[0].policy.facts)


def test_09_revoking_one_partner_keeps_the_others():
    made = authored(revocations=[{"at": "2026-05-01", "partners": ["cottonwood"]}])
    assert made["status"] == "active"
    assert not permits([made], *CLINIC)
    assert permits([made], "pretrial", "pretrial-release", "MH")


def test_10_revoking_everything_sets_everything_to_do_not_share():
    made = authored(revocations=[{"at": "2026-05-01", "partners": "all"}])
    assert made["status"] == "inactive"
    assert not permits([made], *CLINIC)
    assert not permits([made], "pretrial", "pretrial-release", "MH")


def test_11_a_criminal_justice_consent_is_not_revocable_before_the_moment_it_states():
    revoked = [{"at": "2026-05-01", "partners": "all"}]
    made = authored(CONDITION, revocations=revoked)
    assert permits([made], *COURT, regime="part2", at=instant("2026-08-31"))
    assert not permits([made], *COURT, regime="part2", at=instant("2026-09-01"))
    free = CONDITIONED["condition"] | {"revocable_from": "2026-05-01"}
    assert not permits([authored(CONDITION, revocations=revoked, condition=free)], *COURT, regime="part2")


def test_11_and_never_holds_beyond_the_disposition_of_its_case():
    late = CONDITIONED["condition"] | {"revocable_from": "2027-01-01"}
    made = authored(CONDITION, condition=late)
    decided = [known("disposition", "2026-07-01", NUMBER)]
    assert permits([made], *COURT, regime="part2", at=instant("2026-06-30"), events=decided)
    assert not permits([made], *COURT, regime="part2", at=instant("2026-07-01"), events=decided)


def test_12_the_end_of_one_case_ends_its_consent_and_a_new_case_takes_a_new_one():
    dismissed = [known("disposition", "2026-05-10", NUMBER)]
    old = authored(CONDITION)
    new = authored(CONDITION, submission="c0002", case=CASE | {"value": "2026CR2"}, signed="2026-05-20")
    assert not permits([old], *COURT, regime="part2", events=dismissed)
    assert permits([new], *COURT, regime="part2", events=dismissed)
    assert permits([authored(CONDITION, case=CASE | {"value": "2026CR2"})], *COURT, regime="part2", events=dismissed)


async def test_12_the_court_tells_of_the_disposition(world):
    program = records.clinic_result("d1", code="82667-7", score=7, unit="riverside-otp")
    patient = records.clinic_patient(unit="riverside-otp")
    await world.deliver("riverside-ehr", records.ndjson(patient, program))
    number = {"system": "https://alder-court.example/case", "value": "2026CR1"}
    form = records.release(
        {"partner": "treatment-court", "purposes": ["diversion"], "classes": ["mental-health", "substance-use"]},
        submission="c1",
        form="condition-of-release",
        part2=records.part2_section("treatment-court", revocation_statement=False),
        case=number,
        condition=CONDITIONED["condition"] | {"partners": ["treatment-court"]},
    )
    await world.deliver("releases", records.ndjson(form))
    url = f"/fhir/Observation?patient={world.patient('riverside-ehr', records.CLINIC)}"
    court = ("treatment-court", "diversion")
    assert len(await world.matches(court, url)) == 1
    # The court's record says who the defendant is by the same number.
    ssn = f"<PersonSSNIdentification><IdentificationID>{records.SSN}</IdentificationID></PersonSSNIdentification>"
    ended = (
        "<CourtOrder><OrderID>2026CR1-2</OrderID><OrderDate>2026-03-10</OrderDate>"
        "<OrderType>disposition</OrderType></CourtOrder>"
    )
    case = records.court_case(extra=ended).replace("<PartyID>", f"{ssn}<PartyID>")
    await world.deliver("court-cases", records.court(case))
    assert await world.matches(court, url) == []


def test_54_the_last_day_is_a_local_day_when_clocks_change():
    for last, over in (("2026-11-01", "2026-11-02T00:00:00-07:00"), ("2027-03-14", "2027-03-15T00:00:00-06:00")):
        made = authored(expires=last)
        assert permits([made], *CLINIC, at=instant(over) - 1)
        assert not permits([made], *CLINIC, at=instant(over))
    assert SIGNED["signed"].endswith("-07:00")
