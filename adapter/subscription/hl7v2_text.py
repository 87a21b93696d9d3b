r"""Elements of FHIR as fields of HL7 v2: escaped text, codes, numbers of people, names, times, values.

What separates in a message is escaped wherever it stands in text, line breaks are `\.br\`, other control characters are
spelt, and a text that is two quotation marks is spelt too, since those mean "delete" (HL7 v2.9 chapter 2, 2.5 and 2.7).

https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import tzinfo

_MARKS: Final = {"\\": "E", "|": "F", "^": "S", "&": "T", "~": "R"}
_SPECIAL: Final = re.compile(r"\r\n|[\\|^&~\x00-\x1f\x7f]")
_DELETE: Final = '""'
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAMED: Final = {
    "http://loinc.org": "LN",
    "http://snomed.info/sct": "SCT",
    "http://unitsofmeasure.org": "UCUM",
    "http://hl7.org/fhir/sid/icd-10-cm": "I10C",
}
"""HL7 table 0396; every other system is a local one of it, named after the last part of its address."""
_TYPED: Final = {"http://hl7.org/fhir/sid/us-ssn": "SS"}
_NAME_USES: Final = {"official": "L", "usual": "D", "nickname": "N", "maiden": "M", "old": "A", "anonymous": "S"}
"""HL7 table 0200."""
_V2_0203: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
_INSTANT: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,4})\d*)?(Z|[+-]\d\d:\d\d)")


def escaped(text: str) -> str:
    """A text as a leaf of a message."""
    if text == _DELETE:
        return "\\X2222\\"
    return _SPECIAL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    text = found.group()
    if text in _MARKS:
        return f"\\{_MARKS[text]}\\"
    return "\\.br\\" if text[0] in "\r\n" else f"\\X{ord(text):02X}\\"


def joined(*parts: str, by: str = "^") -> str:
    """Components, or with ``by`` others, none of them at the end that say nothing."""
    return by.join(parts).rstrip(by)


def segment(name: str, values: Mapping[int, str]) -> str:
    """A segment of fields by number, as the standard counts them; their leaves are escaped already."""
    fields = [values.get(number, "") for number in range(1, max(values, default=0) + 1)]
    return "|".join([name, *fields]).rstrip("|")


def system_name(system: str) -> str:
    """What HL7 table 0396 calls a code system."""
    tail = re.sub(r"[^A-Za-z0-9]", "", system.rstrip("/").rpartition("/")[2])
    return _NAMED.get(system) or (f"99{tail[:18].upper()}" if tail else "")


def coded(concept: Any) -> str:
    """A CodeableConcept as CWE: its first two codings, and its text as it was written."""
    concept = concept if isinstance(concept, dict) else {}
    text = concept.get("text", "")
    parts = []
    for one in concept.get("coding", [])[:2]:
        display = one.get("display", text)
        parts += [escaped(one.get("code", "")), escaped(display), escaped(system_name(one.get("system", "")))]
    parts += [""] * (6 - len(parts))
    if text and not any(parts):
        parts[1] = escaped(text)
    return joined(*parts, "", "", escaped(text)) if concept.get("coding") else joined(*parts)


def code(value: str, text: str, system: str) -> str:
    """A code of ours as CWE."""
    return joined(escaped(value), escaped(text), system)


def authority(system: str, names: Mapping[str, str]) -> str:
    """Who gives out a number (HD, as subcomponents): by the receiver's name for it if it has one, and its address."""
    known, oid = escaped(names.get(system, "")), system.removeprefix("urn:oid:")
    if oid != system:
        return joined(known, escaped(oid), "ISO", by="&")
    return joined(known, escaped(system), "URI", by="&") if system else ""


def numbers(patients: Iterable[Mapping[str, Any]], first: str, names: Mapping[str, str]) -> str:
    """Numbers of a person as repetitions of CX: those of the system ``first`` before all others, our ids at the end."""
    found: dict[str, bool] = {}
    own = []
    for patient in patients:
        for one in patient.get("identifier", []):
            if isinstance(one.get("value"), str):
                found.setdefault(number(one, names), one.get("system") == first)
        own.append(joined(escaped(patient["id"]), "", "", "SALLYPORT", "PI"))
    told = sorted(found, key=lambda text: not found[text])
    return "~".join([*told, *own])


def number(identifier: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """An identifier as CX."""
    system = identifier.get("system", "")
    codings = identifier.get("type", {}).get("coding", [])
    kinds = [one["code"] for one in codings if one.get("system") == _V2_0203 and "code" in one]
    kind = kinds[0] if kinds else _TYPED.get(system, "")
    return joined(escaped(identifier.get("value", "")), "", "", authority(system, names), escaped(kind))


def name(human: Mapping[str, Any]) -> str:
    """A HumanName as XPN."""
    given = [escaped(one) for one in _said(human, "given")]
    parts = (
        escaped(human.get("family", "")),
        given[0] if given else "",
        " ".join(given[1:]),
        escaped(" ".join(_said(human, "suffix"))),
        escaped(" ".join(_said(human, "prefix"))),
        "",
        _NAME_USES.get(human.get("use", ""), ""),
    )
    whole = human.get("text", "") if not any(parts[:3]) else ""
    return joined(escaped(whole), *parts[1:]) if whole else joined(*parts)


def _said(element: Mapping[str, Any], name_of: str) -> list[str]:
    """The texts of a list; what has nothing but an extension stands in it as null."""
    return [one for one in element.get(name_of, []) if isinstance(one, str)]


def time(text: Any) -> str:
    """A date, or an instant with its offset; nothing is added that was not said."""
    if not isinstance(text, str):
        return ""
    found = _INSTANT.fullmatch(text)
    if found is None:
        return text.replace("-", "") if "T" not in text else ""
    *parts, fraction, offset = found.groups()
    ends = "+0000" if offset == "Z" else offset.replace(":", "")
    return "".join(parts) + (f".{fraction}" if fraction else "") + ends


def instant(at: int, zone: tzinfo) -> str:
    """An instant in epoch microseconds, to the second, in a zone."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone).strftime("%Y%m%d%H%M%S%z")


def decimal(amount: Any) -> str:
    """A number as it was written, without an exponent."""
    return format(amount, "f") if isinstance(amount, Decimal) else str(amount)


def value(element: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """The value of an Observation or a component as OBX-2, OBX-5 and OBX-6; None if there is none that fits."""
    kinds: dict[str, Callable[[Any], tuple[str, str, str]]] = {
        "valueCodeableConcept": lambda one: ("CWE", coded(one), ""),
        "valueQuantity": _quantity,
        "valueInteger": lambda one: ("NM", str(one), ""),
        "valueString": lambda one: ("ST", escaped(one), ""),
        "valueBoolean": lambda one: ("CWE", code("Y" if one else "N", "Yes" if one else "No", "HL70136"), ""),
        "valueDateTime": lambda one: ("TS", time(one), ""),
        "valueTime": lambda one: ("TM", one.replace(":", ""), ""),
        "valuePeriod": lambda one: ("DR", joined(time(one.get("start")), time(one.get("end"))), ""),
        "valueRange": lambda one: ("SN", joined("", _bound(one, "low"), "-", _bound(one, "high")), _unit(one)),
        "valueRatio": lambda one: ("SN", joined("", _bound(one, "numerator"), ":", _bound(one, "denominator")), ""),
    }
    for name_of, made in kinds.items():
        if name_of in element:
            return made(element[name_of])
    return None


def _quantity(one: Mapping[str, Any]) -> tuple[str, str, str]:
    unit = code(one.get("code", one.get("unit", "")), one.get("unit", ""), system_name(one.get("system", "")))
    comparator = one.get("comparator")
    amount = decimal(one.get("value", ""))
    return ("SN", joined(comparator, amount), unit) if comparator else ("NM", amount, unit)


def _bound(one: Mapping[str, Any], end: str) -> str:
    return decimal(one.get(end, {}).get("value", ""))


def _unit(one: Mapping[str, Any]) -> str:
    found = one.get("low", one.get("high", {}))
    return code(found.get("code", found.get("unit", "")), found.get("unit", ""), system_name(found.get("system", "")))
