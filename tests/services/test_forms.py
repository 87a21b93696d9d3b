"""Release forms are read one file a version, and what is wrong with one is told by its key."""

from __future__ import annotations

import pytest
import yaml

from adapter.assets import copy_fictional_county
from adapter.errors import ConfigurationError
from adapter.services.forms import read_form


@pytest.fixture
def document(tmp_path):
    copy_fictional_county(tmp_path)
    return yaml.safe_load((tmp_path / "forms" / "universal_release_2026_1.yaml").read_text())


def test_a_form_of_the_fictional_county(document):
    form = read_form(document, "forms/x.yaml")
    assert (form.form, form.version) == ("universal-release", "2026-1")
    assert form.partners["defender"] == ("pretrial-release", "diversion")
    assert form.part2.needs == "substance-use"


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        ({"classes": {"x": ["NOT-A-CODE"]}}, "", "not-a-code"),
        ({"partners": {}}, "partners", "at least 1"),
        ({"part2": {"statement": "s", "needs": "nothing"}}, "", "part2.needs"),
        ({"colour": "blue"}, "colour", "extra"),
        ({"partners": {"court": ["HLEGAL"]}}, "", "proceedings"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(document, change, path, said):
    with pytest.raises(ConfigurationError) as caught:
        read_form(document | change, "forms/x.yaml")
    (problem,) = caught.value.problems
    assert (problem.where, problem.path) == ("forms/x.yaml", path)
    assert said in str(problem).lower()
