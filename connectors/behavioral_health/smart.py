"""A client of SMART Backend Services: it proves who it is with a signed assertion and gets an access token.

https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html and
https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html (RS384, ES384). Signatures:
https://www.rfc-editor.org/rfc/rfc7518#section-3
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from adapter.errors import ConfigurationError, Problem
from connectors.transport.https import Unanswered
from connectors.transport.patience import usable

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.transport.https import Https
    from connectors.transport.patience import Patience

ASSERTION_SECONDS: Final = 240
"""How long an assertion is good for; the specification allows five minutes."""
SPARE_SECONDS: Final = 30
"""Seconds before its end from which a token is not used any more."""
LEAST_RSA_BITS: Final = 2048
_P384_BYTES: Final = 48
_SECOND: Final = 1_000_000
_ANSWER: Final = 256 * 1024
"""Bytes of a token or of a discovery document."""
_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_REFUSALS: Final = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    }
)
"""https://www.rfc-editor.org/rfc/rfc6749#section-5.2"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key and the name (``kid``) under which the server knows its public half."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    kid: str

    @classmethod
    def read(cls, pem: bytes, kid: str, *, where: str) -> SigningKey:
        """An unencrypted PEM key: RSA of 2048 bits or more, or EC on P-384. Else ``ConfigurationError``."""
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            key = None
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= LEAST_RSA_BITS:
            return cls(key=key, kid=kid)
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP384R1):
            return cls(key=key, kid=kid)
        problem = Problem(
            where=where,
            path="",
            message="this is no key that SMART Backend Services take",
            expected="a PEM private key without password: RSA of 2048 bits or more, or EC on P-384",
        )
        raise ConfigurationError([problem])

    @property
    def algorithm(self) -> str:
        """The JOSE name of the signature."""
        return "RS384" if isinstance(self.key, rsa.RSAPrivateKey) else "ES384"

    def sign(self, claims: dict[str, Any]) -> str:
        """A JWT of these claims."""
        header = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT"}
        content = ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
        if isinstance(self.key, rsa.RSAPrivateKey):
            signature = self.key.sign(content.encode(), padding.PKCS1v15(), SHA384())
        else:
            # JOSE wants the two numbers side by side, not the DER of them.
            numbers = decode_dss_signature(self.key.sign(content.encode(), ec.ECDSA(SHA384())))
            signature = b"".join(number.to_bytes(_P384_BYTES, "big") for number in numbers)
        return f"{content}.{_encoded(signature)}"

    def public(self) -> dict[str, Any]:
        """The public half as JWK, for whoever registers this client."""
        shared = {"kid": self.kid, "alg": self.algorithm, "use": "sig", "key_ops": ["verify"]}
        if isinstance(self.key, rsa.RSAPrivateKey):
            of_rsa = self.key.public_key().public_numbers()
            return {**shared, "kty": "RSA", "n": _number(of_rsa.n), "e": _number(of_rsa.e)}
        of_ec = self.key.public_key().public_numbers()
        x, y = (_encoded(number.to_bytes(_P384_BYTES, "big")) for number in (of_ec.x, of_ec.y))
        return {**shared, "kty": "EC", "crv": "P-384", "x": x, "y": y}


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _number(value: int) -> str:
    return _encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class SmartClient:
    """Holds the access token for one server, and gets another one when it ends.

    ``clock`` is now in epoch microseconds, ``new_id`` makes the id of an assertion, which no two share.
    """

    def __init__(
        self,
        https: Https,
        *,
        base_url: str,
        client_id: str,
        key: SigningKey,
        scope: str,
        token_url: str | None,
        patience: Patience,
        new_id: Callable[[], str],
    ) -> None:
        self._https = https
        self._base = base_url
        self._client_id = client_id
        self._key = key
        self._scope = scope
        self._token_url = token_url
        self._patience = patience
        self._new_id = new_id
        self._token, self._ends = "", 0

    async def header(self, *, fresh: bool = False) -> dict[str, str]:
        """The Authorization header; with ``fresh`` of a token that was not used before."""
        now = self._patience.clock()
        if fresh or now >= self._ends - SPARE_SECONDS * _SECOND:
            told = await self._patience.ask(self._granted)
            self._token = told["access_token"]
            lives = told.get("expires_in")
            self._ends = now + (int(lives) if isinstance(lives, int) else ASSERTION_SECONDS) * _SECOND
        return {"authorization": f"Bearer {self._token}"}

    async def _granted(self) -> dict[str, Any]:
        url = await self._endpoint()
        now = self._patience.clock() // _SECOND
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": url,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": self._new_id(),
        }
        form = {
            "grant_type": "client_credentials",
            "scope": self._scope,
            "client_assertion_type": _TYPE,
            "client_assertion": self._key.sign(claims),
        }
        answer = await self._https.send("POST", url, headers={"accept": "application/json"}, limit=_ANSWER, form=form)
        document = _document(answer.body)
        if answer.status in {400, 401} and document.get("error") in _REFUSALS:
            raise Unanswered(f"no access token: the server says `{document['error']}`", status=answer.status)
        usable(answer, "an access token")
        token = document.get("access_token")
        bearer = str(document.get("token_type", "")).casefold() == "bearer"
        if not bearer or not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
            raise Unanswered("the answer of the token endpoint holds no bearer token")
        return document

    async def _endpoint(self) -> str:
        """Where tokens are given: as configured, or as the server's SMART configuration says."""
        if self._token_url is None:
            where = f"{self._base}/.well-known/smart-configuration"
            answer = await self._https.send("GET", where, headers={"accept": "application/json"}, limit=_ANSWER)
            found = _document(usable(answer, "the SMART configuration").body).get("token_endpoint")
            # What proves who we are goes nowhere without TLS that the server itself has.
            if not isinstance(found, str) or urlsplit(found).scheme != urlsplit(self._base).scheme:
                raise Unanswered("the SMART configuration names no token endpoint with TLS; set `pull.token_url`")
            self._token_url = found
        return self._token_url


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
