"""The truth table can be read back, and what it says of the extracts is so."""

from __future__ import annotations

import re
from collections import Counter

import orjson
import pytest

from adapter.fictional.drawing import someone
from adapter.fictional.instruments import INSTRUMENTS
from adapter.fictional.partners import (
    ASKERS,
    CHARGES,
    COURT,
    EHR,
    FEEDS,
    JAIL_HL7,
    RELEASES,
    ROSTER,
    ZONE,
)
from adapter.fictional.truth import TruePerson, TrueScreening, entry, parse

LINE = (
    b'{"person":"p0000001","records":{"jail-roster":["J1","J2"]},"screenings":[{"feed":"jail-medical-hl7",'
    b'"unit":"jail-medical","instrument":"bjmhs","result_code":"bjmhs-result","category":"refer","score":null,'
    b'"at":"2026-03-02T08:00:00-07:00","labels":["MH"],"part2":false}],"permitted":[{"recipient":"pretrial",'
    b'"purpose":"pretrial-release","screenings":[0]}],"look_alike":"p0000000"}'
)


def test_a_line_is_read_back():
    assert parse(LINE) == TruePerson(
        person="p0000001",
        records={"jail-roster": ("J1", "J2")},
        screenings=(
            TrueScreening(
                feed="jail-medical-hl7",
                unit="jail-medical",
                instrument="bjmhs",
                result_code="bjmhs-result",
                category="refer",
                score=None,
                at="2026-03-02T08:00:00-07:00",
                labels=("MH",),
                part2=False,
            ),
        ),
        permitted={("pretrial", "pretrial-release"): (0,)},
        look_alike="p0000000",
    )


@pytest.mark.parametrize("line", [b"", b"{}", b'{"person":"p1"', b'{"person":"p1","records":{}}'])
def test_what_is_no_truth_is_refused(line):
    with pytest.raises((ValueError, KeyError)):
        parse(line)


def test_what_is_written_is_what_is_read(county, seed, as_of):
    for number in (1, 17, 1_999):
        one = someone(seed, number, as_of.date())
        local = as_of.astimezone(ZONE)
        document = entry(one.person, one.life.numbers, one.screenings, one.forms, local)
        assert parse(orjson.dumps(document)) == county.truth[number - 1]


def test_people_are_listed_once_and_in_order(county):
    assert [one.person for one in county.truth] == [f"p{number:07d}" for number in range(1, 2_001)]


def test_no_record_belongs_to_two_people(county):
    for feed in FEEDS:
        ids = Counter(each for one in county.truth for each in one.records.get(feed, ()))
        assert ids
        assert max(ids.values()) == 1


def test_some_people_have_two_numbers_in_one_system(county):
    for feed in (ROSTER, EHR):
        assert any(len(one.records.get(feed, ())) == 2 for one in county.truth)


@pytest.mark.parametrize(
    ("feed", "file", "number"),
    [
        (ROSTER, "roster.csv", rb'"(J\d{8})","'),
        (CHARGES, "charges.csv", rb'\n"(\d{8})"'),
        (JAIL_HL7, "screenings.hl7", rb"\rPID\|1\|\|(J\d{8})\^"),
        (COURT, "cases.xml", rb"<PartyID>(D\d{8})<"),
        (EHR, "ehr/Patient.ndjson", rb'"id":"(r[mo]\d{8})"'),
        (RELEASES, "releases.ndjson", rb'"person":{"id":"(q\d{8}-reg)"'),
    ],
)
def test_records_are_those_of_the_files(county, feed, file, number):
    found = {text.decode() for text in re.findall(number, (county.folder / file).read_bytes())}
    assert found == {each for one in county.truth for each in one.records.get(feed, ())}


def test_screenings_have_a_key_of_their_own(county):
    for one in county.truth:
        keys = Counter((each.feed, each.unit, each.instrument, each.result_code, each.at) for each in one.screenings)
        assert not keys or max(keys.values()) == 1


def test_screenings_are_those_of_the_jail_messages(county):
    people = {number: one.person for one in county.truth for number in one.records.get(JAIL_HL7, ())}
    results = {each.result_code for each in INSTRUMENTS.values()}
    sent = Counter()
    who = ""
    for segment in (county.folder / "screenings.hl7").read_bytes().split(b"\r"):
        fields = segment.split(b"|")
        if fields[0] == b"PID":
            who = people[fields[3].partition(b"^")[0].decode()]
        elif fields[0] == b"OBX":
            code = fields[3].partition(b"^")[0].decode()
            if code in results:
                sent[who, code, fields[5].partition(b"^")[0].decode()] += 1
    told = Counter(
        (one.person, each.result_code, str(each.category if each.score is None else each.score))
        for one in county.truth
        for each in one.screenings
        if each.feed == JAIL_HL7
    )
    assert sent == told


def test_screenings_are_those_of_the_clinic(county):
    people = {chart: one.person for one in county.truth for chart in one.records.get(EHR, ())}
    results = {each.result_code for each in INSTRUMENTS.values()}
    sent = set()
    for line in (county.folder / "ehr/Observation.ndjson").read_bytes().splitlines():
        if b'"subject"' in line and (each := orjson.loads(line))["code"]["coding"][0]["code"] in results:
            code = each["code"]["coding"][0]["code"]
            chart = each["subject"]["reference"].partition("/")[2]
            sent.add((people[chart], each["meta"]["source"][9:], code, each["effectiveDateTime"]))
    for line in (county.folder / "ehr/QuestionnaireResponse.ndjson").read_bytes().splitlines():
        each = orjson.loads(line)
        chart = each["subject"]["reference"].partition("/")[2]
        code = each["item"][-1]["linkId"][1:]
        sent.add((people[chart], each["meta"]["source"][9:], code, each["authored"]))
    told = {
        (one.person, each.unit, each.result_code, each.at)
        for one in county.truth
        for each in one.screenings
        if each.feed == EHR
    }
    assert sent == told


def test_bands_follow_from_scores(county):
    for each in (each for one in county.truth for each in one.screenings):
        instrument = INSTRUMENTS[each.instrument]
        assert each.labels == instrument.labels
        assert each.part2 == (each.unit == "riverside-otp")
        if each.score is None:
            assert each.category in dict(instrument.levels)
        else:
            assert 0 <= each.score <= instrument.highest
            assert each.category == instrument.band(each.score)
    assert INSTRUMENTS["gad-7"].band(14) == "moderate"
    assert INSTRUMENTS["phq-9"].band(9) == "negative"
    assert INSTRUMENTS["ciwa-ar"].band(20) is None


def test_repeats_go_from_low_to_high_within_a_day(county):
    days = [
        [each for each in one.screenings if each.at[:10] == day and each.instrument == "ciwa-ar"]
        for one in county.truth
        for day in {each.at[:10] for each in one.screenings}
    ]
    repeated = [runs for runs in days if len(runs) > 1]
    assert repeated
    for low, high in repeated:
        assert (low.at[11:16], high.at[11:16]) == ("08:00", "20:00")
        assert low.score < 8
        assert high.score > 15


def test_some_screenings_have_no_known_time(county):
    lengths = Counter(len(each.at) for one in county.truth for each in one.screenings)
    assert set(lengths) == {10, 25}
    assert 0 < lengths[10] < 0.1 * lengths[25]


def test_every_pair_is_answered_for_everybody(county):
    pairs = {(who, why) for who, purposes in ASKERS for why in purposes}
    assert all(set(one.permitted) == pairs for one in county.truth)
    for pair in pairs:
        assert any(one.permitted[pair] for one in county.truth)
        assert any(not one.permitted[pair] for one in county.truth)


def test_nobody_without_a_form_is_disclosed_to_others(county):
    for one in county.truth:
        if RELEASES not in one.records:
            for (recipient, _), places in one.permitted.items():
                assert all(one.screenings[place].unit == recipient for place in places)


def test_part_2_screenings_are_permitted_to_somebody(county):
    to = {
        recipient
        for one in county.truth
        for (recipient, _), places in one.permitted.items()
        if any(one.screenings[place].part2 for place in places)
    }
    assert to == {"cottonwood", "jail-medical", "pretrial", "treatment-court", "court", "defender"}
