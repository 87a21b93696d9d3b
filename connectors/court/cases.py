"""One ``<CourtCase>`` element as records, columns named by the dotted local names of the elements.

``CaseDefendantParty.PersonName.PersonSurName`` is the text of that element, ``CaseDefendantParty.@id`` an
attribute; the second element of a name under one parent is ``PersonGivenName[2]``. XML 1.0:
https://www.w3.org/TR/xml/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from adapter.source import Malformed, Position, SourceRecord
from connectors.xml_document import bad, local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

    from connectors.xml_slices import Slice

DEFENDANT = "CaseDefendantParty"
ORDER = "CourtOrder"
CASE_ID = "CaseTrackingID"
PARTY_ID = "PartyID"


def case_records(element: etree._Element, case: Slice, part: str) -> Iterator[SourceRecord | Malformed]:
    """The records of one case.

    A ``case`` record for each defendant has the columns of the case and of that defendant; a case without
    any has one. An ``order`` record has ``CaseTrackingID``, ``CourtOrder.*`` and
    ``CaseDefendantParty.PartyID`` of the defendant it names by its own ``PartyID``, or of the only one.
    Which of several defendants an order is about is not guessed: ``ambiguous-defendant``. ``raw`` is the
    whole case.
    """
    parties = element.findall("{*}" + DEFENDANT)
    orders = element.findall("{*}" + ORDER)
    own: dict[str, str] = {}
    _collect(element, "", own, skipped=frozenset({DEFENDANT, ORDER}))
    if not parties:
        yield SourceRecord(kind="case", position=Position(line=case.line, part=part), values=own, raw=case.raw)
    for place, party in enumerate(parties, 1):
        values = dict(own)
        _collect(party, DEFENDANT, values)
        line = case.line if place == 1 else _line(party, case)
        position = Position(line=line, part=f"{part}/{DEFENDANT}[{place}]")
        yield SourceRecord(kind="case", position=position, values=values, raw=case.raw)
    written = [party.findtext("{*}" + PARTY_ID) or "" for party in parties]
    ids = {each.strip(): each for each in reversed(written)}
    for place, order in enumerate(orders, 1):
        at, line = f"{part}/{ORDER}[{place}]", _line(order, case)
        party_id = _party_of(order, ids, len(parties))
        if party_id is None:
            expected = f"a {PARTY_ID} in the order, as the case has several"
            yield bad(case, line, at, "ambiguous-defendant", expected)
            continue
        values = {CASE_ID: own[CASE_ID]} if CASE_ID in own else {}
        values |= {f"{DEFENDANT}.{PARTY_ID}": party_id} if party_id else {}
        _collect(order, ORDER, values)
        yield SourceRecord(kind="order", position=Position(line=line, part=at), values=values, raw=case.raw)


def _party_of(order: etree._Element, ids: dict[str, str], parties: int) -> str | None:
    """The id of the defendant ``order`` is about: empty where there is none, None where it is unclear.

    ``ids`` has the ids of the ``parties`` defendants as written, by what they are without white space.
    """
    named = (order.findtext("{*}" + PARTY_ID) or "").strip()
    if named:
        return ids.get(named)
    if parties > 1:
        return None
    return next(iter(ids.values()), "")


def _collect(element: etree._Element, path: str, values: dict[str, str], skipped: frozenset[str] = frozenset()) -> None:
    """Add the texts and attributes in ``element`` to ``values``, without those of ``skipped`` children."""
    for name, text in element.items():
        if text.strip():
            values[_step(path, "@" + local(name))] = str(text)
    children = list(element)
    words = element.text or ""
    if children:
        words += "".join(child.tail or "" for child in children)
    if words and not words.isspace():
        values[path or "#text"] = words
    seen: dict[str, int] = {}
    for child in children:
        name = local(child.tag)
        times = seen[name] = seen.get(name, 0) + 1
        if name not in skipped:
            _collect(child, _step(path, name if times == 1 else f"{name}[{times}]"), values)


def _step(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _line(element: etree._Element, case: Slice) -> int:
    at = cast("int | None", element.sourceline)
    return case.line + (at or 1) - 1
