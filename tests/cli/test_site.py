"""`validate` and `migrate`: mistakes stop with file, key path and what was expected."""

from __future__ import annotations

import pytest
import yaml

MISTAKES = {
    "site.toml": ("site.toml", 'operator = "business-associate"', 'operator = "boss"', "`operator`", "intermediary"),
    "feed regime": (
        "feeds/jail_roster.yaml",
        "regime: justice",
        "regime: martial",
        "`units.jail.regime`",
        "'part2'",
    ),
    "feed connector": (
        "feeds/jail_roster.yaml",
        "connector: jail.corerm_roster",
        "connector: jail.fax",
        "`connector`",
        "jail.corerm_roster",
    ),
    "feed encoding": ("feeds/jail_roster.yaml", "encoding: cp1252", "encoding: runes", "`encoding`", "utf-8"),
    "feed form": ("feeds/releases.yaml", "[universal-release", "[napkin", "`forms`", "universal-release"),
    "directory state": ("directory.yaml", "state: NM", "state: Nm", "`addresses.jail.state`", "[A-Z]{2}"),
    "directory partner": (
        "directory.yaml",
        "organization: cottonwood, location",
        "organization: dogwood, location",
        "`roles.reyes-cottonwood.organization`",
        "cottonwood",
    ),
    "directory practitioner": (
        "directory.yaml",
        "practitioner: stone",
        "practitioner: stein",
        "`roles.stone-jail.practitioner`",
        "reyes, stone",
    ),
    "directory location": (
        "directory.yaml",
        "  jail-intake:",
        "  jail-desk:",
        "`roles.stone-jail.location`",
        "jail-desk",
    ),
    "directory address": ("directory.yaml", "  court: {", "  courts: {", "`addresses.courts`", "court"),
    "partner": (
        "partners.yaml",
        "entity: custody, contact: records desk",
        "entity: club",
        "`partners.jail.entity`",
        "'court'",
    ),
    "agreement": (
        "agreements/memorandum.yaml",
        "classes: [screening-summary], regimes: [hipaa, part2]}\n  - {recipient: defender",
        "classes: [gossip], regimes: [hipaa, part2]}\n  - {recipient: defender",
        "`grants[0].classes[0]`",
        "'screening-summary'",
    ),
    "agreement party": (
        "agreements/memorandum.yaml",
        "[jail, jail-medical",
        "[jayle, jail, jail-medical",
        "`parties`",
        "jail-medical",
    ),
    "amendment": (
        "agreements/memorandum.yaml",
        "ends: [probation-diversion-trial]",
        "ends: [probation-trial]",
        "`amendments[0].ends`",
        "probation-diversion-trial",
    ),
    "signatory": (
        "agreements/memorandum.yaml",
        "organisation: pretrial,",
        "organisation: police,",
        "`signatories[4].organisation`",
        "pretrial",
    ),
    "contract": (
        "agreements/hosting_contract.yaml",
        "resists_legal_process: true",
        "resists_legal_process: false",
        "`qualified_service.resists_legal_process`",
        "True",
    ),
    "contract feed": (
        "agreements/hosting_contract.yaml",
        "feeds: [jail-roster",
        "feeds: [jail-rooster",
        "`feeds`",
        "jail-roster",
    ),
    "user agreement": (
        "user_agreements/resource_connection_2026_1.yaml",
        "required_of: [police",
        "required_of: [polise",
        "`required_of`",
        "police-triage",
    ),
    "form": ("forms/universal_release_2026_1.yaml", "title: Universal", "titel: Universal", "`titel`", ""),
    "mapping column": (
        "mappings/jail_roster.yaml",
        "birthDate: {call: birth_date, args: [DOB]}",
        "birthDate: {call: birth_date, args: [BIRTH]}",
        "`kinds.row.resources[0].fields.birthDate",
        "DOB",
    ),
    "mapping call": (
        "mappings/jail_roster.yaml",
        "{call: birth_date, args: [DOB]}",
        "{call: birthday, args: [DOB]}",
        "`kinds.row.resources[0].fields.birthDate",
        "birth_date",
    ),
    "mapping element": (
        "mappings/jail_roster.yaml",
        "gender: {map: sex, of: Sex}",
        "gendre: {map: sex, of: Sex}",
        "`kinds.row.resources[0].fields.gendre",
        "gender",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_stops_with_file_key_path_and_what_was_expected(sallyport, folder, mistake):
    name, old, new, path, expected = MISTAKES[mistake]
    file = folder / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    ran = sallyport("validate", "--site", folder)
    assert (ran.code, ran.out) == (4, "")
    said = [line for line in ran.err.splitlines() if path in line]
    assert said, ran.err
    assert expected in said[0]
    assert name.rpartition("/")[2] in said[0] or "feed " in said[0]
    assert "Traceback" not in ran.err


def test_no_other_command_starts_on_a_folder_with_a_mistake(sallyport, folder):
    path = folder / "agreements" / "memorandum.yaml"
    path.write_text(path.read_text().replace("start: 2026-01-01", "start: soon"))
    for command in (["migrate"], ["replay"], ["report"], ["serve"], ["token", "list"], ["agreements", "list"]):
        ran = sallyport(*command, "--site", folder)
        assert ran.code == 4
        assert "`start`" in ran.err
    assert not (folder / "data").exists()


def test_every_mistake_is_told_at_once(sallyport, folder):
    for name, old, new, _, _ in (MISTAKES["site.toml"], MISTAKES["feed regime"], MISTAKES["partner"]):
        file = folder / name
        file.write_text(file.read_text().replace(old, new, 1))
    ran = sallyport("validate", "--site", folder)
    assert ran.err.startswith("3 to mend:")


def test_a_sound_folder_is_counted_and_nothing_is_opened(sallyport, folder):
    ran = sallyport("validate", "--site", folder)
    assert (ran.code, ran.out) == (
        0,
        "Alder County: 19 partners, 7 feeds, 3 clients, 3 agreements, 3 forms; nothing to mend\n",
    )
    assert not (folder / "data").exists()
    assert not (folder / "site.key").exists()


def test_migrate_makes_the_store_and_the_key_readable_by_its_owner_alone(sallyport, folder):
    ran = sallyport("migrate", "--site", folder)
    assert (ran.code, ran.out) == (0, "the store is up to date: 25 resources\n")
    assert (folder / "site.key").stat().st_mode & 0o777 == 0o600
    key = (folder / "site.key").read_bytes()
    assert sallyport("migrate", "--site", folder).out == ran.out
    assert (folder / "site.key").read_bytes() == key


def test_a_store_that_cannot_be_opened_is_a_failure_in_words(sallyport, folder):
    (folder / "data").write_text("in the way")
    ran = sallyport("migrate", "--site", folder)
    assert ran.code == 1
    assert ran.err.startswith("sallyport: ")


def test_a_form_says_what_the_law_of_the_place_wants_said(sallyport, folder):
    site = folder / "site.toml"
    site.write_text(site.read_text().replace("overlays = []", 'overlays = ["nm"]'))
    ran = sallyport("validate", "--site", folder)
    assert ran.code == 4
    wanted = "I have the right to examine and to copy the information that is to be disclosed."
    told = [line for line in ran.err.splitlines() if "statements.further" in line]
    assert [line.split()[0] for line in told] == [f"forms/{path.name}" for path in sorted(forms_in_use(folder))]
    assert wanted in ran.err
    for path in forms_in_use(folder):
        form = yaml.safe_load(path.read_text())
        form["statements"]["further"] = [wanted]
        path.write_text(yaml.safe_dump(form))
    assert sallyport("validate", "--site", folder).code == 0


def forms_in_use(folder):
    paths = (folder / "forms").glob("*.yaml")
    return [path for path in paths if "retired" not in yaml.safe_load(path.read_text())]
