"""Public keys of clients: read strictly from a JSON Web Key Set, from the registration or from the client's address.

Only public keys that fit RS384 or ES384 are taken; a private key in a set is a mistake that is told at once. Keys
fetched by address are kept for minutes; a key id that is not among them fetches anew, at most once a minute, so that a
client rotates its keys by publishing the next one.

JWK: https://www.rfc-editor.org/rfc/rfc7517
SMART: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys
"""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from adapter.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.outbound import Reply

ALGORITHMS: Final = {"RS384": "RSA", "ES384": "EC"}
"""The signature algorithms that SMART names, with the type of their keys."""
CURVE: Final = "P-384"
SHORTEST, LONGEST = 2048, 8192
"""Bits of the modulus of an RSA key."""
MOST: Final = 32
"""Keys of one set."""
MINUTE: Final = 60_000_000
KEPT: Final = 10 * MINUTE
"""Microseconds for which fetched keys are used: a key that is taken away is refused that much later at most."""
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_OK: Final = 200

Key = RSAKey | ECKey


class KeyFault(ValueError):
    """Something of a key set cannot be used. ``path`` is where in the set."""

    def __init__(self, path: str, message: str, expected: str) -> None:
        self.path, self.message, self.expected = path, message, expected
        super().__init__(f"{path}: {message}, expected {expected}")


def read_keys(document: Any) -> dict[str, Key]:
    """The signing keys of a JSON Web Key Set by their key id; ``KeyFault`` tells the first thing that is wrong."""
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST:
        raise KeyFault("keys", "there is no list of keys", f"1 to {MOST} JSON Web Keys under `keys`")
    found: dict[str, Key] = {}
    for place, entry in enumerate(listed):
        path = f"keys[{place}]"
        if not isinstance(entry, Mapping):
            raise KeyFault(path, "it is no JSON Web Key", "an object with `kty` and `kid`")
        if _PRIVATE & entry.keys():
            told = "it is a private key, and now known to others than its owner"
            raise KeyFault(path, told, "a new key pair, of which the public part is registered")
        if entry.get("use", "sig") != "sig" or entry.get("kty") not in ALGORITHMS.values():
            continue  # Sets may hold keys for other ends, RFC 7517 section 5.
        kid = entry.get("kid")
        if not isinstance(kid, str) or not kid or kid in found:
            raise KeyFault(f"{path}.kid", "the key has no id of its own", "a text that no other key of the set has")
        found[kid] = _key(entry, path)
    if not found:
        raise KeyFault("keys", "none of the keys signs with RS384 or ES384", "an RSA key, or an EC key on P-384")
    return found


def _key(entry: Mapping[str, Any], path: str) -> Key:
    kind = RSAKey if entry["kty"] == "RSA" else ECKey
    algorithm = "RS384" if kind is RSAKey else "ES384"
    if entry.get("alg", algorithm) != algorithm:
        raise KeyFault(f"{path}.alg", "the key is for another algorithm", algorithm)
    if kind is RSAKey and not SHORTEST <= _bits(entry.get("n")) <= LONGEST:
        raise KeyFault(f"{path}.n", "the key is too short or too long", f"{SHORTEST} to {LONGEST} bits")
    if kind is ECKey and entry.get("crv") != CURVE:
        raise KeyFault(f"{path}.crv", "the key is on another curve", CURVE)
    try:
        key: Key = kind.import_key({name: entry[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in entry})
        _ = key.public_key
    except (JoseError, ValueError, TypeError, KeyError):
        raise KeyFault(
            path, "the key cannot be read", "a JSON Web Key, https://www.rfc-editor.org/rfc/rfc7517"
        ) from None
    return key


def _bits(modulus: Any) -> int:
    """How long a modulus in base64url is; 0 for what is none."""
    try:
        return int.from_bytes(urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4)), "big").bit_length()
    except (ValueError, TypeError):
        return 0


class Fetch(Protocol):
    """What asks other servers."""

    async def get(self, url: str) -> Reply:
        """The answer to a GET; ``Unavailable`` if there is none."""
        ...


class InlineKeys:
    """Keys as they stand in the registration."""

    def __init__(self, keys: Mapping[str, Key]) -> None:
        self._keys = keys

    async def key(self, kid: str) -> Key | None:
        """The key of an id, or None."""
        return self._keys.get(kid)

    def thumbprints(self) -> dict[str, str]:
        """The thumbprint (RFC 7638) of each key by its id."""
        return {kid: key.thumbprint() for kid, key in self._keys.items()}


class FetchedKeys:
    """Keys that a client publishes at an address. No answer, or one that cannot be read, is no key."""

    def __init__(self, url: str, *, fetch: Fetch, clock: Callable[[], int]) -> None:
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, Key] = {}
        self._fetched: int | None = None
        self._asked: int | None = None
        self._turn = asyncio.Lock()

    async def key(self, kid: str) -> Key | None:
        """The key of an id, fetched anew where what is known is too old or does not hold it; None if there is none."""
        if (known := self._known(kid)) is not None:
            return known
        async with self._turn:
            # Whoever waited finds what the one before has fetched.
            if (known := self._known(kid)) is not None:
                return known
            now = self._clock()
            if self._asked is None or now - self._asked >= MINUTE:
                self._asked = now
                await self._refresh(now)
        return self._known(kid)

    def thumbprints(self) -> dict[str, str]:
        """Of none: what is published there now may be something else in a moment."""
        return {}

    def _known(self, kid: str) -> Key | None:
        if self._fetched is None or self._clock() - self._fetched >= KEPT:
            return None
        return self._keys.get(kid)

    async def _refresh(self, now: int) -> None:
        try:
            reply = await self._fetch.get(self._url)
            if reply.status == _OK:
                self._keys, self._fetched = read_keys(orjson.loads(reply.body)), now
        except (Unavailable, KeyFault, orjson.JSONDecodeError):
            return
