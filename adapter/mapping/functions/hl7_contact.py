"""Functions on what tells how to reach a person: addresses (XAD) and telephone numbers (XTN).

HL7 v2-to-FHIR: https://build.fhir.org/ig/HL7/v2-to-fhir/ (XAD[Address], XTN[ContactPoint]); tables 0190, 0201, 0202.
"""

from __future__ import annotations

from typing import Any, Final

from adapter.mapping.functions.hl7 import Field, component
from adapter.mapping.registry import Coverage, function

_XAD: Final = Coverage(frozenset({"1", "2", "3", "4", "5", "6", "7", "9"}))
_XTN: Final = Coverage(frozenset({"1", "2", "3", "4", "5", "6", "7", "8", "12"}))
_ADDRESS_USES: Final = {"H": "home", "O": "work", "B": "work", "C": "temp", "BA": "old", "BI": "billing"}
_SYSTEMS: Final = {"PH": "phone", "CP": "phone", "FX": "fax", "BP": "pager", "Internet": "email", "X.400": "email"}
_USES: Final = {"PRN": "home", "ORN": "home", "VHN": "home", "WPN": "work", "PRS": "mobile"}


@function(gives="any", field="field", reads={"field": _XAD})
def xad_addresses(field: Field | None) -> list[dict[str, Any]] | None:
    """Addresses from every repetition, in their parts."""
    found = [address for repetition in field or () if (address := _address(repetition))]
    return found or None


def _address(repetition: dict[str, str]) -> dict[str, Any]:
    parts = {name: component(repetition, number) for name, number in _PARTS.items()}
    lines = [line for number in ("1", "2") if (line := component(repetition, number))]
    use = _ADDRESS_USES.get(component(repetition, "7") or "")
    told: dict[str, Any] = {"line": lines} if lines else {}
    told |= {name: text for name, text in parts.items() if text}
    return ({"use": use} if use else {}) | told if told else {}


_PARTS: Final = {"city": "3", "district": "9", "state": "4", "postalCode": "5", "country": "6"}


@function(gives="any", home="field", work="field?", other="field?", reads={"home": _XTN, "work": _XTN, "other": _XTN})
def xtn_telecoms(
    home: Field | None, work: Field | None = None, other: Field | None = None
) -> list[dict[str, Any]] | None:
    """Telephone numbers and addresses of mail: those of ``home`` (PID-13), ``work`` (PID-14), and any use (PID-40)."""
    fields = ((home, "home"), (work, "work"), (other, ""))
    told = [_telecom(repetition, use) for field, use in fields for repetition in field or ()]
    found = [one for place, one in enumerate(told) if one and one not in told[:place]]
    return found or None


def _telecom(repetition: dict[str, str], use: str) -> dict[str, Any]:
    code, equipment = component(repetition, "2") or "", component(repetition, "3") or ""
    mail = component(repetition, "4")
    numbered = component(repetition, "12") or component(repetition, "1") or _joined(repetition)
    if mail and not numbered:
        told = {"system": "email", "value": mail}
    elif numbered:
        told = {"system": _SYSTEMS.get(equipment, "phone"), "value": numbered}
    else:
        return {}
    kind = "mobile" if equipment == "CP" else _USES.get(code, use)
    return told | ({"use": kind} if kind else {})


def _joined(repetition: dict[str, str]) -> str:
    """A number in its parts, as it is dialled."""
    country, area, local, extension = (component(repetition, number) for number in ("5", "6", "7", "8"))
    dialled = " ".join(filter(None, (f"+{country}" if country and local else None, area, local)))
    return f"{dialled} x{extension}" if dialled and extension else dialled
