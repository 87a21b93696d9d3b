"""`ingest`, `replay` and `report`: what they print, and what they do about mistakes."""

from __future__ import annotations

import json

import pytest
import records

from adapter.cli.feeds import files_of, merged
from adapter.services.report import FeedReport


def write(folder, content, name="extract"):
    path = folder / name
    path.write_bytes(content)
    return path


def test_ingest_tells_programs_what_became_of_the_records(sallyport, folder, tmp_path):
    path = write(tmp_path, records.roster(records.roster_row(), '"RAGGED","ROW"\r\n'))
    ran = sallyport("ingest", "--site", folder, "jail-roster", path, "--json")
    assert (ran.code, ran.err) == (0, "")
    (report,) = json.loads(ran.out)
    assert (report["feed"], report["records"], report["written"]) == ("jail-roster", 2, {"Patient": 1, "Encounter": 1})
    assert report["quarantined"] == {"ragged-row": 1}
    again = sallyport("ingest", "--site", folder, "jail-roster", path, "--json")
    assert json.loads(again.out) == [report]


def test_ingest_shows_people_a_table_that_fits(sallyport, folder, tmp_path):
    path = write(tmp_path, records.roster(records.roster_row(), '"RAGGED","ROW"\r\n'))
    ran = sallyport("ingest", "--site", folder, "jail-roster", path)
    assert ran.code == 0
    assert "jail-roster: 1 quarantined: ragged-row" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "…" not in ran.out


def test_a_feed_that_is_not_declared_is_answered_with_those_that_are(sallyport, folder, tmp_path):
    ran = sallyport("ingest", "--site", folder, "jail-rooster", write(tmp_path, b""))
    assert ran.code == 4
    assert "no feed `jail-rooster`" in ran.err
    assert "jail-roster" in ran.err
    assert sallyport("replay", "--site", folder, "--feed", "jail-rooster").code == 4


def test_an_extract_that_is_not_there_is_wrong_usage(sallyport, folder):
    ran = sallyport("ingest", "--site", folder, "jail-roster", "nowhere.csv")
    assert ran.code == 2
    assert "nowhere.csv" in ran.err


def test_report_lists_what_waits_with_file_and_position(sallyport, county):
    ran = sallyport("report", "--site", county, "--json")
    reports = {report["feed"]: report for report in json.loads(ran.out)}
    assert ran.code == 0
    assert set(reports) == {"jail-roster", "jail-medical-hl7", "releases"}
    (waiting,) = reports["jail-roster"]["waiting"]
    assert (waiting["line"], waiting["code"]) == (3, "ragged-row")
    assert reports["releases"]["waiting"] == []
    words = sallyport("report", "--site", county).out
    assert "jail-roster jail-roster.txt line 3: ragged-row; expected 17 columns" in words
    assert "RAGGED" not in words


def test_replay_of_nothing_is_an_empty_list_and_of_what_is_still_broken_says_so(sallyport, county):
    assert json.loads(sallyport("replay", "--site", county, "--feed", "releases", "--json").out) == []
    (report,) = json.loads(sallyport("replay", "--site", county, "--json").out)
    assert (report["feed"], report["quarantined"]) == ("jail-roster", {"ragged-row": 1})


def test_after_a_replay_that_mends_report_no_longer_counts_it_as_waiting(sallyport, folder, tmp_path):
    mapping = folder / "mappings" / "jail_roster.yaml"
    right = mapping.read_text()
    mapping.write_text(right.replace("person: [PatientID]", "person: [Middle]"))
    path = write(tmp_path, records.roster(records.roster_row()))
    (report,) = json.loads(sallyport("ingest", "--site", folder, "jail-roster", path, "--json").out)
    assert report["quarantined"] == {"missing-key": 1}
    mapping.write_text(right)
    (report,) = json.loads(sallyport("replay", "--site", folder, "--json").out)
    assert (report["quarantined"], report["written"]["Patient"]) == ({}, 1)
    (report,) = json.loads(sallyport("report", "--site", folder, "--json").out)
    assert (report["quarantined"], report["waiting"]) == ({}, [])


def test_files_of_a_folder_come_in_order_with_patients_first(tmp_path):
    for name in ("b.ndjson", "Patient.ndjson", "a.ndjson"):
        (tmp_path / name).touch()
    (tmp_path / "inner").mkdir()
    one = tmp_path / "b.ndjson"
    assert [path.name for path in files_of([tmp_path])] == ["Patient.ndjson", "a.ndjson", "b.ndjson"]
    assert list(files_of([one])) == [one]


def test_files_of_a_bulk_export_come_with_patients_first_and_deletions_last(tmp_path):
    names = [
        "error/1.ndjson",
        "deleted/1.Bundle.ndjson",
        "2.Observation.ndjson",
        "9.Patient.ndjson",
        "Patient.000.ndjson",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "other").mkdir()
    found = [str(path.relative_to(tmp_path)) for path in files_of([tmp_path])]
    assert found == ["9.Patient.ndjson", "Patient.000.ndjson", "2.Observation.ndjson", *reversed(names[:2])]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_reports_of_one_feed_are_counted_together(count):
    each = FeedReport(feed="x", records=2, unchanged=1, held=1, links=1)
    each.written["Patient"] = 2
    found = merged([each] * count)
    assert [(item.records, item.written["Patient"], item.links) for item in found] == (
        [(2 * count, 2 * count, count)] if count else []
    )


def lapse(folder):
    path = folder / "agreements" / "hosting_contract.yaml"
    path.write_text(path.read_text().replace("end: 2060-12-31", "end: 2026-01-31"))


def test_a_feed_whose_contract_has_lapsed_takes_nothing_in(sallyport, folder, tmp_path):
    lapse(folder)
    path = write(tmp_path, records.roster(records.roster_row()))
    ran = sallyport("ingest", "--site", folder, "jail-roster", path)
    assert (ran.code, ran.out) == (1, "")
    assert "feed `jail-roster` takes nothing in: `alder-hosting-dua-2026` ended on 2026-01-31" in ran.err
    assert json.loads(sallyport("report", "--site", folder, "--json").out) == []
    charges = write(tmp_path, records.court(records.court_case()), "cases.xml")
    assert sallyport("ingest", "--site", folder, "court-cases", charges, "--json").code == 0


def test_what_was_received_of_a_closed_feed_waits_until_it_is_open(sallyport, folder, tmp_path):
    path = write(tmp_path, records.roster(records.roster_row(), '"RAGGED","ROW"\r\n'))
    assert sallyport("ingest", "--site", folder, "jail-roster", path, "--json").code == 0
    agreement = folder / "agreements" / "hosting_contract.yaml"
    renewed = agreement.read_text()
    lapse(folder)
    ran = sallyport("replay", "--site", folder, "--json")
    assert (ran.code, json.loads(ran.out)) == (0, [])
    assert "feed `jail-roster` takes nothing in" in ran.err
    assert sallyport("replay", "--site", folder, "--feed", "jail-roster").code == 1
    agreement.write_text(renewed)
    (report,) = json.loads(sallyport("replay", "--site", folder, "--json").out)
    assert report["quarantined"] == {"ragged-row": 1}


def test_a_batch_file_brings_in_no_message_twice_and_a_corrected_one_beside_the_first(sallyport, folder, tmp_path):
    def batch(*messages):
        head = "FHS|^~\\&|JAILEHR|ALDERJAIL\rBHS|^~\\&|JAILEHR|ALDERJAIL\r"
        return records.hl7(head, *messages, f"BTS|{len(messages)}\rFTS|1\r")

    first, second = records.phq9(4, control="R1"), records.phq9(9, control="R2", at="20260303080000-0700")
    corrected = first.replace("||4|{score}", "||5|{score}")
    ingest = ("ingest", "--site", folder, "jail-medical-hl7")
    sallyport(*ingest, write(tmp_path, batch(first), "monday"))
    ran = sallyport(*ingest, write(tmp_path, batch(first, second, corrected), "tuesday"), "--json")
    (report,) = json.loads(ran.out)
    assert report["warnings"]["repeated-message"] == 1
    assert report["records"] == 2
    told = sallyport("report", "--site", folder)
    assert "control-id-reused, 1 times" in told.err


def test_a_sequence_number_is_told_and_not_answered(sallyport, folder, tmp_path):
    numbered = records.phq9(4).replace("|P|2.5.1\r", "|P|2.5.1|17\r", 1)
    ran = sallyport("ingest", "--site", folder, "jail-medical-hl7", write(tmp_path, records.hl7(numbered)), "--json")
    (report,) = json.loads(ran.out)
    assert report["warnings"]["sequence-number MSH-13"] == 1
