"""Every resource that describes this software but the statements, which the ways out make.

A site with instruments of its own has its own code systems.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter import assets
from adapter.fhir.search_definitions import search_parameters
from adapter.summary.terminology import code_systems, concept_maps
from adapter.summary.vocabulary import CANONICAL

if TYPE_CHECKING:
    from adapter.fhir.facts import Facts
    from adapter.summary.registry import Registry


RELEASED: Final = "2026-11-22"
"""Day on which what describes the software last changed; a constant, so that nothing of it holds a clock."""


def conformance(facts: Facts, registry: Registry) -> list[dict[str, Any]]:
    """Profiles, terminology, operations and search parameters."""
    found = {(one["resourceType"], one["id"]): one for one in assets.conformance().values()}
    # The instruments of a site stand in its own code systems.
    made = [*code_systems(registry), *concept_maps(registry)]
    made += search_parameters(facts, canonical=CANONICAL, date=RELEASED)
    found.update(((one["resourceType"], one["id"]), one) for one in made)
    return [{**one, "date": one.get("date", RELEASED)} for _, one in sorted(found.items())]
