"""What a proven client is granted: the part of what it asks for that registration, agreements and signatures allow.

Organisation, purposes, rights and scopes are each met with their bound, and nothing is ever added to them. Whether a
user or a purpose was what was refused is told to nobody outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from adapter.auth.refusal import Refusal
from adapter.fhir.scopes import granted, read_scopes, told

if TYPE_CHECKING:
    from collections.abc import Collection

    from adapter.auth.b2b import Asked
    from adapter.auth.clients import Registered
    from adapter.auth.refusal import Code
    from adapter.fhir.scopes import Scope

_FEED: Final = "feed:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a token will grant. ``organisation`` is a partner key; a client that only feeds may have no scopes."""

    client: str
    organisation: str
    purposes: tuple[str, ...]
    rights: tuple[str, ...]
    scopes: tuple[Scope, ...]
    user: str


class Bounds(Protocol):
    """What agreements in force and signatures allow at an instant."""

    def purposes(self, recipient: str, *, at: int) -> set[str]:
        """Purposes of use."""
        ...

    def unattended(self, recipient: str, *, at: int) -> set[str]:
        """Those for which software may ask with no user named."""
        ...

    def rights(self, recipient: str, *, at: int) -> set[str]:
        """Rights beyond asking about one person."""
        ...

    async def signed(self, recipient: str, user: str, *, at: int) -> bool:
        """Whether a user of a partner has a signature that counts."""
        ...


async def grant(
    client: Registered, asked: Asked, scopes: str | None, *, bounds: Bounds, types: Collection[str], at: int
) -> Granted:
    """What a client is granted; ``Refusal`` with `invalid_scope` or `invalid_grant` where that would be too little.

    ``scopes`` is the list as requested; without one the request is for everything registered. One requested scope of
    which nothing is registered refuses the whole request, and so does one purpose that is not allowed: a client that
    was given less than it relies on would take what is missing for an answer.
    """
    organisation = _organisation(client, asked)
    if asked.user and not await bounds.signed(organisation, asked.user, at=at):
        raise _refused(client, "no-signature-that-counts")
    allowed = (bounds.purposes if asked.user else bounds.unattended)(organisation, at=at)
    if asked.purposes is not None and not {*asked.purposes} <= allowed:
        raise _refused(client, "purpose-not-agreed" if asked.user else "purpose-not-agreed-without-user")
    purposes = tuple(sorted(allowed if asked.purposes is None else asked.purposes))
    rights = tuple(sorted({*client.spec.rights} & bounds.rights(organisation, at=at)))
    if not purposes and not any(right.startswith(_FEED) for right in rights):
        raise _refused(client, "nothing-agreed")
    return Granted(
        client=client.id,
        organisation=organisation,
        purposes=purposes,
        rights=rights,
        scopes=_scopes(client, scopes, types),
        user=asked.user,
    )


def _organisation(client: Registered, asked: Asked) -> str:
    registered = client.spec.organizations
    if asked.organisation is None:
        # Plain SMART names none; where there is one, that one is meant.
        if len(registered) == 1:
            return registered[0]
        raise _refused(client, "no-organisation-chosen")
    if asked.organisation not in registered:
        raise _refused(client, "foreign-organisation")
    return asked.organisation


def _scopes(client: Registered, text: str | None, types: Collection[str]) -> tuple[Scope, ...]:
    try:
        asked = client.scopes if text is None else read_scopes(text, types)
    except ValueError:
        raise _refused(client, "unreadable-scope", "invalid_scope") from None
    found = granted(asked, client.scopes)
    if not found and (client.scopes or text is not None):
        raise _refused(client, "scope-not-registered", "invalid_scope")
    return found


def _refused(client: Registered, why: str, code: Code = "invalid_grant") -> Refusal:
    return Refusal(code, why, client=client.id)


def written(scopes: tuple[Scope, ...]) -> str:
    """The scopes of a token as they are kept: never empty, because empty is what nothing narrows."""
    return told(scopes) or NOTHING


NOTHING: Final = "-"
"""Kept in place of scopes by the token of a client that only feeds."""
