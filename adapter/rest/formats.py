"""Content negotiation: FHIR JSON, and FHIR XML for whoever asks for it.

``_format`` overrides ``Accept``, as FHIR says; a FHIR version other than 4.0 is refused. Nothing is guessed: a caller
that accepts neither gets 406. What is liked equally well is given as JSON, which is how it is stored.

https://hl7.org/fhir/R4/http.html#mime-type and https://hl7.org/fhir/R4/http.html#version-parameter
Quality values: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from adapter.errors import NotAcceptable

if TYPE_CHECKING:
    from collections.abc import Iterable

JSON: Final = "json"
XML: Final = "xml"
JSON_NAMES = frozenset({"json", "application/json", "application/fhir+json", "text/json"})
XML_NAMES = frozenset({"xml", "application/xml", "application/fhir+xml", "text/xml"})
"""Values of ``_format`` and media types of ``Accept`` and ``Content-Type`` that mean FHIR JSON and FHIR XML."""
VERSIONS = frozenset({"4.0", "4.0.0", "4.0.1"})
MEDIA_TYPES: Final = {JSON: b"application/fhir+json", XML: b"application/fhir+xml"}

_WIDE = {"*/*": 1, "application/*": 2}
_RANGES = {
    JSON: _WIDE | dict.fromkeys(JSON_NAMES - {JSON}, 3),
    XML: _WIDE | {"text/*": 2} | dict.fromkeys(XML_NAMES - {XML}, 3),
}
"""Media ranges that hold a format, with how specific each is: the most specific one decides."""
_CACHED_LENGTH = 256


def negotiate(headers: Iterable[tuple[bytes, bytes]], pairs: Iterable[tuple[str, str]] = ()) -> str:
    """The format to answer in, by ``_format`` or by ``Accept``; ``NotAcceptable`` if neither is taken."""
    formats = {_named(value) for name, value in pairs if name == "_format"}
    if formats:
        if len(formats) > 1 or None in formats:
            raise NotAcceptable("`_format` names no offered format: use `json` or `xml`", expression="_format")
        return str(formats.pop())
    accept = b",".join([value for name, value in headers if name == b"accept"])
    if not accept:
        return JSON
    found = _accepts(accept) if len(accept) <= _CACHED_LENGTH else _accepted(accept)
    if found is None:
        raise NotAcceptable(
            "no accepted media type is offered: accept `application/fhir+json` or `application/fhir+xml`"
        )
    return found


def _named(value: str) -> str | None:
    # An unescaped plus sign in a URL reads as a space, and `_format=application/fhir+json` is common.
    media, given = _media(value.replace(" ", "+"))
    if given.get("fhirversion", "4.0") not in VERSIONS:
        return None
    return JSON if media in JSON_NAMES else XML if media in XML_NAMES else None


def _accepted(accept: bytes) -> str | None:
    """The format that a list of media ranges likes best, or None."""
    ranges = [_media(part) for part in accept.decode("latin-1").split(",")]
    liked = {form: _quality(ranges, form) for form in (JSON, XML)}
    best = max(liked, key=lambda form: liked[form])
    return best if liked[best] > 0 else None


def _quality(ranges: Iterable[tuple[str, dict[str, str]]], form: str) -> float:
    best, quality = 0, 0.0
    for media, given in ranges:
        specific = _RANGES[form].get(media, 0)
        if not specific or given.get("fhirversion", "4.0") not in VERSIONS:
            continue
        wanted = _number(given.get("q", "1"))
        if specific > best:
            best, quality = specific, wanted
        elif specific == best:
            quality = max(quality, wanted)
    return quality


_accepts = lru_cache(maxsize=256)(_accepted)


def _media(text: str) -> tuple[str, dict[str, str]]:
    media, *rest = text.split(";")
    given = {}
    for item in rest:
        name, _, value = item.partition("=")
        given[name.strip().lower()] = value.strip().strip('"')
    return media.strip().lower(), given


def _number(quality: str) -> float:
    try:
        found = float(quality)
    except ValueError:
        return 0.0
    return found if 0 <= found <= 1 else 0.0
