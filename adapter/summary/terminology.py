"""The local CodeSystems and their ValueSets, generated from the registry.

``profiles/`` holds them for the built-in instruments; a site with instruments of its own serves what this
makes from its own registry. https://hl7.org/fhir/R4/codesystem.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter.summary.vocabulary import CANONICAL, INSTRUMENT, LOINC, RESULT_CATEGORY, RESULT_CODE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.summary.registry import Registry

VERSION = "0.1.0"
_TITLES = {
    "jbh-instrument": (
        "JbhInstrument",
        "Screening instruments",
        "Screening instruments that jails and providers use.",
    ),
    "jbh-result-code": (
        "JbhResultCode",
        "Screening result codes",
        "Results of screening instruments. A score and the band drawn from it have different codes.",
    ),
    "jbh-result-category": (
        "JbhResultCategory",
        "Screening result categories",
        "Bands of screening results.",
    ),
}
Concepts = list[dict[str, Any]]


def code_systems(registry: Registry) -> list[dict[str, Any]]:
    """The three CodeSystems that the registry defines, complete."""
    return [
        _code_system("jbh-instrument", INSTRUMENT, _instruments(registry), _properties("domain", "limit")),
        _code_system(
            "jbh-result-code",
            RESULT_CODE,
            list(_results(registry)),
            _properties("instrument", "kind", "loinc"),
        ),
        _code_system("jbh-result-category", RESULT_CATEGORY, _categories(registry), _properties("risk")),
    ]


def value_set(name: str, title: str, code_system: str) -> dict[str, Any]:
    """The ValueSet of all codes of one of our CodeSystems."""
    return {
        "resourceType": "ValueSet",
        "id": name,
        "url": f"{CANONICAL}/ValueSet/{name}",
        "version": VERSION,
        "name": "".join(part.capitalize() for part in name.split("-")),
        "title": title,
        "status": "active",
        "experimental": False,
        "publisher": "Sallyport",
        "compose": {"include": [{"system": code_system}]},
    }


def value_sets() -> list[dict[str, Any]]:
    """The ValueSets of the three generated CodeSystems."""
    return [value_set(name, title, f"{CANONICAL}/CodeSystem/{name}") for name, (_, title, _) in _TITLES.items()]


def concept_maps(registry: Registry) -> list[dict[str, Any]]:
    """From our result codes to LOINC, where LOINC has a code for the same result.

    https://hl7.org/fhir/R4/conceptmap.html
    """
    elements = [
        {"code": result.local, "display": result.text, "target": [{"code": code, "equivalence": "equivalent"}]}
        for instrument in registry.instruments.values()
        for result in instrument.result_codes
        for system, code in result.codings
        if system == LOINC
    ]
    name = "jbh-result-code-to-loinc"
    return [
        {
            "resourceType": "ConceptMap",
            "id": name,
            "url": f"{CANONICAL}/ConceptMap/{name}",
            "version": VERSION,
            "name": "JbhResultCodeToLoinc",
            "title": "Screening result codes to LOINC",
            "status": "active",
            "experimental": False,
            "publisher": "Sallyport",
            "description": "Which LOINC code a result carries beside ours. Results without one have no LOINC code.",
            "sourceUri": f"{CANONICAL}/ValueSet/jbh-result-code",
            "targetUri": "http://loinc.org/vs",
            "group": [{"source": RESULT_CODE, "target": LOINC, "element": elements}],
        }
    ]


def _code_system(name: str, url: str, concepts: Concepts, properties: Concepts) -> dict[str, Any]:
    computer_name, title, description = _TITLES[name]
    return {
        "resourceType": "CodeSystem",
        "id": name,
        "url": url,
        "version": VERSION,
        "name": computer_name,
        "title": title,
        "status": "active",
        "experimental": False,
        "publisher": "Sallyport",
        "description": description,
        "caseSensitive": True,
        "valueSet": f"{CANONICAL}/ValueSet/{name}",
        "content": "complete",
        "count": len(concepts),
        "property": properties,
        "concept": concepts,
    }


_PROPERTIES = {
    "domain": ("code", "mh, sud, mh+sud, risk, cognitive or social"),
    "limit": ("code", "none, score-only or level-only: what the licence or its content lets pass"),
    "instrument": ("code", "Code in jbh-instrument"),
    "kind": ("code", "score, level or override"),
    "loinc": ("string", "The LOINC code of the same result, where there is one"),
    "risk": ("integer", "Rank among results of one instrument, 0 to 9"),
}


def _properties(*names: str) -> Concepts:
    return [
        {"code": name, "description": description, "type": kind}
        for name, (kind, description) in ((name, _PROPERTIES[name]) for name in names)
    ]


def _instruments(registry: Registry) -> Concepts:
    return [
        {
            "code": instrument.id,
            "display": instrument.name,
            "definition": instrument.title,
            "property": [
                {"code": "domain", "valueCode": instrument.domain},
                {"code": "limit", "valueCode": instrument.limit},
            ],
        }
        for instrument in registry.instruments.values()
    ]


def _results(registry: Registry) -> Iterator[dict[str, Any]]:
    for instrument in registry.instruments.values():
        for result in instrument.result_codes:
            properties = [
                {"code": "instrument", "valueCode": instrument.id},
                {"code": "kind", "valueCode": result.kind},
            ]
            properties += [{"code": "loinc", "valueString": code} for system, code in result.codings if system == LOINC]
            yield {"code": result.local, "display": result.text, "property": properties}
        for scale in instrument.scales:
            if scale.override:
                yield {
                    "code": scale.override,
                    "display": f"{instrument.name} override",
                    "property": [
                        {"code": "instrument", "valueCode": instrument.id},
                        {"code": "kind", "valueCode": "override"},
                    ],
                }


def _categories(registry: Registry) -> Concepts:
    return [
        {
            "code": category.code,
            "display": category.display,
            "property": [{"code": "risk", "valueInteger": category.risk}],
        }
        for category in registry.categories.values()
    ]
