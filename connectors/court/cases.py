"""One ``<CourtCase>`` element as records, columns named by the dotted local names of the elements.

``CaseDefendantParty.PersonName.PersonSurName`` is the text of that element, ``CaseDefendantParty.@id`` an
attribute; the second element of a name under one parent is ``PersonGivenName[2]``. XML 1.0:
https://www.w3.org/TR/xml/
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from lxml import etree

from adapter.source import Malformed, Position, SourceRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.court.slices import Slice

DEFENDANT = "CaseDefendantParty"
ORDER = "CourtOrder"
CASE_ID = "CaseTrackingID"
PARTY_ID = "PartyID"

_PREFIX = re.compile(r"</?([A-Za-z_][\w.\-]*):|\s([A-Za-z_][\w.\-]*):[\w.\-]+\s*=")
_MOST_PREFIXES = 64
_PARSER = etree.XMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
_RESERVED = frozenset({"xml", "xmlns"})


def case_records(case: Slice, encoding: str, number: int) -> Iterator[SourceRecord | Malformed]:
    """The records of the ``number``-th case of a document in ``encoding``.

    A ``case`` record for each defendant has the columns of the case and of that defendant; a case without
    any has one. An ``order`` record has ``CaseTrackingID``, ``CourtOrder.*`` and
    ``CaseDefendantParty.PartyID`` of the defendant it names by its own ``PartyID``, or of the only one.
    Which of several defendants an order is about is not guessed: ``ambiguous-defendant``. ``raw`` is the
    whole case. Other codes: ``undecodable``, ``bad-xml``.
    """
    part = f"CourtCase[{number}]"
    try:
        text = case.raw.decode(encoding)
        element = _parse(text)
    except UnicodeDecodeError as error:
        line = case.line + case.raw.count(b"\n", 0, error.start)
        yield _bad(line, part, "undecodable", f"text in {encoding}", case.raw)
        return
    except etree.XMLSyntaxError as error:
        line = case.line + max(error.lineno or 1, 1) - 1
        yield _bad(line, part, "bad-xml", "a well-formed CourtCase element", case.raw)
        return
    yield from _records(element, case, part)


def _parse(text: str) -> etree._Element:
    """The CourtCase element in ``text``. Raises lxml's XMLSyntaxError.

    The element stands in a root that declares every prefix it uses, since the real root, where they are
    declared, is elsewhere, and only local names matter. A document type declaration is not well-formed
    there, so entities cannot be declared.
    """
    prefixes = sorted({element or attribute for element, attribute in _PREFIX.findall(text)} - _RESERVED)
    declared = "".join(f' xmlns:{prefix}="urn:prefix:{prefix}"' for prefix in prefixes[:_MOST_PREFIXES])
    root = etree.fromstring(f"<root{declared}>{text}</root>".encode(), _PARSER)
    return root[0]


def _records(element: etree._Element, case: Slice, part: str) -> Iterator[SourceRecord | Malformed]:
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
            yield _bad(
                line,
                at,
                "ambiguous-defendant",
                f"a {PARTY_ID} in the order, as the case has several",
                case.raw,
            )
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
            values[_step(path, "@" + _local(str(name)))] = str(text)
    children = list(element)
    words = element.text or ""
    if children:
        words += "".join(child.tail or "" for child in children)
    if words and not words.isspace():
        values[path or "#text"] = words
    seen: dict[str, int] = {}
    for child in children:
        name = _local(child.tag)
        times = seen[name] = seen.get(name, 0) + 1
        if name not in skipped:
            _collect(child, _step(path, name if times == 1 else f"{name}[{times}]"), values)


def _local(name: str) -> str:
    """The local part of a name that may carry its namespace in braces."""
    return name.rpartition("}")[2]


def _step(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _line(element: etree._Element, case: Slice) -> int:
    at = cast("int | None", element.sourceline)
    return case.line + (at or 1) - 1


def _bad(line: int, part: str, code: str, expected: str, raw: bytes) -> Malformed:
    return Malformed(position=Position(line=line, part=part), code=code, expected=expected, raw=raw)
