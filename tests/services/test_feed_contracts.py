"""A feed that a contract covers is open while one is in force, and everyone is told before it ends."""

from __future__ import annotations

import io
import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import asserting
import explained
import pytest
import records
import worlds
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.consent.agreement import Agreement, DataUse
from adapter.errors import FeedClosed
from adapter.services.decisions import joined
from adapter.services.feed_contracts import FeedGate, endings, handled
from adapter.settings import Feed

ZONE = ZoneInfo("America/Denver")
FEED = Feed.model_validate(
    {
        "feed": "roster",
        "title": "Roster",
        "connector": "jail.corerm_roster",
        "mapping": "m.yaml",
        "organization": "jail",
        "units": {"jail": {"organization": "jail", "regime": "justice"}},
    }
)
FEEDS = {"roster": FEED, "cases": FEED.model_copy(update={"feed": "cases", "organization": "court"})}
BOTH = ("vendor", "jail")


def signed(*keys, day="2025-12-01"):
    return [{"name": "Ada Thorne", "role": "director", "organisation": key, "date": day} for key in keys]


def contract(**changed):
    return DataUse.model_validate(
        {
            "agreement": "dua",
            "title": "Contract",
            "kind": "dua",
            "authority": "45 CFR 164.504(e)",
            "vendor": "vendor",
            "sources": ["jail", "court"],
            "feeds": ["roster"],
            "purposes": ["HOPERAT"],
            "regimes": ["justice"],
            "start": "2026-01-01",
            "end": "2026-12-31",
            "contact": "information officer",
            "at_end": "destroy",
            "model_training": "prohibited",
            "signatories": signed(*BOTH),
        }
        | changed
    )


def noon(day):
    return int(datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=ZONE).timestamp() * 1_000_000)


def gate(*agreements):
    return FeedGate(agreements, FEEDS, ZONE)


@pytest.mark.parametrize(
    ("agreement", "day", "why"),
    [
        (contract(), "2026-06-01", ""),
        (contract(), "2026-12-31", ""),
        (contract(), "2027-01-01", "`dua` ended on 2026-12-31"),
        (contract(), "2025-12-31", "`dua` starts on 2026-01-01"),
        (contract(signatories=signed("vendor")), "2026-06-01", "is not signed"),
        (contract(signatories=signed("jail")), "2026-06-01", "is not signed"),
        (contract(signatories=signed("vendor", "court")), "2026-06-01", "is not signed"),
        (contract(signatories=signed(*BOTH, day="2026-06-02")), "2026-06-01", "is not signed"),
        (contract(feeds=["cases"]), "2027-06-01", ""),
        (contract(end=None), "2099-01-01", ""),
    ],
)
def test_a_feed_is_open_while_a_contract_holds_between_its_vendor_and_its_sender(agreement, day, why):
    said = gate(agreement).why_closed("roster", noon(day))
    assert why in said if why else said == ""


def test_of_several_contracts_one_in_force_is_enough():
    old, new = contract(end="2026-06-30"), contract(agreement="dua-2", start="2026-07-01", signatories=signed("jail"))
    unsigned = gate(old, new)
    assert "dua-2` is not signed" in unsigned.why_closed("roster", noon("2026-07-01"))
    assert "ended on 2026-06-30;" in unsigned.why_closed("roster", noon("2026-07-01"))
    both = gate(old, contract(agreement="dua-2", start="2026-07-01"))
    assert both.why_closed("roster", noon("2026-07-01")) == ""
    assert both.vendors("roster", noon("2026-07-01")) == {"vendor"}
    assert both.vendors("roster", noon("2027-07-01")) == both.vendors("cases", noon("2026-07-01")) == set()


def test_a_closed_feed_is_refused_with_what_to_do():
    with pytest.raises(FeedClosed, match=r"feed `roster` takes nothing in: `dua` ended on 2026-12-31; keep"):
        gate(contract()).admit("roster", noon("2027-01-01"))
    gate(contract()).admit("roster", noon("2026-01-01"))


def told(day, *agreements):
    return [str(one) for one in endings(agreements, gate(*agreements), at=noon(day), zone=ZONE)]


@pytest.mark.parametrize(
    ("days", "start"),
    [
        (61, None),
        (60, "notice: `dua` ends in 60 days, on 2026-12-31; after that feed roster takes nothing in"),
        (31, "notice: "),
        (30, "warning: `dua` ends in 30 days"),
        (8, "warning: "),
        (7, "urgent: `dua` ends in 7 days"),
        (1, "urgent: `dua` ends in 1 day, on 2026-12-31"),
        (0, "urgent: `dua` ends today"),
        (-1, "urgent: `dua` ended on 2026-12-31: feed roster takes nothing in until it is renewed"),
        (-400, "urgent: `dua` ended"),
    ],
)
def test_the_end_of_a_contract_is_told_sixty_thirty_and_seven_days_ahead(days, start):
    found = told(date(2026, 12, 31) - timedelta(days=days), contract())
    assert [one.startswith(start) for one in found] == ([] if start is None else [True])


def test_several_feeds_are_told_together():
    (one,) = told("2026-12-30", contract(feeds=["roster", "cases"], signatories=signed("vendor", "jail", "court")))
    assert one.endswith("after that feeds roster, cases take nothing in: renew it before")


def test_a_contract_that_is_renewed_is_not_told():
    assert told("2026-12-20", contract(), contract(agreement="next", start="2027-01-01", end=None)) == []
    gap = contract(agreement="next", start="2027-01-05", end=None)
    assert told("2026-12-20", contract(), gap)
    assert told("2027-01-03", contract(), gap)
    assert told("2027-01-05", contract(), gap) == []


def memorandum(**changed):
    return Agreement.model_validate(
        {
            "agreement": "mou",
            "title": "Memorandum",
            "authority": "resolution 1",
            "parties": ["pretrial"],
            "start": "2026-01-01",
            "end": "2026-12-31",
            "contact": "privacy officer",
            "grants": [
                {
                    "recipient": "pretrial",
                    "purposes": ["pretrial-release"],
                    "classes": ["screening-summary"],
                    "regimes": ["hipaa"],
                }
            ],
        }
        | changed
    )


def test_a_memorandum_is_told_before_it_ends_and_not_after():
    assert told("2026-12-30", memorandum()) == [
        "urgent: `mou` ends in 1 day, on 2026-12-31; after that it allows nothing: renew it before"
    ]
    assert told("2027-01-01", memorandum()) == told("2026-12-30", memorandum(end=None)) == []


def test_the_most_urgent_comes_first():
    late, soon = contract(agreement="late"), memorandum(end="2026-12-05")
    assert [one.split("`")[1] for one in told("2026-12-01", late, soon)] == ["mou", "late"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60)), max_size=4), st.integers(-5, 70))
def test_a_feed_is_open_exactly_on_the_days_some_contract_covers(terms, asked):
    """Each contract is (start, further days, signed), in days from the first of January."""
    begin = date(2026, 1, 1)

    def day(number):
        return str(begin + timedelta(days=number))

    found = [
        contract(agreement=f"c{n}", start=day(start), end=day(start + more), signatories=signed(*BOTH, day=day(late)))
        for n, (start, more, late) in enumerate(terms)
    ]
    covered = any(max(start, late) <= asked <= start + more for start, more, late in terms)
    assert (gate(*found).why_closed("roster", noon(day(asked))) == "") is (covered or not terms)


@pytest.mark.anyio
async def test_a_lapsed_contract_closes_its_feeds_before_a_byte_is_taken(tmp_path):
    def lapse(folder):
        path = folder / "agreements" / "hosting_contract.yaml"
        body = yaml.safe_load(path.read_text()) | {"end": "2026-11-21"}
        path.write_text(yaml.safe_dump(body, default_flow_style=False))

    world = await worlds.open_site(tmp_path / "site", adjust=lapse)

    class Unread(io.BytesIO):
        def read(self, size=-1):
            raise AssertionError("a byte was taken")

    with pytest.raises(FeedClosed):
        await world.services.ingest.receive("jail-roster", "x", Unread())
    assert await world.services.inbox.receipts() == []
    assert [one.agreement for one in world.services.endings()] == ["alder-hosting-dua-2026"]
    assert (await world.deliver("court-cases", records.court(records.court_case()))).written["Patient"] == 1
    world.clock.set("2026-11-21T23:59:59-07:00")
    assert (await world.deliver("jail-roster", records.roster(records.roster_row()))).written["Patient"] == 1
    await world.close()


def test_days_are_those_of_the_site():
    late = int(datetime(2027, 1, 1, 6, 59, tzinfo=UTC).timestamp() * 1_000_000)
    (one,) = endings([contract()], gate(contract()), at=late, zone=ZONE)
    assert one.days == 0


# -- answers ----------------------------------------------------------------------------------------------


CONTRACT = "agreements/hosting_contract.yaml"


def ends(folder, day):
    path = folder / CONTRACT
    path.write_text(path.read_text().replace("end: 2060-12-31", f"end: {day}"))


@pytest.mark.anyio
async def test_records_leave_every_answer_when_the_contract_they_are_handled_under_ends(tmp_path):
    """At that instant, for everyone and on every ground, the unit that made them included; a new one opens them."""
    world = await worlds.open_site(tmp_path / "site", adjust=lambda folder: ends(folder, "2026-11-30"))
    await explained.furnish(world)
    patient = explained.jail(world)
    await asserting.assert_for(world, patient, stop=world.clock.now + 80_000_000_000)
    callers = (explained.PRETRIAL, ("jail-medical", "TREAT"), ("cottonwood", "TREAT"))

    async def seen():
        world.tokens.clear()
        return [len(await world.matches(caller, f"/fhir/Observation?patient={patient}")) for caller in callers]

    assert await seen() == [1, 2, 1]
    world.clock.set("2026-11-30T23:59:59-07:00")
    assert (await seen())[:2] == [1, 2]
    world.clock.set("2026-12-01T00:00:00-07:00")
    await asserting.assert_for(world, patient)
    assert await seen() == [0, 0, 0]
    for caller in callers:
        answer = await world.ask(caller, f"/fhir/Patient/{patient}")
        assert worlds.comparable(answer) == worlds.comparable(await world.ask(caller, "/fhir/Patient/absent"))
    told = await world.services.explain.resource(
        "Organization/pretrial", "pretrial-release", explained.summaries(world)[0]
    )
    assert any("No contract under which records of Alder County Jail Health" in line for line in told.lines)
    await world.services.store.close()
    path = tmp_path / "site" / CONTRACT
    path.write_text(path.read_text().replace("end: 2026-11-30", "end: 2027-11-30"))
    again = await worlds.open_site(tmp_path / "site", now=world.clock.now, first_id=10_000)
    assert len(await again.matches(explained.PRETRIAL, f"/fhir/Observation?patient={patient}")) == 1
    await again.close()


@pytest.mark.anyio
async def test_a_unit_that_a_feed_brings_without_a_contract_is_not_bounded(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=lambda folder: ends(folder, "2026-11-30"))
    spans = handled(world.services.agreements, world.services.site.feeds, ZONE)
    assert "Organization/court" not in spans
    assert spans["Organization/jail-medical"][0][1] == int(datetime(2026, 12, 1, 7, tzinfo=UTC).timestamp()) * 1_000_000
    await world.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)).map(lambda one: (one[0], one[0] + one[1]))))
def test_joined_periods_hold_the_same_instants_once(spans):
    found = joined(spans)
    assert found == sorted(found)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(found))
    for at in range(41):
        inside = any(start <= at < stop for start, stop in spans)
        assert inside == any(start <= at < stop for start, stop in found)
