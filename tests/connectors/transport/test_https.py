"""Requests to partners: what is refused, what is tried again, and for how long."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from ipaddress import ip_address

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.transport.https import Https, Unanswered, tls
from connectors.transport.patience import Patience, refused, seconds, usable

pytestmark = pytest.mark.anyio
NOW = 1_795_000_000_000_000


@pytest.fixture
def anyio_backend():
    return "asyncio"


def served(*answers):
    """A client whose requests get these answers, one after the other, and the requests it made."""
    waiting, asked = list(answers), []

    def answer(request):
        asked.append(request)
        found = waiting.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return Https(transport=httpx2.MockTransport(answer)), asked


async def get(https, *, limit=100):
    return await https.send("GET", "https://clinic.example/fhir/Patient", headers={"accept": "x"}, limit=limit)


async def test_an_answer_is_read_whole_and_asked_for_uncompressed():
    https, asked = served(httpx2.Response(200, content=b"abc", headers={"ETag": "1"}))
    answer = await get(https)
    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"abc", "1")
    assert asked[0].headers["accept-encoding"] == "identity"


async def test_a_redirect_is_not_followed():
    https, asked = served(httpx2.Response(302, headers={"Location": "https://elsewhere.example/"}))
    with pytest.raises(Unanswered, match="not followed"):
        usable(await get(https), "a page")
    assert len(asked) == 1


@pytest.mark.parametrize("size", [101, 100_000])
@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_too_long_is_refused(size, declared):
    async def body():
        for _ in range(0, size, 50):
            yield b"x" * 50
        yield b"x"

    headers = {"Content-Length": str(size)} if declared else {}
    https, _ = served(httpx2.Response(200, content=body(), headers=headers))
    with pytest.raises(Unanswered, match="100"):
        await get(https)


async def test_a_body_of_just_that_length_is_taken():
    https, _ = served(httpx2.Response(200, content=b"x" * 100))
    assert len((await get(https)).body) == 100


async def test_a_compressed_body_is_refused():
    https, _ = served(httpx2.Response(200, content=b"", headers={"Content-Encoding": "gzip"}))
    with pytest.raises(Unanswered, match="compresses"):
        await get(https)


async def test_what_an_error_says_at_length_is_cut():
    https, _ = served(httpx2.Response(500, content=b"x" * 1_000_000))
    assert len((await get(https, limit=10**9)).body) <= 256 * 1024


async def test_a_failure_of_the_network_passes_and_quotes_no_address():
    https, _ = served(httpx2.ConnectError("https://clinic.example/fhir/Patient?name=marsh"))
    with pytest.raises(Unanswered) as raised:
        await get(https)
    assert raised.value.passing
    assert "marsh" not in str(raised.value)


def test_certificates_are_checked():
    context = tls()
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"
    assert context.minimum_version.name == "TLSv1_2"


class Waits:
    def __init__(self):
        self.slept = []

    async def __call__(self, time):
        self.slept.append(time)


def patience(waits, **changes):
    return Patience(sleep=waits, clock=lambda: NOW, **changes)


async def test_what_passes_is_tried_again_after_longer_and_longer_waits():
    https, asked = served(*(httpx2.Response(503) for _ in range(3)), httpx2.Response(200, content=b"x"))
    waits = Waits()

    async def send():
        return usable(await get(https), "a page")

    answer = await patience(waits).ask(send)
    assert (answer.body, waits.slept, len(asked)) == (b"x", [1.0, 2.0, 4.0], 4)


async def test_the_last_failure_is_told():
    waits = Waits()

    async def fail():
        raise refused(503, "a page")

    with pytest.raises(Unanswered, match="status 503"):
        await patience(waits, attempts=3, longest=1.5).ask(fail)
    assert waits.slept == [1.0, 1.5]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 501])
async def test_a_refusal_is_not_repeated(status):
    waits = Waits()

    async def fail():
        raise refused(status, "a page")

    with pytest.raises(Unanswered):
        await patience(waits).ask(fail)
    assert waits.slept == []


@pytest.mark.parametrize(
    ("header", "slept"), [("7", [7.0]), ("0", [1.0]), ("Wed, 18 Nov 2026 11:07:30 GMT", [50.0]), ("soon", [1.0])]
)
async def test_the_server_says_how_long_to_wait(header, slept):
    waits, failures = Waits(), [refused(429, "a page", header)]

    async def send():
        if failures:
            raise failures.pop()
        return b"x"

    assert await patience(waits).ask(send) == b"x"
    assert waits.slept == slept


async def test_a_server_that_wants_to_be_left_alone_is():
    waits = Waits()

    async def fail():
        raise refused(429, "a page", "3600")

    with pytest.raises(Unanswered):
        await patience(waits).ask(fail)
    assert waits.slept == []


@given(st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_header_is_a_wait_or_none(text):
    found = seconds(text, NOW)
    assert found is None or 0 <= found <= 10**11


def test_an_instant_is_a_wait_from_now():
    assert seconds("Fri, 20 Nov 2026 00:00:00 GMT", NOW) == pytest.approx(1_795_132_800 - 1_795_000_000)
    assert seconds("Thu, 01 Jan 1970 00:00:00 GMT", NOW) == 0.0


def certificate(name):
    """A self-signed certificate for an address, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "clinic.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
async def secured(tmp_path, request):
    """A server with TLS on loopback: its address, and the file with its certificate."""
    public, private = certificate(request.param)
    authorities = tmp_path / "ca.pem"
    authorities.write_bytes(public)
    (tmp_path / "both.pem").write_bytes(private + public)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "both.pem")

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/", str(authorities)


HERE, ELSEWHERE = x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("elsewhere.example")


@pytest.mark.parametrize("secured", [HERE], indirect=True)
async def test_a_certificate_of_an_authority_that_the_feed_names_is_taken(secured):
    url, authorities = secured
    async with Https(context=tls(authorities)) as https:
        assert (await https.send("GET", url, headers={}, limit=10)).body == b"ok"


@pytest.mark.parametrize("secured", [HERE], indirect=True)
async def test_a_certificate_of_nobody_known_is_refused(secured):
    async with Https() as https:
        with pytest.raises(Unanswered, match="cannot be reached"):
            await https.send("GET", secured[0], headers={}, limit=10)


@pytest.mark.parametrize("secured", [ELSEWHERE], indirect=True)
async def test_a_certificate_of_another_host_is_refused(secured):
    url, authorities = secured
    async with Https(context=tls(authorities)) as https:
        with pytest.raises(Unanswered, match="cannot be reached"):
            await https.send("GET", url, headers={}, limit=10)
