"""A client of SMART Backend Services: it proves who it is with a signed assertion and gets an access token.

https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html and
https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html (RS384, ES384)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from adapter.errors import ConfigurationError, Problem
from connectors.transport.exchange import Unanswered, whole
from connectors.transport.patience import usable

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.transport.exchange import Exchange
    from connectors.transport.patience import Patience

ASSERTION_SECONDS: Final = 240
"""How long an assertion is good for; the specification allows five minutes."""
SPARE_SECONDS: Final = 30
"""Seconds before its end from which a token is not used any more."""
LEAST_RSA_BITS: Final = 2048
_SECOND: Final = 1_000_000
_ANSWER: Final = 256 * 1024
"""Bytes of a token or of a discovery document."""
_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_REFUSALS: Final = frozenset(
    {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"}
    | {"invalid_scope"}
)
"""https://www.rfc-editor.org/rfc/rfc6749#section-5.2"""
_HALF: Final = frozenset({"kty", "crv", "n", "e", "x", "y"})
"""The members of a JSON Web Key that are public."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key and the name (``kid``) under which the server knows its public half."""

    key: RSAKey | ECKey
    algorithm: str
    kid: str

    @classmethod
    def read(cls, pem: bytes, kid: str, *, where: str) -> SigningKey:
        """An unencrypted PEM key: RSA of 2048 bits or more, or EC on P-384. Else ``ConfigurationError``."""
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            key = None
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= LEAST_RSA_BITS:
            return cls(key=RSAKey.import_key(pem), algorithm="RS384", kid=kid)
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP384R1):
            return cls(key=ECKey.import_key(pem), algorithm="ES384", kid=kid)
        problem = Problem(
            where=where,
            path="",
            message="this is no key that SMART Backend Services take",
            expected="a PEM private key without password: RSA of 2048 bits or more, or EC on P-384",
        )
        raise ConfigurationError([problem])

    def sign(self, claims: dict[str, Any]) -> str:
        """A JWT of these claims."""
        header = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT"}
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])

    def public(self) -> dict[str, Any]:
        """The public half as JWK, for whoever registers this client."""
        half = {name: value for name, value in self.key.as_dict(private=False).items() if name in _HALF}
        return {**half, "kid": self.kid, "alg": self.algorithm, "use": "sig", "key_ops": ["verify"]}


class SmartClient:
    """Holds the access token for one server, and gets another one when it ends.

    ``clock`` is now in epoch microseconds, ``new_id`` makes the id of an assertion, which no two share.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        base_url: str,
        client_id: str,
        key: SigningKey,
        scope: str,
        token_url: str | None,
        patience: Patience,
        new_id: Callable[[], str],
    ) -> None:
        self._exchange = exchange
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
        answer = await whole(
            self._exchange, "POST", url, headers={"accept": "application/json"}, limit=_ANSWER, form=form
        )
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
            answer = await whole(self._exchange, "GET", where, headers={"accept": "application/json"}, limit=_ANSWER)
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
