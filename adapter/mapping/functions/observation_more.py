"""What OBX says besides its value: documents, interpretation, range, notes, repetitions that FHIR has one place for.

HL7 v2-to-FHIR OBX[Observation]:
https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-obx-to-observation.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any, Final

from adapter.mapping.functions.hl7 import CODE_SYSTEMS, Field, component, concept, first_text
from adapter.mapping.functions.hl7_person import original
from adapter.mapping.registry import Coverage, function

if TYPE_CHECKING:
    from adapter.mapping.scope import Remarks

_ATTACHED: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.value"
DOCUMENTS: Final = frozenset({"ED", "RP"})
_MAGIC: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"{\\rtf", "application/rtf"),
    (b"PK\x03\x04", "application/zip"),
    (b"<?xml", "application/xml"),
)
_HEAD = 64
"""Characters of Base64 that are enough to see what a document is."""
_INTERPRETATIONS: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_WORDS = Coverage(frozenset({"1", "2", "3", "4", "5", "6", "9"}))
_FIRST = Coverage(frozenset({"1"}), first=True)
_TEXTS = Coverage(frozenset({"1"}))


def _sniffed(data: str) -> str:
    """Media type of Base64 by its first bytes; empty where they say nothing."""
    try:
        head = base64.b64decode(data[:_HEAD], validate=True)
    except (binascii.Error, ValueError):
        return ""
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), "")


def _attachment(repetition: dict[str, str]) -> dict[str, Any]:
    """What a document is, without it: media type, size and SHA-1 as Attachment has them. The bytes stay as received."""
    data = "".join((component(repetition, "5") or "").split())
    stated = "/".join(word.lower() for number in ("2", "3") if (word := component(repetition, number)))
    found: dict[str, Any] = {"contentType": _sniffed(data) or (stated if stated.count("/") == 1 else "")}
    if (component(repetition, "4") or "").lower() == "base64":
        try:
            content = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            content = b""
        if content:
            digest = hashlib.sha1(content, usedforsecurity=False).digest()
            found |= {"size": len(content), "hash": base64.b64encode(digest).decode()}
    return {key: value for key, value in found.items() if value}


@function(gives="any", kind="field", value="field", reads={"kind": _FIRST, "value": Coverage()})
def obx_attached(remarks: Remarks, kind: Field | None, value: Field | None) -> list[dict[str, Any]] | None:
    """Extensions that say which documents (ED, RP) an OBX holds: what each is, not its content."""
    if (first_text(kind) or "").upper() not in DOCUMENTS:
        return None
    found = [attached for repetition in value or () if (attached := _attachment(repetition))]
    if value:
        remarks.lossy(1, "document-kept-as-received")
    return [{"url": _ATTACHED, "valueAttachment": one} for one in found] or None


@function(gives="any", kind="field", value="field", reads={"kind": _FIRST, "value": Coverage()})
def obx_original(kind: Field | None, value: Field | None) -> list[dict[str, Any]] | None:
    """Extensions with the sender's own text of a structured numeric (SN) that no Quantity says: ranges and ratios."""
    if (first_text(kind) or "").upper() != "SN":
        return None
    written = ["^".join(component(one, number) or "" for number in "1234").rstrip("^") for one in value or ()]
    return [original(text) for text in written if text.count("^") > 1] or None


@function(gives="any", field="field", reads={"field": _TEXTS})
def obx_interpretation(field: Field | None) -> list[dict[str, Any]] | None:
    """Interpretation codes of OBX-8, every repetition."""
    codes = [code for repetition in field or () if (code := component(repetition, "1"))]
    return [
        {"coding": [{"system": _INTERPRETATIONS, "code": " ".join(code.split())}], "text": code} for code in codes
    ] or None


@function(gives="any", field="field", reads={"field": _TEXTS})
def obx_range(field: Field | None) -> list[dict[str, Any]] | None:
    """The reference range as the sender wrote it, every repetition."""
    return [{"text": text} for repetition in field or () if (text := component(repetition, "1"))] or None


@function(gives="any", field="field", reads={"field": _TEXTS})
def hl7_notes(field: Field | None) -> list[dict[str, Any]] | None:
    """One Annotation of all notes on a segment, line by line."""
    lines = [text for repetition in field or () if (text := component(repetition, "1"))]
    return [{"text": "\n".join(lines)}] if lines else None


@function(gives="any", field="field", systems="literal", url="literal", reads={"field": _WORDS})
def cwe_extensions(
    remarks: Remarks, field: Field | None, systems: dict[str, str], url: str
) -> list[dict[str, Any]] | None:
    """An extension with a coded element for every repetition."""
    every = [found for one in field or () if (found := concept(remarks, 0, one, systems))]
    return [{"url": url, "valueCodeableConcept": one} for one in every] or None


@function(gives="any", field="field", reads={"field": _TEXTS})
def al1_reactions(field: Field | None) -> list[dict[str, Any]] | None:
    """The reactions to an allergen, in the sender's words (AL1-5)."""
    return [{"manifestation": [{"text": text}]} for one in field or () if (text := component(one, "1"))] or None


@function(gives="any", field="field", systems="literal", url="literal", reads={"field": _WORDS})
def cwe_beyond_first(
    remarks: Remarks, field: Field | None, systems: dict[str, str], url: str
) -> list[dict[str, Any]] | None:
    """Extensions with the repetitions after the first, where FHIR has one place and the sender wrote several."""
    beyond = [found for one in (field or [])[1:] if (found := concept(remarks, 0, one, systems))]
    if beyond:
        remarks.warn(0, "repeats-kept")
    return [{"url": url, "valueCodeableConcept": one} for one in beyond] or None


@function(gives="any", code="field", words="field", method="field", systems="literal", reads={"code": _WORDS})
def dg1_concept(
    remarks: Remarks, code: Field | None, words: Field | None, method: Field | None, systems: dict[str, str]
) -> dict[str, Any] | None:
    """A diagnosis: DG1-3, its system named by DG1-2 where it names none, and the words of DG1-4."""
    repetition = dict(code[0]) if code else {}
    system = first_text(method) or ""
    if component(repetition, "1") and component(repetition, "3") is None and system in systems | CODE_SYSTEMS:
        repetition["3"] = system
    described = first_text(words)
    if described and component(repetition, "9") is None and component(repetition, "2") is None:
        repetition["9"] = described
    return concept(remarks, 0, repetition, systems) if repetition else None
