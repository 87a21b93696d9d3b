"""A person described by a Patient resource in the parameters of an operation.

https://hl7.org/fhir/R4/patient.html
"""

from __future__ import annotations

from typing import Any

from adapter.errors import RequestError


def person_of(person: Any, parameter: str) -> dict[str, Any]:
    """What recognises a person, in the shape that R4 gives it; nothing else of the resource is looked at.

    ``RequestError`` names the parameter where it is no such resource.
    """
    if not isinstance(person, dict) or person.get("resourceType") != "Patient":
        raise RequestError(f"`{parameter}` is no Patient resource", expression=parameter)
    kept: dict[str, Any] = {
        name: person[name] for name in ("identifier", "name", "birthDate", "gender") if name in person
    }
    texts = all(isinstance(kept.get(name, ""), str) for name in ("birthDate", "gender"))
    listed = all(
        isinstance(kept.get(name, []), list) and all(isinstance(one, dict) for one in kept.get(name, ()))
        for name in ("identifier", "name")
    )
    if not texts or not listed or not all(_plain(one) for name in ("identifier", "name") for one in kept.get(name, ())):
        raise RequestError(f"`{parameter}` is no Patient that can be read", expression=parameter)
    return kept


def _plain(element: dict[str, Any]) -> bool:
    """Whether the parts of an identifier or name that are compared are text."""
    texts = all(isinstance(element.get(name, ""), str) for name in ("system", "value", "use", "family"))
    lists = (element.get(name, []) for name in ("given", "suffix"))
    return texts and all(isinstance(one, list) and all(isinstance(part, str) for part in one) for one in lists)
