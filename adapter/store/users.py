"""The shapes of access: tokens, and what users signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class LastWord(NamedTuple):
    """What is last recorded of a user in an organisation: `signed` with the hash of the text, or `departed`, and when.

    Nothing is recorded while ``kind`` is empty.
    """

    kind: str = ""
    text_hash: bytes = b""
    at: int = 0


NOTHING_SAID = LastWord()


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEvent:
    """A user signed the user agreement for an organisation, or left it. ``kind`` is `signed` or `departed`."""

    kind: str
    user: str
    organisation: str
    at: int
    name: str = ""
    role: str = ""
    client: str = ""
    agreement: str = ""
    version: str = ""
    text_hash: bytes = b""
    certified: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """An access token as stored: its SHA-256 digest, what it grants, and the user it was issued for, if any.

    ``last_word`` is read with it and never written. ``scopes`` narrow the token of a registered client; one that the
    county issued itself has none and is not narrowed.
    """

    digest: bytes
    client: str
    organisation: str
    purposes: tuple[str, ...]
    rights: tuple[str, ...]
    expires: int
    revoked: bool = False
    user: str = ""
    issued: int = 0
    last_word: LastWord = NOTHING_SAID
    scopes: str = ""
