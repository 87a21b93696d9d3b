"""Conditional read: whether what a caller holds is what it would be given again.

An answer that carries obligations is never a 304: they are due with every answer. Neither is one of a type whose answer
says more than its version: the links of a Patient and the place of a screening in its day change while the version
stays. That holds for the type and not for the resource, so that it tells nothing of either.

https://hl7.org/fhir/R4/http.html#cread and https://www.rfc-editor.org/rfc/rfc9110#section-13.1
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.services.disclose import Served

SAY_MORE: Final = frozenset({"Patient", "Observation"})
"""Types whose answers say more than their version."""
_TAG: Final = re.compile(rb'(?:W/)?"([\x21\x23-\x7e]*)"')
_LIST: Final = re.compile(rb'\s*(?:W/)?"[\x21\x23-\x7e]*"(?:\s*,\s*(?:W/)?"[\x21\x23-\x7e]*")*\s*')


def unchanged(headers: Iterable[tuple[bytes, bytes]], served: Served) -> bool:
    """Whether 304 is the answer. A condition that cannot be read is none; `If-None-Match` is asked before a date."""
    if served.obligation or served.type in SAY_MORE:
        return False
    tags = since = b""
    for name, value in headers:
        if name == b"if-none-match":
            tags = value if not tags else tags + b"," + value
        elif name == b"if-modified-since":
            since = value
    if tags:
        return _names(tags, served.version.encode("ascii"))
    return bool(since) and _not_since(since, served.last_updated)


def _names(tags: bytes, version: bytes) -> bool:
    if tags.strip() == b"*":
        return True
    return _LIST.fullmatch(tags) is not None and version in _TAG.findall(tags)


def _not_since(value: bytes, last_updated: str) -> bool:
    try:
        since = parsedate_to_datetime(value.decode("latin-1"))
    except ValueError:
        return False
    changed = datetime.fromisoformat(last_updated).astimezone(UTC).replace(microsecond=0)
    return since.tzinfo is not None and changed <= since
