"""Client software as a county registers it in `partners.yaml`, and how the site reaches other servers.

A client is registered where its organisations are, in a file that is reviewed and versioned like the agreements, and
checked with everything else by `sallyport validate`.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from adapter.errors import Problem
from adapter.listening import NotifyEndpoint  # noqa: TC001 - pydantic reads it when the class is made

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Key = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
HttpsUrl = Annotated[str, Field(pattern=r"^https://[^\s/?#@]+(/[^\s#]*)?$")]


NotifyHost = Annotated[
    str, Field(pattern=r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9a-f:]+\])(:[0-9]{1,5})?$")
]
"""A host on which a partner listens for notifications, with its port if it is not any."""


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise ValueError("expected a network such as 10.20.0.0/16") from None
    return text


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Client(_Section):
    """One client of `partners.yaml`: software that proves itself with a key. The key of the entry is its client_id."""

    name: str = Field(min_length=1)
    contact: str = ""
    organizations: tuple[Key, ...] = ()
    scopes: tuple[str, ...] = ()
    rights: tuple[str, ...] = ()
    jwks_url: HttpsUrl | None = None
    jwks: dict[str, Any] | None = None
    outside_id: str | None = Field(default=None, min_length=1)
    introspects: bool = False
    token_minutes: int = Field(default=5, ge=1, le=60)
    requests_per_minute: int = Field(default=6000, ge=1, le=1_000_000)
    tokens_per_minute: int = Field(default=60, ge=1, le=6000)
    body_kilobytes: int = Field(default=64, ge=1, le=64 * 1024)
    bundle_entries: int = Field(default=500, ge=1, le=10_000)
    notify_hosts: tuple[NotifyHost, ...] = ()
    notify_endpoints: dict[Key, NotifyEndpoint] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Client:
        faults = []
        if self.jwks is not None and self.jwks_url is not None:
            faults.append(("jwks", "keys are given twice", "`jwks_url` or `jwks`"))
        if self.jwks is None and self.jwks_url is None and self.outside_id is None:
            faults.append(("jwks_url", "there is no key to prove itself with", "`jwks_url`, `jwks` or `outside_id`"))
        if not self.organizations and not self.introspects:
            faults.append(("organizations", "it acts for nobody", "partners it acts for, or `introspects: true`"))
        if bool(self.organizations) is not bool(self.scopes or self.rights):
            told = "it may ask for nothing" if self.organizations else "it acts for nobody and has scopes"
            faults.append(("scopes", told, "`organizations` with `scopes` or `rights`"))
        if faults:
            told = "; ".join(f"{path}: {message}, expected {expected}" for path, message, expected in faults)
            raise PydanticCustomError("inconsistent", "{told}", {"told": told, "faults": faults})
        return self


class Introspection(_Section):
    """`[introspection]` of `site.toml`: an authorization server whose access tokens are believed when it confirms them.

    RFC 7662.
    """

    url: HttpsUrl
    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    client_id: str = Field(min_length=1)
    key_file: str = Field(min_length=1)
    cache_seconds: int = Field(default=30, ge=0, le=300)


class Outbound(_Section):
    """`[outbound]` of `site.toml`: what this server may reach when it fetches keys or asks another server."""

    private_networks: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    ca_file: str | None = None
    client_file: str | None = None


def writer_problems(feeds: Iterable[tuple[str, str, str | None]], clients: Mapping[str, Client]) -> list[Problem]:
    """What is wrong with who writes feeds over FHIR REST; each of ``feeds`` is (feed, organisation, client).

    A client has to be registered for the organisation, and what it writes for it goes to one feed.
    """
    known: dict[tuple[str, str], str] = {}
    found = []
    for feed, organisation, client in feeds:
        if client is None:
            continue
        writing = sorted(key for key, one in clients.items() if organisation in one.organizations)
        first = known.setdefault((client, organisation), feed)
        where, path = f"feeds/{feed}.yaml", "client"
        if client not in writing:
            told, expected = f"no client `{client}` is registered for `{organisation}`", ", ".join(writing)
            found.append(Problem(where=where, path=path, message=told, expected=expected))
        if first != feed:
            told = f"`{first}` is written by the same client for the same organisation"
            expected = "one feed for each client and organisation"
            found.append(Problem(where=where, path=path, message=told, expected=expected))
    return found
