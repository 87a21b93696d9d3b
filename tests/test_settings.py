"""A site folder is checked whole, and every mistake names file, key path and what was expected."""

from __future__ import annotations

import pytest

from adapter.assets import copy_fictional_county
from adapter.errors import ConfigurationError
from adapter.settings import load_site


@pytest.fixture
def folder(tmp_path):
    copy_fictional_county(tmp_path)
    return tmp_path


def problems(folder):
    with pytest.raises(ConfigurationError) as caught:
        load_site(folder)
    return {(problem.where, problem.path): problem for problem in caught.value.problems}


def test_the_fictional_county_is_sound(folder):
    site = load_site(folder)
    assert site.site.name == "Alder County"
    assert site.feeds["riverside-ehr"].units["riverside-otp"].regime == "part2"


def test_every_mistake_of_every_file_is_told_at_once(folder):
    (folder / "site.toml").write_text(
        'name = "x"\nbase_url = "http://x"\ntime_zone = "Mars/Olympus"\noperator = "boss"\n'
    )
    feed = folder / "feeds" / "jail_roster.yaml"
    feed.write_text(feed.read_text().replace("regime: justice", "regime: martial"))
    found = problems(folder)
    assert "IANA" in str(found["site.toml", "time_zone"])
    assert "'business-associate'" in found["site.toml", "operator"].expected
    assert "'part2'" in found["feeds/jail_roster.yaml", "units.jail.regime"].expected


def test_a_unit_of_an_unknown_organization_is_refused(folder):
    feed = folder / "feeds" / "court_cases.yaml"
    feed.write_text(feed.read_text().replace("organization: court, regime", "organization: tennis, regime"))
    problem = problems(folder)["feeds/court_cases.yaml", "units.court.organization"]
    assert "tennis" in problem.message
    assert "treatment-court" in problem.expected


def edited(folder, before, after):
    site = folder / "site.toml"
    site.write_text(site.read_text().replace(before, after))


def test_who_may_assert_a_basis_is_a_partner(folder):
    edited(folder, 'partners = ["jail"]', 'partners = ["jail", "tennis"]')
    problem = problems(folder)["site.toml", "assert_basis.K.partners"]
    assert "tennis" in problem.message
    assert "jail-medical" in problem.expected


def test_a_basis_that_nobody_asserts_is_refused(folder):
    edited(folder, "[assert_basis.K]", "[assert_basis.T]")
    assert any(path.startswith("assert_basis.T") for _, path in problems(folder))


def test_a_feed_without_declared_units_does_not_start(folder):
    feed = folder / "feeds" / "court_cases.yaml"
    feed.write_text(feed.read_text().split("units:")[0])
    assert ("feeds/court_cases.yaml", "units") in problems(folder)


def test_unreadable_and_missing_files_are_named(folder):
    (folder / "partners.yaml").unlink()
    (folder / "agreements" / "memorandum.yaml").write_text("a: [")
    found = problems(folder)
    assert found["partners.yaml", ""].message == "the file is missing"
    assert ("memorandum.yaml", "") in found


def test_a_folder_without_feeds_is_refused(folder):
    for path in (folder / "feeds").iterdir():
        path.unlink()
    assert any(path.endswith("feeds") for path, _ in problems(folder))


def test_the_environment_overrides_site_toml(folder, monkeypatch):
    monkeypatch.setenv("SALLYPORT_BASE_URL", "https://county.example")
    monkeypatch.setenv("SALLYPORT_UNKNOWN", "x")
    assert load_site(folder).site.base_url == "https://county.example"


@pytest.mark.parametrize(
    ("before", "after", "path", "says"),
    [
        ("https://ehr.riverside.example/fhir", "http://ehr.riverside.example/fhir", "pull.base_url", "https"),
        (
            "https://ehr.riverside.example/fhir",
            "https://me@ehr.riverside.example/fhir",
            "pull.base_url",
            "without user",
        ),
        ("count: 500", "count: 0", "pull.count", "greater"),
        ("count: 500", "colour: red", "pull.colour", "extra"),
        ("Patient: {}", "patient: {}", "pull.search.patient", "pattern"),
        ("Patient: {}", 'Patient: {_lastUpdated: "ge2020"}', "pull", "_lastUpdated"),
    ],
)
def test_a_server_to_fetch_from_is_checked_with_its_key_path(folder, before, after, path, says):
    feed = folder / "feeds" / "riverside_ehr.yaml"
    feed.write_text(feed.read_text().replace(before, after))
    found = problems(folder)
    (at,) = [key for where, key in found if where == "feeds/riverside_ehr.yaml" and key.startswith(path)]
    assert says in str(found["feeds/riverside_ehr.yaml", at])
