"""`sallyport feeds`: the preview stores nothing and tells everything, and work is done from the command line."""

import json
import re
from pathlib import Path

import pytest
import records

ROOT = Path(__file__).resolve().parents[2]
HOWTO = (ROOT / "docs/howto/write-a-mapping.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", HOWTO, flags=re.DOTALL)


def files(folder):
    return sorted(str(path) for path in folder.rglob("*"))


@pytest.fixture
def walked(folder, tmp_path):
    """The site and the extract of somebody who followed the how-to."""
    feed, mapping = blocks("yaml")
    (folder / "feeds" / "work_release.yaml").write_text(feed)
    (folder / "mappings" / "work_release.yaml").write_text(mapping)
    path = tmp_path / "extract.csv"
    path.write_text(blocks("csv")[0])
    return folder, path


def test_the_how_to_leads_from_a_table_to_fhir(sallyport, walked):
    folder, path = walked
    ran = sallyport("feeds", "check", "--site", folder, "work-release", path, "--json")
    assert (ran.code, ran.err) == (0, "")
    (one,) = json.loads(ran.out)
    assert one["resources"] == json.loads(blocks("json")[0])
    assert one["leaves"] == {"mapped": 5, "lossy": 1, "ignored": 1, "unmapped": 0}
    assert one["warnings"] == ["two-digit-year in Born"]
    assert one["problems"] == []
    assert "nothing to mend" in sallyport("validate", "--site", folder).out
    (report,) = json.loads(sallyport("ingest", "--site", folder, "work-release", path, "--json").out)
    assert report["written"] == {"Patient": 1, "Encounter": 1}
    assert report["quarantined"] == {}


def test_a_preview_stores_nothing_and_shows_both_sides(sallyport, walked):
    folder, path = walked
    before = files(folder)
    ran = sallyport("feeds", "check", "--site", folder, "work-release", path)
    assert ran.code == 0
    assert files(folder) == before
    assert "Inmate = 10442" in ran.out
    assert "Patient.birthDate = 1962-06-05" in ran.out
    assert "1 records, 0 to mend, 0 leaves that no rule reads" in ran.out


def test_what_is_to_be_mended_is_marked(sallyport, walked):
    folder, path = walked
    path.write_text(blocks("csv")[0].replace("Mugshot", "Photo").replace(",m,", ",QQ,") + "short,row\n")
    ran = sallyport("feeds", "check", "--site", folder, "work-release", path)
    assert ran.code == 1
    assert "? Photo = 10442.jpg  (not mapped)" in ran.out
    assert "not mapped: Photo" in ran.out
    assert "table `sex` does not list `QQ` in SexCd" in ran.out
    assert "to mend: ragged-row: expected 7 columns" in ran.out


def test_only_so_many_records_are_shown(sallyport, folder, tmp_path):
    path = tmp_path / "roster.csv"
    path.write_bytes(records.roster(*[records.roster_row(f"J{number}") for number in range(9)]))
    ran = sallyport("feeds", "check", "--site", folder, "jail-roster", path, "--records", "2", "--json")
    assert [one["line"] for one in json.loads(ran.out)] == [2, 3]
    assert len(json.loads(sallyport("feeds", "check", "--site", folder, "jail-roster", path, "--json").out)) == 5


def test_a_preview_tells_what_r4_has_against_a_resource(sallyport, walked):
    folder, path = walked
    mapping = folder / "mappings" / "work_release.yaml"
    mapping.write_text(mapping.read_text().replace("status: {literal: in-progress}", "status: {literal: arrested}"))
    ran = sallyport("feeds", "check", "--site", folder, "work-release", path, "--json")
    assert ran.code == 1
    (problem,) = json.loads(ran.out)[0]["problems"]
    assert problem.startswith("Encounter: ")
    assert "status" in problem


def test_a_feed_the_site_does_not_have_is_told_with_those_it_has(sallyport, folder, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"")
    ran = sallyport("feeds", "check", "--site", folder, "jail-rooster", path)
    assert ran.code == 4
    assert "jail-roster" in ran.err


def test_unmapped_codes_are_listed_by_sender(sallyport, folder, tmp_path):
    assert sallyport("feeds", "unmapped", "--site", folder).out == "every code is in its table\n"
    path = tmp_path / "roster.csv"
    path.write_bytes(records.roster(records.roster_row().replace('"F","W"', '"QQ","W"')))
    assert sallyport("ingest", "--site", folder, "jail-roster", path).code == 0
    assert sallyport("feeds", "unmapped", "--site", folder).out == "jail-roster: 1 times `QQ` in Sex; table sex\n"
    (one,) = json.loads(sallyport("feeds", "unmapped", "--site", folder, "--feed", "jail-roster", "--json").out)
    assert (one["table"], one["column"], one["code"], one["number"]) == ("sex", "Sex", "QQ", 1)
    assert sallyport("feeds", "unmapped", "--site", folder, "--feed", "jail-rooster").code == 4


@pytest.fixture
def held(sallyport, folder, tmp_path):
    """A site with a roster of which too many are absent."""
    path = folder / "feeds" / "jail_roster.yaml"
    path.write_text(path.read_text().replace("absence: nothing", "absence: release"))
    for numbers in (range(6), range(2)):
        file = tmp_path / "roster.csv"
        rows = [records.roster_row(f"J{number}", booking=f"B{number}", ssn="") for number in numbers]
        file.write_bytes(records.roster(*rows))
        assert sallyport("ingest", "--site", folder, "jail-roster", file).code == 0
    return folder


def test_a_held_roster_is_listed_and_approved_by_somebody(sallyport, held):
    (item,) = json.loads(sallyport("feeds", "work", "--site", held, "--json").out)
    assert (item["kind"], item["number"], len(item["bookings"])) == ("held-releases", 4, 4)
    told = sallyport("feeds", "work", "--site", held).out
    assert item["id"] in told
    assert "4 of 6 are absent, and at most 1 may be inferred to be released" in told
    assert sallyport("feeds", "approve-releases", "--site", held, item["id"], "--by", " ").code == 4
    ran = sallyport("feeds", "approve-releases", "--site", held, item["id"], "--by", "R. Desk", "--words", "called")
    assert (ran.code, ran.out) == (0, "4 stays are over\n")
    assert sallyport("feeds", "work", "--site", held).out == "nothing is open\n"
    again = sallyport("feeds", "approve-releases", "--site", held, item["id"], "--by", "R. Desk")
    assert again.code == 4
    assert "feeds work" in again.err


def test_work_is_closed_with_words(sallyport, held):
    (item,) = json.loads(sallyport("feeds", "work", "--site", held, "--json").out)
    ran = sallyport("feeds", "done", "--site", held, item["id"], "--by", "R. Desk", "--words", "the file was cut")
    assert (ran.code, ran.out) == (0, f"closed {item['id']}\n")
    assert sallyport("feeds", "work", "--site", held).out == "nothing is open\n"
