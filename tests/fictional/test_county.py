"""The county is the same for the same seed, whoever else lives in it, and costs no memory per person."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime

import pytest

from adapter.fictional import county as county_module
from adapter.fictional.county import CHUNK, write_county
from adapter.fictional.drawing import FILES, draw, someone
from adapter.fictional.partners import ZONE


def bytes_of(folder):
    return {file: (folder / file).read_bytes() for file in FILES}


def test_the_same_seed_gives_the_same_bytes(tmp_path, as_of):
    for name in ("one", "two"):
        write_county(tmp_path / name, people=150, seed=11, as_of=as_of)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_another_seed_gives_other_people(tmp_path, as_of):
    write_county(tmp_path / "one", people=20, seed=11, as_of=as_of)
    write_county(tmp_path / "two", people=20, seed=12, as_of=as_of)
    one, two = bytes_of(tmp_path / "one"), bytes_of(tmp_path / "two")
    assert all(one[file] != two[file] for file in ("roster.csv", "truth.ndjson", "ehr/Patient.ndjson"))


def test_the_zone_in_which_the_instant_is_given_does_not_matter(tmp_path, as_of):
    write_county(tmp_path / "one", people=60, seed=3, as_of=as_of)
    write_county(tmp_path / "two", people=60, seed=3, as_of=as_of.astimezone(UTC))
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_a_person_hangs_on_seed_and_number_alone(as_of):
    local = as_of.astimezone(ZONE)
    together = draw(5, local, 1, 40)
    apart = [draw(5, local, number, number) for number in range(1, 41)]
    for file in FILES:
        assert together.files[file] == [record for one in apart for record in one.files[file]]


def test_more_people_leave_the_first_ones_as_they_were(tmp_path, as_of):
    write_county(tmp_path / "few", people=100, seed=9, as_of=as_of)
    write_county(tmp_path / "many", people=160, seed=9, as_of=as_of)
    few, many = bytes_of(tmp_path / "few"), bytes_of(tmp_path / "many")
    for file in FILES:
        if file == "screenings.hl7":
            few[file] = few[file].partition(b"BTS|")[0]
        if file == "cases.xml":
            few[file] = few[file].removesuffix(b"</CourtCases>\n")
        assert many[file].startswith(few[file])


def test_several_processes_write_the_same_bytes(tmp_path, as_of):
    people = 2 * CHUNK + 30
    alone = write_county(tmp_path / "alone", people=people, seed=4, as_of=as_of)
    shared = write_county(tmp_path / "shared", people=people, seed=4, as_of=as_of, workers=2)
    assert alone == shared
    assert bytes_of(tmp_path / "alone") == bytes_of(tmp_path / "shared")


def test_an_empty_county_is_well_formed(tmp_path, as_of):
    summary = write_county(tmp_path, people=0, seed=1, as_of=as_of)
    assert summary.people == summary.screenings == sum(summary.records.values()) == 0
    assert (tmp_path / "screenings.hl7").read_bytes().endswith(b"BTS|0\rFTS|1\r")
    assert (tmp_path / "cases.xml").read_bytes().endswith(b"</CourtCases>\n")
    assert (tmp_path / "truth.ndjson").read_bytes() == b""


def test_progress_ends_with_everybody(tmp_path, as_of):
    seen = []
    write_county(tmp_path, people=CHUNK + 7, seed=1, as_of=as_of, progress=seen.append)
    assert seen == [CHUNK, CHUNK + 7]


def test_wrong_wishes_are_refused_in_words(tmp_path, as_of):
    with pytest.raises(ValueError, match="zero or more"):
        write_county(tmp_path, people=-1, seed=1, as_of=as_of)
    with pytest.raises(ValueError, match="needs an offset"):
        write_county(tmp_path, people=1, seed=1, as_of=datetime(2026, 11, 22))  # noqa: DTZ001 - the mistake
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_people(tmp_path, as_of, monkeypatch):
    monkeypatch.setattr(county_module, "CHUNK", 40)
    peaks = []
    for people in (120, 480):
        tracemalloc.start()
        write_county(tmp_path, people=people, seed=2, as_of=as_of)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.25 * peaks[0]


def test_two_thousand_people_are_all_there(county):
    summary = county.summary
    assert summary.people == len(county.truth) == summary.records["truth.ndjson"] == 2_000
    assert summary.screenings == sum(len(person.screenings) for person in county.truth) > 4_000
    listed = sum(len(places) for person in county.truth for places in person.permitted.values())
    assert summary.permitted == listed > 4_000
    assert all(count > 0 for count in summary.records.values())
    assert set(summary.malformed) == {
        "jail-roster",
        "birch-charges",
        "jail-medical-hl7",
        "court-cases",
        "riverside-ehr",
        "releases",
    }


def test_everybody_is_known_to_somebody(as_of):
    today = as_of.date()
    assert all(someone(6, number, today).life.numbers for number in range(1, 400))


def test_nothing_happens_after_the_extract(as_of):
    today = as_of.date()
    for number in range(1, 400):
        one = someone(8, number, today)
        assert all(screening.effective < as_of.isoformat() for screening in one.screenings)
        assert all(form.signed < as_of for form in one.forms)
        assert all(each.at < as_of for form in one.forms for each in form.revocations)
        assert all(stay.released is None or stay.at < stay.released < as_of for stay in one.life.bookings)
