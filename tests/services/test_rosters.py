"""Rosters whose absences mean release: what may be inferred is, what may not waits, and no consent ends of it."""

import io

import asserting
import orjson
import pytest
import records
import worlds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.errors import NotFound
from adapter.services.pace import Steady
from adapter.store.shapes import row_key

pytestmark = pytest.mark.anyio
FEED = "jail-roster"
EVENT = "https://sallyport.example/fhir/CodeSystem/custody-event"


def rule(text="absence: release, most_released: 2, most_share: 0.5"):
    """An edit of the site folder: what the absence of a booking says."""

    def adjust(folder):
        path = folder / "feeds" / "jail_roster.yaml"
        lines = [line for line in path.read_text().splitlines() if not line.startswith("roster:")]
        path.write_text("\n".join([*lines, f"roster: {{{text}}}"]) + "\n")

    return adjust


@pytest.fixture
async def jail(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=rule())
    yield world
    await world.close()


def row(number, **more):
    return records.roster_row(f"J{number}", last=f"MARSH{number}", ssn="", booking=f"B{number}", **more)


def roster(*numbers, more=()):
    return records.roster(*[row(number) for number in numbers], *more)


async def deliver(world, *numbers, more=(), **progress):
    world.clock.forward(minutes=15)
    return await world.deliver(FEED, roster(*numbers, more=more), "roster.csv", **progress)


def stays(world):
    """Each booking with its status and disposition."""
    found = {}
    for head, tail in world.rows("SELECT head, tail FROM resource WHERE type = 2"):
        body = orjson.loads(bytes(head) + b"]" + bytes(tail))
        coding = body.get("hospitalization", {}).get("dischargeDisposition", {}).get("coding", [{}])[0]
        found[body["identifier"][0]["value"]] = (body["status"], coding.get("code"), body["period"].get("end"))
    return found


def gone(world):
    return sorted(name for name, (status, _, _) in stays(world).items() if status == "finished")


async def work(world, kind=None):
    async with world.services.store.transaction() as change:
        return [item for item in await change.open_work() if kind in (None, item.kind)]


INFERRED = ("finished", "inferred-release", None)
OPEN = ("in-progress", None, None)


async def test_whoever_is_no_longer_named_is_released_and_marked_as_inferred(jail):
    await deliver(jail, 1, 2, 3, 4)
    report = await deliver(jail, 1, 2, 3)
    assert (report.inferred, report.absent) == (1, 0)
    assert stays(jail) == {"B1": OPEN, "B2": OPEN, "B3": OPEN, "B4": INFERRED}
    ((head, tail),) = jail.rows("SELECT head, tail FROM resource WHERE type = 7")
    trace = orjson.loads(bytes(head) + b"]" + bytes(tail))
    assert trace["activity"]["coding"][0]["code"] == "inferred-release"
    assert trace["agent"] == [{"who": {"reference": "Organization/jail"}}]
    ident = jail.services.keys.resource_id(FEED, "Encounter", "booking", "J4", "B4")
    assert trace["target"] == [{"reference": f"Encounter/{ident}"}]
    assert await work(jail) == []


async def test_where_the_feed_says_nothing_nothing_is_inferred(tmp_path):
    for number, text in enumerate(("absence: nothing", "most_released: 5")):
        world = await worlds.open_site(tmp_path / str(number), adjust=rule(text))
        await deliver(world, 1, 2)
        report = await deliver(world, 1)
        assert (report.inferred, gone(world)) == (0, [])
        await world.close()


@pytest.mark.parametrize(("before", "after"), [(6, 3), (2, 0), (4, 1), (3, 1)])
async def test_more_absences_than_the_feed_lets_pass_are_held_together(jail, before, after):
    """By number (2) and by share (half), and never fewer than one."""
    await deliver(jail, *range(before))
    report = await deliver(jail, *range(after), more=(row(99),) if not after else ())
    held = before - after > min(2, max(1, before // 2 if after else (before + 1) // 2))
    assert (report.absent > 0) is held
    assert gone(jail) == ([] if held else [f"B{number}" for number in range(after, before)])
    assert [item.number for item in await work(jail, "held-releases")] == ([before - after] if held else [])


async def test_a_single_release_is_never_too_many(jail):
    await deliver(jail, 1)
    await deliver(jail, 2)
    assert gone(jail) == ["B1"]


@pytest.mark.parametrize(
    "cut", [b'"RAGGED","ROW"\r\n', b'"J', b'"\xff\r\n', records.roster_row("J9", booking="")[:-20].encode()]
)
async def test_a_roster_that_cannot_be_read_to_its_end_releases_nobody(jail, cut):
    await deliver(jail, 1, 2, 3, 4)
    jail.clock.forward(minutes=15)
    report = await jail.deliver(FEED, roster(1, 2, 3) + cut, "roster.csv")
    assert report.quarantined.total() == 1
    assert (report.inferred, report.absent, gone(jail)) == (0, 1, [])
    (item,) = await work(jail)
    assert "could not be read" in item.why


async def test_a_county_may_take_some_unreadable_records_for_granted(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=rule("absence: release, most_unreadable: 1"))
    await deliver(world, *range(20))
    await deliver(world, *range(19), more=('"RAGGED","ROW"\r\n',))
    assert gone(world) == ["B19"]
    await deliver(world, *range(18), more=('"RAGGED","ROW"\r\n',) * 2)
    assert gone(world) == ["B19"]
    await world.close()


@pytest.mark.parametrize("nothing", [b"", b"\r\n", records.ROSTER_HEAD.encode(), b"<html>error</html>"])
async def test_an_empty_file_releases_nobody(jail, nothing):
    await deliver(jail, 1)
    jail.clock.forward(minutes=15)
    report = await jail.deliver(FEED, nothing, "roster.csv")
    assert (report.inferred, report.absent, gone(jail)) == (0, 1, [])


async def test_a_held_roster_is_approved_by_somebody(jail):
    await deliver(jail, *range(6))
    await deliver(jail, 0, 1)
    (item,) = await work(jail)
    assert (
        await jail.services.work.rosters.approve(item.id, author="staff R. Desk", words="fire drill", at=jail.clock())
        == 4
    )
    assert gone(jail) == ["B2", "B3", "B4", "B5"]
    assert await work(jail) == []
    with pytest.raises(NotFound, match="feeds work"):
        await jail.services.work.approve_releases(item.id, author="staff R. Desk", words="")
    assert jail.rows("SELECT author, finding FROM work_item") == [("staff R. Desk", "fire drill")]


async def test_the_next_whole_roster_settles_what_was_held(jail):
    await deliver(jail, *range(6))
    await deliver(jail, 0)
    (item,) = await work(jail)
    report = await deliver(jail, *range(5))
    assert (report.inferred, gone(jail)) == (1, ["B5"])
    assert await work(jail) == []
    with pytest.raises(NotFound):
        await jail.services.work.approve_releases(item.id, author="staff R. Desk", words="")


async def test_a_roster_that_stays_short_is_one_piece_of_work(jail):
    await deliver(jail, *range(6))
    await deliver(jail, 0)
    await deliver(jail, 0, more=(row(7),))
    assert [item.number for item in await work(jail)] == [5]


async def test_whoever_is_named_again_was_never_gone(jail):
    await deliver(jail, 1, 2)
    await deliver(jail, 1)
    assert gone(jail) == ["B2"]
    await deliver(jail, 1, 2)
    assert stays(jail) == {"B1": OPEN, "B2": OPEN}
    await deliver(jail, 1)
    assert gone(jail) == ["B2"]


async def test_a_release_that_the_jail_wrote_stays_as_it_is(jail):
    await deliver(jail, 1, 2)
    await deliver(jail, 1, more=(row(2, released="2026-03-04 09:00:00"),))
    await deliver(jail, 1)
    assert stays(jail)["B2"] == ("finished", None, "2026-03-04T09:00:00-07:00")
    await deliver(jail, 3)
    assert stays(jail)["B1"] == INFERRED
    await deliver(jail, 3, more=(row(1, released="2026-03-05 09:00:00"),))
    assert stays(jail)["B1"] == ("finished", None, "2026-03-05T09:00:00-07:00")


async def test_rosters_that_are_processed_out_of_order_infer_from_the_newest_alone(jail):
    ingest = jail.services.ingest
    await deliver(jail, 1, 2)
    receipts = []
    for numbers in ((1,), (1, 2, 3)):
        jail.clock.forward(minutes=15)
        receipts.append(await ingest.receive(FEED, "roster.csv", io.BytesIO(roster(*numbers))))
    older, newer = receipts
    await ingest.process(newer)
    await ingest.process(older)
    assert gone(jail) == []
    await deliver(jail, 1, 3)
    assert gone(jail) == ["B2"]


async def test_a_roster_cut_into_batches_infers_at_its_end(jail):
    await deliver(jail, 1, 2, 3, 4, pace=Steady(1))
    await deliver(jail, 1, 2, 3, pace=Steady(1))
    assert gone(jail) == ["B4"]


async def test_an_inference_that_a_crash_cut_off_is_made_when_the_roster_is_taken_up_again(jail, monkeypatch):
    await deliver(jail, 1, 2, 3)
    rosters = jail.services.work.rosters
    jail.clock.forward(minutes=15)
    receipt = await jail.services.ingest.receive(FEED, "roster.csv", io.BytesIO(roster(1, 2)))
    with monkeypatch.context() as cut:
        cut.setattr(type(rosters), "absent", _cut)
        with pytest.raises(RuntimeError):
            await jail.services.ingest.process(receipt)
    assert gone(jail) == []
    (pending,) = await jail.services.ingest.pending()
    report = await jail.services.ingest.process(pending)
    assert (report.inferred, gone(jail)) == (1, ["B3"])
    assert await jail.services.ingest.pending() == []
    assert (await jail.services.ingest.process(receipt)).as_dict() == report.as_dict()


async def _cut(*_, **__):
    raise RuntimeError("the power went")


async def custody_of(world):
    rid = row_key("Patient", world.patient(FEED, "J1"))
    async with world.services.store.transaction() as change:
        known = world.services.in_force._known
        ((_, facts),) = (await known.of(change, [frozenset((rid,))], having_consents=(), at=world.clock())).items()
    return {fact.kind for start, stop, fact in facts if start <= world.clock() < stop}


async def test_an_inferred_release_ends_custody_and_what_was_asserted_of_it(jail):
    await jail.deliver(FEED, records.roster(records.roster_row(), row(2)), "roster.csv")
    patient = jail.patient(FEED, "J1")
    await asserting.assert_for(jail, patient, basis="K", recipient="jail", purpose="supervision")
    assert await custody_of(jail) == {"custody", "assertion"}
    await deliver(jail, 2)
    jail.clock.forward(seconds=1)
    rid = row_key("Patient", jail.patient(FEED, "J1"))
    ((policy,),) = jail.rows(
        "SELECT body FROM policy JOIN patient_policy ON id = policy WHERE patient = ? AND start <= ? AND ? < stop",
        rid,
        jail.clock(),
        jail.clock(),
    )
    assert orjson.loads(policy) == [[], []]


async def test_while_absences_are_held_custody_is_not_renewed(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=rule())
    await deliver(world, *range(6))
    fresh = world.rows("SELECT until FROM freshness WHERE feed = ?", FEED)
    await deliver(world, 0)
    assert world.rows("SELECT until FROM freshness WHERE feed = ?", FEED) == fresh
    await deliver(world, *range(6))
    assert world.rows("SELECT until FROM freshness WHERE feed = ?", FEED) > fresh
    await world.close()


async def shown(world):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    return len(await world.matches(("pretrial", "pretrial-release"), f"/fhir/Observation?patient={patient}"))


async def test_an_inferred_release_ends_no_consent_and_is_work_for_somebody(jail):
    await jail.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await jail.deliver("releases", records.ndjson(records.release(records.choice(), expires_on={"event": "release"})))
    await jail.deliver(FEED, records.roster(records.roster_row(), *map(row, (2, 3, 4))), "roster.csv")
    assert await shown(jail) == 1
    await deliver(jail, 3, 4)
    assert gone(jail) == ["B1", "B2"]
    assert await shown(jail) == 1
    (item,) = await work(jail)
    assert (item.kind, item.feed, item.number) == ("inferred-release", FEED, 1)
    assert item.about == f"Encounter/{jail.services.keys.resource_id(FEED, 'Encounter', 'booking', 'J1', 'B1')}"
    assert "MARSH" not in item.why
    released = records.roster_row(released="2026-03-20 10:00:00")
    await jail.deliver(FEED, records.roster(released, row(3), row(4)), "roster.csv")
    assert await shown(jail) == 0


async def test_approved_releases_end_no_consent_either(jail):
    await jail.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await jail.deliver("releases", records.ndjson(records.release(records.choice(), expires_on={"event": "release"})))
    await jail.deliver(FEED, records.roster(records.roster_row(), *map(row, range(2, 9))), "roster.csv")
    await deliver(jail, 8)
    (held,) = await work(jail)
    await jail.services.work.approve_releases(held.id, author="staff R. Desk", words="")
    assert "B1" in gone(jail)
    assert await shown(jail) == 1
    assert [item.kind for item in await work(jail)] == ["inferred-release"]


CHANGES = st.lists(st.sets(st.integers(0, 7), min_size=1), min_size=1, max_size=5)


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES, st.integers(1, 4), st.sampled_from([0.2, 0.5, 1.0]))
async def test_against_the_plain_rule(tmp_path_factory, rosters, most, share):
    """Whatever rosters come, the stays that are over are those a slow model of the rule says."""
    folder = tmp_path_factory.mktemp("plain")
    text = f"absence: release, most_released: {most}, most_share: {share}"
    world = await worlds.open_site(folder / "site", adjust=rule(text))
    known, over = set(), set()
    for numbers in rosters:
        await deliver(world, *sorted(numbers))
        over -= numbers
        known |= numbers
        absent = known - numbers
        if len(absent) <= min(most, max(1, int(share * len(known)))):
            over |= absent
            known -= absent
        assert gone(world) == sorted(f"B{number}" for number in over)
    await world.close()
