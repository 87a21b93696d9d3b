"""The profiles that ship, ready to be claimed: ours with their value sets, and what US Core asks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from adapter import assets
from adapter.fhir.facts import Facts
from adapter.fhir.profiles import HL7, Definition, Profiles, codes_of, definition_of
from adapter.fhir.validate import Validator

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def shipped_profiles(facts: Facts) -> Profiles:
    """Every profile, compiled: ProfileError tells what is wrong with one."""
    found = profiles_of(facts, assets.conformance().values(), assets.us_core())
    found.compile_all()
    return found


def profiles_of(facts: Facts, resources: Iterable[Mapping[str, Any]], us_core: Mapping[str, Any]) -> Profiles:
    """The profiles among conformance resources, with those of US Core."""
    kept: dict[str, list[Mapping[str, Any]]] = {}
    for resource in resources:
        kept.setdefault(resource["resourceType"], []).append(resource)
    systems = {system["url"]: system for system in kept.get("CodeSystem", ())}
    codes = {value_set["url"]: codes_of(value_set, systems) for value_set in kept.get("ValueSet", ())}
    for url, listed in us_core["codes"].items():
        codes[url] = {system: None if one is None else frozenset(one) for system, one in listed.items()}
    definitions = [
        Definition(url=url, type=one["type"], base=HL7 + one["type"], rows=one["rows"])
        for url, one in us_core["profiles"].items()
    ]
    definitions += [definition_of(one) for one in kept.get("StructureDefinition", ())]
    return Profiles(facts, definitions, codes)


@cache
def shipped_validator() -> Validator:
    """The validator that knows R4 and every shipped profile, made once in a process: what ships does not change."""
    facts = Facts(assets.r4_facts())
    return Validator(facts, shipped_profiles(facts))
