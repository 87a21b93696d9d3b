"""`sallyport profiles`: the package is reproducible, complete and can be unpacked and indexed as FHIR tools do."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from adapter.assets import copy_fictional_county, r4_facts
from adapter.cli import run
from adapter.fhir.facts import Facts
from adapter.services.fhir_package import NAME
from adapter.services.profiles import profiles_of, shipped_validator


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("package") / "it.tgz"
    assert run(["profiles", "package", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def unpacked(written):
    with tarfile.open(written, "r:gz") as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive}


def resources(unpacked):
    return {
        name: json.loads(content)
        for name, content in unpacked.items()
        if name not in {"package/package.json", "package/.index.json"}
    }


def test_the_same_version_gives_the_same_bytes(written, tmp_path, capfd):
    other = tmp_path / "again.tgz"
    assert run(["profiles", "package", "--out", str(other), "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert other.read_bytes() == written.read_bytes()
    assert (told["name"], told["bytes"]) == (NAME, len(other.read_bytes()))
    with tarfile.open(other, "r:gz") as archive:
        entries = list(archive)
    assert {(entry.mtime, entry.uid, entry.gid, entry.uname, entry.mode) for entry in entries} == {(0, 0, 0, "", 0o644)}
    first, *others = [entry.name for entry in entries]
    assert first == "package/package.json"
    assert others == sorted(others)


def test_it_goes_to_standard_output_or_to_a_file_of_its_name(written, tmp_path, capfdbinary, monkeypatch):
    assert run(["profiles", "package", "--out", "-"]) == 0
    assert capfdbinary.readouterr().out == written.read_bytes()
    monkeypatch.chdir(tmp_path)
    assert run(["profiles", "package"]) == 0
    (made,) = tmp_path.iterdir()
    assert made.name.startswith(f"{NAME}-")
    assert made.read_bytes() == written.read_bytes()


def test_the_manifest_is_that_of_a_fhir_package(unpacked):
    manifest = json.loads(unpacked["package/package.json"])
    assert manifest["name"] == NAME
    assert manifest["fhirVersions"] == ["4.0.1"]
    assert manifest["type"] == "fhir.ig"
    assert "hl7.fhir.r4.core" in manifest["dependencies"]


def test_the_index_lists_every_resource_once(unpacked):
    index = json.loads(unpacked["package/.index.json"])
    found = resources(unpacked)
    assert {f"package/{one['filename']}" for one in index["files"]} == set(found)
    for one in index["files"]:
        resource = found[f"package/{one['filename']}"]
        assert one["filename"] == f"{resource['resourceType']}-{resource['id']}.json"
        assert {key: value for key, value in one.items() if key != "filename"} == {
            key: resource[key] for key in one if key != "filename"
        }
        assert one["url"] == resource["url"]


def test_what_is_in_it_is_valid_and_can_be_claimed_by_whoever_loads_it(unpacked):
    """A tool that knows nothing of this software builds its profiles from the package alone."""
    facts, found = Facts(r4_facts()), resources(unpacked)
    validator = shipped_validator()
    for name, resource in found.items():
        assert validator.issues(resource) == [], name
    us_core = {"profiles": {}, "codes": {}}
    kept = [one for one in found.values() if "us-core" not in one.get("baseDefinition", "")]
    loaded = profiles_of(facts, kept, us_core)
    loaded.compile_all()
    assert len(loaded.urls) > 10


def test_what_a_resource_refers_to_is_in_the_package(unpacked):
    found = resources(unpacked)
    urls = {one["url"] for one in found.values()}
    text = json.dumps(list(found.values()))
    ours = {part.partition('"')[0] for part in text.split('"https://sallyport.example/fhir/')[1:]}
    named = {
        f"https://sallyport.example/fhir/{one}"
        for one in ours
        if one.partition("/")[0]
        in {"StructureDefinition", "ValueSet", "CodeSystem", "OperationDefinition", "SearchParameter"}
    }
    assert len(named) > 100
    assert named <= urls
    (guide,) = [one for one in found.values() if one["resourceType"] == "ImplementationGuide"]
    listed = {one["reference"]["reference"] for one in guide["definition"]["resource"]}
    assert listed == {f"{one['resourceType']}/{one['id']}" for one in found.values()} - {f"ImplementationGuide/{NAME}"}


def test_the_list_names_each_and_a_site_has_its_own_instruments(capfd, tmp_path):
    assert run(["profiles", "list"]) == 0
    assert "Screening summary" in capfd.readouterr().out
    copy_fictional_county(tmp_path)
    for site in ([], ["--site", str(tmp_path)]):
        assert run(["profiles", "list", "--json", *site]) == 0
        rows = json.loads(capfd.readouterr().out)
        assert set(rows[0]) == {"type", "id", "title"}
    assert run(["profiles", "package", "--site", str(tmp_path), "--out", str(tmp_path / "own.tgz")]) == 0
    with tarfile.open(fileobj=io.BytesIO((tmp_path / "own.tgz").read_bytes())) as archive:
        codes = json.loads(archive.extractfile("package/CodeSystem-jbh-instrument.json").read())
    assert "local-intake-2025" in {one["code"] for one in codes["concept"]}
