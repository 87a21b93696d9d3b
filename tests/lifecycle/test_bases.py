"""Lifecycle cases of bases that stand without a consent, by the numbers of the reference page on law.

Each is asked of a running site: what the custodian's staff records, what feeds tell, and what passes then.
"""

from __future__ import annotations

import asserting
import orjson
import pytest
import records
import worlds
from asserting import COTTONWOOD, JAIL, assert_for, staff, summaries

from adapter.errors import RequestError
from adapter.services import recordings
from adapter.services.authorities import Whom
from adapter.services.reviews import BREACH, COUNSEL, NOT_JUSTIFIED

pytestmark = pytest.mark.anyio
PRETRIAL, COURT = ("pretrial", "pretrial-release"), ("court", "HLEGAL")
DAY = 86_400_000_000
AGREEMENT = """\
agreement: custody-and-care
title: What the jail and the clinic may receive without a release
kind: mou
authority: county commission resolution 2026-15
parties: [jail, jail-medical, riverside, cottonwood]
start: 2026-01-01
end: null
contact: county privacy officer
directions:
  - {senders: [jail-medical], recipients: [jail], classes: [screening-summary]}
  - {senders: [riverside], recipients: [cottonwood], classes: [screening-summary]}
grants:
  - {recipient: jail, purposes: [supervision], classes: [screening-summary], regimes: [hipaa], bases: [K]}
  - {recipient: cottonwood, purposes: [TREAT], classes: [screening-summary], regimes: [hipaa, part2], bases: [T]}
signatories:
  - {name: Marta Quill, role: detention administrator, organisation: jail, date: 2025-12-01}
  - {name: Owen Tarn, role: health services administrator, organisation: jail-medical, date: 2025-12-01}
  - {name: Silas Orme, role: chief executive, organisation: riverside, date: 2025-12-08}
  - {name: Wren Castellan, role: medical director, organisation: cottonwood, date: 2025-12-08}
"""


def with_agreement(folder):
    (folder / "agreements" / "custody_and_care.yaml").write_text(AGREEMENT)


@pytest.fixture
async def ada(tmp_path):
    """Ada, screened at the jail, with a site whose agreements bound custody and treatment as well."""
    world = await worlds.open_site(tmp_path / "site", adjust=with_agreement)
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    world.ada = world.patient("jail-medical-hl7", records.JAIL)
    yield world
    await world.close()


async def roster(world, *rows):
    await world.deliver("jail-roster", records.roster(*rows), f"roster-{world.services.new_id()}")


def booking(number="B1", booked="2026-11-21 08:00:00", released=""):
    return records.roster_row(booking=number, booked=booked, released=released)


async def represent(world):
    return await assert_for(world, world.ada, basis="K", recipient="jail", purpose="supervision")


async def seen(world, caller, patient=None):
    world.tokens.clear()
    return await summaries(world, caller, patient or world.ada)


async def release(world, *choices, **changed):
    await world.deliver("releases", records.ndjson(records.release(*choices, **changed)), "releases.ndjson")


# -- 13, 14, 53: custody -------------------------------------------------------------------------------


async def test_13_custody_that_ends_between_two_requests_denies_at_that_instant(ada):
    await roster(ada, booking())
    assert await seen(ada, JAIL) == 0
    await represent(ada)
    assert await seen(ada, JAIL) == 1
    await roster(ada, booking(released="2026-11-22 12:30:00"))
    ada.clock.set("2026-11-22T12:29:59-07:00")
    assert await seen(ada, JAIL) == 1
    ada.clock.set("2026-11-22T12:30:00-07:00")
    assert await seen(ada, JAIL) == 0


async def test_13_a_release_that_the_roster_tells_denies_the_next_request(ada):
    await roster(ada, booking())
    await represent(ada)
    await roster(ada, booking(released="2026-11-22 11:00:00"))
    assert await seen(ada, JAIL) == 0


async def test_14_a_representation_of_an_earlier_booking_is_not_used_again(ada):
    await roster(ada, booking())
    await represent(ada)
    assert await seen(ada, JAIL) == 1
    ada.clock.forward(hours=2)
    again = booking("B2", booked="2026-11-22 13:30:00")
    await roster(ada, booking(released="2026-11-22 13:00:00"), again)
    assert await seen(ada, JAIL) == 0
    await represent(ada)
    assert await seen(ada, JAIL) == 1


async def test_14_another_asserters_new_representation_does_not_wake_the_old_one(ada):
    await roster(ada, booking())
    await represent(ada)
    ada.clock.forward(hours=2)
    await roster(ada, booking(released="2026-11-22 13:00:00"), booking("B2", booked="2026-11-22 13:30:00"))
    await assert_for(ada, ada.ada, basis="K", recipient="jail-medical", purpose="TREAT")
    assert await seen(ada, JAIL) == 0


async def test_53_custody_that_no_feed_confirmed_lately_is_no_custody(ada):
    await roster(ada, booking())
    await represent(ada)
    ada.clock.forward(hours=23, minutes=59)
    assert await seen(ada, JAIL) == 1
    ada.clock.forward(minutes=1)
    assert await seen(ada, JAIL) == 0
    await roster(ada, booking())
    assert await seen(ada, JAIL) == 1


# -- 23, 24: a consent between restriction and agreement ------------------------------------------------


async def test_23_a_restriction_that_was_agreed_wins_over_a_consent_and_not_over_an_emergency(ada):
    await release(ada, records.choice("cottonwood", purposes=("TREAT",)))
    assert await seen(ada, COTTONWOOD) == 1
    agreed = recordings.restriction(source="Organization/jail-medical", classes=["screening-summary"])
    await asserting.record(ada, ada.ada, agreed)
    assert await seen(ada, COTTONWOOD) == 0
    await assert_for(ada, ada.ada)
    assert await seen(ada, COTTONWOOD) == 1
    (found,) = await ada.matches(COTTONWOOD, f"/fhir/Observation?patient={ada.ada}")
    assert "please do not use or disclose it further" in orjson.dumps(found).decode()


async def test_24_a_consent_opens_no_more_than_the_agreement_and_the_agreement_no_more_than_the_consent(ada):
    await release(ada, records.choice("defender", purposes=("diversion",)))
    assert await seen(ada, ("defender", "diversion")) == 1
    # Signed, but in no agreement; in an agreement, but not signed.
    assert await seen(ada, ("defender", "supervision")) == 0
    assert await seen(ada, PRETRIAL) == 0


async def test_24_treatment_needs_a_recorded_relationship_and_an_agreement(ada):
    """A purpose claim alone is none."""
    await ada.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), records.clinic_result()))
    clinic = ada.patient("riverside-ehr", records.CLINIC)
    assert await seen(ada, COTTONWOOD, clinic) == 0
    await asserting.record(ada, clinic, recordings.referral(to="Organization/cottonwood", how="referral", days=30))
    assert {
        one["subject"]["reference"] for one in await ada.matches(COTTONWOOD, f"/fhir/Observation?patient={clinic}")
    } == {f"Patient/{clinic}"}
    assert await seen(ada, ("cottonwood", "discharge-planning"), clinic) == 0
    ada.clock.forward(days=30)
    assert await seen(ada, COTTONWOOD, clinic) == 0


# -- 25 to 28: orders ------------------------------------------------------------------------------------


async def order(world, *, classes=("screening-summary", "identity"), units=(), **facts):
    return await assert_for(
        world, world.ada, basis="O", recipient="court", purpose="HLEGAL", classes=classes, units=units, facts=facts
    )


async def test_25_an_order_over_a_refusal_permits_its_scope_and_leaves_the_refusal(ada):
    await ada.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), records.clinic_result()))
    await release(ada, refused=True)
    before = ada.rows("SELECT version FROM resource WHERE type = 6")
    assert await seen(ada, COURT) == 0
    await order(ada, units=["jail-medical"])
    (found,) = await ada.matches(COURT, f"/fhir/Observation?patient={ada.ada}")
    assert found["subject"]["reference"] == f"Patient/{ada.ada}"
    assert "Given under a court order and only within its scope." in orjson.dumps(found).decode()
    assert ada.rows("SELECT version FROM resource WHERE type = 6") == before
    assert await seen(ada, ("court", "pretrial-release")) == 0
    # Only what it names: the other unit and the detail stay closed.
    assert await seen(ada, COURT, ada.patient("riverside-ehr", records.CLINIC)) in {0, 1}
    assert all("summary" in one["meta"]["profile"][0] for one in [found])


async def test_26_an_order_without_a_mandate_may_be_followed_and_counsel_is_asked(ada):
    ident = await order(ada, mandate=False)
    assert await seen(ada, COURT) == 1
    (review,) = await ada.services.reviews.open()
    assert (review.kind, review.about.fact.id) == (COUNSEL, ident)
    evidence = orjson.loads(review.about.fact.evidence)
    assert evidence["mandate"] is False


async def test_27_a_subpoena_alone_opens_nothing_looks_like_nothing_and_is_told_to_counsel(ada):
    before = await ada.ask(COURT, f"/fhir/Observation?patient={ada.ada}")
    nobody = await ada.ask(COURT, "/fhir/Observation?patient=nobody")
    await asserting.record(ada, ada.ada, recordings.subpoena(by="county attorney"))
    after = await ada.ask(COURT, f"/fhir/Observation?patient={ada.ada}")
    assert worlds.comparable(after) == worlds.comparable(before)
    assert orjson.loads(after.content)["total"] == orjson.loads(nobody.content)["total"] == 0
    (review,) = await ada.services.reviews.open()
    assert review.kind == COUNSEL


@pytest.mark.parametrize("lacking", ["court", "order", "authority", "expires", "reviewer"])
async def test_27_what_lacks_the_order_is_no_order(ada, lacking):
    asked = asserting.assertion("O", "court", "HLEGAL")
    facts = tuple((name, value) for name, value in asked.facts if name != lacking)
    with pytest.raises(RequestError, match=lacking):
        await ada.services.authorities.assert_basis(
            recordings.Assertion(
                basis="O", recipient=asked.recipient, purpose="HLEGAL", classes=asked.classes, facts=facts
            ),
            Whom(patient=ada.ada),
            staff(),
        )
    assert await seen(ada, COURT) == 0


async def test_27_an_order_under_hipaa_alone_opens_no_record_of_a_part_2_program(ada):
    program = [
        records.clinic_patient(unit="riverside-otp"),
        records.clinic_result(code="82667-7", score=6, unit="riverside-otp"),
    ]
    await ada.deliver("riverside-ehr", records.ndjson(*program))
    clinic = ada.patient("riverside-ehr", records.CLINIC)
    everything = {"classes": ("screening-summary", "identity")}
    await order(ada, **everything)
    assert {
        one["subject"]["reference"] for one in await ada.matches(COURT, f"/fhir/Observation?patient={ada.ada}")
    } == {f"Patient/{ada.ada}"}
    assert await seen(ada, COURT, clinic) == 0
    await order(ada, authority=("2.65",), **everything)
    found = await ada.matches(COURT, f"/fhir/Observation?patient={clinic}")
    assert {f"Patient/{clinic}", f"Patient/{ada.ada}"} == {one["subject"]["reference"] for one in found}


async def test_28_an_order_that_is_vacated_or_has_expired_opens_nothing(ada):
    ident = await order(ada)
    assert await seen(ada, COURT) == 1
    await ada.services.authorities.end(ident, staff("Counsel"), because="vacated")
    assert await seen(ada, COURT) == 0
    await order(ada, expires="2026-11-23T00:00:00-07:00")
    ada.clock.set("2026-11-22T23:59:59-07:00")
    assert await seen(ada, COURT) == 1
    ada.clock.set("2026-11-23T00:00:00-07:00")
    assert await seen(ada, COURT) == 0


# -- 46, 50, 51 ------------------------------------------------------------------------------------------


async def test_46_the_bar_on_proceedings_travels_with_a_part_2_record_given_in_an_emergency(ada):
    program = [
        records.clinic_patient(unit="riverside-otp"),
        records.clinic_result(code="82667-7", score=6, unit="riverside-otp"),
    ]
    await ada.deliver("riverside-ehr", records.ndjson(*program))
    await assert_for(ada, ada.patient("riverside-ehr", records.CLINIC))
    answer = await ada.ask(COTTONWOOD, f"/fhir/Observation?patient={ada.patient('riverside-ehr', records.CLINIC)}")
    (found,) = [one for one in orjson.loads(answer.content)["entry"] if "42CFRPart2" in orjson.dumps(one).decode()]
    text = orjson.dumps(found).decode()
    assert "NORDSCLCD" in text
    assert "in any civil, criminal, administrative, or legislative proceedings" in text


async def test_50_an_emergency_found_to_be_none_ends_and_is_reviewed_as_a_breach(ada):
    ident = await assert_for(ada, ada.ada)
    assert await seen(ada, COTTONWOOD) == 1
    await ada.services.reviews.close(ident, staff("P. Officer"), finding=NOT_JUSTIFIED, words="no emergency")
    assert await seen(ada, COTTONWOOD) == 0
    (review,) = await ada.services.reviews.open()
    assert review.kind == BREACH
    (entry,) = await ada.services.reviews.affected(review.about)
    assert [target.partition("/")[0] for target, *_ in entry.passed] == ["Observation"]


async def test_51_an_accounting_suspended_by_word_of_mouth_lapses_after_thirty_days(ada):
    for oral, stop in ((True, None), (False, ada.clock.now + 90 * DAY)):
        what = recordings.suspension(agency="sheriff", oral=oral, stop=stop)
        await asserting.record(ada, ada.ada, what)
    periods = {
        orjson.loads(one.fact.evidence)["oral"]: (one.fact.stop - one.fact.start) // DAY
        for one in await ada.services.authorities.listed(ada.ada)
    }
    assert periods == {True: 30, False: 90}
    # It is about the accounting: it opens and closes nothing.
    assert await seen(ada, PRETRIAL) == 0
