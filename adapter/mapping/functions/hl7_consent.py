"""Functions on CON: a consent that another system states, under the safe rule.

Only `A`, and `L` with its limits (CON-9), make an active Consent with a permit; every other status of table 0498 none.
A CON names no recipients. So its permit is for whom the paper names, whom nobody here can tell: it never permits by
itself what a release form would have to name. The root denies.

HL7 v2.9 chapter 9, section 9.9.1 (CON); tables 0496, 0497, 0498; https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.errors import RecordError
from adapter.mapping import moments
from adapter.mapping.functions.hl7 import Field, component, first_text
from adapter.mapping.functions.text import remarked
from adapter.mapping.registry import Coverage, function

if TYPE_CHECKING:
    from adapter.mapping.scope import Remarks

_STATUS: Final = {
    "A": "active",
    "L": "active",
    "P": "proposed",
    "R": "rejected",
    "X": "inactive",
    "B": "inactive",
}
"""Table 0498. `B`, consent not sought, is no consent."""
_SCOPES = "http://terminology.hl7.org/CodeSystem/consentscope"
_TREATMENT: Final = frozenset({"002", "004", "005", "006", "008", "009", "010", "012"})
"""Types of table 0496 that are about a procedure and not about information."""
_RECIPIENT = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}],
}
_FIRST = Coverage(frozenset({"1"}), first=True)
_TEXTS = Coverage(frozenset({"1"}))
_LONGEST = 1000


def _code(field: Field | None) -> str:
    return (first_text(field) or "").upper()


def _texts(field: Field | None) -> str:
    return "\n".join(text for repetition in field or () if (text := component(repetition, "1")))[:_LONGEST]


@function(
    status="field",
    limits="field",
    competent="field",
    consenter="field",
    reads={"status": _FIRST, "limits": _TEXTS, "competent": _FIRST, "consenter": Coverage(frozenset({"1", "2"}))},
)
def con_status(
    remarks: Remarks,
    status: Field | None,
    limits: Field | None,
    competent: Field | None,
    consenter: Field | None,
) -> str:
    """Status of a consent; without one, with an unknown one, or limited without limits the record waits."""
    code = _code(status)
    if code not in _STATUS:
        raise RecordError("consent-status", remarks.column(0), "A, B, L, P, R or X of table 0498")
    if code == "L" and not _texts(limits):
        raise RecordError("consent-limits", remarks.column(1), "the limits of a limited consent (CON-9)")
    if _STATUS[code] == "active" and _code(competent) == "N" and not consenter:
        raise RecordError("consent-competence", remarks.column(2), "who consented for a person who cannot (CON-24)")
    return _STATUS[code]


@function(
    gives="any",
    status="field",
    limits="field",
    start="field",
    end="field",
    number="field",
    reads={"status": _FIRST, "limits": _TEXTS, "start": _FIRST, "end": _FIRST, "number": _FIRST},
)
def con_provision(
    remarks: Remarks,
    status: Field | None,
    limits: Field | None,
    start: Field | None,
    end: Field | None,
    number: Field | None,
) -> dict[str, Any]:
    """The provision of a consent: it denies; under it, where consent was given, the permit for whom the paper names."""
    root: dict[str, Any] = {"type": "deny"}
    period: dict[str, str] = {}
    for argument, name, field in ((2, "start", start), (3, "end", end)):
        text = first_text(field)
        read = moments.read_dtm(text, remarks.environment.clock) if text else None
        value = remarked(remarks, argument, read) if read is not None else None
        if value is not None:
            period[name] = value
        elif read is not None and _STATUS.get(_code(status)) == "active":
            # A date that nobody can read may be an end that has passed.
            raise RecordError("bad-date", remarks.column(argument), "a date and time of HL7 v2")
    if period:
        root["period"] = period
    if _code(status) in {"A", "L"}:
        whom = {"display": "whom the paper names"}
        form = first_text(number)
        permit: dict[str, Any] = {
            "type": "permit",
            "actor": [{"role": _RECIPIENT, "reference": whom | ({"identifier": {"value": form}} if form else {})}],
        }
        if _code(status) == "L":
            permit["code"] = [{"text": _texts(limits)}]
        root["provision"] = [permit]
    return root


@function(gives="any", kind="field", reads={"kind": _FIRST})
def con_scope(kind: Field | None) -> dict[str, Any]:
    """Scope of a consent by its type: about a procedure, or, in any doubt, about information."""
    code = "treatment" if first_text(kind) in _TREATMENT else "patient-privacy"
    return {"coding": [{"system": _SCOPES, "code": code}]}


@function(gives="any", name="field", reads={"name": Coverage(frozenset({"1", "2"}))})
def named_persons(name: Field | None) -> list[dict[str, Any]] | None:
    """Names (XPN) as references by display alone."""
    found = []
    for repetition in name or ():
        words = " ".join(word for number in ("2", "1") if (word := component(repetition, number)))
        if words:
            found.append({"display": words})
    return found or None
