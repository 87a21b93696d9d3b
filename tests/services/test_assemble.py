"""What one record becomes: who it is about, what it is labelled, and what keeps a person safe when it is deficient."""

from __future__ import annotations

import orjson
import pytest
import records
import worlds

from adapter.services.origin import minimal

pytestmark = pytest.mark.anyio
PRETRIAL = ("pretrial", "pretrial-release")
BODY = "SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE id = ?"


@pytest.fixture(scope="module")
async def county(tmp_path_factory):
    made = await worlds.open_site(tmp_path_factory.mktemp("assemble") / "site")
    yield made
    await made.close()


def stored(world, ident):
    ((body,),) = world.rows(BODY, ident)
    # The version id and lastUpdated stand in front of what is compared here.
    return orjson.loads(body)


def about(world, patient, kind):
    """Every stored resource of a type about a Patient."""
    found = world.rows(
        "SELECT r.id FROM resource r JOIN resource p ON p.rid = r.patient WHERE p.id = ? AND r.type = ? ORDER BY r.id",
        patient,
        kind,
    )
    return [stored(world, ident) for (ident,) in found]


def test_a_minimal_patient_keeps_everything_but_the_numbers_that_only_recognise():
    jail = {"system": "https://alder-jail.example/person", "value": "J1"}
    body = {
        "resourceType": "Patient",
        "identifier": [jail, {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "433275914"}],
        "gender": "female",
    }
    assert minimal(body) == {"resourceType": "Patient", "gender": "female", "identifier": [jail]}
    assert "identifier" not in minimal({"resourceType": "Patient", "identifier": body["identifier"][1:]})


async def test_a_patient_is_stored_without_its_ssn(county):
    await county.deliver("jail-roster", records.roster(records.roster_row("A1")))
    patient = stored(county, county.patient("jail-roster", "A1"))
    assert [item["value"] for item in patient["identifier"]] == ["A1"]
    assert b"433" not in orjson.dumps(patient["identifier"])


async def test_a_record_about_care_only_puts_a_patient_where_none_is(county):
    await county.deliver("jail-medical-hl7", records.hl7(records.phq9(4, person="A2", ssn="", control="A2")))
    ident = county.patient("jail-medical-hl7", "A2")
    assert set(stored(county, ident)) == {"resourceType", "id", "meta"}
    await county.deliver("jail-medical-hl7", records.hl7(records.admission("A2-1", person="A2")))
    named = stored(county, ident)
    assert named["name"][0]["family"]
    await county.deliver("jail-medical-hl7", records.hl7(records.phq9(9, person="A2", ssn="", control="A2-2")))
    assert stored(county, ident) == named
    assert county.rows("SELECT revision FROM resource WHERE id = ?", ident) == [(1,)]


async def test_a_screening_becomes_detail_summary_and_provenance(county):
    await county.deliver("jail-medical-hl7", records.hl7(records.phq9(15, person="A3", ssn="", control="A3")))
    patient = county.patient("jail-medical-hl7", "A3")
    detail, summary = sorted(about(county, patient, 3), key=lambda item: len(item["meta"]["profile"]))
    assert detail["code"]["coding"][0]["code"] == "44261-6"
    assert summary["effectiveDateTime"] == "2026-03-02"
    assert b"15" not in orjson.dumps(summary["valueCodeableConcept"])
    (trace,) = about(county, patient, 7)
    assert trace["target"] == [{"reference": f"Observation/{summary['id']}"}]
    assert trace["agent"] == [{"who": {"reference": "Organization/jail-medical"}}]
    for item in (detail, summary, trace):
        assert {"MH", "R"} <= {label["code"] for label in item["meta"]["security"]}


async def test_a_corrected_result_is_a_new_version_of_the_same_summary(county):
    for status, score in (("F", 3), ("C", 21)):
        message = records.phq9(score, person="A4", ssn="", control="A4", status=status)
        await county.deliver("jail-medical-hl7", records.hl7(message))
    patient = county.patient("jail-medical-hl7", "A4")
    _, summary = sorted(about(county, patient, 3), key=lambda item: len(item["meta"]["profile"]))
    assert (summary["status"], summary["valueCodeableConcept"]["coding"][0]["code"]) == ("corrected", "positive")
    assert county.rows("SELECT revision FROM resource WHERE id = ?", summary["id"]) == [(2,)]


async def test_the_labels_a_sender_gives_are_kept(county):
    result = records.clinic_result("labelled")
    result["meta"]["security"] = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]
    result["subject"] = {"reference": "Patient/a5"}
    await county.deliver("riverside-ehr", records.ndjson(records.clinic_patient("a5", ssn="433-27-5920"), result))
    for item in about(county, county.patient("riverside-ehr", "a5"), 3):
        assert {"HIV", "MH", "R"} <= {label["code"] for label in item["meta"]["security"]}


# Units


def undeclare(folder):
    feed = folder / "feeds" / "riverside_ehr.yaml"
    text = feed.read_text()
    feed.write_text("\n".join(line for line in text.splitlines() if "riverside-main: {" not in line) + "\n")


async def test_records_of_an_undeclared_unit_are_for_their_sender_alone_until_it_is_declared(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=undeclare)
    report = await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), records.clinic_result()))
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    patient = world.patient("riverside-ehr", records.CLINIC)
    url = f"/fhir/Observation?patient={patient}&category=survey"
    assert (report.held, report.quarantined) == (2, {"undeclared-unit": 2})
    own = [item["id"] for item in await world.matches(("riverside", "TREAT"), url)]
    assert len(own) == 2
    for caller in (PRETRIAL, ("riverside-main", "TREAT"), ("cottonwood", "TREAT")):
        assert await world.matches(caller, url) == []
        assert (await world.ask(caller, f"/fhir/Patient/{patient}")).status_code == 404
    await world.close()

    declared = (tmp_path / "site" / "feeds" / "riverside_ehr.yaml").read_text()
    (tmp_path / "site" / "feeds" / "riverside_ehr.yaml").write_text(
        declared + "  riverside-main: {organization: riverside-main, regime: hipaa}\n"
    )
    world = await worlds.open_site(tmp_path / "site", first_id=1000)
    report = (await world.services.ingest.replay())["riverside-ehr"]
    assert (report.held, report.quarantined.total()) == (0, 0)
    assert await world.services.store.quarantined(None) == []
    (summary,) = await world.matches(PRETRIAL, url)
    assert summary["id"] in own
    assert len(await world.matches(("riverside-main", "TREAT"), url)) == 2
    assert await world.matches(("riverside", "TREAT"), url) == []
    await world.close()


# Releases


def undeclare_registry(folder):
    """Two units where the sender names none: nobody can tell under which law its forms stand."""
    feed = folder / "feeds" / "releases.yaml"
    feed.write_text(feed.read_text() + "  annex: {organization: registry, regime: justice}\n")


async def test_a_release_of_an_undeclared_unit_permits_nothing_until_it_is_declared(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=undeclare_registry)
    await world.deliver("jail-medical-hl7", records.hl7(records.admission(), records.phq9(14)))
    report = await world.deliver("releases", records.ndjson(records.release(records.choice())))
    assert (report.held, report.quarantined) == (1, {"undeclared-unit": 1})
    assert await show(world) == 0
    await world.close()

    feed = tmp_path / "site" / "feeds" / "releases.yaml"
    feed.write_text(feed.read_text().replace("  annex: {organization: registry, regime: justice}\n", ""))
    world = await worlds.open_site(tmp_path / "site", first_id=1000)
    await world.services.ingest.replay()
    assert await world.services.store.quarantined(None) == []
    assert await show(world) == 1
    await world.close()


async def show(world, caller=PRETRIAL):
    """How many summaries of Ada's a partner is shown now."""
    patient = world.patient("jail-medical-hl7", records.JAIL)
    return len(await world.matches(caller, f"/fhir/Observation?patient={patient}"))


DEFICIENT = {
    "unknown version": ({"version": "1999-1"}, "wrong-form"),
    "unsigned": ({"signature": {"name": False}}, "deficient"),
    "undated": ({"signed": None}, "missing-date"),
    "signed tomorrow": ({"signed": "2099-01-01"}, "future-dated"),
    "expired before it was signed": ({"expires": "2020-01-01"}, "bad-date"),
    "a partner the form does not offer": ({"choices": [records.choice("court")]}, "unknown-partner"),
    "Part 2 without its purpose": (
        {"part2": records.part2_section("cottonwood", purpose="")},
        "missing-part2-element",
    ),
}


@pytest.mark.parametrize("defect", DEFICIENT)
async def test_a_release_that_cannot_be_used_puts_its_person_on_hold_until_it_is_mended(tmp_path, defect):
    changed, code = DEFICIENT[defect]
    world = await worlds.open_site(tmp_path / "site")
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    assert await show(world) == 1
    second = records.release(records.choice(), submission="r2") | changed
    report = await world.deliver("releases", records.ndjson(second))
    assert report.quarantined == {code: 1}
    assert await show(world) == 0
    assert await show(world, ("jail-medical", "TREAT")) == 2
    await world.deliver("releases", records.ndjson(records.release(records.choice(), submission="r2")))
    assert await show(world) == 1
    await world.services.ingest.replay()
    assert await show(world) == 1
    await world.close()
