"""Extracts in: nothing received is lost, nothing is doubled, and what cannot be used waits with its position."""

from __future__ import annotations

import itertools
from dataclasses import replace

import orjson
import pytest
import records
import worlds

from adapter.services import ingest

pytestmark = pytest.mark.anyio
CLINIC_LINES = [records.clinic_patient(), records.clinic_result("o1"), records.clinic_result("o2", score=3)]

FEEDS = {
    # feed: (a good extract, the same with a broken record in it, line and reason of the broken one)
    "jail-roster": (
        records.roster(records.roster_row(), records.roster_row("J2", booking="B2", ssn="")),
        records.roster(records.roster_row(), '"RAGGED","ROW"\r\n', records.roster_row("J2", booking="B2", ssn="")),
        (3, "ragged-row"),
    ),
    "birch-charges": (
        records.charges(records.charge_row(), records.charge_row("60000002", charge="C-2")),
        records.charges(records.charge_row(), '"0","RAGGED"\n', records.charge_row("60000002", charge="C-2")),
        (3, "ragged-row"),
    ),
    "jail-medical-hl7": (
        records.hl7(records.admission(), records.phq9(4)),
        records.hl7(records.admission(), "MSH|^~\\&|JAILEHR\r", records.phq9(4)),
        (5, "unsupported-message"),
    ),
    "court-cases": (
        records.court(records.court_case(), records.court_case("2026CR2", party="D2")),
        records.court(
            records.court_case(),
            "<CourtCase>\n<CaseTrackingID>2026CR1 & 2</CaseTrackingID>\n</CourtCase>\n",
            records.court_case("2026CR2", party="D2"),
        ),
        (9, "bad-xml"),
    ),
    "riverside-ehr": (
        records.ndjson(*CLINIC_LINES),
        records.ndjson(CLINIC_LINES[0], '{"resourceType":"Observation","id":"cut', *CLINIC_LINES[1:]),
        (2, "bad-json"),
    ),
    "releases": (
        records.ndjson(records.release(records.choice()), records.release(submission="r2", person="q2", ssn=None)),
        records.ndjson(
            records.release(records.choice()),
            '{"submission":"r9","form":',
            records.release(submission="r2", person="q2", ssn=None),
        ),
        (2, "bad-json"),
    ),
}


def content(world):
    """What the store holds: every current version, its labels' segment left out, and how many there were before."""
    return world.rows("SELECT type, id, revision, version, updated, head, tail FROM resource ORDER BY rid")


@pytest.fixture(scope="module")
async def both(tmp_path_factory):
    """A site that got the good extracts, and one that got the broken ones."""
    folder = tmp_path_factory.mktemp("ingest")
    good, broken = [await worlds.open_site(folder / name) for name in ("good", "broken")]
    reports = {
        feed: (await good.deliver(feed, clean), await broken.deliver(feed, dirty))
        for feed, (clean, dirty, _) in FEEDS.items()
    }
    yield good, broken, reports
    await good.close()
    await broken.close()


@pytest.mark.parametrize("feed", FEEDS)
async def test_a_broken_record_waits_with_its_position_and_its_neighbours_go_through(both, feed):
    _, broken, reports = both
    clean, dirty = reports[feed]
    line, code = FEEDS[feed][2]
    (waiting,) = await broken.services.store.quarantined(feed)
    assert (waiting.line, waiting.code) == (line, code)
    assert waiting.expected
    assert dirty.quarantined == {code: 1}
    assert (dirty.records, dirty.written) == (clean.records + 1, clean.written)


async def test_a_broken_record_changes_nothing_else(both):
    good, broken, _ = both
    assert content(good) == content(broken)


@pytest.mark.parametrize("feed", FEEDS)
async def test_every_leaf_is_accounted_for(both, feed):
    report = both[2][feed][0]
    assert report.leaves["mapped"] > 0
    assert report.leaves["unmapped"] == 0 == report.unmapped.total()
    assert report.records == 2 or report.feed in {"court-cases", "riverside-ehr"}
    assert not report.quarantined


async def test_the_same_file_again_is_the_earlier_receipt_and_changes_nothing(world):
    extract = FEEDS["jail-roster"][0]
    first = await world.deliver("jail-roster", extract, "roster.csv")
    before = content(world)
    world.clock.forward(minutes=15)
    again = await world.deliver("jail-roster", extract, "roster.csv")
    assert again.receipt == first.receipt
    assert again.as_dict() == first.as_dict()
    assert content(world) == before
    assert len(await world.services.inbox.receipts()) == 1


async def test_a_roster_that_goes_back_to_an_older_state_is_news(world):
    first, second = (
        records.roster(records.roster_row()),
        records.roster(records.roster_row(released="2026-03-05 10:00:00")),
    )
    for state in (first, second, first):
        await world.deliver("jail-roster", state, "roster.csv")
        world.clock.forward(minutes=15)
    assert len(await world.services.inbox.receipts()) == 3


async def test_the_same_records_in_another_file_are_counted_as_unchanged(world):
    await world.deliver("jail-roster", records.roster(records.roster_row()))
    before = content(world)
    report = await world.deliver("jail-roster", records.roster(records.roster_row(), "\r\n"))
    assert (report.written.total(), report.unchanged) == (0, 2)
    assert content(world) == before


async def test_a_later_record_makes_a_new_version_and_keeps_the_old_one(world):
    await world.deliver("jail-roster", records.roster(records.roster_row()))
    await world.deliver("jail-roster", records.roster(records.roster_row(released="2026-03-09 10:00:00")))
    assert world.rows("SELECT revision FROM resource WHERE type = 2") == [(2,)]
    assert world.rows("SELECT count(*) FROM resource_history") == [(1,)]


@pytest.mark.parametrize("stop", [1, 2, 3, 5])
async def test_what_was_cut_short_goes_on_where_it_stood(tmp_path, monkeypatch, stop):
    monkeypatch.setattr(ingest, "BATCH", 2)
    extract = records.roster(*(records.roster_row(f"J{n}", booking=f"B{n}", ssn="") for n in range(11)))
    whole = await worlds.open_site(tmp_path / "whole")
    expected = await whole.deliver("jail-roster", extract)
    cut = await worlds.open_site(tmp_path / "cut")
    told = itertools.count(1)

    def interrupt(count, size):
        if next(told) == stop:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await cut.deliver("jail-roster", extract, progress=interrupt)
    (receipt,) = await cut.services.ingest.pending()
    done, _, finished = await cut.services.store.progress(receipt.id)
    assert (done, finished) == (2 * stop, False)
    report = await cut.services.ingest.process(receipt)
    assert report.as_dict() == expected.as_dict()
    assert content(cut) == content(whole)
    assert await cut.services.ingest.pending() == []
    await whole.close()
    await cut.close()


async def test_progress_tells_records_and_bytes_and_ends_with_all_of_them(world, monkeypatch):
    monkeypatch.setattr(ingest, "BATCH", 2)
    extract = records.roster(*(records.roster_row(f"J{n}", booking=f"B{n}", ssn="") for n in range(5)))
    told = []
    await world.deliver("jail-roster", extract, progress=lambda *numbers: told.append(numbers))
    assert [count for count, _ in told] == [2, 4, 5]
    assert told[-1] == (5, len(extract))


async def test_receipts_of_a_feed_the_site_no_longer_has_wait(world):
    with pytest.raises(InterruptedError):
        await world.deliver("jail-roster", FEEDS["jail-roster"][0], progress=_interrupt)
    lines = world.services.ingest._lines
    line = lines.pop("jail-roster")
    world.rows("UPDATE ingest_progress SET done = 0")
    assert await world.services.ingest.pending() == []
    lines["jail-roster"] = line
    assert [one.feed for one in await world.services.ingest.pending()] == ["jail-roster"]
    assert await world.services.ingest.pending("court-cases") == []


def _interrupt(count, size):
    raise InterruptedError


def mend(world, feed, **changed):
    """Give a feed's mapping another look at its records."""
    line = world.services.ingest._lines[feed]
    world.services.ingest._lines[feed] = replace(line, **changed)


def unable(folder):
    """The roster's mapping before somebody mended it: it takes the key from a column that is empty."""
    path = folder / "mappings" / "jail_roster.yaml"
    path.write_text(path.read_text().replace("person: [PatientID]", "person: [Middle]"))


async def test_a_mended_mapping_empties_quarantine_and_a_second_replay_finds_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(ingest, "BATCH", 1)
    extract = FEEDS["jail-roster"][0]
    right = await worlds.open_site(tmp_path / "right")
    await right.deliver("jail-roster", extract)
    wrong = await worlds.open_site(tmp_path / "wrong", adjust=unable)
    report = await wrong.deliver("jail-roster", extract)
    assert report.quarantined.total() == 2
    assert not report.written
    await wrong.close()
    mended = (tmp_path / "right" / "mappings" / "jail_roster.yaml").read_text()
    (tmp_path / "wrong" / "mappings" / "jail_roster.yaml").write_text(mended)
    wrong = await worlds.open_site(tmp_path / "wrong", first_id=1000)
    (report,) = (await wrong.services.ingest.replay("jail-roster")).values()
    assert (report.records, report.quarantined.total(), report.written["Patient"]) == (2, 0, 2)
    assert await wrong.services.store.quarantined(None) == []
    assert content(wrong) == content(right)
    assert await wrong.services.ingest.replay() == {}
    assert content(wrong) == content(right)
    await wrong.close()
    await right.close()


async def test_a_resource_that_r4_does_not_allow_waits_with_its_path(world):
    encounter = {
        "resourceType": "Encounter",
        "id": "n1",
        "meta": {"source": "urn:unit:riverside-main"},
        "status": "somewhere",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{records.CLINIC}"},
    }
    right = {**encounter, "id": "n2", "status": "finished"}
    report = await world.deliver("riverside-ehr", records.ndjson(encounter, right))
    (waiting,) = await world.services.store.quarantined(None)
    assert (waiting.line, waiting.code, waiting.element) == (1, "invalid-resource", "Encounter.status")
    assert "somewhere" not in waiting.expected
    assert (report.written["Encounter"], report.quarantined) == (1, {"invalid-resource": 1})


async def test_replay_of_what_is_still_broken_changes_nothing(world):
    await world.deliver("jail-roster", FEEDS["jail-roster"][1])
    before, waiting = content(world), await world.services.store.quarantined(None)
    for _ in range(2):
        report = (await world.services.ingest.replay())["jail-roster"]
        assert (report.records, report.quarantined) == (1, {"ragged-row": 1})
    assert await world.services.store.quarantined(None) == waiting
    assert content(world) == before


async def test_replay_of_one_feed_leaves_the_others_alone(world):
    await world.deliver("jail-roster", FEEDS["jail-roster"][1])
    await world.deliver("court-cases", FEEDS["court-cases"][1])
    assert set(await world.services.ingest.replay("court-cases")) == {"court-cases"}


async def test_a_replayed_release_never_undoes_a_later_revocation(world):
    """The form waits, because its version is unknown; the revocation of it arrives; then the form is mended."""
    form = world.services.ingest._lines["releases"].assembly.releases.forms
    version = form.pop(("universal-release", "2026-1"))
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    form["universal-release", "2026-1"] = version
    revoked = [{"at": "2026-03-05T10:00:00-07:00", "partners": "all"}]
    await world.deliver("releases", records.ndjson(records.release(records.choice(), revocations=revoked)))
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(15)))
    patient = world.patient("jail-medical-hl7", records.JAIL)
    asked = ("pretrial", "pretrial-release"), f"/fhir/Observation?patient={patient}"
    assert await world.matches(*asked) == []
    (report,) = (await world.services.ingest.replay()).values()
    assert not report.quarantined
    assert await world.matches(*asked) == []
    # Neither the consent nor a share of it, which nobody was given before.
    (body,) = world.rows("SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 6")
    assert orjson.loads(body[0])["status"] == "inactive"


async def test_a_receipt_finished_late_never_undoes_a_later_one(world, monkeypatch):
    monkeypatch.setattr(ingest, "BATCH", 1)
    old = records.roster(records.roster_row("J2", booking="B2"), records.roster_row(last="ZIMMER"))
    with pytest.raises(InterruptedError):
        await world.deliver("jail-roster", old, progress=_interrupt)
    world.clock.forward(minutes=15)
    await world.deliver("jail-roster", records.roster(records.roster_row(last="ABBOTT")))
    (late,) = await world.services.ingest.pending()
    await world.services.ingest.process(late)
    name = "SELECT CAST(tail AS TEXT) FROM resource WHERE id = ?"
    ((body,),) = world.rows(name, world.patient("jail-roster", records.JAIL))
    assert '"ABBOTT"' in body
    assert '"ZIMMER"' not in body


async def test_a_replayed_row_never_takes_back_a_later_row_of_its_file(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    good, bad = records.roster_row(last="ABBOTT"), records.roster_row(last="ZIMMER").replace('"F"', '"\x81"')
    dirty = (records.ROSTER_HEAD + bad).encode("latin-1") + good.encode("cp1252")
    report = await world.deliver("jail-roster", dirty)
    assert report.quarantined.total() == 1
    mend(world, "jail-roster", options=replace(world.services.ingest._lines["jail-roster"].options, encoding="latin-1"))
    await world.services.ingest.replay()
    assert await world.services.store.quarantined(None) == []
    ((body,),) = world.rows(
        "SELECT CAST(tail AS TEXT) FROM resource WHERE id = ?", world.patient("jail-roster", records.JAIL)
    )
    assert '"ABBOTT"' in body
    await world.close()
