"""Sections of `site.toml` and of a feed that say how extracts and messages arrive: MLLP, watched folders, SFTP."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A part of a site's documents: every key is known, and nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MllpHost(Section):
    """`[mllp]` of `site.toml`: the address of all MLLP ports, and TLS, without which only loopback is listened on."""

    host: str = "127.0.0.1"
    certificate: str = ""
    key: str = ""
    client_ca: str = ""
    idle_seconds: int = Field(default=3600, ge=5, le=7 * 24 * 3600)
    frame_seconds: int = Field(default=60, ge=1, le=3600)
    connections: int = Field(default=64, ge=1, le=10_000)


class SftpHost(Section):
    """`[sftp]` of `site.toml`: where partners whose keys a feed's `watch` lists put files."""

    host: str = "127.0.0.1"
    port: int = Field(default=2222, ge=0, le=65_535)
    host_key: str


class MllpSender(Section):
    """A sender of a feed: MSH-3 and MSH-4, and the client certificate it shows."""

    application: str = Field(min_length=1)
    facility: str = ""
    certificate: str = Field(default="", pattern=r"^(|sha256:[0-9a-f]{64}|[A-Z]{1,2}=[^,=]+(, ?[A-Z]{1,2}=[^,=]+)*)$")


class MllpPort(Section):
    """`mllp` of a feed: its port, and who may send to it. Without senders anyone may, which only loopback allows."""

    port: int = Field(ge=0, le=65_535)
    senders: tuple[MllpSender, ...] = ()
    megabytes: int = Field(default=16, ge=1, le=64)


class Hl7Answers(Section):
    """`hl7` of a feed: how HL7 v2 messages are acknowledged, whichever way they come.

    A batch is acknowledged message by message or as one; where nothing is said, message by message over MLLP and with
    its receipt over HTTP. What is of no supported kind is answered AR, or AA where the sender cannot stop sending it;
    it is kept and waits either way.
    """

    batch: Literal["message", "batch"] | None = None
    unsupported: Literal["reject", "accept"] = "reject"


class Watch(Section):
    """`watch` of a feed: a folder whose finished files are taken in.

    A file is finished when its size and time have not changed for ``settle_seconds``, or, with a ``marker``, when a
    file of its name with that ending stands beside it. ``keys`` let whoever holds one of them put files there by SFTP.
    """

    folder: str
    pattern: str = "*"
    every_seconds: int = Field(default=30, ge=1, le=24 * 3600)
    settle_seconds: int = Field(default=60, ge=0, le=24 * 3600)
    marker: Annotated[str, Field(pattern=r"^(|\.[A-Za-z0-9]{1,16})$")] = ""
    then: Literal["move", "leave"] = "move"
    keys: tuple[str, ...] = ()


class Sftp(Section):
    """`sftp` of a feed: a folder of another host whose finished files are fetched.

    ``host_key`` is a line of that host's public key as `ssh-keyscan` prints it; no other key is trusted.
    """

    host: str
    port: int = Field(default=22, ge=1, le=65_535)
    user: str
    key: str
    host_key: str = Field(pattern=r"^(ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/=]+")
    folder: str
    pattern: str = "*"
    every_seconds: int = Field(default=300, ge=1, le=24 * 3600)
    settle_seconds: int = Field(default=60, ge=0, le=24 * 3600)
    marker: Annotated[str, Field(pattern=r"^(|\.[A-Za-z0-9]{1,16})$")] = ""
