"""Code tables, and what happens to a code nobody listed."""

from __future__ import annotations

import pytest

from adapter.errors import ConfigurationError
from adapter.mapping.tables import plain_code, read_table


def table(**keys):
    return {
        "table": 1,
        "title": "t",
        "authority": "a",
        "gives": "code",
        "otherwise": "unknown",
        "codes": {"M": "male"},
    } | keys


def read(**keys):
    return read_table(table(**keys), name="sex", file="sex.yaml")


def problem(**keys):
    with pytest.raises(ConfigurationError) as caught:
        read(**keys)
    (found,) = caught.value.problems
    return found


def test_what_a_table_gives():
    assert read().codes == {"M": "male"}
    coding = read(
        gives="Coding",
        system="s",
        otherwise="nothing",
        codes={"w": {"code": "1", "display": "W"}, "A": {"text": "both"}},
    )
    assert coding.codes == {"W": {"system": "s", "code": "1", "display": "W"}, "A": None}
    concept = read(gives="CodeableConcept", system="s", otherwise="text", codes={"w": "1", "A": {"text": "both"}})
    assert concept.codes == {"W": {"coding": [{"system": "s", "code": "1"}]}, "A": {}}


def test_a_code_nobody_listed_says_no_more_than_is_known():
    assert read().fallback("Q") == "unknown"
    assert read(otherwise="nothing").fallback("Q") is None
    assert read(gives="CodeableConcept", otherwise="text").fallback("Q") == {"text": "Q"}


def test_codes_are_compared_without_case_and_spaces():
    assert plain_code(" m  x ") == "M X"
    assert read(codes={1: "male", "2": "female"}).codes == {"1": "male", "2": "female"}


@pytest.mark.parametrize(
    ("keys", "path", "words"),
    [
        ({"codes": {"M": None}}, "codes.M", "no target"),
        ({"codes": {"M": {}}}, "codes.M", "no target"),
        ({"codes": {"M": {"text": "man"}}}, "codes.M", "no target"),
        ({"codes": {"M": {"cod": "x", "code": "x"}}}, "codes.M.cod", "unknown key"),
        ({"codes": {"m": "male", "M ": "female"}}, "codes.M ", "listed twice"),
        ({"codes": {False: "male"}}, "codes", "unquoted"),
        ({"codes": ["M"]}, "codes", "dictionary"),
        ({"otherwise": "other"}, "otherwise", "not a valid value"),
        ({"otherwise": "text"}, "", "does not fit"),
        ({"gives": "Coding", "otherwise": "unknown"}, "", "does not fit"),
        ({"gives": "Coding", "otherwise": "text"}, "", "no place for text"),
        ({"sytem": "x"}, "sytem", "unknown key"),
    ],
)
def test_a_table_that_cannot_be_used_names_the_place(keys, path, words):
    found = problem(**keys)
    assert (found.where, found.path) == ("sex.yaml", path)
    assert words in found.message


def test_a_missing_key_is_named():
    document = table()
    del document["otherwise"]
    with pytest.raises(ConfigurationError, match="`otherwise` is missing"):
        read_table(document, name="sex", file="sex.yaml")


def test_every_table_gives_targets_only_from_the_value_set_it_is_for(tables):
    assert set(tables["sex"].codes.values()) == {"male", "female", "other", "unknown"}
    encounter = {"planned", "in-progress", "finished", "cancelled", "entered-in-error", "unknown"}
    assert set(tables["adt-event"].codes.values()) | set(tables["custody-status"].codes.values()) <= encounter
    assert tables["observation-status"].codes["W"] == "entered-in-error"
    assert tables["race"].codes["A"] is None
    assert tables["race"].codes["H"]["code"] == "UNK"
