"""Client assertions: the signed statement with which client software proves who it is, verified to the letter.

A JWT signed with RS384 or ES384 by a key that is registered for the client it names, for one of our addresses, that
expires within five minutes and is used once. Everything that is wrong with one is the same refusal.

SMART: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#authenticating-to-the-token-endpoint
RFC 7523 section 3: https://www.rfc-editor.org/rfc/rfc7523#section-3
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from adapter.auth.keys import ALGORITHMS
from adapter.auth.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from adapter.auth.keys import Key

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST: Final = 8192
"""Characters of the longest assertion that is looked at."""
LONGEST_TEXT: Final = 255
"""Characters of the longest identifier in one."""
SECOND: Final = 1_000_000
LIFE: Final = 300 * SECOND
"""Microseconds an assertion may live."""
SKEW: Final = 30 * SECOND
"""Microseconds by which the clock of a client may differ from ours."""
_FAR: Final = 10**12
"""Seconds beyond which no number is an instant."""


class _Registry(jws.JWSRegistry):
    # The address of a key set in the header takes room.
    max_header_length = 2048
    max_payload_length = LONGEST


_REGISTRY: Final = _Registry(algorithms=list(ALGORITHMS), strict_check_header=False)


class Keys(Protocol):
    """The keys of one client."""

    async def key(self, kid: str) -> Key | None:
        """The key of an id, or None."""
        ...

    def thumbprints(self) -> dict[str, str]:
        """The thumbprints of the keys that stand in the registration, by key id."""
        ...


class Known(Protocol):
    """What a client is known by: its keys, and the address they are published at if they are."""

    @property
    def id(self) -> str:
        """Its client_id."""
        ...

    @property
    def keys(self) -> Keys:
        """Its keys."""
        ...

    @property
    def jwks_url(self) -> str | None:
        """Where it publishes them."""
        ...


class Spent(Protocol):
    """Where used assertions are remembered."""

    async def spend(self, digest: bytes, *, expires: int) -> bool:
        """Use one up, durably; tells whether it was unused."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A client that has proven who it is, and what its assertion says besides."""

    client: str
    claims: Mapping[str, Any]


class Assertions:
    """Verifies client assertions. ``find`` gives a registered client by its id; ``clock`` epoch microseconds."""

    def __init__(
        self,
        *,
        find: Callable[[str], Known | None],
        spent: Spent,
        audiences: Collection[str],
        clock: Callable[[], int],
    ) -> None:
        self._find = find
        self._spent = spent
        self._audiences = frozenset(audiences)
        self._clock = clock

    async def verify(self, assertion: str, client_id: str | None = None) -> Proven:
        """Who sent an assertion. ``Refusal`` with `invalid_client` for every reason there is.

        ``client_id`` is what the request names beside it, if anything; RFC 7521 section 4.2 wants it to be the same.
        """
        header, claims = _unverified(assertion)
        named = claims.get("iss")
        client = self._find(str(named)) if _short(named) else None
        kid = header.get("kid")
        key = await client.keys.key(kid) if client is not None and isinstance(kid, str) and kid else None
        # Without a key the work is done all the same, so that the time of the answer does not tell clients apart.
        genuine = _signed(assertion, header, key or _NOBODY[ALGORITHMS[header["alg"]]])
        if client is None:
            raise _refused("unknown-client")
        if key is None:
            raise _refused("unknown-key", client.id)
        if not genuine:
            raise _refused("bad-signature", client.id)
        expires = self._check(header, claims, client, client_id)
        digest = sha256(orjson.dumps([client.id, claims["jti"]])).digest()
        if not await self._spent.spend(digest, expires=expires + SKEW):
            raise _refused("replayed", client.id)
        return Proven(client=client.id, claims=claims)

    def _check(self, header: Mapping[str, Any], claims: Mapping[str, Any], client: Known, client_id: str | None) -> int:
        """When the assertion expires; ``Refusal`` for what no correct client sends."""
        now = self._clock()
        expires, issued, begins = (_instant(claims, name) for name in ("exp", "iat", "nbf"))
        audience = claims.get("aud")
        if isinstance(audience, list) and len(audience) == 1:
            (audience,) = audience
        faults = {
            "wrong-type": str(header.get("typ", "JWT")).upper() != "JWT",
            "foreign-key-set": header.get("jku", client.jwks_url) != client.jwks_url,
            "wrong-subject": claims.get("sub") != client.id or client_id not in {None, client.id},
            # A list of several would be good for others too, who could then use it here.
            "wrong-audience": not isinstance(audience, str) or audience not in self._audiences,
            "no-id": not _short(claims.get("jti")),
            "no-expiry": expires is None,
            "expired": expires is not None and now >= expires + SKEW,
            "lives-too-long": expires is not None and expires - now > LIFE + SKEW,
            "not-yet-valid": any(one is not None and one - now > SKEW for one in (issued, begins)),
        }
        for why, wrong in faults.items():
            if wrong:
                raise _refused(why, client.id)
        return expires or 0


def _refused(why: str, client: str = "") -> Refusal:
    return Refusal("invalid_client", why, client=client)


def _short(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT


def _instant(claims: Mapping[str, Any], name: str) -> int | None:
    """A claim in epoch microseconds, rounded down; None if it is not there. `invalid_client` if it is no number."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_FAR < value < _FAR:
        raise _refused("no-instant")
    return int(value * SECOND)


def _unverified(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of an assertion before anything of them is believed."""
    if len(assertion) > LONGEST or not assertion.isascii():
        raise _refused("malformed")
    try:
        read = jws.extract_compact(assertion.encode("ascii"), registry=_REGISTRY)
        claims = orjson.loads(read.payload or b"")
        header = read.headers()
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise _refused("malformed") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise _refused("malformed")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise _refused("algorithm")
    if header.keys() & {"crit", "b64"}:
        raise _refused("malformed")
    return header, claims


def _signed(assertion: str, header: Mapping[str, Any], key: Key) -> bool:
    if key.key_type != ALGORITHMS[header["alg"]]:
        return False
    try:
        jws.deserialize_compact(assertion, key, algorithms=[header["alg"]], registry=_REGISTRY)
    except (JoseError, ValueError, TypeError):
        return False
    return True


def _nobody() -> dict[str, Key]:
    """Keys that signed nothing, for work that has to take as long as with a key."""
    modulus = (1 << 2047) | int.from_bytes(sha256(b"nobody").digest() * 7, "big") | 1
    return {
        "RSA": RSAKey.import_key(RSAPublicNumbers(65537, modulus).public_key()),
        "EC": ECKey.import_key(derive_private_key(1, SECP384R1()).public_key()),
    }


_NOBODY: Final = _nobody()
