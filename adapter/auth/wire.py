"""Puts the parts of authorization together for one site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from adapter.auth.assertion import Assertions
from adapter.auth.clients import Clients, read_clients
from adapter.auth.endpoints import Endpoints
from adapter.auth.limits import Limits
from adapter.auth.outside import OutsideTokens
from adapter.auth.requester import Requester
from adapter.auth.stored import Stored
from adapter.auth.tokens import Tokens
from adapter.errors import ConfigurationError, Problem
from adapter.outbound import Outbound
from adapter.services.profiles import shipped_validator
from adapter.services.site_rules import compile_rules
from adapter.settings import read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from adapter.auth.clients import Registered
    from adapter.auth.requester import Contexts
    from adapter.services.access import Access
    from adapter.services.site_rules import SiteRules
    from adapter.services.user_agreements import UserAgreements
    from adapter.settings import Site
    from adapter.store.port import Ledger, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """The parts that others use."""

    clients: Clients
    tokens: Tokens
    requester: Requester
    endpoints: Endpoints
    stored: Stored


def outbound_of(site: Site) -> Outbound:
    """What asks other servers, within what the site allows."""
    outbound = site.site.outbound
    return Outbound(
        private_networks=outbound.private_networks,
        ca_file=None if outbound.ca_file is None else site.folder / outbound.ca_file,
    )


def registered(site: Site, *, types: Collection[str], clock: Callable[[], int]) -> dict[str, Registered]:
    """The clients of a site, checked; ``ConfigurationError`` lists everything that is wrong with them."""
    problems: list[Problem] = []
    if site.site.outbound.ca_file is not None and not (site.folder / site.site.outbound.ca_file).is_file():
        problems.append(_problem("outbound.ca_file", "the file is missing", "a file of certificates in PEM"))
    if site.site.introspection is not None:
        try:
            private_key(site.folder / site.site.introspection.key_file)
        except ConfigurationError as error:
            problems += error.problems
    try:
        found = read_clients(site.clients, types=types, feeds=site.feeds, fetch=outbound_of(site), clock=clock)
    except ConfigurationError as error:
        problems += error.problems
        found = {}
    if problems:
        raise ConfigurationError(problems)
    return found


def checked(site: Site, connectors: Collection[str], now: Callable[[], int]) -> tuple[SiteRules, dict[str, Registered]]:
    """What the documents of a site compile to, and its clients; ``ConfigurationError`` lists the problems of both."""
    problems: list[Problem] = []
    rules, clients = None, None
    try:
        rules = compile_rules(site, connectors, at=now())
    except ConfigurationError as error:
        problems += error.problems
    try:
        clients = registered(site, types=shipped_validator().facts.all_resources, clock=now)
    except ConfigurationError as error:
        problems += error.problems
    if rules is None or clients is None:
        raise ConfigurationError(problems)
    return rules, clients


def private_key(path: Path) -> RSAKey | ECKey:
    """The private JSON Web Key in a file; ``ConfigurationError`` if there is none."""
    document = read_document(path)
    kinds: dict[Any, Any] = {"RSA": RSAKey, "EC": ECKey}
    kind = kinds.get(document.get("kty")) if isinstance(document, dict) else None
    try:
        key: Any = kind.import_key(document) if kind is not None else None
    except (JoseError, ValueError, TypeError, KeyError):
        key = None
    if key is None or not key.is_private or (isinstance(key, ECKey) and key.curve_name != "P-384"):
        told = f"`{path.name}` holds no private key that signs with RS384 or ES384"
        raise ConfigurationError(
            [_problem("introspection.key_file", told, "one private JSON Web Key, RSA or EC P-384")]
        )
    return key  # type: ignore[no-any-return]


def _problem(path: str, message: str, expected: str) -> Problem:
    return Problem(where="site.toml", path=path, message=message, expected=expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What authorization stands on: the site and its clients as ``registered`` read them, its services and makers."""

    site: Site
    registered: Mapping[str, Registered]
    store: Store
    ledger: Ledger
    access: Access
    users: UserAgreements
    contexts: Contexts
    types: Collection[str]
    clock: Callable[[], int]
    new_token: Callable[[], str]
    new_id: Callable[[], str]


def authorization(on: Ground) -> Authorization:
    """Wire the parts."""
    site = on.site.site
    base = f"{site.base_url}/fhir"
    stored, limits = Stored(on.store, on.access, on.clock), Limits(on.clock)
    clients = Clients(on.registered, standing=stored, users=on.users, types=on.types, base_url=base, zone=on.site.zone)
    tokens = Tokens(
        store=on.store,
        clock=on.clock,
        new_token=on.new_token,
        users=on.users,
        registrations=clients,
        outside=_outside(on, stored, clients, base),
    )
    requester = Requester(
        tokens=tokens, contexts=on.contexts, clients=clients, limits=limits, per_minute=site.requests_per_minute
    )
    endpoints = Endpoints(
        clients=clients,
        assertions=Assertions(
            find=clients.find, spent=stored, audiences=[f"{site.base_url}/auth/token"], clock=on.clock
        ),
        tokens=tokens,
        bounds=stored,
        limits=limits,
        ledger=on.ledger,
        revocations=stored,
        clock=on.clock,
        types=on.types,
        issuer=base,
    )
    return Authorization(clients=clients, tokens=tokens, requester=requester, endpoints=endpoints, stored=stored)


def _outside(on: Ground, stored: Stored, clients: Clients, base: str) -> OutsideTokens | None:
    server = on.site.site.introspection
    if server is None:
        return None
    return OutsideTokens(
        server=server,
        key=private_key(on.site.folder / server.key_file),
        post=outbound_of(on.site),
        clients=clients,
        bounds=stored,
        words=stored,
        types=on.types,
        organisations=f"{base}/Organization/",
        clock=on.clock,
        new_id=on.new_id,
    )
