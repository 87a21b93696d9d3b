"""Registered clients, and what one of their tokens may still be used for at this moment.

A registration bounds what a client can ever get; agreements in force and signatures that count bound it again with
every request, so that what ended since a token was issued has ended for the token too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from adapter.auth.granting import NOTHING
from adapter.auth.keys import FetchedKeys, InlineKeys, KeyFault, read_keys
from adapter.errors import ConfigurationError, Problem
from adapter.fhir.scopes import Scopes, meet, read_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import tzinfo

    from adapter.auth.assertion import Keys
    from adapter.auth.keys import Fetch
    from adapter.fhir.scopes import Scope
    from adapter.registration import Client
    from adapter.store.shapes import LastWord, TokenRow

ORGANIZATION: Final = "Organization/"
MINUTE: Final = 60_000_000
KEPT: Final = 4096
"""Organisations times minutes, and lists of scopes, that are remembered."""
_FIXED_RIGHTS: Final = ("patient-match", "population-search", "population-subscribe")
_FEED: Final = "feed:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A client with its keys and scopes read."""

    id: str
    spec: Client
    keys: Keys
    scopes: tuple[Scope, ...]

    @property
    def jwks_url(self) -> str | None:
        """Where it publishes its keys."""
        return self.spec.jwks_url


class Standing(Protocol):
    """What agreements in force give a partner at an instant."""

    def purposes(self, recipient: str, *, at: int) -> set[str]:
        """Purposes of use."""
        ...

    def unattended(self, recipient: str, *, at: int) -> set[str]:
        """Those for which software may ask with no user named."""
        ...

    def rights(self, recipient: str, *, at: int) -> set[str]:
        """Rights beyond asking about one person."""
        ...


class Users(Protocol):
    """Who knows whether a user may ask."""

    def may_ask(self, organisation: str, user: str, last_word: LastWord, at: int) -> bool:
        """Whether a user may ask at an instant."""
        ...


def read_clients(
    specs: Mapping[str, Client],
    *,
    types: Collection[str],
    feeds: Collection[str],
    fetch: Fetch,
    clock: Callable[[], int],
) -> dict[str, Registered]:
    """The registered clients; ``ConfigurationError`` lists everything that is wrong with keys, scopes and rights."""
    problems: list[Problem] = []
    found = {}
    for key, spec in specs.items():
        where = f"clients.{key}"
        scopes: list[Scope] = []
        for place, text in enumerate(spec.scopes):
            try:
                scopes.append(read_scope(text, types))
            except ValueError as error:
                problems.append(_problem(f"{where}.scopes[{place}]", "it is no scope that can be kept", str(error)))
        for place, right in enumerate(spec.rights):
            if right not in {*_FIXED_RIGHTS, *(_FEED + name for name in feeds)}:
                expected = ", ".join([*_FIXED_RIGHTS, *(_FEED + name for name in sorted(feeds))])
                problems.append(_problem(f"{where}.rights[{place}]", "no such right", expected))
        keys: Keys = InlineKeys({})
        if spec.jwks_url is not None:
            keys = FetchedKeys(spec.jwks_url, fetch=fetch, clock=clock)
        elif spec.jwks is not None:
            try:
                keys = InlineKeys(read_keys(spec.jwks))
            except KeyFault as fault:
                problems.append(_problem(f"{where}.jwks.{fault.path}", fault.message, fault.expected))
        found[key] = Registered(id=key, spec=spec, keys=keys, scopes=tuple(scopes))
    problems += _shared(specs)
    if problems:
        raise ConfigurationError(problems)
    return found


def _shared(specs: Mapping[str, Client]) -> Iterator[Problem]:
    """Names at the outside server that two clients claim."""
    known: dict[str, str] = {}
    for key, spec in specs.items():
        if spec.outside_id is not None:
            if spec.outside_id in known:
                told = f"`{known[spec.outside_id]}` has the same"
                yield _problem(f"clients.{key}.outside_id", told, "one client for each of its names")
            known[spec.outside_id] = key


def _problem(path: str, message: str, expected: str) -> Problem:
    return Problem(where="partners.yaml", path=path, message=message, expected=expected)


class Clients:
    """What registered clients may do now."""

    def __init__(
        self,
        registered: Mapping[str, Registered],
        *,
        standing: Standing,
        users: Users,
        types: Collection[str],
        base_url: str,
        zone: tzinfo,
    ) -> None:
        self._registered = dict(registered)
        self._standing = standing
        self._users = users
        self._types = types
        self._base_url = base_url
        self._zone = zone
        self._allowed: dict[tuple[Any, ...], tuple[tuple[str, ...], tuple[str, ...]]] = {}
        self._scopes: dict[str, Scopes] = {}

    def find(self, ident: str) -> Registered | None:
        """A client by its id."""
        return self._registered.get(ident)

    def outside(self, ident: str) -> Registered | None:
        """A client by its name at the outside authorization server."""
        return next((one for one in self._registered.values() if one.spec.outside_id == ident), None)

    def listed(self) -> list[Registered]:
        """Every client, by id."""
        return [one for _, one in sorted(self._registered.items())]

    def still(self, row: TokenRow, at: int) -> TokenRow | None:
        """What a token of a registered client grants at this moment; None if nothing.

        Purposes and rights that no agreement in force gives any more are gone, and so is a user whose signature no
        longer counts, or a client that is not registered for the organisation any more.
        """
        client = self._registered.get(row.client)
        key = row.organisation.removeprefix(ORGANIZATION)
        if client is None or key not in client.spec.organizations:
            return None
        if row.user and not self._users.may_ask(row.organisation, row.user, row.last_word, at):
            return None
        purposes, rights = self._now(row, client, key, at)
        if not purposes and not any(right.startswith(_FEED) for right in rights):
            return None
        if purposes == row.purposes and rights == row.rights:
            return row
        return replace(row, purposes=purposes, rights=rights)

    def _now(
        self, row: TokenRow, client: Registered, organisation: str, at: int
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        # Agreements begin and end with a day, so that a minute is soon enough to look again.
        key = (row.purposes, row.rights, row.client, organisation, bool(row.user), at // MINUTE)
        known = self._allowed.get(key)
        if known is None:
            if len(self._allowed) >= KEPT:
                self._allowed.clear()
            granted = self._standing.purposes if row.user else self._standing.unattended
            purposes = granted(organisation, at=at)
            rights = self._standing.rights(organisation, at=at) & {*client.spec.rights}
            known = (
                tuple(one for one in row.purposes if one in purposes),
                tuple(one for one in row.rights if one in rights),
            )
            self._allowed[key] = known
        return known

    def scopes(self, row: TokenRow) -> Scopes | None:
        """What narrows a token: both what it was issued with and what is registered now. None if nothing does."""
        if not row.scopes:
            return None
        key = f"{row.client} {row.scopes}"
        known = self._scopes.get(key)
        if known is None:
            if len(self._scopes) >= KEPT:
                self._scopes.clear()
            known = self._scopes[key] = Scopes(self._met(row), base_url=self._base_url, zone=self._zone)
        return known

    def _met(self, row: TokenRow) -> Iterator[Scope]:
        client = self._registered.get(row.client)
        own = client.scopes if client is not None else ()
        for text in () if row.scopes == NOTHING else row.scopes.split(" "):
            asked = read_scope(text, self._types)
            yield from (met for one in own if (met := meet(asked, one)) is not None)
