"""Claims about one request: for which organisation, which purposes of use and which user client software asks.

HL7 UDAP puts them into the extension ``hl7-b2b`` of the client assertion. They choose among what is registered and
agreed and can add nothing to it. What is there and cannot be read is a refusal: a claim that is passed over would be a
limit that is passed over.

https://hl7.org/fhir/us/udap-security/STU2/b2b.html#b2b-authorization-extension-object
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapter.auth.refusal import Refusal
from adapter.consent.vocabulary import ACT_REASON, LOCAL_PURPOSE

EXTENSION: Final = "hl7-b2b"
VERSION: Final = "1"
MOST: Final = 16
"""Purposes of use that one assertion may list."""
LONGEST: Final = 255

_SYSTEMS: Final = ("urn:oid:2.16.840.1.113883.5.8", ACT_REASON, LOCAL_PURPOSE)
"""How the code systems of purposes of use are written: ActReason as OID and URL, and the system of this software."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request is for. ``organisation`` is a partner key, None where none is named; ``purposes`` likewise.

    ``user`` is empty for work that nobody sits in front of.
    """

    organisation: str | None = None
    purposes: tuple[str, ...] | None = None
    user: str = ""


def read_b2b(claims: Mapping[str, Any], *, organisations: str) -> Asked:
    """What the claims ask for; `invalid_grant` for what cannot be read.

    ``organisations`` is the address below which ours are, with a slash at the end.
    """
    extensions = claims.get("extensions")
    if extensions is None:
        return Asked()
    if not isinstance(extensions, Mapping):
        raise _unreadable()
    said = extensions.get(EXTENSION)
    if said is None:
        return Asked()
    if not isinstance(said, Mapping) or said.get("version") != VERSION:
        raise _unreadable()
    organisation = _text(said.get("organization_id"))
    if not organisation.startswith(organisations):
        raise Refusal("invalid_grant", "foreign-organisation")
    user = said.get("subject_id")
    return Asked(
        organisation=organisation.removeprefix(organisations),
        purposes=_purposes(said.get("purpose_of_use")),
        user="" if user is None else _text(user),
    )


def _purposes(listed: Any) -> tuple[str, ...]:
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST:
        raise _unreadable()
    found = []
    for one in listed:
        system, mark, code = _text(one).rpartition("#")
        if mark and (system not in _SYSTEMS or (system == LOCAL_PURPOSE) is code.isupper()):
            raise Refusal("invalid_grant", "foreign-purpose")
        found.append(_text(code))
    return tuple(dict.fromkeys(found))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST or not value.isprintable() or value != value.strip():
        raise _unreadable()
    return value


def _unreadable() -> Refusal:
    return Refusal("invalid_grant", "unreadable-claims")


def told(asked: Asked, *, organisations: str) -> dict[str, Any]:
    """The extension as it is told in an introspection."""
    said: dict[str, Any] = {"version": VERSION, "organization_id": f"{organisations}{asked.organisation}"}
    said["purpose_of_use"] = [f"{_system(code)}#{code}" for code in asked.purposes or ()]
    return {EXTENSION: said | ({"subject_id": asked.user} if asked.user else {})}


def _system(code: str) -> str:
    # The codes of ActReason are upper case, those of ours lower case.
    return _SYSTEMS[0] if code.isupper() else LOCAL_PURPOSE
