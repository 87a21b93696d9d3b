"""The directory: one public Organization a partner, and no new version when nothing changed."""

from __future__ import annotations

import orjson
import pytest
import records
import worlds

from adapter.services.directory import organizations
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
