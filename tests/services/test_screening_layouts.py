"""Clinical documents and a table of screenings, from their bytes to what a recipient may see."""

from __future__ import annotations

import json

import clinical_documents as cda
import layouts
import orjson
import pytest
import worlds

pytestmark = pytest.mark.anyio
UNITS = ("  main: {organization: riverside-main, regime: hipaa}", "  otp: {organization: riverside-otp, regime: part2}")
HEAD = (
    "ScreeningID,PersonID,Last,First,Middle,DOB,Sex,Unit,Instrument,Date,Time,Score,Result,Answers,Void,ScreenedBy,"
    "Comment\n"
)
COMMENT = "told of her brother Tom"


def row(ident="S-1", *, instrument="PHQ-9", score="", result="", answers="", sex="F", unit="main", **more):
    void, date = more.get("void", ""), more.get("date", "2026-03-02")
    cells = [ident, "c1", "MARSH", "ADA", "", "1980-04-02", sex, unit, instrument, date, "08:15", score, result]
    return ",".join([*cells, answers, void, "jdoe", COMMENT]) + "\n"


def table(*rows):
    return (HEAD + "".join(rows)).encode()


async def site(tmp_path, layout, *lines):
    return await worlds.open_site(
        tmp_path / layout, adjust=layouts.with_layout(layout, *UNITS, *lines, sender="riverside")
    )


@pytest.fixture
async def documents(tmp_path):
    made = await site(tmp_path, "ccda")
    yield made
    await made.close()


@pytest.fixture
async def sheet(tmp_path):
    made = await site(tmp_path, "screenings_csv")
    yield made
    await made.close()


def bodies(world, kind="Observation"):
    found = world.rows("SELECT head, tail FROM resource WHERE type <> 8 ORDER BY rid")
    made = [orjson.loads(bytes(head) + b"]" + bytes(tail)) for head, tail in found]
    return [one for one in made if one["resourceType"] == kind]


def summaries(world):
    """Result code and category of each summary."""
    found = [one for one in bodies(world) if "ABSTRED" in json.dumps(one["meta"])]
    return {
        one["code"]["coding"][-1]["code"]: one.get("valueCodeableConcept", {}).get("coding", [{}])[0].get("code")
        for one in found
    }


def labels(one):
    return {label["code"] for label in one["meta"]["security"]}


def everything(world):
    return "".join(bytes(head + tail).decode() for head, tail in world.rows("SELECT head, tail FROM resource"))


async def test_a_document_becomes_a_patient_a_score_and_its_summary_without_narrative(documents):
    report = await documents.deliver("ccda", cda.document(cda.section(cda.phq9())))
    assert report.quarantined == {}
    assert report.unmapped == {}
    assert report.leaves["unmapped"] == 0
    assert report.leaves["ignored"] > report.leaves["mapped"] > 20
    assert summaries(documents) == {"phq-9-level": "positive"}
    # Panel and total are two records of one screening; the answer is none.
    details = [one for one in bodies(documents) if "ABSTRED" not in json.dumps(one["meta"])]
    assert [one["valueQuantity"]["value"] for one in details] == [12, 12]
    told = everything(documents) + json.dumps(report.as_dict())
    for word in (cda.SECRET, "Tom", "12 Elm", "555-0142", "Reed", "doc1", "Ada Marsh", "44250-9"):
        assert word not in told, word
    (patient,) = bodies(documents, "Patient")
    assert patient["name"] == [{"use": "official", "family": "Marsh", "given": ["Ada", "Mae"]}]
    assert (patient["gender"], patient["birthDate"]) == ("female", "1980-04-02")
    assert {one["value"] for one in patient["identifier"]} <= {"c1", "433275914"}


async def test_the_same_document_again_changes_nothing(documents):
    data = cda.document(cda.section(cda.phq9()))
    await documents.deliver("ccda", data)
    again = await documents.deliver("ccda", data + b"\n", "again")
    assert again.written == {}


async def test_the_unit_is_the_authors_and_a_part_2_unit_marks_what_it_wrote(documents):
    sections = cda.section(cda.phq9(), cda.assessment("44249-1", "o1", cda.value(4), cda.author("otp"), at="20260303"))
    await documents.deliver("ccda", cda.document(sections))
    by_day = {one["effectiveDateTime"][:10]: labels(one) for one in bodies(documents)}
    assert "42CFRPart2" not in by_day["2026-03-02"]
    assert "42CFRPart2" in by_day["2026-03-03"]


async def test_a_unit_that_nobody_declared_is_held(documents):
    report = await documents.deliver("ccda", cda.document(cda.section(cda.phq9()), unit="annex"))
    assert report.quarantined["undeclared-unit"] == report.held == 4


async def test_markings_of_document_and_section_are_labels(documents):
    section = cda.section(cda.phq9(), cda.marking("NORDSLCD", "2.16.840.1.113883.5.1063"), cda.marking("42CFRPart2"))
    await documents.deliver("ccda", cda.document(section, confidentiality="R"))
    for one in bodies(documents):
        assert {"R", "42CFRPart2", "NORDSCLCD", "MH"} <= labels(one)


async def test_findings_of_the_mental_status_are_marked_as_such(documents):
    finding = cda.coded("386807006", system="2.16.840.1.113883.6.96", name="value", extra=' xsi:type="CD"')
    entry = f"<entry>{cda.observation('4.74', '373930000', 's1', finding)}</entry>"
    report = await documents.deliver("ccda", cda.document(cda.section(entry)))
    assert report.quarantined == {}
    (one,) = bodies(documents)
    assert one["valueCodeableConcept"]["coding"][0]["code"] == "386807006"
    assert {"MH", "R"} <= labels(one)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"more": ' negationInd="true"'}, None),
        ({"mood": "RQO"}, "absent"),
        ({"mood": "INT"}, "absent"),
    ],
)
async def test_what_was_not_done_or_only_planned_is_no_result(documents, changes, found):
    entry = cda.assessment("44249-1", "a1", cda.value(20), **changes)
    await documents.deliver("ccda", cda.document(cda.section(entry)))
    assert summaries(documents) == ({} if found == "absent" else {"phq-9-level": None})


async def test_a_score_that_is_null_says_why(documents):
    entry = cda.assessment("44249-1", "a1", '<value xsi:type="INT" nullFlavor="ASKU"/>')
    await documents.deliver("ccda", cda.document(cda.section(entry)))
    (one,) = [one for one in bodies(documents) if "ABSTRED" in json.dumps(one["meta"])]
    assert one["dataAbsentReason"]["coding"][0]["code"] == "asked-unknown"


async def test_an_urgent_scale_that_cannot_be_read_is_told_and_no_other_of_its_document(documents):
    sections = cda.section(
        cda.assessment("93373-9", "u1", cda.value("??", "ST").replace('value="??"/>', ">nobody knows</value>")),
        cda.assessment("69737-5", "g1", cda.value(99)),
    )
    report = await documents.deliver("ccda", cda.document(sections))
    assert report.quarantined.total() == 2
    (telling,) = await documents.services.alerts.waiting()
    assert (telling.count, telling.part) == (1, "ClinicalDocument[1] assessment 1")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"score": "12"}, {"phq-9-level": "positive"}),
        ({"score": "3"}, {"phq-9-level": "negative"}),
        ({"score": "refused"}, {"phq-9-level": "refused"}),
        ({"instrument": "bjmhs", "result": "Refer"}, {"bjmhs-result": "refer"}),
        ({"instrument": "BJMHS", "score": "2", "result": "Refer"}, {"bjmhs-result": "refer"}),
        ({"instrument": "BJMHS", "answers": "1=Y;2=N;3=N;4=N;5=N;6=N;7=Y;8=N"}, {"bjmhs-result": "refer"}),
        ({"instrument": "C-SSRS", "result": "High Risk"}, {"c-ssrs-level": "high"}),
        ({"instrument": "C-SSRS", "score": "low"}, {"c-ssrs-level": "low"}),
        ({"instrument": "COWS", "score": "14", "result": "moderate"}, {"cows-level": "moderate"}),
        ({"instrument": "DAST-10", "answers": "0;0;1;0;0;0;0;0;0;0"}, {"dast-10-level": "none"}),
        ({"instrument": "audit-c", "score": "3"}, {"audit-c-level": "positive"}),
        ({"instrument": "audit-c", "score": "3", "sex": "M"}, {"audit-c-level": "negative"}),
        ({"score": "12", "void": "x"}, {"phq-9-level": None}),
    ],
)
async def test_a_row_becomes_a_screening(sheet, cells, expected):
    report = await sheet.deliver("screenings-csv", table(row(**cells)))
    assert report.quarantined == {}
    assert report.unmapped == {}
    assert summaries(sheet) == expected
    assert COMMENT not in everything(sheet)
    assert "jdoe" not in everything(sheet)


@pytest.mark.parametrize(
    ("cells", "code", "urgent"),
    [
        ({"instrument": "C-SSRS", "result": "ask Flo"}, "unreadable-result", 1),
        ({"instrument": "CIWA-Ar", "score": "99"}, "out-of-range", 1),
        ({"instrument": "CIWA", "score": "7", "date": "sometime"}, "bad-date", 1),
        ({"score": "99"}, "out-of-range", 0),
        ({"instrument": "Alder intake screen", "score": "3"}, "missing-element", 0),
        ({"unit": "annex", "score": "3"}, "undeclared-unit", 0),
    ],
)
async def test_a_row_that_cannot_be_used_waits_and_urgent_ones_are_told(sheet, cells, code, urgent):
    report = await sheet.deliver("screenings-csv", table(row(**cells), row("S-2", score="3")))
    assert report.quarantined == {code: 1}
    assert sum(telling.count for telling in await sheet.services.alerts.waiting()) == urgent


async def test_a_row_that_is_cut_off_is_told_where_the_sheet_brings_urgent_screens(tmp_path):
    world = await site(tmp_path, "screenings_csv", "urgent_screens: true")
    try:
        await world.deliver("screenings-csv", table("S-1,c1,MARSH\n", row("S-2", instrument="PHQ-9", score="99")))
        (telling,) = await world.services.alerts.waiting()
        assert (telling.count, telling.line) == (1, 2)
    finally:
        await world.close()


async def test_a_contradiction_in_a_row_is_told_and_its_word_stands(sheet):
    cells = {"instrument": "GAD-7", "score": "16", "result": "mild"}
    report = await sheet.deliver("screenings-csv", table(row(**cells)))
    assert report.warnings["band-differs gad-7"] == 1
    assert summaries(sheet) == {"gad-7-level": "mild"}
