"""Searchset bundles, joined from bytes that were validated when they were stored.

https://hl7.org/fhir/R4/bundle.html#searchset
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Entry = tuple[str, bytes]
    Graded = tuple[str, bytes, float, str]

_GRADE: Final = "http://hl7.org/fhir/StructureDefinition/match-grade"
_START: Final = b'{"resourceType":"Bundle","type":"searchset"'


def searchset(
    *,
    total: int | None,
    links: Sequence[tuple[str, str]],
    entries: Sequence[Entry],
    included: Sequence[Entry] = (),
    outcome: bytes | None = None,
    timestamp: str | None = None,
) -> bytes:
    """The bytes of a searchset.

    ``total`` counts the matches of all pages, or is None where the caller asked for none. ``links`` are
    pairs of relation and address. ``entries`` and ``included`` are pairs of full address and resource
    bytes; ``outcome`` is an OperationOutcome that travels with the result. Bundles carry no id and no
    meta: an answer is not a stored thing.
    """
    members = [_START]
    if timestamp is not None:
        members.append(b'"timestamp":' + orjson.dumps(timestamp))
    if total is not None:
        members.append(b'"total":%d' % total)
    if links:
        pairs = [{"relation": relation, "url": url} for relation, url in links]
        members.append(b'"link":' + orjson.dumps(pairs))
    listed = b",".join(_entries(entries, included, outcome))
    if listed:
        members.append(b'"entry":[' + listed + b"]")
    return b",".join(members) + b"}"


def _entries(entries: Sequence[Entry], included: Sequence[Entry], outcome: bytes | None) -> Iterator[bytes]:
    for mode, group in ((b"match", entries), (b"include", included)):
        closing = b',"search":{"mode":"' + mode + b'"}}'
        for address, resource in group:
            yield b'{"fullUrl":' + orjson.dumps(address) + b',"resource":' + resource + closing
    if outcome is not None:
        yield b'{"resource":' + outcome + b',"search":{"mode":"outcome"}}'


def matched(entries: Sequence[Graded]) -> bytes:
    """The bytes of the answer of `$match`: addresses, resources, scores between 0 and 1, and codes of match-grade.

    https://hl7.org/fhir/R4/patient-operation-match.html
    """
    members = [_START, b'"total":%d' % len(entries)]
    listed = [
        b'{"fullUrl":%b,"resource":%b,"search":%b}'
        % (
            orjson.dumps(address),
            resource,
            orjson.dumps({"extension": [{"url": _GRADE, "valueCode": grade}], "mode": "match", "score": score}),
        )
        for address, resource, score, grade in entries
    ]
    if listed:
        members.append(b'"entry":[' + b",".join(listed) + b"]")
    return b",".join(members) + b"}"
