"""Keyed names: ids of resources and versions, match hashes and the cursor key, all from one secret of the site.

An id says nothing about what else is stored, when or how often: it is a keyed hash of what it names, never a counter
(architecture, decision 4). Id syntax: https://hl7.org/fhir/R4/datatypes.html#id
"""

from __future__ import annotations

from hashlib import blake2b


class SiteKeys:
    """Derives every keyed name from the site's 32-byte secret."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:  # noqa: PLR2004 - a BLAKE2b key of 256 bits
            raise ValueError("the site secret must be 32 bytes")
        self._secret = secret
        # A hash with its key taken in already is copied for each name: half the work of a new one.
        self._resource, self._version, self._match, self._block = (
            blake2b(digest_size=size, key=secret, person=purpose)
            for size, purpose in ((16, b"resource"), (16, b"version"), (16, b"match"), (8, b"block"))
        )

    def resource_id(self, source: str, kind: str, *key: str) -> str:
        """The id of a resource that ``source`` knows under ``key``."""
        return _name(self._resource, source, kind, *key)

    def version_id(self, kind: str, ident: str, digest: bytes, *marks: int) -> str:
        """The id of one version of a resource, by its content and what else tells it from the others."""
        return _name(self._version, kind, ident, digest.hex(), *map(str, marks))

    def match_hash(self, rule: str, value: str) -> bytes:
        """A match key as it is stored."""
        hashing = self._match.copy()
        hashing.update(f"{rule}|{value}".encode())
        return hashing.digest()

    def block_key(self, block: str) -> int:
        """A key under which records are looked for, as it is stored: 63 bits."""
        hashing = self._block.copy()
        hashing.update(block.encode())
        return int.from_bytes(hashing.digest(), "big") >> 1

    def trait_key(self) -> bytes:
        """The 64-byte key of AES-SIV (RFC 5297) under which what recognises people is kept."""
        return blake2b(b"traits", digest_size=64, key=self._secret, person=b"traits").digest()

    def cursor_key(self) -> bytes:
        """The 64-byte key of AES-SIV page cursors (RFC 5297)."""
        return blake2b(b"cursor", digest_size=64, key=self._secret, person=b"cursor").digest()

    def header_key(self) -> bytes:
        """The 64-byte key of AES-SIV (RFC 5297) under which headers for subscribers are kept."""
        return blake2b(b"headers", digest_size=64, key=self._secret, person=b"headers").digest()

    def panel_key(self) -> bytes:
        """The 64-byte key of AES-SIV (RFC 5297) under which what partners know of people on their groups is kept."""
        return blake2b(b"panels", digest_size=64, key=self._secret, person=b"panels").digest()

    def audit_key(self) -> bytes:
        """The 64-byte key of AES-SIV ids of audit events (RFC 5297)."""
        return blake2b(b"audit", digest_size=64, key=self._secret, person=b"audit").digest()


def _name(keyed: blake2b, *parts: str) -> str:
    hashing = keyed.copy()
    # Written as a tuple no two lists of parts run together, and any text a sender may use has a spelling.
    hashing.update(ascii(parts).encode())
    return hashing.hexdigest()
