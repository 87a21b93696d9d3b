"""What a feed says of the server it is fetched from: `pull:` in `feeds/*.yaml`.

Part of the settings model; here, so that one page holds all that concerns fetching.
SMART Backend Services: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
Bulk Data Access: https://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts that may be asked without TLS."""
PAGE_MEGABYTES = 16
"""The longest answer that the FHIR connector reads as one."""


def _secure(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ValueError("expected an https address; http is for loopback alone")
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("expected an address without user, query or fragment")
    return url.rstrip("/")


Address = Annotated[str, AfterValidator(_secure)]
TypeName = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]{1,63}$")]


class Pull(BaseModel):
    """`pull` of a feed: which server, as whom, and what is asked for.

    ``search`` holds, by resource type in the order in which they are asked for, the search parameters of each; with
    ``export`` they are asked for in bulk instead.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Address
    client_id: str = Field(min_length=1)
    key: str = Field(min_length=1)
    kid: str = Field(min_length=1)
    token_url: Address | None = None
    scope: str = Field(default="system/*.rs", pattern=r"^\S+( \S+)*$")
    search: dict[TypeName, dict[str, str]] = Field(min_length=1)
    export: Annotated[str, Field(pattern=r"^(system|patient|group/[A-Za-z0-9\-.]{1,64})$")] | None = None
    count: int = Field(default=200, ge=1, le=10_000)
    overlap_minutes: int = Field(default=5, ge=0, le=24 * 60)
    page_megabytes: int = Field(default=PAGE_MEGABYTES, ge=1, le=PAGE_MEGABYTES)
    file_megabytes: int = Field(default=4096, ge=1, le=65_536)
    file_hosts: tuple[str, ...] = ()
    attempts: int = Field(default=6, ge=1, le=20)
    longest_wait_seconds: int = Field(default=300, ge=1, le=3600)

    @model_validator(mode="after")
    def _reserved(self) -> Self:
        """What paging and resuming set themselves is not asked for again."""
        taken = {name for asked in self.search.values() for name in asked} & {
            "_lastUpdated",
            "_count",
            "_since",
            "_type",
        }
        if taken:
            raise ValueError(f"`{min(taken)}` is set by the pull itself; leave it out")
        return self
