"""What people record holds for the next request, counts once, stands in the ledger, and is never lost silently."""

from __future__ import annotations

import asserting
import orjson
import pytest
import records
import worlds
from asserting import COTTONWOOD, JAIL_MEDICAL, assert_for, assertion, staff, summaries

from adapter.errors import Conflict, NotFound, RequestError, TooMany, Unavailable
from adapter.services import recordings
from adapter.services.authorities import Author, Whom
from adapter.store.shapes import END, row_key

pytestmark = pytest.mark.anyio
PRETRIAL = ("pretrial", "pretrial-release")
HOUR, DAY = 3_600_000_000, 86_400_000_000


@pytest.fixture
async def ada(world):
    """Ada, with a PHQ-9 at the jail, a release for pretrial services, and the law of the site asked."""
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    world.ada = world.patient("jail-medical-hl7", records.JAIL)
    assert await summaries(world, PRETRIAL, world.ada) == 1
    return world


async def record(world, what, *, by=None, patient=None):
    return await asserting.record(world, patient or world.ada, what, by=by)


def ledgered(world, interaction):
    return [
        (entry[0], entry[1])
        for entry in world.services.store._ledger_db.execute(
            "SELECT client, target FROM entry WHERE interaction = ? ORDER BY seq", (interaction,)
        )
    ]


async def test_an_asserted_emergency_holds_for_the_next_request_and_for_its_recipient_alone(ada):
    assert await summaries(ada, COTTONWOOD, ada.ada) == 0
    ident = await assert_for(ada, ada.ada)
    assert await summaries(ada, COTTONWOOD, ada.ada) == 1
    assert await summaries(ada, ("treatment-court", "diversion"), ada.ada) == 0
    assert ledgered(ada, "assert-basis") == [("R. Desk", f"Patient/{ada.ada} {ident}")]


async def test_it_ends_with_the_longest_period_of_its_basis(ada):
    await assert_for(ada, ada.ada)
    ada.clock.forward(hours=24)
    ada.tokens.clear()
    assert await summaries(ada, COTTONWOOD, ada.ada) == 0


async def test_an_emergency_reaches_a_purpose_without_agreement_and_a_segment_that_comes_later(ada):
    """What no agreement bounds is admitted in the transaction that records it, whatever another process adds after."""
    await assert_for(ada, ada.ada, purpose="ETREAT")
    ada.tokens[("cottonwood", "ETREAT")] = await ada.services.tokens.issue(
        client="test", organisation="Organization/cottonwood", purposes=["ETREAT"], lifetime=3600
    )
    caller = ("cottonwood", "ETREAT")
    assert await summaries(ada, caller, ada.ada) == 1
    await ada.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), records.clinic_result()))
    clinic = ada.patient("riverside-ehr", records.CLINIC)
    assert {
        item["subject"]["reference"] for item in await ada.matches(caller, f"/fhir/Observation?patient={clinic}")
    } == {
        f"Patient/{clinic}",
        f"Patient/{ada.ada}",
    }


async def test_ending_holds_for_the_next_request_and_is_told_with_its_reason(ada):
    ident = await assert_for(ada, ada.ada)
    assert await ada.services.authorities.end(ident, staff("P. Officer"), because="not needed")
    assert await summaries(ada, COTTONWOOD, ada.ada) == 0
    assert not await ada.services.authorities.end(ident, staff(), because="again")
    ((one,),) = [await ada.services.authorities.listed(ada.ada)]
    assert [(act.act, act.author, act.words) for act in one.acts] == [("ended", "P. Officer", "not needed")]
    assert [client for client, _ in ledgered(ada, "end")] == ["P. Officer", "R. Desk"]


async def test_what_was_never_recorded_cannot_end(ada):
    with pytest.raises(NotFound):
        await ada.services.authorities.end("nothing", staff(), because="x")
    assert ledgered(ada, "end") == []


async def test_an_identity_on_hold_permits_nothing_to_anyone(ada):
    await assert_for(ada, ada.ada)
    ident = await record(ada, recordings.hold(recordings.IDENTITY))
    assert (await summaries(ada, PRETRIAL, ada.ada), await summaries(ada, COTTONWOOD, ada.ada)) == (0, 0)
    # Own records are no disclosure.
    assert await summaries(ada, JAIL_MEDICAL, ada.ada) > 0
    await ada.services.authorities.end(ident, staff(), because="confirmed")
    assert (await summaries(ada, PRETRIAL, ada.ada), await summaries(ada, COTTONWOOD, ada.ada)) == (1, 1)


async def test_a_hold_counts_for_all_linked_records(ada):
    await record(ada, recordings.hold(recordings.IDENTITY), patient=ada.patient("releases", records.REGISTRY))
    assert await summaries(ada, PRETRIAL, ada.ada) == 0


async def test_a_restriction_wins_over_a_consent_and_its_end_opens_again(ada):
    what = recordings.restriction(
        source="Organization/jail-medical", partner="Organization/pretrial", classes=["screening-summary"]
    )
    ident = await record(ada, what)
    assert await summaries(ada, PRETRIAL, ada.ada) == 0
    await ada.services.authorities.end(ident, staff(), because="lifted")
    assert await summaries(ada, PRETRIAL, ada.ada) == 1


async def test_a_referral_is_a_treatment_relationship_for_its_days(ada):
    await record(ada, recordings.referral(to="Organization/cottonwood", how="referral", days=30))
    (one,) = await ada.services.authorities.listed(ada.ada)
    assert (one.fact.kind, one.fact.stop - one.fact.start) == ("treatment", 30 * DAY)
    async with ada.services.store.snapshot() as view:
        span = await view.policy_of(row_key("Patient", ada.ada), at=ada.clock.now)
    policy = await ada.services.decisions.policy(span.policy)
    assert [(fact.kind, fact.recipient) for fact in policy.facts] == [("treatment", "Organization/cottonwood")]


# -- repeated requests -------------------------------------------------------------------------------


async def test_the_same_request_under_its_key_counts_once(ada):
    by = staff(request="k1")
    first = await assert_for(ada, ada.ada, by=by)
    ada.clock.forward(hours=1)
    assert await assert_for(ada, ada.ada, by=by) == first
    (one,) = await ada.services.authorities.listed(ada.ada)
    assert one.fact.stop == one.fact.recorded + 24 * HOUR
    assert len(ledgered(ada, "assert-basis")) == 2


@pytest.mark.parametrize("changed", [{"purpose": "ETREAT"}, {"facts": {"nature": "other"}}, {"start": worlds.NOW + 9}])
async def test_a_key_that_was_used_for_something_else_is_refused(ada, changed):
    await assert_for(ada, ada.ada, by=staff(request="k1"))
    with pytest.raises(Conflict):
        await assert_for(ada, ada.ada, by=staff(request="k1"), **changed)
    with pytest.raises(Conflict):
        await assert_for(ada, "somebody-else", by=staff(request="k1"))
    assert len(await ada.services.authorities.listed(ada.ada)) == 1


async def test_a_key_whose_assertion_has_run_out_is_refused_and_not_silently_dropped(ada):
    await assert_for(ada, ada.ada, by=staff(request="k1"))
    ada.clock.forward(hours=24)
    with pytest.raises(Conflict):
        await assert_for(ada, ada.ada, by=staff(request="k1"))


async def test_keys_of_two_authors_have_nothing_to_do_with_each_other(ada):
    one = await assert_for(ada, ada.ada, by=staff("A", request="k1"))
    assert await assert_for(ada, ada.ada, by=staff("B", request="k1")) != one


async def test_an_author_records_no_more_in_an_hour_than_the_site_allows(ada):
    def by(number):
        return Author(name=f"client for u{number}", request=str(number), request_id="r", bounded="client", hourly=2)

    for number in range(2):
        await assert_for(ada, f"anyone-{number}", by=by(number))
    with pytest.raises(TooMany):
        await assert_for(ada, ada.ada, by=by(3))
    # A repeat is no new recording, and an hour later there is room again.
    await assert_for(ada, "anyone-0", by=by(0))
    ada.clock.forward(hours=1)
    await assert_for(ada, ada.ada, by=by(3))


# -- what may be recorded ----------------------------------------------------------------------------


@pytest.mark.parametrize("basis", ["K", "J", "E", "O", "X"])
async def test_every_missing_fact_is_named(ada, basis):
    asked = assertion(basis)
    empty = recordings.Assertion(basis=basis, recipient=asked.recipient, purpose="TREAT", classes=())
    with pytest.raises(RequestError) as raised:
        await ada.services.authorities.assert_basis(empty, Whom(patient=ada.ada), staff())
    missing = [f"`facts.{name}`" for name in asserting.FACTS[basis]]
    assert all(name in str(raised.value) for name in [*missing, "`classes`"])
    assert await ada.services.authorities.listed(ada.ada) == []


@pytest.mark.parametrize("basis", ["T", "Q", "U", "", "k"])
async def test_a_basis_that_nobody_asserts_is_refused(ada, basis):
    asked = recordings.Assertion(basis=basis, recipient="Organization/cottonwood", purpose="TREAT", classes=("x",))
    with pytest.raises(RequestError, match="K, J, E, O or X"):
        await ada.services.authorities.assert_basis(asked, Whom(patient=ada.ada), staff())


@pytest.mark.parametrize(
    ("basis", "period"),
    [
        ("E", {"stop": worlds.NOW + 25 * HOUR}),
        ("K", {"stop": worlds.NOW + 73 * HOUR}),
        ("E", {"stop": worlds.NOW}),
        ("E", {"start": worlds.NOW + 9, "stop": worlds.NOW + 5}),
    ],
)
async def test_a_period_that_is_empty_or_too_long_is_refused(ada, basis, period):
    recipient, purpose = ("jail", "supervision") if basis == "K" else ("cottonwood", "TREAT")
    with pytest.raises(RequestError, match="stop"):
        await assert_for(ada, ada.ada, basis=basis, recipient=recipient, purpose=purpose, **period)


async def test_an_order_ends_when_it_expires(ada):
    facts = {"expires": "2026-11-30T00:00:00-07:00"}
    await assert_for(ada, ada.ada, basis="O", recipient="court", purpose="HLEGAL", facts=facts)
    (one,) = await ada.services.authorities.listed(ada.ada)
    assert one.fact.stop == 1_796_022_000_000_000
    assert orjson.loads(one.fact.fact)[4] == "hipaa"


async def test_an_order_that_says_no_moment_of_its_end_is_refused(ada):
    with pytest.raises(RequestError, match=r"facts\.expires"):
        await assert_for(ada, ada.ada, basis="O", recipient="court", purpose="HLEGAL", facts={"expires": "soon"})


async def test_nothing_begins_before_it_was_recorded(ada):
    await assert_for(ada, ada.ada, start=worlds.NOW - DAY)
    (one,) = await ada.services.authorities.listed(ada.ada)
    assert (one.fact.start, one.fact.stop) == (worlds.NOW, worlds.NOW + 24 * HOUR)


async def test_what_begins_later_holds_from_then(ada):
    await assert_for(ada, ada.ada, start=worlds.NOW + HOUR)
    assert await summaries(ada, COTTONWOOD, ada.ada) == 0
    ada.clock.forward(hours=1)
    ada.tokens.clear()
    assert await summaries(ada, COTTONWOOD, ada.ada) == 1


# -- people of whom nothing is held yet ----------------------------------------------------------------


async def test_an_assertion_for_a_patient_who_comes_later_counts_within_its_period(world):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    await assert_for(world, patient)
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    assert await summaries(world, COTTONWOOD, patient) == 1


async def test_it_counts_even_if_what_is_in_force_was_computed_anew_in_between(world):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    await assert_for(world, patient)
    world.services.store._writer.execute("DELETE FROM patient_policy")
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    assert await summaries(world, COTTONWOOD, patient) == 1


def person(**changed):
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": records.SSN}],
        "birthDate": "1980-04-02",
    } | changed


async def assert_person(world, known):
    return await world.services.authorities.assert_basis(assertion(), Whom(person=known), staff())


@pytest.mark.parametrize("first", ["record", "assertion"])
async def test_a_person_is_recognised_by_what_is_known_of_them(world, first):
    if first == "assertion":
        await assert_person(world, person())
    await world.deliver("jail-medical-hl7", records.hl7(records.admission(), records.phq9(4)))
    if first == "record":
        await assert_person(world, person())
    patient = world.patient("jail-medical-hl7", records.JAIL)
    assert await summaries(world, COTTONWOOD, patient) == 1
    ((one,),) = [await world.services.authorities.listed(patient)]
    await world.services.authorities.end(one.fact.id, staff(), because="done")
    assert await summaries(world, COTTONWOOD, patient) == 0


JAIL_NUMBER = {"system": "https://alder-jail.example/person", "value": records.JAIL}
OTHER_NUMBER = {"system": "http://hl7.org/fhir/sid/us-ssn", "value": records.OTHER_SSN}


@pytest.mark.parametrize(
    "known",
    [
        {"birthDate": "1980-04-03"},
        {"identifier": [{"system": "x", "value": "1"}]},
        # The number is that of the record, and the social security number is somebody else's.
        {"identifier": [JAIL_NUMBER, OTHER_NUMBER]},
    ],
)
async def test_somebody_else_is_not_meant(world, known):
    await world.deliver("jail-medical-hl7", records.hl7(records.admission(), records.phq9(4)))
    await assert_person(world, person(**known))
    assert await summaries(world, COTTONWOOD, world.patient("jail-medical-hl7", records.JAIL)) == 0


async def test_a_person_who_is_awaited_never_joins_two_records(world):
    """Whoever asserts could otherwise make one person of two, and the consents of one open the records of the other."""
    await assert_person(world, person(identifier=[*person()["identifier"], JAIL_NUMBER]))
    await world.deliver("jail-roster", records.roster(records.roster_row(ssn="")))
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient()))
    assert world.rows("SELECT count(*) FROM patient_link") == [(0,)]
    for feed, key in (("jail-roster", records.JAIL), ("riverside-ehr", records.CLINIC)):
        assert len(await world.services.authorities.listed(world.patient(feed, key))) == 1


async def test_who_is_corrected_to_be_somebody_else_is_no_longer_meant(world):
    await assert_person(world, person())
    await world.deliver("jail-medical-hl7", records.hl7(records.admission(), records.phq9(4)))
    patient = world.patient("jail-medical-hl7", records.JAIL)
    assert await summaries(world, COTTONWOOD, patient) == 1
    corrected = records.admission("A2").replace(records.SSN, records.OTHER_SSN)
    await world.deliver("jail-medical-hl7", records.hl7(corrected), "later")
    assert await summaries(world, COTTONWOOD, patient) == 0


@pytest.mark.parametrize("known", [{"birthDate": None}, {"identifier": []}])
async def test_who_cannot_be_recognised_is_refused(world, known):
    with pytest.raises(RequestError, match="not enough is known"):
        await assert_person(world, {key: value for key, value in person(**known).items() if value})
    assert world.rows("SELECT count(*) FROM awaited") == [(0,)]


# -- crash and concurrency -----------------------------------------------------------------------------


async def test_what_the_ledger_did_not_take_is_not_recorded(ada, monkeypatch):
    async def broken(_):
        raise Unavailable("no ledger")

    monkeypatch.setattr(ada.services.authorities._ledger, "append", broken)
    with pytest.raises(Unavailable):
        await assert_for(ada, ada.ada, by=staff(request="k1"))
    monkeypatch.undo()
    assert await ada.services.authorities.listed(ada.ada) == []
    assert await summaries(ada, COTTONWOOD, ada.ada) == 0
    await assert_for(ada, ada.ada, by=staff(request="k1"))
    assert await summaries(ada, COTTONWOOD, ada.ada) == 1


async def test_each_process_sees_what_the_other_recorded(ada, tmp_path):
    """And the same request sent to both counts once."""
    other = await worlds.open_site(tmp_path / "site", first_id=5000)
    assert await summaries(other, COTTONWOOD, ada.ada) == 0
    same = [await assert_for(world, ada.ada, by=staff(request="same")) for world in (ada, other)]
    assert same[0] == same[1]
    for world in (ada, other):
        await record(world, recordings.hold(recordings.ORAL), patient=ada.ada)
    assert len(await other.services.authorities.listed(ada.ada)) == 3
    for world in (ada, other):
        assert await summaries(world, COTTONWOOD, ada.ada) == 1
        assert await summaries(world, PRETRIAL, ada.ada) == 0
    assert await other.services.ledger.verify() > 0
    await other.close()


def test_a_hold_without_end_lasts_until_somebody_ends_it():
    assert recordings.hold(recordings.ORAL).period(5) == (5, END)
