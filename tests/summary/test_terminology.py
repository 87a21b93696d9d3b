"""The generated code systems are complete for a site, county instruments included."""

from __future__ import annotations

from adapter.summary.registry import Registry
from adapter.summary.terminology import code_systems, value_set, value_sets
from adapter.summary.vocabulary import CANONICAL


def concepts(system):
    return {concept["code"]: concept for concept in system["concept"]}


def test_every_code_of_the_registry_is_a_concept(registry):
    instruments, results, categories = map(concepts, code_systems(registry))
    assert set(instruments) == set(registry.instruments)
    assert {code.local for row in registry.instruments.values() for code in row.result_codes} <= set(results)
    assert "lsi-r-override" in results
    assert set(categories) == set(registry.categories)


def test_a_result_names_its_instrument_kind_and_loinc(registry):
    results = concepts(code_systems(registry)[1])
    assert results["phq-9-score"]["property"] == [
        {"code": "instrument", "valueCode": "phq-9"},
        {"code": "kind", "valueCode": "score"},
        {"code": "loinc", "valueString": "44261-6"},
    ]


def test_counts_and_properties_are_declared(registry):
    for system in code_systems(registry):
        declared = {each["code"] for each in system["property"]}
        assert system["count"] == len(system["concept"])
        assert {p["code"] for concept in system["concept"] for p in concept["property"]} <= declared


def test_a_county_instrument_is_a_concept_of_its_site(rows, pinned):
    own = {
        "id": "local-intake", "name": "Intake", "title": "Intake", "domain": "mh", "labels": ["MH"],
        "licence": "own", "rule": "own", "scales": [{"level": {"local": "local-intake-result"}}],
        "own_categories": [{"code": "local-watch", "display": "Watch", "risk": 6}],
    }  # fmt: skip
    registry = Registry.load(rows, pinned, local=[("c", {"instruments": [own]})])
    instruments, results, categories = map(concepts, code_systems(registry))
    assert "local-intake" in instruments
    assert "local-intake-result" in results
    assert categories["local-watch"]["property"] == [{"code": "risk", "valueInteger": 6}]


def test_value_sets_include_their_code_system():
    made = value_set("purpose-of-use", "Purposes", f"{CANONICAL}/CodeSystem/purpose-of-use")
    assert made["name"] == "PurposeOfUse"
    assert [each["compose"]["include"][0]["system"].rpartition("/")[2] for each in value_sets()] == [
        "jbh-instrument",
        "jbh-result-code",
        "jbh-result-category",
    ]
