"""Searchset bundles, joined from bytes that were validated when they were stored.

https://hl7.org/fhir/R4/bundle.html#searchset
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Entry = tuple[str, bytes]
    Graded = tuple[str, bytes, float, str]


class Versioned(Protocol):
    """One version of a resource as it leaves."""

    @property
    def type(self) -> str:
        """The resource type."""
        ...

    @property
    def id(self) -> str:
        """The id of the resource."""
        ...

    @property
    def version(self) -> str:
        """The version id."""
        ...

    @property
    def last_updated(self) -> str:
        """When it was made, an instant."""
        ...

    @property
    def body(self) -> bytes:
        """Its bytes."""
        ...


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


def history(*, total: int, links: Sequence[tuple[str, str]], base_url: str, versions: Sequence[Versioned]) -> bytes:
    """The bytes of a history of one resource, in the order of ``versions``.

    Every entry says that the version was put: which one was the first cannot be told of what only some may see.
    https://hl7.org/fhir/R4/http.html#history
    """
    pairs = [{"relation": relation, "url": url} for relation, url in links]
    members = [b'{"resourceType":"Bundle","type":"history"', b'"total":%d' % total, b'"link":' + orjson.dumps(pairs)]
    listed = []
    for one in versions:
        name = f"{one.type}/{one.id}"
        response = {"status": "200", "etag": f'W/"{one.version}"', "lastModified": one.last_updated}
        listed.append(
            b'{"fullUrl":%b,"resource":%b,"request":%b,"response":%b}'
            % (
                orjson.dumps(f"{base_url}/{name}"),
                one.body,
                orjson.dumps({"method": "PUT", "url": name}),
                orjson.dumps(response),
            )
        )
    if listed:
        members.append(b'"entry":[' + b",".join(listed) + b"]")
    return b",".join(members) + b"}"


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
