"""Functions that make security labels of what HL7 v2 says about access: MSH-8, ARV, PV2-22, PD1-12, TXA-18.

A code nobody knows becomes the most restrictive label, with the sender's own code beside it; none is dropped. What an
ARV restricts, an ARV of the same code with the action D lifts again; nothing else that a message says does.

HL7 v2.9 chapter 3, sections 3.4.11 (PV2-22), 3.4.14 (ARV) and tables 0717, 0719, 0272; labels:
https://hl7.org/fhir/R4/security-labels.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapter.mapping.functions.hl7 import Field, component, first_text
from adapter.mapping.registry import Coverage, function

if TYPE_CHECKING:
    from adapter.mapping.scope import Remarks

Coding = dict[str, str]
_CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
LOCAL: Final = "https://sallyport.example/fhir/CodeSystem/hl7v2-restriction"
"""System of a sender's own code for a restriction."""
_LEVELS = frozenset("ULMNRV")
_MOST: Final[Coding] = {"system": _CONFIDENTIALITY, "code": "V"}
_RESTRICTED: Final[Coding] = {"system": _CONFIDENTIALITY, "code": "R"}
_KNOWN: Final[dict[str, list[Coding]]] = {
    "NO": [],
    "OI": [],
    "ALL": [_MOST],
    **{
        name: [_RESTRICTED, {"system": _ACT_CODE, "code": code}]
        for name, code in {
            "DEM": "DEMO",
            "LOC": "LOCIS",
            "PID-7": "DOB",
            "PID-17": "REL",
            "STD": "STD",
            "HIV": "HIV",
            "PSY": "PSY",
            "DIA": "DIA",
            "EMP": "EMP",
            "PHY": "PHY",
            "PAT": "PRS",
            "VIP": "CEL",
        }.items()
    },
}
"""Tables 0717 and 0719, as far as a label of FHIR says the same; any other code is the most restrictive label."""
_DELETE = "D"
_READ = Coverage(frozenset({"1", "2", "3"}))


def _code(repetition: Coding) -> str | None:
    """What is restricted, or why, in the sender's own code."""
    code = component(repetition, "1") or component(repetition, "2")
    return None if code is None else " ".join(code.split())


def _labels(remarks: Remarks, argument: int, repetition: Coding, codes: dict[str, Coding]) -> list[Coding]:
    code = _code(repetition)
    if code is None:
        return []
    if code in codes:
        return [codes[code]]
    if code in _KNOWN:
        return _KNOWN[code]
    remarks.warn(argument, "unknown-restriction")
    return [_MOST, {"system": LOCAL, "code": code}]


@function(gives="any", field="field", codes="literal", reads={"field": _READ})
def security_codes(remarks: Remarks, field: Field | None, codes: dict[str, Coding]) -> list[Coding] | None:
    """Labels of MSH-8 or TXA-18: levels of confidentiality as they are, the mapping's own codes; else the highest."""
    found: list[Coding] = []
    for repetition in field or ():
        code = component(repetition, "1") or ""
        if code in _LEVELS and code not in codes:
            found.append({"system": _CONFIDENTIALITY, "code": code})
        else:
            found += _labels(remarks, 0, repetition, codes)
    return found or None


@function(
    gives="any",
    value="field",
    reason="field",
    action="field",
    codes="literal",
    reads={"value": _READ, "reason": _READ, "action": Coverage(frozenset({"1"}))},
)
def restriction_labels(
    remarks: Remarks, value: Field | None, reason: Field | None, action: Field | None, codes: dict[str, Coding]
) -> list[Coding] | None:
    """Labels of an access restriction: what is restricted (ARV-3) and why (ARV-4), every repetition.

    With the action D (ARV-2) alone, what the same codes restricted before is lifted. Where actions are mixed nobody
    knows which is about what, so everything is restricted.
    """
    actions = {component(one, "1") for one in action or ()}
    told = [(0, one) for one in value or ()] + [(1, one) for one in reason or ()]
    if actions == {_DELETE} and any(_code(one) for _, one in told):
        return [{"lifts": code} for _, one in told if (code := _code(one))]
    if _DELETE in actions:
        remarks.warn(2, "restriction-kept")
    found = [
        {**label, "because": _code(one) or ""} for place, one in told for label in _labels(remarks, place, one, codes)
    ]
    if action and not told:
        found.append(_MOST)
    return found or None


@function(gives="any", field="field", reads={"field": Coverage(frozenset({"1"}), first=True)})
def document_confidentiality(remarks: Remarks, field: Field | None) -> list[Coding] | None:
    """Labels of the confidentiality of a document (TXA-18, table 0272), whose `U` is usual control."""
    code = (first_text(field) or "").upper()
    if code in {"", "U"}:
        return None
    if code in {"R", "V"}:
        return [{"system": _CONFIDENTIALITY, "code": code}]
    remarks.warn(0, "unknown-restriction")
    return [_MOST]


@function(gives="any", field="field", reads={"field": Coverage(frozenset({"1"}), first=True)})
def protection_label(remarks: Remarks, field: Field | None) -> list[Coding] | None:
    """The label of a visit or person whose protection indicator is `Y` (PV2-22, PD1-12)."""
    text = (first_text(field) or "").upper()
    if text in {"", "N"}:
        return None
    if text == "Y":
        return [_RESTRICTED]
    remarks.warn(0, "unknown-restriction")
    return [_MOST]
