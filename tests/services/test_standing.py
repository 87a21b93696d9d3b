"""What is known of a person is read from records so that less passes wherever a record leaves something open."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import asserting
import pytest
import records
import worlds
from hypothesis import given
from hypothesis import strategies as st

from adapter.consent.standing import Fact
from adapter.fhir.dates import interval
from adapter.services.standing import UNKNOWN_AGE, KnownFacts, Sources
from adapter.services.stays import Visit, stays
from adapter.store.shapes import BEGINNING, END, row_key

pytestmark = pytest.mark.anyio
DENVER = ZoneInfo("America/Denver")
HOUR, DAY = 3_600_000_000, 86_400_000_000
UNIT = "Organization/clinic"


def micros(text):
    return interval(text, DENVER)[0]


NOW = micros("2026-11-22T12:00:00-07:00")


def known(window=30, zone=DENVER):
    return KnownFacts(None, Sources(treating={UNIT: (UNIT, "Organization/whole")}, window=window), zone)


def visit(start, end=None, *, closed=False, told=NOW, unit=UNIT):
    end = None if end is None else micros(end)
    return Visit(unit=unit, start=micros(start), end=end, closed=closed, told=told)


# -- treatment ---------------------------------------------------------------------------------------


def until(one, *, at=NOW, **site):
    """Until when a visit makes a treatment relationship, the same for the unit and what it is part of."""
    facts = list(known(**site)._treatment(one, at))
    assert [fact.recipient for _, _, fact in facts] == [UNIT, "Organization/whole"]
    assert {start for start, _, _ in facts} == {one.start}
    ((stop,),) = {(stop,) for _, stop, _ in facts}
    return stop


@pytest.mark.parametrize(
    ("start", "end", "last_day"),
    [
        ("2026-10-01T09:00:00-06:00", "2026-10-05T17:00:00-06:00", "2026-11-04"),
        # The window ends with a local day, in winter time too.
        ("2026-10-01T09:00:00-06:00", "2026-10-05T23:59:59-06:00", "2026-11-04"),
        ("2026-10-01T09:00:00-06:00", "2026-10-06T05:59:59Z", "2026-11-04"),
        # Known by the day only: that day counts.
        ("2026-10-01", "2026-10-05", "2026-11-04"),
        # Nobody closed it, or its end is still to come, or contradicts its start: the start counts.
        ("2026-10-01T09:00:00-06:00", None, "2026-10-31"),
        ("2026-11-20T09:00:00-07:00", "2027-11-20T09:00:00-07:00", "2026-12-20"),
        ("2026-10-05T09:00:00-06:00", "2026-10-01T09:00:00-06:00", "2026-11-04"),
    ],
)
def test_a_treatment_relationship_lasts_through_the_last_day_of_the_window(start, end, last_day):
    assert until(visit(start, end)) == interval(last_day, DENVER)[1]


@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2026, 11, 22)),  # noqa: DTZ001 - an offset follows
    hours=st.none() | st.integers(-50, 9000),
    window=st.integers(1, 400),
    zone=st.sampled_from(["America/Denver", "Pacific/Auckland", "America/Havana", "UTC"]),
)
def test_no_encounter_treats_longer_than_its_window(start, hours, window, zone):
    begins = round(start.replace(tzinfo=UTC).timestamp() * 1_000_000)
    end = None if hours is None else begins + hours * HOUR
    one = Visit(unit=UNIT, start=begins, end=end, closed=False, told=NOW)
    last = max(begins, end) if end is not None and end <= NOW else begins
    stop = until(one, window=window, zone=ZoneInfo(zone))
    # A local day has 23 to 25 hours, and the day of the visit counts whole.
    assert last + window * DAY - HOUR <= stop <= last + (window + 1) * DAY + HOUR


# -- custody -----------------------------------------------------------------------------------------


def spans(*visits):
    return [(stay.start, stay.stop) for stay in stays(visits)]


def test_a_booking_without_release_is_custody_until_it_is_closed():
    booked = micros("2026-03-01T08:10:00-07:00")
    assert spans(visit("2026-03-01T08:10:00-07:00")) == [(booked, END)]
    assert spans(visit("2026-03-01T08:10:00-07:00", closed=True)) == [(booked, NOW)]
    assert spans(visit("2026-03-01T08:10:00-07:00", closed=True, told=booked)) == []


def test_custody_is_sure_until_the_day_or_minute_of_the_release_begins():
    (stay,) = spans(visit("2026-03-01T08:10:00-07:00", "2026-03-05"))
    assert stay[1] == micros("2026-03-05T00:00:00-07:00")
    assert spans(visit("2026-03-05T08:10:00-07:00", "2026-03-05")) == []


def test_overlapping_bookings_are_one_stay_and_a_release_between_them_ends_it():
    first = visit("2026-03-01T00:00:00-07:00", "2026-03-05T00:00:00-07:00")
    second = visit("2026-03-04T00:00:00-07:00", "2026-03-09T00:00:00-07:00")
    touching = visit("2026-03-09T00:00:00-07:00", "2026-03-10T00:00:00-07:00")
    assert len(spans(first, second)) == 1
    assert len(spans(second, touching)) == 2
    elsewhere = second._replace(unit="Organization/other")
    assert len(spans(first, elsewhere)) == 2


@given(
    st.lists(
        st.builds(
            Visit,
            unit=st.sampled_from(["a", "b"]),
            start=st.integers(0, 20),
            end=st.none() | st.integers(0, 20),
            closed=st.booleans(),
            told=st.integers(0, 20),
        ),
        max_size=6,
    )
)
def test_stays_cover_exactly_the_instants_of_some_booking(visits):
    found = stays(visits)
    for unit in ("a", "b"):
        own = [stay for stay in found if stay.unit == unit]
        assert all(one.stop <= other.start for one, other in pairwise(own))
        for instant in range(22):
            booked = any(
                one.unit == unit
                and one.start <= instant
                and (instant < one.end if one.end is not None else not one.closed or instant < one.told)
                for one in visits
            )
            assert any(stay.start <= instant < stay.stop for stay in own) is booked


# -- age ---------------------------------------------------------------------------------------------


def age_at(instant, *born, zone=DENVER, at=None):
    """The value of the fact at an instant, None for an adult."""
    facts = known(zone=zone)._ages([interval(one, zone)[1] for one in born], instant if at is None else at)
    found = [fact.value for start, stop, fact in facts if start <= instant < stop]
    assert len(found) <= 1
    return found[0] if found else None


def test_somebody_comes_of_age_at_local_midnight():
    birthday = micros("2026-11-22")
    assert age_at(birthday - 1, "2008-11-22") == "17"
    assert age_at(birthday, "2008-11-22") is None
    # In Denver it is still the day before when it is midnight in UTC.
    assert age_at(micros("2026-11-22T00:00:00Z"), "2008-11-22") == "17"


def test_whoever_was_born_on_a_leap_day_comes_of_age_on_the_first_of_march():
    assert age_at(micros("2026-02-28T23:59:59-07:00"), "2008-02-29") == "17"
    assert age_at(micros("2026-03-01"), "2008-02-29") is None


@pytest.mark.parametrize(("born", "adult"), [("2008", "2026-12-31"), ("2008-06", "2026-06-30")])
def test_of_a_year_or_month_the_last_day_counts(born, adult):
    assert age_at(micros(adult) - 1, born) == "17"
    assert age_at(micros(adult), born) is None


def test_of_two_birth_dates_the_later_counts():
    assert age_at(NOW, "1980-04-02", "2010-01-01") == "16"
    assert age_at(NOW, "2010-01-01", "1980-04-02") == "16"


def test_a_birth_year_that_is_not_over_makes_an_infant():
    assert age_at(NOW, "2026") == "0"


def test_without_a_birth_date_the_age_is_unknown_for_ever():
    assert known()._ages([], NOW) == [(BEGINNING, END, UNKNOWN_AGE)]


@given(
    born=st.dates(date(1990, 1, 1), date(2026, 11, 21)),
    at=st.datetimes(datetime(2000, 1, 1), datetime(2045, 1, 1)),  # noqa: DTZ001 - an offset follows
    zone=st.sampled_from(["America/Denver", "Pacific/Apia", "America/Havana", "UTC"]),
)
def test_the_age_is_that_of_the_calendar(born, at, zone):
    place = ZoneInfo(zone)
    instant = round(at.replace(tzinfo=UTC).timestamp() * 1_000_000)
    today = at.replace(tzinfo=UTC).astimezone(place).date()
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    wanted = None if years >= 18 else str(max(years, 0))
    # What ended before the moment of collecting is not told; so it is collected long before.
    assert age_at(instant, born.isoformat(), zone=place, at=0) == wanted


# -- from records in a store -------------------------------------------------------------------------


async def facts_of(world, feed, key):
    """The facts in the policy that is in force for a Patient now."""
    services = world.services
    async with services.store.snapshot() as view:
        span = await view.policy_of(row_key("Patient", world.patient(feed, key)), at=world.clock.now)
    return set((await services.decisions.policy(span.policy)).facts)


def treats(name):
    return Fact(kind="treatment", recipient=f"Organization/{name}")


def clinic_visit(ident="v1", *, status="finished", unit="riverside-main", **period):
    return {
        "resourceType": "Encounter",
        "id": ident,
        "meta": {"source": f"urn:unit:{unit}"},
        "status": status,
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{records.CLINIC}"},
        "period": period or {"start": "2026-11-01T09:00:00-07:00", "end": "2026-11-01T10:00:00-07:00"},
    }


async def deliver_visit(world, **changed):
    lines = records.ndjson(records.clinic_patient(), clinic_visit(**changed))
    await world.deliver("riverside-ehr", lines, f"visit-{world.services.new_id()}")


async def test_an_encounter_at_a_unit_that_treats_is_a_relationship_of_all_it_is_part_of(world):
    await deliver_visit(world)
    assert await facts_of(world, "riverside-ehr", records.CLINIC) == {treats("riverside-main"), treats("riverside")}


@pytest.mark.parametrize("status", ["planned", "cancelled", "entered-in-error", "unknown"])
async def test_an_encounter_that_did_not_take_place_is_none(world, status):
    await deliver_visit(world, status=status)
    assert await facts_of(world, "riverside-ehr", records.CLINIC) == set()


async def test_an_encounter_of_next_week_is_none_yet(world):
    await deliver_visit(world, status="in-progress", start="2026-11-30T09:00:00-07:00")
    world.clock.forward(days=9)
    assert await facts_of(world, "riverside-ehr", records.CLINIC) == set()


async def test_an_encounter_of_the_year_9999_stops_nothing(world):
    await deliver_visit(world, status="in-progress", start="9999-12-31T09:00:00-07:00")
    await deliver_visit(world, ident="v2", start="2026-11-01", end="9999-12-31")
    assert treats("riverside-main") in await facts_of(world, "riverside-ehr", records.CLINIC)


async def test_an_encounter_found_to_be_an_error_takes_the_relationship_back(world):
    await deliver_visit(world)
    await deliver_visit(world, status="entered-in-error")
    assert await facts_of(world, "riverside-ehr", records.CLINIC) == set()


async def test_an_encounter_moved_to_a_unit_that_does_not_treat_takes_it_back(tmp_path):
    def justice(folder):
        path = folder / "feeds" / "riverside_ehr.yaml"
        path.write_text(path.read_text() + "  front-desk: {organization: jail, regime: justice}\n")

    world = await worlds.open_site(tmp_path / "site", adjust=justice)
    await deliver_visit(world)
    await deliver_visit(world, unit="front-desk")
    assert await facts_of(world, "riverside-ehr", records.CLINIC) == set()
    await world.close()


async def test_the_relationship_counts_for_all_linked_records_and_goes_with_the_link(world):
    await deliver_visit(world)
    await world.deliver("jail-roster", records.roster(records.roster_row()))
    assert treats("riverside-main") in await facts_of(world, "jail-roster", records.JAIL)
    await world.deliver("jail-roster", records.roster(records.roster_row(ssn=records.OTHER_SSN)), "corrected")
    assert await facts_of(world, "jail-roster", records.JAIL) == set()
    assert treats("riverside-main") in await facts_of(world, "riverside-ehr", records.CLINIC)


async def test_a_shorter_window_holds_from_the_next_start(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await deliver_visit(world)
    await world.close()
    site = tmp_path / "site" / "site.toml"
    site.write_text(site.read_text().replace("treatment_window_days = 365", "treatment_window_days = 14"))
    world = await worlds.open_site(tmp_path / "site", first_id=1000)
    assert await facts_of(world, "riverside-ehr", records.CLINIC) == set()
    await world.close()


async def custody_of(world):
    facts = await facts_of(world, "jail-roster", records.JAIL)
    return {fact.kind for fact in facts} & {"custody", "assertion"}


async def book(world, *, booking="B1", booked="2026-11-21 08:00:00", released=""):
    row = records.roster_row(booking=booking, booked=booked, released=released)
    await world.deliver("jail-roster", records.roster(row), f"roster-{world.services.new_id()}")


async def assert_custody(world):
    patient = world.patient("jail-roster", records.JAIL)
    return await asserting.assert_for(world, patient, basis="K", recipient="jail", purpose="supervision")


async def test_custody_is_told_only_where_somebody_asserted_it(world):
    await book(world)
    assert await custody_of(world) == set()
    ident = await assert_custody(world)
    assert await custody_of(world) == {"custody", "assertion"}
    await world.services.authorities.end(ident, asserting.staff(), because="done")
    assert await custody_of(world) == set()


async def test_a_booking_that_comes_after_its_assertion_counts_from_then(world):
    await book(world, released="2026-11-21 09:00:00")
    await assert_custody(world)
    assert await custody_of(world) == set()
    await book(world, booking="B2", booked="2026-11-22 11:00:00")
    assert await custody_of(world) == {"custody", "assertion"}


@pytest.mark.parametrize("released", ["2026-11-22 11:59:59", "2026-11-21 08:00:00"])
async def test_whoever_was_released_is_in_no_custody(world, released):
    await book(world, released=released)
    await assert_custody(world)
    assert await custody_of(world) == set()


async def test_a_booking_that_is_closed_without_a_moment_was_over_when_that_came_in(tmp_path):
    def tells_custody(folder):
        path = folder / "feeds" / "birch_charges.yaml"
        path.write_text(path.read_text() + "custody_hours: 24\n")

    world = await worlds.open_site(tmp_path / "site", adjust=tells_custody)
    await world.deliver("birch-charges", records.charges(records.charge_row()))
    patient = world.patient("birch-charges", "60000001")
    await asserting.assert_for(world, patient, basis="K", recipient="birch-jail", purpose="supervision")
    kinds = {fact.kind for fact in await facts_of(world, "birch-charges", "60000001")}
    assert kinds == {"custody", "assertion"}
    world.clock.forward(hours=1)
    closed = records.charge_row().replace('"In Custody"', '"Released"')
    await world.deliver("birch-charges", records.charges(closed), "later")
    assert await facts_of(world, "birch-charges", "60000001") == set()
    await world.close()


async def test_age_is_told_of_whoever_has_consents_or_a_recorded_consent_for_a_proceeding(world):
    row = records.roster_row().replace("1980-04-02", "2010-04-02")
    await world.deliver("jail-roster", records.roster(row))
    assert await facts_of(world, "jail-roster", records.JAIL) == set()
    patient = world.patient("jail-roster", records.JAIL)
    await asserting.assert_for(world, patient, basis="X", recipient="court", purpose="HLEGAL")
    assert Fact(kind="age", value="16") in await facts_of(world, "jail-roster", records.JAIL)


async def test_a_birth_date_to_come_is_none(world):
    signed = records.release(records.choice())
    signed["person"]["dob"] = "9999-12-31"
    await world.deliver("releases", records.ndjson(signed))
    assert await facts_of(world, "releases", records.REGISTRY) == {UNKNOWN_AGE}


def fresh_until(world):
    return dict(world.rows("SELECT feed, until FROM freshness"))["jail-roster"]


async def test_a_roster_that_did_not_change_confirms_custody(world):
    roster = records.roster(records.roster_row())
    await world.deliver("jail-roster", roster, "roster.csv")
    assert fresh_until(world) == world.clock.now + 24 * HOUR
    world.clock.forward(hours=20)
    await world.deliver("jail-roster", roster, "roster.csv")
    assert fresh_until(world) == world.clock.now + 24 * HOUR


async def test_a_roster_of_which_nothing_can_be_read_confirms_nothing(world):
    await world.deliver("jail-roster", records.roster('"RAGGED","ROW"\r\n'), "roster.csv")
    await world.deliver("jail-roster", records.roster(), "empty.csv")
    assert fresh_until(world) == 0
    world.clock.forward(hours=1)
    await world.deliver("jail-roster", records.roster(), "empty.csv")
    assert fresh_until(world) == 0


async def test_the_end_of_the_window_is_a_boundary_of_the_policy(world):
    await deliver_visit(world)
    due = {moment for (moment,) in world.rows("SELECT due FROM boundary")}
    last = datetime(2026, 11, 1, tzinfo=DENVER) + timedelta(days=366)
    assert round(last.timestamp() * 1_000_000) in due
