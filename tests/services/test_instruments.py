"""A county's own screens: from its YAML to a summary, and what is wrong with such a file named by its key path."""

from __future__ import annotations

import pytest
import records
import worlds

from adapter.errors import ConfigurationError
from adapter.inspection import check
from adapter.settings import load_site
from adapter.summary.vocabulary import RESULT_CODE

pytestmark = pytest.mark.anyio
FEED = "riverside-ehr"


def intake(**elements):
    found = records.clinic_result("i1")
    found["code"]["coding"] = [{"system": RESULT_CODE, "code": "local-intake-2025-score"}]
    return found | elements


async def summary(world):
    patient = world.patient(FEED, records.CLINIC)
    found = await world.matches(("riverside-main", "TREAT"), f"/fhir/Observation?patient={patient}")
    return next(one for one in found if one["code"].get("text", "").startswith("Alder intake"))


async def test_a_screen_of_the_countys_own_is_scored_and_labelled(world):
    answers = [
        {"code": {"coding": [{"system": "https://alder.example/intake", "code": str(n)}]}, "valueBoolean": n < 4}
        for n in range(1, 7)
    ]
    detail = intake(component=answers)
    del detail["valueQuantity"]
    await world.deliver(FEED, records.ndjson(records.clinic_patient(), detail))
    found = await summary(world)
    assert found["valueCodeableConcept"]["coding"][0]["code"] == "refer"
    assert {"MH", "SUD"} <= {label["code"] for label in found["meta"]["security"]}


async def test_a_contradiction_is_a_warning_of_the_report_and_the_senders_word_stands(world):
    level = {"coding": [{"system": RESULT_CODE, "code": "local-intake-2025-result"}]}
    detail = intake(component=[{"code": level, "valueString": "no-refer"}])
    detail["valueQuantity"]["value"] = 5
    report = await world.deliver(FEED, records.ndjson(records.clinic_patient(), detail))
    assert report.warnings["band-differs local-intake-2025"] == 1
    assert (await summary(world))["valueCodeableConcept"]["coding"][0]["code"] == "no-refer"


async def test_sex_that_the_record_states_itself_decides_a_cut_off(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    message = records.phq9(3).replace("44261-6^PHQ-9 total", "75626-2^AUDIT-C total")
    await world.deliver("jail-medical-hl7", records.hl7(message))
    # A result of its own: under the number of the first one it would be that one, corrected to somebody else's.
    male = (
        message.replace("R1", "R2")
        .replace("J1^", "J2^")
        .replace("|F||2106-3", "|M||2106-3")
        .replace(records.SSN, records.OTHER_SSN)
    )
    await world.deliver("jail-medical-hl7", records.hl7(male), "second")
    found = {}
    for person in ("J1", "J2"):
        patient = world.patient("jail-medical-hl7", person)
        matches = await world.matches(("jail-medical", "discharge-planning"), f"/fhir/Observation?patient={patient}")
        values = [one["valueCodeableConcept"] for one in matches if one["code"].get("text") == "AUDIT-C level"]
        found[person] = [(value["coding"][0]["code"], value["text"]) for value in values]
    assert found == {"J1": [("positive", "Positive")], "J2": [("negative", "Negative")]}
    await world.close()


@pytest.mark.parametrize(
    ("before", "after", "path", "says"),
    [
        ("domain: mh+sud", "domain: health", "instruments[0].domain", "'mh+sud'"),
        ("range: [0, 6]", "range: [6, 0]", "instruments[0].scales[0].score", "lowest and the highest"),
        ("local-intake-2025-score", "intake-score", "instruments[0]", "starts with `local-`"),
        ("licence: own", "license: own", "instruments[0].licence", "required"),
        ("licence: own", "licence: own\n    urgent: maybe", "instruments[0].urgent", "boolean"),
        ("lsi-r: {", "lsi-x: {", "adjust.lsi-x", "no instrument `lsi-x`"),
        ("admin: override", "admin: sideways", "adjust.lsi-r", "unknown result categories: sideways"),
        ("seen: true", "seen: false", "instruments[0].scales[0]", "not seen in a source"),
    ],
)
def test_a_wrong_file_is_named_with_its_key_path(tmp_path, before, after, path, says):
    worlds.copy_fictional_county(tmp_path)
    file = tmp_path / "instruments" / "county_intake.yaml"
    file.write_text(file.read_text().replace(before, after))
    with pytest.raises(ConfigurationError) as caught:
        check(load_site(tmp_path))
    (problem,) = (one for one in caught.value.problems if one.path == path)
    assert problem.where == "instruments/county_intake.yaml"
    assert says in str(problem)
