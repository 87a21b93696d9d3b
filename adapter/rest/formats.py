"""Content negotiation: JSON is what this server speaks.

``_format`` overrides ``Accept``, as FHIR says; a FHIR version other than 4.0 is refused. Nothing is guessed:
a caller that accepts no JSON gets 406.

https://hl7.org/fhir/R4/http.html#mime-type and https://hl7.org/fhir/R4/http.html#version-parameter
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from adapter.errors import NotAcceptable

if TYPE_CHECKING:
    from collections.abc import Iterable

JSON_NAMES = frozenset({"json", "application/json", "application/fhir+json", "text/json"})
"""Values of ``_format`` and media types of ``Accept`` that mean FHIR JSON."""
VERSIONS = frozenset({"4.0", "4.0.0", "4.0.1"})

_RANGES = {"*/*": 1, "application/*": 2} | dict.fromkeys(JSON_NAMES - {"json"}, 3)
"""Media ranges that hold JSON, with how specific each is: the most specific one decides."""
_CACHED_LENGTH = 256


def negotiate(headers: Iterable[tuple[bytes, bytes]], pairs: Iterable[tuple[str, str]] = ()) -> None:
    """Raise ``NotAcceptable`` unless the caller takes FHIR R4 JSON, by ``_format`` or by ``Accept``."""
    formats = [value for name, value in pairs if name == "_format"]
    if formats:
        if not all(_names_json(value) for value in formats):
            raise NotAcceptable("`_format` names no offered format: use `json`", expression="_format")
        return
    accept = b",".join([value for name, value in headers if name == b"accept"])
    if accept and not (_accepts(accept) if len(accept) <= _CACHED_LENGTH else _accepts_json(accept)):
        raise NotAcceptable("no accepted media type is offered: accept `application/fhir+json`")


def _names_json(value: str) -> bool:
    # An unescaped plus sign in a URL reads as a space, and `_format=application/fhir+json` is common.
    media, parameters = _media(value.replace(" ", "+"))
    return media in JSON_NAMES and parameters.get("fhirversion", "4.0") in VERSIONS


def _accepts_json(accept: bytes) -> bool:
    best, taken = 0, False
    for part in accept.decode("latin-1").split(","):
        media, parameters = _media(part)
        specific = _RANGES.get(media, 0)
        if not specific or parameters.get("fhirversion", "4.0") not in VERSIONS:
            continue
        wanted = _positive(parameters.get("q", "1"))
        if specific > best:
            best, taken = specific, wanted
        elif specific == best:
            taken = taken or wanted
    return taken


_accepts = lru_cache(maxsize=256)(_accepts_json)


def _media(text: str) -> tuple[str, dict[str, str]]:
    media, *rest = text.split(";")
    parameters = {}
    for item in rest:
        name, _, value = item.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"')
    return media.strip().lower(), parameters


def _positive(quality: str) -> bool:
    try:
        return float(quality) > 0
    except ValueError:
        return False
