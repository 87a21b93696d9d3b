"""Each extract has the layout of its sender, and the bad records stand apart from the good ones."""

from __future__ import annotations

import csv
import re
from collections import Counter

import orjson
import pytest
from lxml import etree

from adapter.fictional.clinic_fhir import TYPES
from adapter.fictional.instruments import INSTRUMENTS, PHQ9_ANSWERS
from adapter.fictional.jail_csv import CHARGES_COLUMNS, ROSTER_COLUMNS
from adapter.fictional.partners import ASKERS, CLASSES

ISO = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
AMERICAN = re.compile(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d:\d\d [AP]M")
SHORT = re.compile(r"\d{1,2}/\d{1,2}/\d\d")
LOINC = re.compile(r"\d{1,7}-\d")


def good_rows(path, encoding, end, columns):
    """The lines a CSV reader can use, read one by one; and how many it cannot."""
    rows, bad = [], 0
    for line in path.read_bytes().split(end)[:-1]:
        try:
            (row,) = csv.reader([line.decode(encoding)], strict=True)
        except (UnicodeDecodeError, csv.Error):
            bad += 1
            continue
        if len(row) == columns and not any("\0" in cell for cell in row):
            rows.append(row)
        else:
            bad += 1
    return rows, bad


def good_lines(path):
    documents, bad = [], 0
    for line in path.read_bytes().splitlines():
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError:
            bad += 1
            continue
        usable = isinstance(document, dict) and b'"id":"twice"' not in line and document.get("person", "-")
        if usable and line != b'{"submission":"r0","form":"universal-release"}':
            documents.append(document)
        else:
            bad += 1
    return documents, bad


@pytest.fixture(scope="module")
def roster(county):
    return good_rows(county.folder / "roster.csv", "cp1252", b"\r\n", 17)


def test_the_roster_has_its_seventeen_columns(roster, county):
    (header, *rows), bad = roster
    assert tuple(header) == ROSTER_COLUMNS
    assert len(rows) == county.summary.records["roster.csv"]
    assert bad == county.summary.malformed["jail-roster"] == 8


def test_the_roster_mixes_three_date_formats(roster):
    (_, *rows), _ = roster
    for column in (4, 13):
        found = Counter(
            next(form.pattern for form in (ISO, AMERICAN, SHORT) if form.fullmatch(row[column])) for row in rows
        )
        assert len(found) == 3
        assert min(found.values()) > 20


def test_the_roster_needs_its_windows_character_set(roster, county):
    (_, *rows), _ = roster
    raw = (county.folder / "roster.csv").read_bytes()
    assert b"\x86" in raw
    assert any("†" in row[10] for row in rows)
    assert any("Ñ" in row[0] for row in rows)
    with pytest.raises(UnicodeDecodeError):
        raw.decode("utf-8")


def test_the_roster_holds_test_rows_duplicates_and_sentinels(roster):
    (_, *rows), _ = roster
    assert {"TEST ONLY", "NOT A CLIENT"} <= {row[0] for row in rows}
    assert any(count > 1 for count in Counter(map(tuple, rows)).values())
    assert {"9999-12-31 00:00:00", "2999-12-31 00:00:00", ""} <= {row[14] for row in rows}
    assert {"NULL", "null", "--"} & {row[15] for row in rows}
    assert any(row[0].endswith("  ") for row in rows)
    assert {row[1].strip() for row in rows} & {""}


def test_the_charge_list_has_one_line_a_charge(county):
    (header, *rows), bad = good_rows(county.folder / "charges.csv", "utf-8", b"\n", 29)
    assert tuple(header) == CHARGES_COLUMNS
    assert len(rows) == county.summary.records["charges.csv"]
    assert bad == county.summary.malformed["birch-charges"]
    bookings = Counter(row[11] for row in rows)
    assert max(bookings.values()) > 1
    assert len({row[18] for row in rows}) == len(rows)
    assert all(row[9] == "" or re.fullmatch(r"CO\d{8}", row[9]) for row in rows)


@pytest.fixture(scope="module")
def messages(county):
    segments = (county.folder / "screenings.hl7").read_bytes().split(b"\r")
    assert [segment[:3] for segment in (*segments[:2], *segments[-3:])] == [
        b"FHS",
        b"BHS",
        b"BTS",
        b"FTS",
        b"",
    ]
    found = []
    for segment in segments[2:-3]:
        if segment.startswith(b"MSH"):
            found.append([])
        found[-1].append(segment)
    assert segments[-3] == f"BTS|{len(found)}".encode()
    return found


def field(segment, number):
    fields = segment.split(b"|")
    return fields[number].decode("utf-8") if number < len(fields) else ""


def test_messages_are_admissions_moves_releases_and_results(messages, county):
    kinds = Counter(field(message[0], 8) for message in messages)
    usual = {"ADT^A01^ADT_A01", "ADT^A02^ADT_A02", "ADT^A03^ADT_A03", "ADT^A08^ADT_A01", "ORU^R01^ORU_R01"}
    assert usual <= set(kinds)
    good = [message for message in messages if any(segment.startswith(b"PV1") for segment in message)]
    assert len(good) == county.summary.records["screenings.hl7"]
    assert len(messages) - len(good) == county.summary.malformed["jail-medical-hl7"]
    controls = Counter(field(message[0], 9) for message in good)
    assert max(controls.values()) == 1


def test_messages_carry_the_jail_conventions(messages):
    for message in messages:
        visit = next((segment for segment in message if segment.startswith(b"PV1")), None)
        if visit is None:
            continue
        pid = next(segment for segment in message if segment.startswith(b"PID"))
        assert re.fullmatch(r"J\d{8}\^\^\^ALDERJAIL\^PCN", field(pid, 3))
        assert re.fullmatch(r"B\d{12}\^\^\^ALDERJAIL\^VN", field(visit, 19))
        assert re.fullmatch(r"\d{14}([+-]\d{4})?", field(visit, 44))


def test_character_sets_are_as_declared(messages):
    latin = [message for message in messages if message[0].endswith(b"8859/1")]
    assert latin
    for message in messages:
        encoding = "latin-1" if message in latin else "utf-8"
        assert all(segment.decode(encoding) for segment in message)


def test_results_use_known_codes_alone(messages):
    known = {each.result_code for each in INSTRUMENTS.values()}
    items = {item for each in INSTRUMENTS.values() for item in each.items}
    seen = set()
    for segment in (segment for message in messages for segment in message if segment.startswith(b"OBX")):
        code, _, system = field(segment, 3).split("^")
        seen.add(code)
        assert code in known | items
        assert (system == "LN") == bool(LOINC.fullmatch(code))
        assert field(segment, 2) == ("CWE" if field(segment, 5).endswith("^L") else "NM")
        assert field(segment, 11) == "F"
    assert {"bjmhs-result", "93374-7", "tcu-ds5-score", "ciwa-ar-score", "44261-6", "44250-9"} <= seen


def test_the_court_export_holds_cases_one_by_one(county):
    raw = (county.folder / "cases.xml").read_bytes()
    assert raw.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<CourtCases xmlns="https://sallyport.example/')
    good, bad = [], 0
    for text in re.findall(rb"<CourtCase>.*?</CourtCase>", raw, re.DOTALL):
        try:
            case = etree.fromstring(text)
        except etree.XMLSyntaxError:
            bad += 1
            continue
        if case.findtext("CaseDefendantParty/PartyID"):
            good.append(case)
        else:
            bad += 1
    assert len(good) == county.summary.records["cases.xml"]
    assert bad == county.summary.malformed["court-cases"]
    orders = Counter(each.text for case in good for each in case.iter("OrderType"))
    assert set(orders) == {"release-conditions", "competency-evaluation", "treatment-court", "disposition"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", case.findtext("CaseFiling/Date")) for case in good)
    numbers = [each.text for case in good for each in case.iter("CaseTrackingID", "OrderID")]
    assert len(set(numbers)) == len(numbers)


@pytest.fixture(scope="module")
def clinic(county):
    return {kind: good_lines(county.folder / "ehr" / f"{kind}.ndjson") for kind in TYPES}


def test_the_clinic_exports_one_type_a_file(clinic, county):
    for kind, (resources, bad) in clinic.items():
        assert len(resources) == county.summary.records[f"ehr/{kind}.ndjson"]
        assert bad == (county.summary.malformed["riverside-ehr"] if kind == "Observation" else 0)
        assert {each["resourceType"] for each in resources} == {kind}
        assert len({each["id"] for each in resources}) == len(resources)
        units = {each["meta"]["source"] for each in resources}
        assert units == {"urn:unit:riverside-main", "urn:unit:riverside-otp"}


def test_references_of_the_clinic_lead_somewhere(clinic):
    known = {f"{kind}/{each['id']}" for kind, (resources, _) in clinic.items() for each in resources}
    known |= {"Organization/riverside-main", "Organization/riverside-otp"}
    text = orjson.dumps([resources for resources, _ in clinic.values()]).decode()
    assert set(re.findall(r'"reference":"([^"]+)"', text)) <= known


def test_panels_items_and_totals_agree(clinic):
    observations = {each["id"]: each for each in clinic["Observation"][0]}
    panels = [each for each in observations.values() if "hasMember" in each]
    assert {each["code"]["coding"][0]["code"] for each in panels} == {
        "44249-1",
        "69737-5",
        "72110-0",
        "82666-9",
    }
    sums = 0
    for panel in panels:
        assert not any(name.startswith("value") for name in panel)
        *items, total = [observations[each["reference"].partition("/")[2]] for each in panel["hasMember"]]
        assert {each["effectiveDateTime"] for each in (panel, *items, total)} == {panel["effectiveDateTime"]}
        answers = [PHQ9_ANSWERS.index(each["valueCodeableConcept"]["coding"][0]["code"]) for each in items]
        value = total.get("valueInteger", total.get("valueQuantity", {}).get("value", total.get("valueString")))
        if answers:
            sums += 1
            assert (len(answers), sum(answers)) == (9, int(value))
    assert sums > 50


def test_some_results_come_as_form_alone_and_some_as_both(clinic):
    derived = {
        each["derivedFrom"][0]["reference"].partition("/")[2]
        for each in clinic["Observation"][0]
        if "derivedFrom" in each
    }
    forms = {each["id"] for each in clinic["QuestionnaireResponse"][0]}
    assert derived
    assert forms - derived
    assert derived <= forms
    for response in clinic["QuestionnaireResponse"][0]:
        assert re.fullmatch(r"http://loinc.org/q/\d+-\d", response["questionnaire"])
        assert all("text" not in item for item in response["item"])


def test_releases_have_the_shape_of_the_form(county):
    forms, bad = good_lines(county.folder / "releases.ndjson")
    assert len(forms) == county.summary.records["releases.ndjson"]
    assert bad == county.summary.malformed["releases"]
    allowed = {partner: set() for partner, _ in ASKERS}
    for partner, purposes in ASKERS:
        allowed[partner].update(purposes)
    for form in forms:
        assert set(form) - {"part2", "refusals", "expires_on", "case", "condition"} == {
            "submission", "form", "version", "person", "signed", "expires", "refused", "choices",
            "revocations", "signature", "copy_given",
        }  # fmt: skip
        assert ("condition" in form) == (form["form"] == "condition-of-release")
        assert set(form["person"]) == {"id", "last", "first", "middle", "suffix", "dob", "sex", "ssn"}
        for choice in form["choices"]:
            assert set(choice["purposes"]) <= allowed[choice["partner"]]
            assert set(choice["classes"]) <= set(CLASSES)
    assert any("part2" in form for form in forms)
    to_all = {each["partners"] == "all" for form in forms for each in form["revocations"]}
    assert to_all == {True, False}
    assert {form["form"] for form in forms} == {"universal-release", "condition-of-release", "proceedings"}
    assert {form["signature"]["method"] for form in forms} == {"ink", "electronic"}
    assert any("refusals" in form for form in forms)
    assert {form["expires_on"]["event"] for form in forms if "expires_on" in form} == {"release", "disposition"}
