"""The search parameters on offer as SearchParameter resources, made of the tables that the search reads.

Each narrows the parameter that R4 or US Core defines, which it names, to the elements, comparators and modifiers that
are looked at here. https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.fhir.criteria import modifiers
from adapter.fhir.dates import PREFIXES
from adapter.fhir.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.fhir.facts import Facts
    from adapter.fhir.parameters import SearchParameter

_US_CORE: Final = "http://hl7.org/fhir/us/core/SearchParameter/us-core-"
_BY_US_CORE: Final = frozenset({("Encounter", "discharge-disposition")})
"""Parameters that US Core defines and R4 does not."""
_VERSION: Final = "0.1.0"
_COMPARED: Final = frozenset({"date", "quantity"})


def search_parameters(facts: Facts, *, canonical: str, date: str) -> Iterator[dict[str, Any]]:
    """A SearchParameter for each parameter of each type; ``canonical`` is the base of their addresses."""
    for kind, table in PARAMETERS.items():
        for parameter in table.values():
            if parameter.paths:
                yield _definition(facts, kind, parameter, canonical, date)


def _definition(facts: Facts, kind: str, parameter: SearchParameter, canonical: str, date: str) -> dict[str, Any]:
    ident = f"{kind}-{parameter.name}"
    words = parameter.name.replace("-", " ")
    defined = facts.search.get(kind, {}).get(parameter.name)
    if defined is None and (kind, parameter.name) in _BY_US_CORE:
        defined = f"{_US_CORE}{kind.lower()}-{parameter.name}"
    found: dict[str, Any] = {
        "resourceType": "SearchParameter",
        "id": ident,
        "url": f"{canonical}/SearchParameter/{ident}",
        "version": _VERSION,
        "name": kind + "".join(word.capitalize() for word in words.split()),
        **({"derivedFrom": defined} if defined else {}),
        "status": "active",
        "date": date,
        "publisher": "Sallyport",
        "description": f"{kind} by {words}, among what the caller may see.",
        "code": parameter.name,
        "base": [kind],
        "type": parameter.kind,
        "expression": " | ".join(_expression(facts, kind, path) for path in parameter.paths),
    }
    if parameter.kind == "reference":
        found["target"] = list(parameter.targets) or ["Resource"]
    found |= {"multipleOr": True, "multipleAnd": True}
    if parameter.kind in _COMPARED:
        found["comparator"] = list(PREFIXES)
    # R4 spells `of-type` another way, and has one word for a modifier that is the name of a type.
    codes = {"of-type": "ofType"} | dict.fromkeys(parameter.targets, "type")
    if taken := dict.fromkeys(codes.get(name, name) for name in modifiers(parameter)):
        found["modifier"] = list(taken)
    return found


def _expression(facts: Facts, kind: str, path: str) -> str:
    """FHIRPath of a dotted path; the JSON name of a choice is its element as that type."""
    found, structure = kind, facts.types.get(kind)
    for name in path.split("."):
        element = next((one for one in structure.elements if name in one.forms), None) if structure else None
        if element is None or len(element.forms) == 1:
            found = f"{found}.{name}"
        else:
            found = f"({found}.{element.base} as {element.forms[name]})"
        structure = facts.types.get(element.forms[name]) if element is not None else None
    return found
