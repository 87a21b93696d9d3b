"""The resources that describe this server: read and searched by anyone, without a token.

They hold nothing of any person and are the same for everyone, so no gate and no ledger stands before them.

https://hl7.org/fhir/R4/conformance-module.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from adapter.errors import NotFound, NotSupported, RequestError
from adapter.fhir.bundle import searchset
from adapter.fhir.codec import dump
from adapter.fhir.parameters import normalised
from adapter.fhir.paths import values
from adapter.fhir.results import DEFAULT_COUNT, MAX_COUNT
from adapter.rest import parameters
from adapter.rest.answer import Answer
from adapter.rest.errors import NO_ROUTE, Refused, wrong_method
from adapter.rest.formats import negotiate
from adapter.rest.offered import CONFORMANCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from starlette.types import Receive, Scope

    from adapter.rest.parameters import Pair

    Resource = Mapping[str, Any]

_READING: Final = frozenset({"GET", "HEAD"})
_ONLY_READING: Final = wrong_method("GET", "HEAD")
_ONLY_POSTING: Final = wrong_method("POST")
_PAGING: Final = ("_count", "_offset", "_format")


@dataclass(frozen=True, slots=True)
class Filter:
    """One search parameter: its kind in FHIR and the element it looks at."""

    kind: str
    element: str


_COMMON: Final = {
    "_id": Filter("token", "id"),
    "url": Filter("uri", "url"),
    "version": Filter("token", "version"),
    "name": Filter("string", "name"),
    "title": Filter("string", "title"),
    "status": Filter("token", "status"),
    "description": Filter("string", "description"),
    "publisher": Filter("string", "publisher"),
}
_OWN: Final[Mapping[str, Mapping[str, Filter]]] = {
    "CapabilityStatement": {"resource": Filter("token", "rest.resource.type")},
    "CodeSystem": {"code": Filter("token", "concept.code"), "system": Filter("uri", "url")},
    "ConceptMap": {"source-system": Filter("uri", "group.source"), "target-system": Filter("uri", "group.target")},
    "OperationDefinition": {"code": Filter("token", "code"), "type": Filter("token", "type")},
    "SearchParameter": {
        "base": Filter("token", "base"),
        "code": Filter("token", "code"),
        "type": Filter("token", "type"),
        "derived-from": Filter("reference", "derivedFrom"),
    },
    "StructureDefinition": {
        "base": Filter("reference", "baseDefinition"),
        "derivation": Filter("token", "derivation"),
        "kind": Filter("token", "kind"),
        "type": Filter("uri", "type"),
    },
    "ValueSet": {"reference": Filter("uri", "compose.include.system")},
}
FILTERS: Final[Mapping[str, Mapping[str, Filter]]] = {kind: {**_COMMON, **_OWN[kind]} for kind in CONFORMANCE}
"""For each type its search parameters by name."""


class Catalog:
    """The resources, by type and id. ``base_url`` is the public FHIR base."""

    def __init__(self, resources: Iterable[Resource], *, base_url: str) -> None:
        self._base_url = base_url
        self._kept: dict[str, dict[str, tuple[Resource, Answer]]] = {kind: {} for kind in CONFORMANCE}
        for resource in sorted(resources, key=lambda one: str(one["id"])):
            answer = Answer(200, dump(resource), public=True)
            self._kept[resource["resourceType"]][resource["id"]] = resource, answer

    async def __call__(self, scope: Scope, receive: Receive, kind: str, ident: str) -> Answer:
        """The answer to a read, or to a search where there is no id or ``_search``."""
        method, headers = scope["method"], scope["headers"]
        pairs = parameters.of_query(scope["query_string"])
        if ident == "_search":
            if method != "POST":
                raise Refused(_ONLY_POSTING)
            pairs = parameters.merge(pairs, await parameters.of_form(headers, receive))
        elif method not in _READING:
            raise Refused(_ONLY_READING)
        negotiate(headers, pairs)
        if ident and ident != "_search":
            return self._read(kind, ident, pairs)
        return self._search(kind, pairs)

    def _read(self, kind: str, ident: str, pairs: Sequence[Pair]) -> Answer:
        if "/" in ident:
            raise Refused(NO_ROUTE)
        for name, _ in pairs:
            if name != "_format":
                raise NotSupported("a read takes no parameter but `_format`", expression=name)
        found = self._kept[kind].get(ident)
        if found is None:
            raise NotFound("no such description")
        return found[1]

    def _search(self, kind: str, pairs: Sequence[Pair]) -> Answer:
        count, offset = DEFAULT_COUNT, 0
        for name, value in pairs:
            if name == "_count":
                count = min(_number(name, value), MAX_COUNT)
            elif name == "_offset":
                offset = _number(name, value)
        asked = [_criterion(kind, name, value) for name, value in pairs if name not in _PAGING]
        hits = [one for one in self._kept[kind].values() if all(_met(one[0], *criterion) for criterion in asked)]
        links = [("self", self._url(kind, pairs, offset))]
        if count and offset + count < len(hits):
            links.append(("next", self._url(kind, pairs, offset + count)))
        shown = hits[offset : offset + count]
        entries = [(f"{self._base_url}/{kind}/{resource['id']}", answer.body) for resource, answer in shown]
        return Answer(200, searchset(total=len(hits), links=links, entries=entries), public=True)

    def _url(self, kind: str, pairs: Sequence[Pair], offset: int) -> str:
        kept = [pair for pair in pairs if pair[0] != "_offset"]
        asked = urlencode([*kept, *([("_offset", str(offset))] if offset else [])])
        return f"{self._base_url}/{kind}" + (f"?{asked}" if asked else "")


def _criterion(kind: str, name: str, value: str) -> tuple[Filter, str, str]:
    plain, _, modifier = name.partition(":")
    known = FILTERS[kind].get(plain)
    if known is None:
        expected = ", ".join(sorted([*FILTERS[kind], *_PAGING]))
        raise NotSupported(f"{kind} takes {expected}", expression=name)
    if modifier and (known.kind != "string" or modifier not in {"exact", "contains"}):
        raise NotSupported(f"`{plain}` takes no such modifier", expression=name)
    if not all(value.split(",")):
        raise RequestError(f"`{plain}` has an empty value", expression=name)
    return known, modifier, value


def _met(resource: Resource, known: Filter, modifier: str, value: str) -> bool:
    held = [str(one) for one in values(resource, known.element.split("."))]
    wanted = [_code(part) for part in value.split(",")] if known.kind == "token" else value.split(",")
    if known.kind != "string":
        return any(part in held for part in wanted)
    if modifier == "exact":
        return any(part in held for part in wanted)
    plain = [normalised(one) for one in held]
    if modifier == "contains":
        return any(normalised(part) in one for part in wanted for one in plain)
    return any(one.startswith(normalised(part)) for part in wanted for one in plain)


def _code(token: str) -> str:
    """The code of a token; the elements here are plain codes, whose system is told by the element."""
    return token.rpartition("|")[2]


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 9):  # noqa: PLR2004 - digits of a number that fits
        raise RequestError(f"`{name}`: expected a number", expression=name)
    return int(value)
