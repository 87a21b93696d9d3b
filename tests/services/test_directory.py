"""The directory: one public Organization a partner, and no new version when nothing changed."""

from __future__ import annotations

import orjson
import pytest
import records
import worlds

from adapter.assets import r4_facts
from adapter.directory import DirectorySection
from adapter.fhir.facts import Facts
from adapter.fhir.validate import Validator
from adapter.services.directory import entries, organizations
from adapter.settings import Partner

pytestmark = pytest.mark.anyio


def test_a_partner_is_an_organization_of_us_core():
    riverside, unit = organizations(
        {
            "riverside": Partner(name="Riverside", entity="covered-entity", contact="someone"),
            "riverside-otp": Partner(name="Second Street", entity="part2-program", part_of="riverside"),
        }
    )
    assert (riverside["id"], riverside["active"], riverside["name"]) == ("riverside", True, "Riverside")
    assert unit["partOf"] == {"reference": "Organization/riverside"}
    assert "partOf" not in riverside
    # What an organisation treats and whom to call there is not in the directory.
    assert set(riverside) == {"resourceType", "id", "meta", "active", "name"}


def test_addresses_places_clinicians_and_roles_are_entries_of_us_core(validator):
    home = {"line": "1 Oak St", "city": "Alder", "state": "NM", "postal_code": "87001"}
    directory = DirectorySection.model_validate(
        {
            "addresses": {"jail": home},
            "locations": {"intake": {"name": "Intake", "organization": "jail", "address": home}},
            "practitioners": {"reyes": {"family": "Reyes", "given": "Ana", "npi": "1234567893"}},
            "roles": {
                "r": {
                    "practitioner": "reyes",
                    "organization": "jail",
                    "location": "intake",
                    "specialty": "207Q00000X",
                    "phone": "555-0101",
                }
            },
        }
    )
    (jail,) = organizations({"jail": Partner(name="Jail", entity="custody")}, directory)
    place, person, role = entries(directory)
    assert jail["address"] == [place["address"]]
    assert place["address"]["postalCode"] == "87001"
    assert person["identifier"] == [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}]
    assert role["practitioner"] == {"reference": "Practitioner/reyes"}
    assert role["location"] == [{"reference": "Location/intake"}]
    for entry in (jail, place, person, role):
        assert validator.issues(entry) == []


@pytest.mark.parametrize(
    "query",
    [
        "Location?address-city=Birch",
        "Location?name=cottonwood&address-state=NM",
        "Organization?address=12 mill",
        "Practitioner?name=rey",
        "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1234567893",
        "PractitionerRole?specialty=http://nucc.org/provider-taxonomy|207Q00000X",
        "PractitionerRole?practitioner=Practitioner/reyes",
    ],
)
async def test_the_directory_is_found_as_us_core_asks(county, query):
    (found,) = await county.matches(("pretrial", "pretrial-release"), f"/fhir/{query}")
    assert "cottonwood" in found["id"] or found["id"] == "reyes"


async def test_a_role_brings_its_clinician_place_and_organisation_along(county):
    names = ("practitioner", "location", "organization", "endpoint")
    includes = "&".join(f"_include=PractitionerRole:{name}" for name in names)
    answer = await county.ask(
        ("pretrial", "pretrial-release"), f"/fhir/PractitionerRole?specialty=207Q00000X&{includes}"
    )
    came = [
        entry["resource"]["id"]
        for entry in orjson.loads(answer.content)["entry"]
        if entry["search"]["mode"] == "include"
    ]
    assert came == ["reyes", "cottonwood-clinic", "cottonwood"]


@pytest.fixture(scope="module")
def validator():
    return Validator(Facts(r4_facts()))


@pytest.fixture(scope="module")
async def county(tmp_path_factory):
    made = await worlds.open_site(tmp_path_factory.mktemp("directory") / "site")
    yield made
    await made.close()


async def test_everyone_sees_the_same_directory_and_nobody_in_it(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await world.deliver("jail-roster", records.roster(records.roster_row()))
    answers = []
    for caller in (("pretrial", "pretrial-release"), ("riverside-otp", "TREAT"), ("jail", "supervision")):
        answer = await world.ask(caller, "/fhir/Organization?_count=50")
        assert orjson.loads(answer.content)["total"] == len(world.services.site.partners)
        answers.append(worlds.comparable(answer))
        assert (await world.ask(caller, "/fhir/Organization/riverside-otp")).status_code == 200
    assert answers[0] == answers[1] == answers[2]
    await world.close()


async def test_opening_a_site_again_makes_no_new_versions_and_a_new_name_makes_one(tmp_path):
    count = "SELECT sum(revision) FROM resource WHERE type = 8"
    world = await worlds.open_site(tmp_path)
    before = world.rows(count)
    await world.close()
    world = await worlds.open_site(tmp_path)
    assert world.rows(count) == before
    await world.close()
    path = tmp_path / "partners.yaml"
    path.write_text(path.read_text().replace("Cottonwood Community Clinic", "Cottonwood Clinic"))
    world = await worlds.open_site(tmp_path)
    assert world.rows(count) == [(before[0][0] + 1,)]
    await world.close()
