"""Accountings: what the ledger tells of a person, list by list, and what stays out of what the person is given."""

from __future__ import annotations

import csv
import io
from datetime import date

import asserting
import explained
import orjson
import pytest
import records
import worlds
from asserting import COTTONWOOD
from explained import COURT, PRETRIAL
from fhir.resources.R4B.auditevent import AuditEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.consent.bases import CONSENT, CUSTODY, EMERGENCY, ORDER, OWN, PROCEEDING, THREAT, TREATMENT
from adapter.consent.segment import Segment
from adapter.errors import NotFound
from adapter.services import recordings
from adapter.services.accounting import DISCLOSED, NOTHING, OWN_RECORD
from adapter.services.accounting_law import BY_CONSENT, HIPAA, INTERMEDIARY, LISTINGS, listings
from adapter.services.page import html, markdown

pytestmark = pytest.mark.anyio
DAY = 86_400_000_000
HEALTH = Segment(type="Observation", tier="summary", regime="hipaa", unit="Organization/jail-medical")
PART2 = Segment(type="Observation", tier="summary", regime="part2", unit="Organization/riverside-otp")
JUSTICE = Segment(type="Encounter", tier="detail", regime="justice", unit="Organization/jail")


@pytest.fixture
async def ada(world):
    """Ada, screened at the jail, with a release for pretrial services."""
    await explained.furnish(world)
    world.ada = explained.jail(world)
    return world


async def account(world, patient=None, *, since=0, until=None):
    until = world.clock.now + 1 if until is None else until
    return await world.services.accounting.of(patient or world.ada, since=since, until=until)


async def look(world, caller, patient=None):
    answer = await world.ask(caller, f"/fhir/Observation?patient={patient or world.ada}")
    return answer.headers["x-request-id"]


# -- the law ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("segment", "grounds", "expected"),
    [
        (HEALTH, CONSENT, ()),
        (HEALTH, TREATMENT, ()),
        (HEALTH, CUSTODY, ()),
        (HEALTH, OWN, ()),
        (HEALTH, THREAT, (HIPAA,)),
        (HEALTH, EMERGENCY, (HIPAA,)),
        (HEALTH, ORDER | CONSENT, (HIPAA,)),
        (HEALTH, 0, (HIPAA,)),
        (PART2, CONSENT, (BY_CONSENT,)),
        (PART2, PROCEEDING, (BY_CONSENT,)),
        (PART2, EMERGENCY, (HIPAA,)),
        (PART2, 0, (HIPAA, BY_CONSENT)),
        (JUSTICE, ORDER, ()),
        (JUSTICE, 0, ()),
    ],
)
def test_each_law_lists_what_it_wants(segment, grounds, expected):
    assert listings(segment, grounds, intermediary=False) == expected
    more = (*expected, INTERMEDIARY) if BY_CONSENT in expected else expected
    assert listings(segment, grounds, intermediary=True) == more


@settings(max_examples=60, deadline=None)
@given(st.integers(0, CONSENT | TREATMENT | THREAT | EMERGENCY | ORDER | OWN | PROCEEDING | CUSTODY), st.booleans())
def test_what_is_not_known_is_listed_wherever_something_known_would_be(grounds, intermediary):
    for segment in (HEALTH, PART2, JUSTICE):
        known = set(listings(segment, grounds, intermediary=intermediary))
        assert known <= set(listings(segment, 0, intermediary=intermediary))


@settings(max_examples=60, deadline=None)
@given(st.dates(date(2000, 1, 1), date(2200, 1, 1)))
def test_a_period_is_so_many_years_and_never_a_day_short(on):
    for listing in LISTINGS:
        first = listing.first_day(on)
        assert on.year - first.year == listing.years
        assert (first.month, first.day) == ((2, 28) if (on.month, on.day) == (2, 29) else (on.month, on.day))


# -- what was asked ---------------------------------------------------------------------------------------


async def test_what_was_given_and_what_gave_nothing_stand_apart(ada):
    given, empty = await look(ada, PRETRIAL), await look(ada, COURT)
    own = await look(ada, ("jail-medical", "discharge-planning"))
    hidden = min(explained.summaries(ada))
    denied = (await ada.ask(COURT, f"/fhir/{hidden}")).headers["x-request-id"]
    found = {one.request_id: one for one in (await account(ada)).asked}
    assert [found[ident].result for ident in (given, empty, own, denied)] == [DISCLOSED, NOTHING, OWN_RECORD, NOTHING]
    (item,) = found[given].given
    assert (item.kind, item.unit, item.regime) == ("screening-summary", "Organization/jail-medical", "hipaa")
    assert (item.grounds, item.listings) == (CONSENT, ())
    assert found[given].recipient == "Organization/pretrial"


async def test_a_refusal_that_names_the_person_is_told(ada):
    answer = await ada.ask(PRETRIAL, f"/fhir/Observation?patient={ada.ada}&_has:x:y:z=1")
    assert answer.status_code == 400
    # What could not be understood names nobody: nothing of it was kept.
    assert (await account(ada)).asked == ()
    answer = await ada.ask(PRETRIAL, "/fhir/Observation?code=44261-6")
    assert answer.status_code == 403
    assert (await account(ada)).asked == ()


async def test_an_emergency_is_listed_and_a_consent_is_not(ada):
    await asserting.assert_for(ada, ada.ada)
    await look(ada, PRETRIAL)
    urgent = await look(ada, COTTONWOOD)
    listed = [one for one in (await account(ada)).asked if any(item.listings for item in one.given)]
    assert [one.request_id for one in listed] == [urgent]
    assert {listing for one in listed for item in one.given for listing in item.listings} == {HIPAA}
    assert all(item.grounds & EMERGENCY for item in listed[0].given)


async def test_a_disclosure_stays_when_its_consent_and_agreement_are_gone(ada, tmp_path):
    given = await look(ada, PRETRIAL)
    await ada.deliver("releases", records.ndjson(records.release(records.choice("defender"))), "changed")
    (ada.services.site.folder / "agreements" / "memorandum.yaml").unlink()
    await ada.services.store.close()
    later = await worlds.open_site(ada.services.site.folder, first_id=10_000)
    later.clock.forward(days=400)
    (one,) = (await account(later, ada.ada)).asked
    assert (one.request_id, one.result, one.given[0].grounds) == (given, DISCLOSED, CONSENT)
    await later.close()


async def test_an_answer_about_several_tells_each_only_of_itself(ada):
    await ada.deliver(
        "riverside-ehr", records.ndjson(records.clinic_patient(ssn=records.OTHER_SSN), records.clinic_result())
    )
    other = ada.patient("riverside-ehr", records.CLINIC)
    caller = ("riverside-main", "TREAT")
    answer = await ada.ask(caller, f"/fhir/Patient?_id={other},{ada.ada}")
    assert answer.status_code == 200
    (mine,), (theirs,) = (await account(ada)).asked, (await account(ada, other)).asked
    assert (mine.result, mine.patients) == (NOTHING, (ada.ada,))
    assert (theirs.result, theirs.patients) == (OWN_RECORD, (other,))
    page = markdown(ada.services.account_page.blocks(await account(ada), ada.services.zone))
    events = orjson.dumps(list(ada.services.audit.events(await account(ada), officer=True))).decode()
    assert other not in page + events


async def test_a_person_is_every_record_confirmed_now_and_former_ones_stay_apart(ada):
    await ada.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), records.clinic_result()))
    clinic = ada.patient("riverside-ehr", records.CLINIC)
    ada.clock.forward(minutes=1)
    linked = await look(ada, ("riverside-main", "TREAT"), clinic)
    assert [one.request_id for one in (await account(ada)).asked] == [linked]
    ada.clock.forward(minutes=1)
    await ada.deliver("riverside-ehr", records.ndjson(records.clinic_patient(ssn=records.OTHER_SSN)), "corrected")
    ada.clock.forward(minutes=1)
    after = await look(ada, ("riverside-main", "TREAT"), clinic)
    found = await account(ada)
    assert [(one.request_id, one.former) for one in found.asked] == [(linked, True)]
    assert found.for_person() == ()
    assert [one.request_id for one in (await account(ada, clinic)).for_person()] == [linked, after]


async def test_a_period_is_half_open_and_somebody_unknown_has_no_account(ada):
    await look(ada, PRETRIAL)
    at = ada.clock.now
    assert len((await account(ada, since=at, until=at + 1)).asked) == 1
    assert (await account(ada, since=at + 1)).asked == (await account(ada, until=at)).asked == ()
    with pytest.raises(NotFound):
        await account(ada, "nobody")


# -- suspension -------------------------------------------------------------------------------------------


def told_to_the_person(world, found):
    """Everything that a person may be given of an account, in every form."""
    page, zone = world.services.account_page, world.services.zone
    blocks = page.blocks(found, zone)
    events = list(world.services.audit.events(found, officer=False))
    return [markdown(blocks), html(blocks), page.rows(found), orjson.dumps(events).decode()]


async def test_a_suspended_accounting_is_the_one_that_agency_never_asked_for(ada):
    """Byte for byte: neither its questions nor the suspension show, until it lapses by itself."""
    await look(ada, PRETRIAL)
    at = ada.clock.now
    before = told_to_the_person(ada, await account(ada))
    await asserting.assert_for(ada, ada.ada)
    urgent = await look(ada, COTTONWOOD)
    assert told_to_the_person(ada, await account(ada)) != before
    what = recordings.suspension(agency="Cottonwood Community  CLINIC", oral=True, stop=None, words="do not tell her")
    await asserting.record(ada, ada.ada, what)
    found = await account(ada)
    assert (ada.clock.now, told_to_the_person(ada, found)) == (at, before)
    assert [(one.request_id, one.suspended) for one in found.asked][-1] == (urgent, True)
    office = ada.services.account_page.blocks(found, ada.services.zone, officer=True)
    assert "(suspended)" in markdown(office)
    ada.clock.forward(days=30)
    lapsed = await account(ada)
    assert not any(one.suspended for one in lapsed.asked)
    assert urgent in ada.services.account_page.rows(lapsed)


async def test_a_suspension_of_an_agency_that_is_no_partner_is_told_to_the_office(ada):
    await asserting.record(ada, ada.ada, recordings.suspension(agency="somebody", oral=True, stop=None))
    found = await account(ada)
    assert found.unmatched == ("somebody",)
    assert "`somebody`" in markdown(ada.services.account_page.blocks(found, ada.services.zone, officer=True))
    assert not any("somebody" in text for text in told_to_the_person(ada, found))


# -- what it is written as --------------------------------------------------------------------------------


async def test_the_page_tells_when_to_whom_what_and_why(ada):
    await asserting.assert_for(ada, ada.ada)
    await look(ada, COTTONWOOD)
    await look(ada, COURT)
    blocks = ada.services.account_page.blocks(await account(ada), ada.services.zone)
    text = markdown(blocks)
    assert "22 November 2026, 12:01:00 (America/Denver) | Cottonwood Community Clinic (cottonwood)" in text
    assert "care coordination | screening summaries | Alder County Jail Health Services" in text
    assert "TREAT; a medical emergency" in text
    assert "This site is no intermediary (42 CFR 2.11)" in text
    assert "Alder County Treatment Court (treatment-court)" in text
    assert html(blocks).count("<table>") == 2


async def test_rows_carry_what_the_page_tells_and_no_formula(ada):
    ada.services.tokens._new_token = lambda: "t" * 40
    await ada.services.tokens.issue(
        client="=cmd()", organisation="Organization/pretrial", purposes=["pretrial-release"], lifetime=60
    )
    ada.tokens[PRETRIAL] = "t" * 40
    request = await look(ada, PRETRIAL)
    found = await account(ada)
    (row,) = csv.DictReader(io.StringIO(ada.services.account_page.rows(found)))
    assert (row["recipient"], row["what"], row["basis"]) == ("pretrial", "screening summaries", "a written consent")
    assert (row["resources"], row["result"], row["request"]) == ("1", "disclosed", request)
    assert "client" not in row
    (row,) = csv.DictReader(io.StringIO(ada.services.account_page.rows(found, officer=True)))
    assert row["client"] == "'=cmd()"


async def test_events_are_those_of_the_patterns_and_hold_no_content(ada):
    await asserting.assert_for(ada, ada.ada)
    for caller in (PRETRIAL, COURT, COTTONWOOD):
        await look(ada, caller)
    summary = await explained.summary_of(ada)
    await ada.ask(PRETRIAL, f"/fhir/{summary}")
    await ada.ask(COURT, f"/fhir/{summary}")
    events = list(ada.services.audit.events(await account(ada), officer=True))
    assert len({event["id"] for event in events}) == len(events) == 6
    for event in events:
        AuditEvent.model_validate(event)
        assert ada.services.validator.issues(event) == []
        assert len(event["id"]) == 64
        assert [
            entity["what"]["reference"] for entity in event["entity"] if entity.get("role", {}).get("code") == "1"
        ] == [f"Patient/{ada.ada}"]
    read, denied = events[-2:]
    ours = "https://sallyport.example/fhir/StructureDefinition/disclosure-event"
    assert read["meta"]["profile"] == [
        ours,
        "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead",
    ]
    assert (read["action"], read["outcome"], read["subtype"][0]["code"]) == ("R", "0", "read")
    assert (denied["outcome"], denied["outcomeDesc"], denied["meta"]["profile"]) == ("4", "nothing was given", [ours])
    text = orjson.dumps(events).decode()
    assert "44261-6" not in text
    assert "Marsh" not in text
