"""What recognises people, sealed for the store: AES-SIV (RFC 5297) under a key of the site, bound to the record.

Sealing is deterministic, so that the same traits of a record are the same bytes. Who has a copy of the store and not
the site's secret learns nothing from them but their length.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from adapter.errors import SallyportError
from adapter.identity.names import Name
from adapter.identity.traits import Traits

if TYPE_CHECKING:
    from adapter.services.keys import SiteKeys

_KEPT = 65_536
"""Opened traits remembered: those of one person's records are compared with each other again and again."""


class TraitSeal:
    """Seals and opens traits, and tells whether a record says again what it said."""

    def __init__(self, keys: SiteKeys) -> None:
        key = keys.trait_key()
        self._cipher = AESSIV(key)
        self._digest = blake2b(digest_size=16, key=key, person=b"told")
        self.open = lru_cache(maxsize=_KEPT)(self._open)

    def told(self, traits: Traits) -> bytes:
        """A keyed hash of traits."""
        hashing = self._digest.copy()
        hashing.update(_written(traits))
        return hashing.digest()

    def seal(self, patient: int, traits: Traits) -> bytes:
        """The traits of a record, for the store."""
        return self._cipher.encrypt(_written(traits), [_bound(patient)])

    def _open(self, patient: int, sealed: bytes) -> Traits:
        """The traits of a record. ``SallyportError`` when they were sealed for another one, or with another secret."""
        try:
            names, *plain, numbers = orjson.loads(self._cipher.decrypt(sealed, [_bound(patient)]))
        except InvalidTag:
            told = "what recognises people was kept under another `site.key`; restore the key that belongs to the store"
            raise SallyportError(told) from None
        birth_date, sex, ssn, ssn_last4, state_id, fbi = plain
        return Traits(
            names=tuple(Name(*name) for name in names),
            birth_date=birth_date,
            sex=sex,
            ssn=ssn,
            ssn_last4=ssn_last4,
            state_id=state_id,
            fbi=fbi,
            numbers=tuple(numbers),
        )


def _bound(patient: int) -> bytes:
    return patient.to_bytes(8, "big")


def _written(traits: Traits) -> bytes:
    plain = (traits.birth_date, traits.sex, traits.ssn, traits.ssn_last4, traits.state_id, traits.fbi)
    return orjson.dumps([[tuple(name) for name in traits.names], *plain, traits.numbers])
