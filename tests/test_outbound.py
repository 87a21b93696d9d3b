"""Asking other servers: a real one with a certificate of its own, and everything that is not to be reached."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapter import outbound
from adapter.outbound import LARGEST, Outbound, Unreachable

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for `localhost`, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder


@asynccontextmanager
async def serving(certificate, answer):
    """A server that gives one answer to every request; what it was asked is listed."""
    asked = []

    async def handle(reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            asked.append(head)
            writer.write(answer)
            await writer.drain()
        finally:
            writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}/jwks.json", asked


def http(body, status="200 OK", **headers):
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def inside(certificate):
    return Outbound(private_networks=("127.0.0.0/8", "::1/128"), ca_file=certificate / "cert.pem")


async def test_an_answer_is_fetched_and_the_name_is_checked_though_the_address_is_pinned(certificate):
    async with serving(certificate, http(b'{"keys": []}')) as (url, asked):
        reply = await inside(certificate).get(url)
        assert (reply.status, reply.body) == (200, b'{"keys": []}')
        head = asked[0].decode().lower()
        assert "get /jwks.json " in head
        assert f"host: {url.partition('//')[2].partition('/')[0]}" in head
        assert "accept-encoding: identity" in head
        # A certificate for another name is none.
        with pytest.raises(Unreachable, match="no answer"):
            await inside(certificate).get(url.replace("localhost", "127.0.0.1"))


async def test_a_form_is_posted(certificate):
    async with serving(certificate, http(b"{}")) as (url, asked):
        assert (await inside(certificate).post_form(url, {"token": "a b"})).body == b"{}"
        assert b"POST /jwks.json " in asked[0]


async def test_nobody_signs_for_himself(certificate):
    async with serving(certificate, http(b"{}")) as (url, _):
        with pytest.raises(Unreachable, match="no answer"):
            await Outbound(private_networks=("127.0.0.0/8", "::1/128")).get(url)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_no_redirect_is_followed(certificate, status):
    answer = http(b"", status, location="https://169.254.169.254/latest")
    async with serving(certificate, answer) as (url, asked):
        assert (await inside(certificate).get(url)).status == int(status[:3])
        assert len(asked) == 1


@pytest.mark.parametrize("size", [LARGEST + 1, 3 * LARGEST])
async def test_what_is_too_large_is_not_read(certificate, size):
    async with serving(certificate, http(b"x" * size)) as (url, _):
        with pytest.raises(Unreachable, match="larger"):
            await inside(certificate).get(url)


async def test_what_is_compressed_is_not_read(certificate):
    async with serving(certificate, http(b"x", content_encoding="gzip")) as (url, _):
        with pytest.raises(Unreachable, match="compressed"):
            await inside(certificate).get(url)


async def test_what_takes_too_long_is_not_waited_for(certificate, monkeypatch):
    monkeypatch.setattr(outbound, "SECONDS", 0.3)
    async with serving(certificate, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n") as (url, _):
        with pytest.raises(Unreachable):
            await inside(certificate).get(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/jwks.json",
        "file:///etc/hostname",
        "ftp://localhost",
        "https://",
        "jwks.json",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://10.0.0.1/",
        "https://172.16.3.4/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://[::1]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[2002:7f00:1::]/",
        "https://[64:ff9b::7f00:1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://user@127.0.0.1/",
    ],
)
async def test_neither_other_schemes_nor_private_addresses_are_reached(url):
    with pytest.raises(Unreachable) as refused:
        await Outbound().get(url)
    assert "127" not in str(refused.value)


async def test_one_private_address_among_public_ones_is_one_too_many(monkeypatch):
    async def resolved(*_, **__):
        return [(0, 0, 0, "", ("93.184.216.34", 443)), (0, 0, 0, "", ("10.0.0.1", 443))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    with pytest.raises(Unreachable, match="private_networks"):
        await Outbound().get("https://rebinding.example/")


def test_networks_that_a_site_names_are_those_and_no_others():
    named = Outbound(private_networks=("10.20.0.0/16", "fd00::/8"))
    for text, may in (("10.20.3.4", True), ("10.21.0.1", False), ("fd00::1", True), ("::ffff:10.20.0.1", True)):
        assert named._may_reach(ipaddress.ip_address(text)) is may
    assert named._may_reach(ipaddress.ip_address("93.184.216.34"))


async def opened(asker, url, *, limit=10**9):
    """Status and body of an answer that is read as it comes."""
    async with asker.open("GET", url, headers={"accept": "x"}, limit=limit) as coming:
        return coming.status, b"".join([chunk async for chunk in coming.chunks])


async def test_an_answer_read_as_it_comes_may_be_as_long_as_whoever_asks_says(certificate):
    body = b"x" * (3 * LARGEST)
    async with serving(certificate, http(body)) as (url, _):
        assert await opened(inside(certificate), url) == (200, body)
        assert await opened(inside(certificate), url, limit=len(body)) == (200, body)
        with pytest.raises(Unreachable, match="larger") as refused:
            await opened(inside(certificate), url, limit=len(body) - 1)
        assert not refused.value.passing


async def test_an_answer_that_breaks_off_is_told_and_may_come_whole_later(certificate):
    async with serving(certificate, http(b"x" * 100)[:-50]) as (url, _):
        with pytest.raises(Unreachable, match="no answer") as broken:
            await opened(inside(certificate), url)
        assert broken.value.passing
        assert "localhost" not in str(broken.value)


async def test_a_server_that_is_not_there_may_be_there_later(certificate):
    async with serving(certificate, http(b"")) as (url, _):
        pass
    with pytest.raises(Unreachable, match="no answer") as gone:
        await opened(inside(certificate), url)
    assert gone.value.passing


@pytest.mark.parametrize(
    "url", ["http://93.184.216.34/", "http://10.0.0.1/", "http://[::ffff:10.0.0.1]/", "ftp://127.0.0.1/"]
)
async def test_without_tls_only_this_host_is_asked(url):
    with pytest.raises(Unreachable):
        await opened(Outbound(plain_loopback=True, private_networks=("10.0.0.0/8",)), url)


async def test_this_host_is_asked_without_tls_by_who_may():
    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http(b"ok"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert await opened(Outbound(plain_loopback=True), url) == (200, b"ok")
        with pytest.raises(Unreachable, match="no https address"):
            await opened(Outbound(), url)
