"""The client of SMART Backend Services: what it signs, which keys it takes, when it asks for another token."""

from __future__ import annotations

from urllib.parse import parse_qs

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from fhir_server import claims_of
from partner_server import private_key
from scripted_exchange import Scripted

from adapter.errors import ConfigurationError
from connectors.behavioral_health.smart import SigningKey, SmartClient
from connectors.transport.exchange import Unanswered
from connectors.transport.patience import Patience

pytestmark = pytest.mark.anyio
TOKEN = {"access_token": "abc", "token_type": "Bearer", "expires_in": 300}
KEY = SigningKey.read(private_key(), "k1", where="test")


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.parametrize(("kind", "algorithm"), [("ec", "ES384"), ("rsa", "RS384")])
def test_what_is_signed_is_verified_with_the_public_half(kind, algorithm):
    key = SigningKey.read(private_key(kind), "k1", where="test")
    assert key.algorithm == algorithm
    jwk = key.public()
    assert (jwk["kid"], jwk["alg"]) == ("k1", algorithm)
    assert not {"d", "p", "q"} & set(jwk)
    for _ in range(20):
        assert claims_of(key.sign({"iss": "alder"}), jwk) == {"iss": "alder"}


def pem(key, encryption=None):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - that is the point
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(ed25519.Ed25519PrivateKey.generate()),
        pem(ec.generate_private_key(ec.SECP384R1()), BestAvailableEncryption(b"secret")),
    ],
)
def test_other_keys_are_refused_with_what_is_expected(content):
    with pytest.raises(ConfigurationError, match="P-384"):
        SigningKey.read(content, "k1", where="keys/clinic.pem")


class Server:
    """Answers the token endpoint and the discovery of it."""

    def __init__(self, **changes):
        self.asked, self.now = [], 1_795_000_000_000_000
        self.discovery = httpx2.Response(200, json={"token_endpoint": "https://login.example/token"})
        self.token = lambda: httpx2.Response(200, json=TOKEN)
        for name, value in changes.items():
            setattr(self, name, value)

    def __call__(self, request):
        self.asked.append(request)
        return self.discovery if request.method == "GET" else self.token()

    def client(self, token_url=None):
        ids = iter(f"jti{n}" for n in range(100))

        async def no_wait(_):
            return None

        return SmartClient(
            Scripted(self),
            base_url="https://clinic.example/fhir",
            client_id="alder",
            key=KEY,
            scope="system/*.rs",
            token_url=token_url,
            patience=Patience(sleep=no_wait, clock=lambda: self.now, attempts=2),
            new_id=lambda: next(ids),
        )

    def claims(self):
        posted = [request for request in self.asked if request.method == "POST"]
        forms = [parse_qs(request.content.decode()) for request in posted]
        return [claims_of(form["client_assertion"][0], KEY.public()) for form in forms]


async def test_an_assertion_is_for_the_token_endpoint_alone_and_lasts_minutes():
    server = Server()
    assert await server.client().header() == {"authorization": "Bearer abc"}
    (claims,) = server.claims()
    now = server.now // 1_000_000
    assert claims == {
        "iss": "alder",
        "sub": "alder",
        "aud": "https://login.example/token",
        "iat": now,
        "exp": now + 240,
        "jti": "jti0",
    }
    assert [str(request.url) for request in server.asked] == [
        "https://clinic.example/fhir/.well-known/smart-configuration",
        "https://login.example/token",
    ]


async def test_a_token_is_used_until_shortly_before_its_end_and_no_assertion_twice():
    server = Server()
    client = server.client("https://login.example/token")
    for second in (0, 200, 269, 271):
        server.now = 1_795_000_000_000_000 + second * 1_000_000
        await client.header()
    await client.header(fresh=True)
    assert [claims["jti"] for claims in server.claims()] == ["jti0", "jti1", "jti2"]
    assert all(request.method == "POST" for request in server.asked)


@pytest.mark.parametrize(
    "endpoint", ["http://login.example/token", "", None, 7, "ftp://x"], ids=["plain", "empty", "none", "number", "ftp"]
)
async def test_nothing_is_signed_for_an_endpoint_without_tls(endpoint):
    server = Server(discovery=httpx2.Response(200, json={"token_endpoint": endpoint}))
    with pytest.raises(Unanswered, match="token endpoint"):
        await server.client().header()
    assert server.claims() == []


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (httpx2.Response(400, json={"error": "invalid_client"}), "invalid_client"),
        (httpx2.Response(400, json={"error": "Marsh, Ada"}), "status 400"),
        (httpx2.Response(302), "not followed"),
        (httpx2.Response(200, json={"access_token": "abc", "token_type": "mac"}), "no bearer token"),
        (httpx2.Response(200, json={"token_type": "bearer"}), "no bearer token"),
        (httpx2.Response(200, json={"access_token": "a\r\nX: y", "token_type": "bearer"}), "no bearer token"),
        (httpx2.Response(200, content=b"<html>"), "no bearer token"),
    ],
)
async def test_what_is_no_token_is_told_without_quoting_it(response, says):
    server = Server(token=lambda: response)
    with pytest.raises(Unanswered, match=says) as raised:
        await server.client().header()
    assert "Marsh" not in str(raised.value)


async def test_each_try_is_signed_anew():
    answers = [httpx2.Response(503), httpx2.Response(200, json=TOKEN)]
    server = Server(token=lambda: answers.pop(0))
    await server.client().header()
    assert [claims["jti"] for claims in server.claims()] == ["jti0", "jti1"]
