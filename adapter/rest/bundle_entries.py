"""The entries of a batch or transaction as they are sent: what each of them asks for, refused by its place if nothing.

https://hl7.org/fhir/R4/bundle.html#transaction and https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import InvalidResource, Issue, Rejected, RequestError
from adapter.fhir.codec import parse
from adapter.rest import parameters
from adapter.rest.patch import MEDIA_TYPE, operations_of
from adapter.rest.preferences import if_none_exist, version_of
from adapter.services.asked import Asked
from adapter.services.writing_rules import NEEDED

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH: Final = "batch"
TRANSACTION: Final = "transaction"
READING: Final = frozenset({"GET", "HEAD"})
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_INTERACTIONS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_LONGEST_URL: Final = 4096
_SLOT: Final = "resource"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One entry: its place, its method, address, and the change it asks for unless it reads."""

    place: str
    method: str
    url: str
    asked: Asked | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A batch or transaction with its entries."""

    kind: str
    entries: Sequence[Sent]


def bundle_of(data: bytes, *, most: int, base_url: str) -> Request:
    """A batch or transaction; ``RequestError`` where it is none.

    In a transaction an entry that asks for nothing known refuses all of it; in a batch it is answered by itself.
    """
    try:
        bundle = parse(data)
    except InvalidResource as error:
        raise RequestError(f"the body is no JSON resource: {error.issues[0].message}") from None
    kind, entries = bundle.get("type"), bundle.get("entry", [])
    if bundle.get("resourceType") != "Bundle" or kind not in (BATCH, TRANSACTION) or not isinstance(entries, list):
        raise RequestError(f"expected a Bundle of type {BATCH} or {TRANSACTION}", expression="Bundle.type")
    if len(entries) > most:
        raise RequestError(f"a Bundle of this client has at most {most} entries", expression="Bundle.entry")
    found, issues = [], []
    for number, entry in enumerate(entries):
        place = f"Bundle.entry[{number}]"
        try:
            found.append(_sent(entry, place, base_url))
        except Rejected as error:
            issues += error.issues
            found.append(Sent(place=place, method="", url="", error=error))
        except RequestError as error:
            issues.append(Issue(path=f"{place}.request", code="invalid", message=str(error)))
            found.append(Sent(place=place, method="", url="", error=Rejected(issues[-1:])))
    if issues and kind == TRANSACTION:
        raise Rejected(issues)
    return Request(kind=kind, entries=found)


def _sent(entry: Any, place: str, base_url: str) -> Sent:
    request = entry.get("request") if isinstance(entry, dict) else None
    method, url = (request.get("method"), request.get("url")) if isinstance(request, dict) else (None, None)
    if method not in _METHODS:
        raise _wrong(f"{place}.request.method", f"expected one of {', '.join(_METHODS)}")
    if not isinstance(url, str) or not url or len(url) > _LONGEST_URL:
        raise _wrong(f"{place}.request.url", "expected an address such as Patient or Patient/id")
    url = url.removeprefix(f"{base_url}/").removeprefix("/")
    if method in READING:
        return Sent(place=place, method=method, url=url)
    return Sent(place=place, method=method, url=url, asked=_asked(entry, place, method, url))


def _asked(entry: dict[str, Any], place: str, method: str, url: str) -> Asked:
    request = entry["request"]
    path, question, query = url.partition("?")
    kind, _, ident = path.partition("/")
    instance = bool(ident) and "/" not in ident
    fits = {
        "POST": not ident and not question,
        "PUT": instance is not bool(question),
        "PATCH": instance and not question,
        "DELETE": instance and not question,
    }
    if kind not in NEEDED or not fits[method]:
        raise _wrong(f"{place}.request.url", f"expected an address that {method} is offered for")
    asked = Asked(
        interaction=_INTERACTIONS[method],
        kind=kind,
        id=ident,
        place=f"{place}.{_SLOT}",
        full_url=_text(entry, "fullUrl", place),
        if_match=version_of(_text(request, "ifMatch", place) or None),
        criteria=tuple(parameters.of_query(query.encode())) if question else None,
    )
    if request.get("ifNoneMatch") or (request.get("ifNoneExist") and method != "POST"):
        raise _wrong(f"{place}.request", "this interaction does not take this condition")
    if method == "DELETE":
        return asked
    resource = entry.get(_SLOT)
    if not isinstance(resource, dict):
        raise _wrong(f"{place}.{_SLOT}", "expected a resource")
    if method == "PATCH":
        return _with(asked, patch=_patch(resource, place))
    if resource.get("resourceType") != kind:
        raise _wrong(f"{place}.{_SLOT}", "expected a resource of the type in the address")
    if method == "PUT" and instance and resource.get("id") != ident:
        raise _wrong(f"{place}.{_SLOT}.id", "expected the id in the address")
    wanted = _text(request, "ifNoneExist", place)
    criteria = if_none_exist(wanted) if wanted else asked.criteria
    return _with(asked, body=resource, criteria=criteria)


def _patch(binary: dict[str, Any], place: str) -> Any:
    """A JSON Patch travels in a Binary, https://hl7.org/fhir/R4/http.html#patch."""
    if binary.get("resourceType") != "Binary" or binary.get("contentType") != MEDIA_TYPE:
        raise _wrong(f"{place}.{_SLOT}", f"expected a Binary of type {MEDIA_TYPE}")
    try:
        data = b64decode(str(binary.get("data", "")), validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(f"{place}.{_SLOT}.data", "expected base64") from None
    return operations_of(data)


def _with(asked: Asked, **more: Any) -> Asked:
    names = ("interaction", "kind", "id", "place", "full_url", "if_match", "criteria")
    return Asked(**{name: getattr(asked, name) for name in names} | more)


def _text(holder: dict[str, Any], name: str, place: str) -> str:
    value = holder.get(name, "")
    if not isinstance(value, str):
        raise _wrong(f"{place}.{name}", "expected text")
    return value


def _wrong(path: str, message: str) -> Rejected:
    return Rejected([Issue(path=path, code="invalid", message=message)])
