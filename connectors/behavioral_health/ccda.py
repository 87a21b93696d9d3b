"""C-CDA documents: assessment scales and the observations of the mental and functional status sections.

What stands in the document header is one record; every assessment scale, each of its supporting observations and each
status observation is a record of its own, with whom and whom from it is. All the rest of the document, narrative
included, is the record of the document, so that nothing of it goes uncounted.

C-CDA templates: http://hl7.org/cda/us/ccda (Mental Status Section 2.16.840.1.113883.10.20.22.2.56, Functional Status
Section …22.2.14, Assessment Scale Observation …22.4.69, Assessment Scale Supporting Observation …22.4.86). A document
type declaration is refused, and with it every entity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from adapter.source import Malformed, Position, SourceRecord
from connectors.xml_document import bad, documents, local
from connectors.xml_tree import add, attribute, tree

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lxml import etree

    from adapter.source import ExtractOptions
    from connectors.xml_slices import Slice

ROOT: Final = "ClinicalDocument"
_CCDA: Final = "2.16.840.1.113883.10.20.22."
ASSESSMENT: Final = _CCDA + "4.69"
SUPPORTING: Final = _CCDA + "4.86"
STATUS_SECTIONS: Final = frozenset({_CCDA + "2.56", _CCDA + "2.14"})
STATUS_SECTION_CODES: Final = frozenset({"10190-7", "47420-5"})
"""LOINC codes of the mental and the functional status section, for those that name no template."""
PRIVACY: Final = "2.16.840.1.113883.3.3251.1."
"""Templates of the privacy markings of DS4P (Data Segmentation for Privacy)."""
_CUSTODIAN, _ID = "{*}custodian", "{*}id"
_DEEPEST: Final = 100
"""Levels of elements; documents have some thirty."""


class Ccda:
    """Reads documents: kinds ``document``, ``assessment``, ``supporting`` and ``status``.

    The columns of an observation are the elements and attributes right below it, those of a document the elements of
    its header, of the patient as `patient.name` and the like. Beside them stand ``PatientId``, ``Writer`` (the author
    nearest to it), ``Custodian``, ``DocumentId``, ``SectionCode``, ``Confidentiality`` (of the document and of every
    section around it) and ``Privacy`` (codes of privacy markings), and of a supporting observation ``Scale``: id, code
    and time of its assessment.
    """

    name = "behavioral_health.ccda"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """The records of all documents.

        Codes: ``connectors.xml_document.documents``; ``no-patient``, ``several-patients`` and ``too-deep``, for which
        a whole document waits.
        """
        return documents(stream, options, (ROOT,), _document)


def _document(element: etree._Element, whole: Slice, part: str) -> Iterator[SourceRecord | Malformed]:
    roles = element.findall("{*}recordTarget/{*}patientRole")
    if len(roles) != 1:
        code = "several-patients" if roles else "no-patient"
        yield bad(whole, whole.line, part, code, "one recordTarget with one patientRole: a document about one person")
    elif _depth(element) > _DEEPEST:
        yield bad(whole, whole.line, part, "too-deep", f"elements of at most {_DEEPEST} levels")
    else:
        yield from _Document(element, roles[0], whole, part).records()


def _depth(element: etree._Element) -> int:
    deepest, level = 0, [element]
    while level and deepest <= _DEEPEST:
        deepest += 1
        level = [child for one in level for child in one]
    return deepest


class _Document:
    """One document, taken apart."""

    def __init__(self, element: etree._Element, role: etree._Element, whole: Slice, part: str) -> None:
        self._element = element
        self._role = role
        self._whole = whole
        self._part = part

    def records(self) -> Iterator[SourceRecord]:
        """The header and what is left, then every observation."""
        found = list(self._observations())
        apart = {one for _, one in found}
        values = self._context(self._element)
        told = {self._writer(self._element), *(self._element.find(path) for path in (_CUSTODIAN, _ID))}
        for child in self._role:
            if local(child.tag) == "patient":
                _fill(values, "patient.", child, apart)
            elif local(child.tag) != "id":
                add(values, "patientRole." + local(child.tag), tree(child))
        for child in self._element:
            if child not in told and local(child.tag) not in {"recordTarget", "confidentialityCode"}:
                add(values, local(child.tag), tree(child, apart))
        yield SourceRecord(
            kind="document",
            position=Position(line=self._whole.line, part=self._part),
            values=values,
            raw=self._whole.raw,
        )
        for number, (kind, one) in enumerate(found, 1):
            yield self._record(kind, one, f"{self._part} {kind} {number}", apart)

    def _observations(self) -> Iterator[tuple[str, etree._Element]]:
        """Every observation that is a record, with its kind, in the order of the document."""
        for one in self._element.iter("{*}observation"):
            templates = _templates(one)
            if ASSESSMENT in templates:
                yield "assessment", one
            elif SUPPORTING in templates:
                yield "supporting", one
            elif self._states(one, templates):
                yield "status", one

    def _states(self, one: etree._Element, templates: Collection[str]) -> bool:
        """Whether an observation is an entry of a status section, by itself or in an organizer."""
        if any(root.startswith(PRIVACY) for root in templates):
            return False
        for above in one.iterancestors():
            name = local(above.tag)
            if name == "observation":
                return False
            if name == "section":
                code = above.find("{*}code")
                coded = code is not None and attribute(code, "code") in STATUS_SECTION_CODES
                return coded or not STATUS_SECTIONS.isdisjoint(_templates(above))
        return False

    def _record(self, kind: str, one: etree._Element, part: str, apart: Collection[etree._Element]) -> SourceRecord:
        values = self._context(one)
        if kind == "supporting":
            scale = next((up for up in one.iterancestors() if ASSESSMENT in _templates(up)), None)
            for child in () if scale is None else scale:
                if local(child.tag) in {"id", "code", "effectiveTime"}:
                    add(values, "Scale", {local(child.tag): tree(child)})
        _fill(values, "", one, {*apart, self._writer(one)})
        line = cast("int | None", one.sourceline)
        position = Position(line=self._whole.line + (line or 1) - 1, part=part)
        return SourceRecord(kind=kind, position=position, values=values, raw=self._whole.raw)

    def _context(self, one: etree._Element) -> dict[str, Any]:
        """Whom the document or an observation of it is about, from whom, and how far it may go."""
        values: dict[str, Any] = {}
        for child in self._role.findall("{*}id"):
            add(values, "PatientId", tree(child))
        sections = [above for above in one.iterancestors() if local(above.tag) == "section"]
        found = {
            "Custodian": self._element.find(_CUSTODIAN),
            "DocumentId": self._element.find(_ID),
            "Writer": self._writer(one),
            "SectionCode": sections[0].find("{*}code") if sections else None,
        }
        for name, element in found.items():
            add(values, name, None if element is None else tree(element))
        for holder in (*sections, self._element):
            for child in holder.findall("{*}confidentialityCode"):
                add(values, "Confidentiality", tree(child))
            for marking in self._markings(holder):
                add(values, "Privacy", marking)
        return values

    def _markings(self, holder: etree._Element) -> Iterator[Any]:
        """The codes of the privacy markings of a section, or of the document where they stand in no section."""
        for one in holder.iter("{*}observation"):
            if any(root.startswith(PRIVACY) for root in _templates(one)):
                around = next((up for up in one.iterancestors() if local(up.tag) == "section"), self._element)
                if around is holder:
                    yield from (tree(value) for value in one.findall("{*}value"))

    @staticmethod
    def _writer(one: etree._Element) -> etree._Element | None:
        """The author nearest to an observation: its own, or that of what is around it."""
        for holder in (one, *one.iterancestors()):
            author = holder.find("{*}author")
            if author is not None:
                return author
        return None


def _fill(
    values: dict[str, Any], prefix: str, element: etree._Element, apart: Collection[etree._Element | None]
) -> None:
    """Add attributes and children of ``element`` to ``values``, without those that stand ``apart``."""
    for name, text in element.items():
        if str(text).strip():
            values[f"{prefix}@{local(name)}"] = str(text)
    left = [one for one in apart if one is not None]
    for child in element:
        if child not in left:
            add(values, prefix + local(child.tag), tree(child, left))


def _templates(element: etree._Element) -> list[str]:
    return [attribute(child, "root") for child in element if local(child.tag) == "templateId"]
