"""Query strings and form bodies, read strictly: what cannot be read is refused, never dropped.

A dropped parameter would be a dropped filter, and a search with a filter missing answers another question
than the one that was asked.

https://hl7.org/fhir/R4/search.html#Introduction and
https://url.spec.whatwg.org/#application/x-www-form-urlencoded
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from adapter.errors import RequestError
from adapter.rest.errors import BODY_TOO_LARGE, NOT_A_FORM, NOT_JSON, URL_TOO_LONG, Refused
from adapter.rest.formats import JSON_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.types import Receive

Pair = tuple[str, str]

MAX_BODY = 64 * 1024
"""Bytes of the largest search form and of the largest body of an operation, unless a client is given another bound."""
MAX_QUERY = 16 * 1024
"""Bytes of the longest query string; a longer search is sent as a form."""
MAX_PAIRS = 128

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Disconnected(Exception):
    """The caller hung up before the body was complete; nobody waits for an answer."""


def of_query(raw: bytes) -> list[Pair]:
    """The parameters of a query string; ``RequestError`` when it cannot be read, 414 when it is too long."""
    if not raw:
        return []
    if len(raw) > MAX_QUERY:
        raise Refused(URL_TOO_LONG)
    return _pairs(raw, "query string")


async def of_form(headers: Iterable[tuple[bytes, bytes]], receive: Receive, longest: int = MAX_BODY) -> list[Pair]:
    """The parameters of a form body up to ``longest`` bytes; 413 when larger, 415 when it is no form."""
    typed = False
    for name, value in headers:
        if name == b"content-type":
            typed = _is_form(value)
            if not typed:
                raise Refused(NOT_A_FORM)
        elif name == b"content-encoding":
            raise Refused(NOT_A_FORM)
        elif name == b"content-length" and value.isdigit() and int(value[:9]) > longest:
            raise Refused(BODY_TOO_LARGE)
    body = await whole(receive, longest)
    if body and not typed:
        raise Refused(NOT_A_FORM)
    return _pairs(body, "body")


async def of_json(headers: Iterable[tuple[bytes, bytes]], receive: Receive, longest: int = MAX_BODY) -> bytes:
    """The body of an operation, JSON of up to ``longest`` bytes; 413 when larger, 415 when it is not JSON."""
    is_json(headers)
    return await whole(receive, longest)


def is_json(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Nothing where the body is said to be JSON in UTF-8, not compressed; 415 otherwise."""
    typed = False
    for name, value in headers:
        if name == b"content-type":
            media, _, rest = value.decode("latin-1").lower().partition(";")
            charset = rest.partition("charset=")[2].partition(";")[0].strip(' "')
            typed = media.strip() in JSON_NAMES and charset in {"", "utf-8"}
        elif name == b"content-encoding":
            raise Refused(NOT_JSON)
    if not typed:
        raise Refused(NOT_JSON)


def merge(of_url: Sequence[Pair], of_body: Sequence[Pair]) -> list[Pair]:
    """The parameters of a form search: URL and body count alike, an exact repeat counts once."""
    return list(dict.fromkeys([*of_url, *of_body]))


async def whole(receive: Receive, longest: int = MAX_BODY) -> bytes:
    """The whole body of up to ``longest`` bytes; 413 when it is larger."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > longest:
            raise Refused(BODY_TOO_LARGE)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _is_form(content_type: bytes) -> bool:
    media, _, rest = content_type.decode("latin-1").lower().partition(";")
    charset = rest.partition("charset=")[2].partition(";")[0].strip(' "')
    return media.strip() == "application/x-www-form-urlencoded" and charset in {"", "utf-8"}


def _pairs(raw: bytes, where: str) -> list[Pair]:
    try:
        # An empty part between two separators carries no parameter, so nothing is lost with it.
        text = "&".join(filter(None, raw.decode("utf-8").split("&")))
        if not text:
            return []
        if _BROKEN_ESCAPE.search(text):
            raise _unreadable(where)
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_PAIRS)
    except ValueError:
        raise _unreadable(where) from None
    if any(_CONTROL.search(name) or _CONTROL.search(value) for name, value in pairs):
        raise RequestError(f"the {where} holds a control character; remove it")
    return pairs


def _unreadable(where: str) -> RequestError:
    return RequestError(
        f"the {where} cannot be read; expected at most {MAX_PAIRS} `name=value` pairs joined by `&`, "
        "percent-encoded UTF-8"
    )
