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

    def _name(self, purpose: bytes, *parts: str) -> str:
        # Written as a tuple no two lists of parts run together, and any text a sender may use has a spelling.
        return blake2b(ascii(parts).encode(), digest_size=16, key=self._secret, person=purpose).hexdigest()

    def resource_id(self, source: str, kind: str, *key: str) -> str:
        """The id of a resource that ``source`` knows under ``key``."""
        return self._name(b"resource", source, kind, *key)

    def version_id(self, kind: str, ident: str, digest: bytes, revision: int) -> str:
        """The id of one version of a resource."""
        return self._name(b"version", kind, ident, digest.hex(), str(revision))

    def match_hash(self, rule: str, value: str) -> bytes:
        """A match key as it is stored."""
        return blake2b(f"{rule}|{value}".encode(), digest_size=16, key=self._secret, person=b"match").digest()

    def cursor_key(self) -> bytes:
        """The 64-byte key of AES-SIV page cursors (RFC 5297)."""
        return blake2b(b"cursor", digest_size=64, key=self._secret, person=b"cursor").digest()
