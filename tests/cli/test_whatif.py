"""`sallyport whatif`: what a change would do, before anyone activates it; exit codes a program can rely on."""

from __future__ import annotations

import asyncio
import json

import pytest
import records
import worlds
import yaml

from adapter.machine import clock


def world_of(county, work, first_id):
    async def run():
        world = await worlds.open_site(county, first_id=first_id, now=clock())
        told = await work(world)
        await world.close()
        return told

    return asyncio.run(run())


@pytest.fixture(scope="module")
def asked(county):
    """Pretrial services have read one summary; its name and the Consent that let it pass."""

    async def ask(world):
        patient = world.patient("jail-medical-hl7", records.JAIL)
        caller = ("pretrial", "pretrial-release")
        (item,) = await world.matches(caller, f"/fhir/Observation?patient={patient}")
        signed = "CAST(head AS TEXT) NOT LIKE '%consent-share%'"
        ((text,),) = world.rows(f"SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 6 AND {signed}")
        return f"Observation/{item['id']}", text

    return world_of(county, ask, 7000)


def draft(county, tmp_path, change):
    document = yaml.safe_load((county / "agreements" / "memorandum.yaml").read_text())
    change(document)
    path = tmp_path / "draft.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def without_pretrial(document):
    document["grants"] = [one for one in document["grants"] if one["recipient"] != "pretrial"]


def test_nothing_changes_is_exit_code_0(sallyport, county, asked, tmp_path):
    ran = sallyport("whatif", "--site", county, "--change", draft(county, tmp_path, lambda _: None))
    assert ran.code == 0
    assert ran.out == "changed agreement `alder-mou-2026`: 0 resources newly released, 0 newly withheld\n"


def test_less_is_exit_code_3_and_says_what_and_to_whom(sallyport, county, asked, tmp_path):
    path = draft(county, tmp_path, without_pretrial)
    ran = sallyport("whatif", "--site", county, "--change", path, "--since", "2026-01-01", "--list")
    assert ran.code == 3
    assert "0 resources newly released, 4 newly withheld" in ran.out
    assert f"withheld {asked[0]} to pretrial for pretrial-release" in ran.out
    assert "of 1 recorded disclosures 1 would not have been made" in ran.out
    assert f"(America/Denver): {asked[0]} to pretrial for pretrial-release" in ran.out
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["pretrial", "pretrial-release", "screening-summary", "jail-medical", "0", "1"] in rows


def test_a_disclosure_that_would_not_have_been_made_is_exit_code_3_by_itself(sallyport, county, asked, tmp_path):
    path = draft(county, tmp_path, lambda document: document.update(start="2027-01-01"))
    ran = sallyport("whatif", "--site", county, "--change", path, "--since", "2026-11-22", "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["released"], told["withheld"]) == (3, 0, 4)
    assert told["past"]["disclosures"] == len(told["past"]["unmade"]) == 1
    assert told["resources"] == []
    assert told["places"][0].keys() == {"recipient", "purpose", "class", "unit", "released", "withheld"}
    future = sallyport("whatif", "--site", county, "--change", path, "--since", "2027-01-01", "--json")
    assert json.loads(future.out)["past"]["unmade"] == []


def test_more_is_exit_code_5(sallyport, county, asked, tmp_path):
    def more(document):
        document["grants"][0]["classes"] = ["screening-summary", "screening-detail"]

    _, text = asked
    consent = json.loads(text)
    consent["provision"]["provision"][0].pop("class")
    path = tmp_path / "consent.json"
    path.write_text(json.dumps(consent))
    same = sallyport("whatif", "--site", county, "--change", path)
    assert (same.code, "changed Consent" in same.out) == (0, True)
    consent["provision"] = {"type": "permit"}
    del consent["meta"]  # a release names recipients; this is none any more
    path.write_text(json.dumps(consent))
    ran = sallyport("whatif", "--site", county, "--change", path, "--list", "--json")
    told = json.loads(ran.out)
    assert ran.code == 5
    assert {one["released"] for one in told["resources"]} == {True}
    assert told["past"] is None
    assert sallyport("whatif", "--site", county, "--change", draft(county, tmp_path, more)).code == 0


def test_a_withdrawn_consent_withholds(sallyport, county, asked, tmp_path):
    consent = json.loads(asked[1]) | {"status": "inactive"}
    path = tmp_path / "consent.json"
    path.write_text(json.dumps(consent))
    ran = sallyport("whatif", "--site", county, "--change", path, "--since", "2026-01-01")
    assert ran.code == 3
    assert "of 1 recorded disclosures 1 would not have been made" in ran.out


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.json", "{", "x.json"),
        ("x.yaml", "a: [", "x.yaml"),
        ("x.yaml", "a: 1", "this is no change that can be rehearsed"),
        ("x.json", '{"resourceType": "Consent"}', "x.json at `"),
    ],
)
def test_what_is_no_change_is_exit_code_4_with_its_place(sallyport, county, tmp_path, name, content, told):
    path = tmp_path / name
    path.write_text(content)
    ran = sallyport("whatif", "--site", county, "--change", path)
    assert (ran.code, told in ran.err, ran.out) == (4, True, "")


def test_a_day_that_is_none_is_wrong_usage(sallyport, county, tmp_path):
    path = draft(county, tmp_path, lambda _: None)
    ran = sallyport("whatif", "--site", county, "--change", path, "--since", "yesterday")
    assert (ran.code, "--since" in ran.err) == (2, True)


def test_disclosures_that_decide_nothing_are_told_apart(sallyport, county, asked, tmp_path):
    async def forget(world):
        world.services.store._writer.execute("UPDATE resource SET version = version || 'x' WHERE type = 3")

    world_of(county, forget, 8000)
    path = draft(county, tmp_path, without_pretrial)
    ran = sallyport("whatif", "--site", county, "--change", path, "--since", "2026-01-01")
    assert "1 more would not be made under the present rules either, or cannot be decided again" in ran.out
