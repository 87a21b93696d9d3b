"""Whether a JSON value has the shape R4 gives to a Consent, element by element.

Three findings, in falling weight: a *fault* (wrong JSON shape: nobody knows what the author meant, the
consent is capped), a *strange* part (an unknown element or a modifierExtension: what holds it is UNKNOWN),
and an *extension* that is not known to be harmless (inside a permit: one more UNKNOWN criterion).

Elements: https://hl7.org/fhir/R4/consent-definitions.html ; extensions:
https://hl7.org/fhir/R4/extensibility.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_STRING: Final = "string"
_BOOLEAN: Final = "boolean"
_ANY: Final = "any"

Shape = dict[str, str]
"""Element name to type; ``*`` in front of the type for an element that repeats."""

CODING: Final[Shape] = {
    "system": _STRING,
    "version": _STRING,
    "code": _STRING,
    "display": _STRING,
    "userSelected": _BOOLEAN,
}
SHAPES: Final[Mapping[str, Shape]] = {
    "Coding": CODING,
    "CodeableConcept": {"coding": "*Coding", "text": _STRING},
    "Period": {"start": _STRING, "end": _STRING},
    "Identifier": {
        "use": _STRING,
        "type": "CodeableConcept",
        "system": _STRING,
        "value": _STRING,
        "period": "Period",
        "assigner": "Reference",
    },
    "Reference": {"reference": _STRING, "type": _STRING, "identifier": "Identifier", "display": _STRING},
    "Actor": {"role": "CodeableConcept", "reference": "Reference"},
    "Data": {"meaning": _STRING, "reference": "Reference"},
    "Policy": {"authority": _STRING, "uri": _STRING},
    "Verification": {
        "verified": _BOOLEAN,
        "verifiedWith": "Reference",
        "verificationDate": _STRING,
    },
    "Meta": {
        "versionId": _STRING,
        "lastUpdated": _STRING,
        "source": _STRING,
        "profile": "*string",
        "security": "*Coding",
        "tag": "*Coding",
    },
}

PROVISION: Final[Shape] = {
    "type": _STRING,
    "period": "Period",
    "actor": "*Actor",
    "action": "*CodeableConcept",
    "securityLabel": "*Coding",
    "purpose": "*Coding",
    "class": "*Coding",
    "code": "*CodeableConcept",
    "dataPeriod": "Period",
    "data": "*Data",
    "provision": "*any",
}
CONSENT: Final[Shape] = {
    "resourceType": _STRING,
    "meta": "Meta",
    "implicitRules": _STRING,
    "language": _STRING,
    "text": _ANY,
    "contained": "*any",
    "identifier": "*Identifier",
    "status": _STRING,
    "scope": "CodeableConcept",
    "category": "*CodeableConcept",
    "patient": "Reference",
    "dateTime": _STRING,
    "performer": "*Reference",
    "organization": "*Reference",
    "sourceAttachment": _ANY,
    "sourceReference": "Reference",
    "policy": "*Policy",
    "policyRule": "CodeableConcept",
    "verification": "*Verification",
    "provision": _ANY,
}

HARMLESS: Final = frozenset(
    {
        "http://hl7.org/fhir/StructureDefinition/display",
        "http://hl7.org/fhir/StructureDefinition/narrativeLink",
        "http://hl7.org/fhir/StructureDefinition/originalText",
        "http://hl7.org/fhir/StructureDefinition/rendering-markdown",
        "http://hl7.org/fhir/StructureDefinition/rendering-style",
        "http://hl7.org/fhir/StructureDefinition/rendering-xhtml",
        "http://hl7.org/fhir/StructureDefinition/translation",
    }
)
"""Extensions that only say how a text looks or where it came from."""


Where = tuple[Any, str]
"""A place as (the place around it, the step to it); spelled out only when there is something to say."""


def _spelled(where: Where | str) -> str:
    steps = []
    while isinstance(where, tuple):
        where, step = where
        steps.append(step)
    return where + "".join(reversed(steps))


@dataclass(slots=True, kw_only=True)
class Findings:
    """What was found wrong or unknown in one part; ``fault`` is the first wrong shape, in words."""

    fault: str = ""
    strange: bool = False
    extension: bool = False
    pending: list[tuple[Shape, Any, Where | str]] = field(default_factory=list)

    def wrong(self, where: Where | str, expected: str) -> None:
        """Note a wrong shape at ``where``; the first one is kept."""
        self.fault = self.fault or f"{_spelled(where)}: expected {expected}"


def _harmless(extensions: object) -> bool:
    return isinstance(extensions, list) and all(
        isinstance(one, dict) and isinstance(one.get("url"), str) and one["url"] in HARMLESS for one in extensions
    )


def _primitive(found: Findings, kind: str, value: object, where: Where | str) -> None:
    if kind == _BOOLEAN and not isinstance(value, bool):
        found.wrong(where, "true or false")
    elif kind == _STRING and not (isinstance(value, str) and value.strip()):
        found.wrong(where, "text that is not empty")
    elif value is None:
        found.wrong(where, "a value")


def _companion(found: Findings, name: str, value: object, known: Shape) -> None:
    """``_code`` and the like: the extensions of a primitive element."""
    if known.get(name[1:], "").removeprefix("*") not in {_STRING, _BOOLEAN}:
        found.strange = True
        return
    for one in value if isinstance(value, list) else [value]:
        if one is None:
            continue
        if not isinstance(one, dict) or one.keys() - {"id", "extension"}:
            found.strange = True
        elif not _harmless(one.get("extension", [])):
            found.extension = True


def _value(found: Findings, kind: str, value: object, where: Where | str) -> None:
    """Check one JSON value, or queue it where it is an element with elements of its own."""
    known = SHAPES.get(kind)
    if known is not None:
        found.pending.append((known, value, where))
    elif not kind.startswith("*"):
        _primitive(found, kind, value, where)
    elif not isinstance(value, list) or not value:
        found.wrong(where, "an array with at least one element")
    else:
        for index, one in enumerate(value):
            _value(found, kind[1:], one, (where, f"[{index}]"))


def _element(found: Findings, known: Shape, value: object, where: Where | str) -> None:
    if not isinstance(value, dict) or not value:
        found.wrong(where, "an object with at least one element")
        return
    for name, part in value.items():
        kind = known.get(name)
        if kind == _STRING and type(part) is str and part and not part.isspace():
            continue
        if kind is not None:
            _value(found, kind, part, (where, f".{name}"))
        elif name == "extension":
            found.extension = found.extension or not _harmless(part)
        elif name == "id":
            _primitive(found, _STRING, part, (where, ".id"))
        elif name.startswith("_"):
            _companion(found, name, part, known)
        else:
            found.strange = True


def examine(kind: str, value: object, path: str) -> Findings:
    """Check ``value`` against the type ``kind`` (``*`` in front where it repeats), however deep it goes."""
    found = Findings()
    _value(found, kind, value, path)
    for known, part, where in found.pending:  # grows while it is read
        _element(found, known, part, where)
    return found


def examine_extension(name: str, value: object, known: Shape) -> Findings:
    """Check ``extension``, or the ``_name`` that carries the extensions of a primitive element."""
    found = Findings()
    if name == "extension":
        found.strange = not isinstance(value, list)
        found.extension = not _harmless(value)
    else:
        _companion(found, name, value, known)
    return found
