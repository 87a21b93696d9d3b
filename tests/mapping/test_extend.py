"""A sender's file over a base mapping: what merges, what is told in which file."""

from __future__ import annotations

import copy

import pytest

from adapter.errors import ConfigurationError
from adapter.mapping import Environment, compile_mapping

BASE = {
    "mapping": 1,
    "source": "jail.test",
    "constants": {"system": "urn:base"},
    "kinds": {
        "row": {
            "columns": {"Id": "string", "Name": "string", "Note": "string"},
            "unused": {"Note": "free text"},
            "person": ["Id"],
            "resources": [
                {
                    "name": "patient",
                    "type": "Patient",
                    "key": ["Id"],
                    "fields": {
                        "identifier": [{"system": {"constant": "system"}, "value": "Id"}],
                        "name": [{"text": "Name"}],
                        "gender": {"literal": "unknown"},
                    },
                },
            ],
        }
    },
}
MIDDLE = {"mapping": 1, "source": "jail.test", "extends": "base", "constants": {"system": "urn:middle"}}


@pytest.fixture
def extend(elements, tables, record):
    """Compiles a sender's file over the base; gives the drafts of one record by name."""

    def run(own, **bases):
        document = {"mapping": 1, "source": "jail.test", "extends": "base", **own}
        before = copy.deepcopy(document)
        mapping = compile_mapping(
            document, file="own.yaml", tables=tables, elements=elements, bases={"base": BASE, "middle": MIDDLE, **bases}
        )
        assert document == before
        mapped = mapping.map(record("row", {"Id": "1", "Name": "A", "Note": "n"}), Environment(zone="UTC"))
        return {draft.name: draft.body for draft in mapped.drafts}

    return run


def problems(extend, own, **bases):
    with pytest.raises(ConfigurationError) as caught:
        extend(own, **bases)
    return {(problem.where, problem.path): problem for problem in caught.value.problems}


def test_a_file_that_says_nothing_else_is_the_base(extend):
    assert extend({})["patient"] == {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:base", "value": "1"}],
        "name": [{"text": "A"}],
        "gender": "unknown",
    }


def test_constants_stand_where_they_are_named_and_the_nearest_counts(extend):
    assert extend({"constants": {"system": "urn:own"}})["patient"]["identifier"][0]["system"] == "urn:own"
    assert extend({"extends": "middle"})["patient"]["identifier"][0]["system"] == "urn:middle"


def test_keys_merge_null_removes_and_a_node_is_replaced_whole(extend):
    change = {"name": "patient", "fields": {"gender": None, "name": [{"family": "Name"}], "active": {"literal": True}}}
    body = extend({"kinds": {"row": {"resources": [change]}}})["patient"]
    assert body == {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:base", "value": "1"}],
        "name": [{"family": "A"}],
        "active": True,
    }
    node = {"name": "patient", "fields": {"gender": {"map": "sex", "of": "Note"}}}
    own = {"kinds": {"row": {"unused": {"Note": None}, "resources": [node]}}}
    assert extend(own)["patient"]["gender"] == "other"


def test_resources_are_dropped_and_added_by_name(extend):
    added = {
        "name": "booking",
        "type": "Encounter",
        "key": ["Id"],
        "fields": {"status": {"literal": "planned"}, "class": {"literal": {"code": "IMP"}}},
    }
    own = {"kinds": {"row": {"unused": {"Name": "x"}, "resources": [{"name": "patient", "drop": True}, added]}}}
    assert list(extend(own)) == ["booking"]


def test_a_problem_is_told_in_the_file_that_brought_it(extend):
    added = {"name": "other", "type": "Patient", "key": ["Idd"], "fields": {"gendre": {"literal": "x"}}}
    own = {"kinds": {"row": {"resources": [added]}}}
    assert set(problems(extend, own)) == {
        ("own.yaml", "kinds.row.resources[0].key[0]"),
        ("own.yaml", "kinds.row.resources[0].fields.gendre"),
    }
    column = {"kinds": {"row": {"columns": {"Name": None}}}}
    assert set(problems(extend, column)) == {("mappings/base/base.yaml", "kinds.row.resources[0].fields.name[0].text")}
    shape = {"kinds": {"row": {"colums": {}}}}
    (problem,) = problems(extend, shape).values()
    assert (problem.where, problem.path) == ("own.yaml", "kinds.row.colums")


@pytest.mark.parametrize(
    ("own", "path"),
    [
        ({"extends": "nothing"}, "extends"),
        ({"constants": {"sytem": "x"}}, "constants.sytem"),
        (
            {"kinds": {"row": {"person": [{"call": "first_of", "args": [{"constant": "nope"}]}]}}},
            "kinds.row.person[0].args[0]",
        ),
    ],
)
def test_what_is_not_there_is_named_with_what_is(extend, own, path):
    ((where, told),) = problems(extend, own)
    assert (where, told) == ("own.yaml", path)
    assert "`" in problems(extend, own)[where, told].expected


def test_a_base_that_extends_itself_is_no_base(extend):
    loop = {"mapping": 1, "source": "jail.test", "extends": "loop"}
    assert ("mappings/base/loop.yaml", "extends") in problems(extend, {"extends": "loop"}, loop=loop)


def test_another_sender_waits(elements, tables, record):
    document = {"mapping": 1, "source": "jail.test", "extends": "base", "sender": {"Name": "JMS"}}
    mapping = compile_mapping(document, file="own.yaml", tables=tables, elements=elements, bases={"base": BASE})
    made = mapping.map(record("row", {"Id": "1", "Name": "JMS"}), Environment(zone="UTC"))
    assert len(made.drafts) == 1
    for values in ({"Id": "1", "Name": "OTHER"}, {"Id": "1"}):
        with pytest.raises(Exception, match="unknown-sender"):
            mapping.map(record("row", values), Environment(zone="UTC"))


def test_a_column_of_a_segment_nobody_reads_is_ignored_and_any_other_is_reported(elements, tables, record):
    document = copy.deepcopy(BASE)
    kind = document["kinds"]["row"]
    kind["columns"] |= {"IN1": "segment", "NK1-2": "field"}
    kind["unused"] |= {"IN1": "insurance", "NK1-2": "relatives"}
    mapping = compile_mapping(document, file="f", tables=tables, elements=elements)
    field = [{"1": "a", "2": "b"}, {"1": "c"}]
    values = {"Id": "1", "IN1-2": field, "IN1[2]-9": field, "NK1[2]-2": field, "NK1[2]-3": field, "ZZZ-1": field}
    mapped = mapping.map(record("row", values), Environment(zone="UTC"))
    assert (mapped.leaves.ignored, mapped.leaves.unmapped, mapped.leaves.total) == (9, 6, 16)
    assert {path.partition("[0]")[0] for path in mapped.unmapped if "[0]" in path} == {"NK1[2]-3", "ZZZ-1"}
