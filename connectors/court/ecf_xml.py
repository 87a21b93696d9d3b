"""Court messages of the ECF and NIEM kind: one record for each defendant, hearing, order, condition and disposition.

Electronic Court Filing 4.0 and 5.0 (https://docs.oasis-open.org/legalxml-courtfiling/), NIEM justice domain 3 to 6
(https://github.com/niemopen/niem-model). A case is an element whose name ends with `Case` and that has a tracking or
docket id; what stands in it is known by local names, wherever a vendor's augmentation puts it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, cast

from adapter.source import ExtractOptions, Malformed, Position, SourceRecord
from connectors.court.participants import Participants
from connectors.xml_document import bad, documents, local
from connectors.xml_tree import add, by_id, outermost, tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lxml import etree

    from connectors.xml_slices import Slice

MESSAGES = (
    "CaseResponseMessage",
    "CaseListResponseMessage",
    "GetCaseResponseMessage",
    "GetCaseListResponseMessage",
    "RecordDocketingMessage",
    "NotifyDocketingCompleteMessage",
    "CoreFilingMessage",
    "CourtCaseReport",
    "CourtEventReport",
    "CourtOrderReport",
    "CourtDispositionReport",
)
"""Elements that hold cases."""
PARTS = {
    "CourtOrder": "order",
    "CaseHearing": "hearing",
    "CaseCourtEvent": "hearing",
    "CourtEvent": "hearing",
    "SupervisionCondition": "condition",
    "CaseDisposition": "disposition",
}
"""The record kind of each element of a case that is a record of its own."""
COLUMNS = {"order": "Order", "hearing": "Hearing", "condition": "Condition", "disposition": "Disposition"}
"""The column that holds such an element, by kind."""
_IDS = ("CaseTrackingID", "CaseDocketID")


class EcfXml:
    """Reads messages: kind ``case`` for each defendant, and a record for each part of a case.

    Columns: ``Case`` (the case without its parts and its people), ``Defendant`` (nobody, where no person is one),
    ``Participants`` (everybody else), ``Message`` (what stands around the case), and for a part ``Order``, ``Hearing``,
    ``Condition`` or ``Disposition`` with the ids of its case and its defendant. Setting ``defendant_roles``: the role
    codes of defendants, separated by spaces, where a court uses numbers of its own.
    """

    name = "court.ecf_xml"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """The records of all messages.

        Codes: ``connectors.xml_document.documents``; ``no-case``; ``ambiguous-defendant`` where a part does not say
        which of several defendants it is about.
        """
        roles = frozenset(options.settings.get("defendant_roles", "").split())

        def read(element: etree._Element, message: Slice, part: str) -> Iterator[SourceRecord | Malformed]:
            named = by_id(element)
            cases = outermost(one for one in element.iter() if _is_case(one))
            if not cases:
                yield bad(message, message.line, part, "no-case", f"a case with a {' or '.join(_IDS)}")
            around = tree(element, set(cases))
            for number, case in enumerate(cases, 1):
                yield from _Case(case, message, f"{part}/{local(case.tag)}[{number}]", named, roles).records(around)

        return documents(stream, options, MESSAGES, read)


def _is_case(element: etree._Element) -> bool:
    return local(element.tag).endswith("Case") and any(local(child.tag) in _IDS for child in element)


class _Case:
    """One case, taken apart."""

    def __init__(
        self,
        case: etree._Element,
        message: Slice,
        part: str,
        named: Mapping[str, etree._Element],
        roles: frozenset[str],
    ) -> None:
        self._case = case
        self._message = message
        self._part = part
        self._parts = outermost(one for one in case.iter() if local(one.tag) in PARTS)
        self._people = Participants(case, self._parts, named, roles)

    def records(self, around: Any) -> Iterator[SourceRecord | Malformed]:
        """The records of the case; ``around`` is what the message says besides."""
        defendants = self._people.defendants
        about = tree(self._case, {*self._parts, *self._people.elements}) or {}
        shared: dict[str, Any] = {}
        add(shared, "Case", about)
        for one in self._people.others:
            add(shared, "Participants", tree(one))
        add(shared, "Message", around)
        for number, person in enumerate(defendants, 1):
            yield self._record("case", self._case, f"defendant[{number}]", shared | {"Defendant": tree(person)})
        if not defendants:
            # A case between organisations: without a person it waits, where somebody sees it.
            yield self._record("case", self._case, "no defendant", shared)
        for number, one in enumerate(self._parts, 1):
            yield self._of_case(one, number, about)

    def _of_case(self, one: etree._Element, number: int, about: dict[str, Any]) -> SourceRecord | Malformed:
        name = local(one.tag)
        person = self._people.of(one)
        if person is None:
            line, part = self._line(one), f"{self._part}/{name}[{number}]"
            expected = "a part that says which defendant it is about, as the case has several or none"
            return bad(self._message, line, part, "ambiguous-defendant", expected)
        values: dict[str, Any] = {}
        add(values, "Case", {name: about[name] for name in _IDS if name in about} or None)
        names = [child for child in person if not local(child.tag).endswith("Identification")]
        add(values, "Defendant", tree(person, names))
        add(values, COLUMNS[PARTS[name]], tree(one))
        return self._record(PARTS[name], one, f"{name}[{number}]", values)

    def _record(self, kind: str, element: etree._Element, part: str, values: dict[str, Any]) -> SourceRecord:
        position = Position(line=self._line(element), part=f"{self._part}/{part}")
        return SourceRecord(kind=kind, position=position, values=values, raw=self._message.raw)

    def _line(self, element: etree._Element) -> int:
        at = cast("int | None", element.sourceline)
        return self._message.line + (at or 1) - 1
