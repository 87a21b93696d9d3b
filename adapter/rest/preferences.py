"""What a writer says besides the resource: which version it changes, under which criteria, and what it wants back.

https://hl7.org/fhir/R4/http.html#return, https://hl7.org/fhir/R4/http.html#concurrency,
https://hl7.org/fhir/R4/http.html#ccreate
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adapter.errors import NotSupported, RequestError
from adapter.rest import parameters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.rest.parameters import Pair

    Headers = Iterable[tuple[bytes, bytes]]

MINIMAL: Final = "minimal"
REPRESENTATION: Final = "representation"
OUTCOME: Final = "OperationOutcome"
RETURNS: Final = (MINIMAL, REPRESENTATION, OUTCOME)
_ETAG: Final = re.compile(r'(?:W/)?"([A-Za-z0-9\-.]{1,64})"')


def header(headers: Headers, name: bytes) -> str | None:
    """The value of a header; ``RequestError`` where it is there twice."""
    found = [value for key, value in headers if key == name]
    if len(found) > 1:
        raise RequestError("a header is there twice; send it once", expression=f"http.{name.decode('ascii')}")
    return found[0].decode("latin-1").strip() if found else None


def wanted(headers: Headers, otherwise: str) -> str:
    """What `Prefer: return=…` asks for; ``otherwise`` where it asks for nothing that is known."""
    told = ",".join(value.decode("latin-1") for name, value in headers if name == b"prefer")
    for part in re.split("[;,]", told):
        name, _, value = part.strip().partition("=")
        if name.strip() == "return" and value.strip('" ') in RETURNS:
            return value.strip('" ')
    return otherwise


def if_match(headers: Headers) -> str | None:
    """The version that has to be in place."""
    return version_of(header(headers, b"if-match"))


def version_of(tag: str | None) -> str | None:
    """The version in an ETag; ``RequestError`` for what is none."""
    if tag is None:
        return None
    found = _ETAG.fullmatch(tag)
    if found is None:
        raise RequestError('expected the ETag of one version: W/"…"', expression="http.If-Match")
    return found[1]


def if_none_exist(text: str | None) -> tuple[Pair, ...] | None:
    """The criteria of a conditional create, as they stand in its header or entry."""
    if text is None:
        return None
    try:
        criteria = parameters.of_query(text.partition("?")[2].encode() if "?" in text else text.encode("latin-1"))
    except UnicodeEncodeError:
        raise RequestError("the criteria cannot be read", expression="http.If-None-Exist") from None
    if not criteria:
        raise RequestError("expected criteria such as identifier=system|value", expression="http.If-None-Exist")
    return tuple(criteria)


def refused(headers: Headers, names: Iterable[bytes]) -> None:
    """``NotSupported`` for a condition that this interaction does not take: it is never passed over."""
    for name in names:
        if header(headers, name) is not None:
            told = "this interaction does not take this condition"
            raise NotSupported(told, expression=f"http.{name.decode('ascii')}")
