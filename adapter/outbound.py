"""Asking other servers: the one place that opens a connection outwards, and the rules for where it may lead.

HTTPS only, but for what a site asks of its own host; no redirect is followed; the name is resolved once, every address
it has must be a public one or of a network the site names, and the connection goes to the address that was checked, so
that a name cannot be answered differently a moment later. Answers are bounded in size, compression and time, and no
proxy of the environment is used.

https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from adapter.errors import Unavailable
from adapter.posting import Lines, NoAnswer, Way, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from ipaddress import IPv4Address, IPv6Address
    from pathlib import Path
    from urllib.parse import SplitResult

    import httpx2

SECONDS: Final = 5.0
"""Time for one exchange, name look-up included."""
LARGEST: Final = 64 * 1024
"""Bytes of the largest answer that is read."""
CONNECT_SECONDS: Final = 15.0
SILENT_SECONDS: Final = 120.0
"""Seconds for which nothing may come of an answer that is read as it comes."""
_CHUNK: Final = 256 * 1024
_PATH: Final = "/%:@!$&'()*+,;=~"
_PORTS: Final = {"https": 443, "http": 80}
_TRANSLATED: Final = ip_network("64:ff9b::/96")
"""Addresses behind which a gateway puts any IPv4 address, https://www.rfc-editor.org/rfc/rfc6052"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What another server answered: status and body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What another server said to what it was sent: status, and for how many seconds it wants to be left alone."""

    status: int
    retry_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """An answer that is read as it comes; names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class Unreachable(Unavailable):
    """Another server gave no answer that may be used; the words say why and name no content.

    ``passing`` tells that the same request may be answered later.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        self.passing = passing
        super().__init__(message)


class Outbound:
    """Asks other servers. ``private_networks`` are those in which they may be, ``ca_file`` what signs their names.

    With ``plain_loopback`` servers of this host are asked too, without TLS.
    """

    def __init__(
        self,
        *,
        private_networks: tuple[str, ...] = (),
        ca_file: Path | None = None,
        plain_loopback: bool = False,
    ) -> None:
        self._plain_loopback = plain_loopback
        self._networks = tuple(ip_network(text) for text in private_networks)
        self._ca_file = ca_file
        self._tls: dict[Path | None, ssl.SSLContext] = {}
        self._lines = Lines()

    async def get(self, url: str) -> Reply:
        """The answer to a GET; ``Unreachable`` if there is none that may be used."""
        return await self._exchange("GET", url, {"accept": "application/json"}, None)

    async def post_form(self, url: str, form: Mapping[str, str]) -> Reply:
        """The answer to a posted form; ``Unreachable`` if there is none that may be used."""
        return await self._exchange("POST", url, {"accept": "application/json"}, form)

    async def post(
        self, url: str, body: bytes, *, headers: Mapping[str, str], seconds: float, certificate: Path | None = None
    ) -> Told:
        """What a server says to posted bytes, within ``seconds``; ``Unreachable`` if nothing that may be used.

        Of the answer its status and ``Retry-After`` are read, never its body. ``certificate`` holds this client's
        certificate and key, for servers that ask for one. The connection is kept for a while, and used for whatever is
        posted to the same host; where a name leads is looked up and checked whenever one is opened.
        """
        try:
            async with asyncio.timeout(seconds):
                with _unreachable(NoAnswer, OSError, ValueError):
                    where = urlsplit(url)
                    place = (where.scheme, where.hostname, where.port, certificate)
                    target = quote(where.path or "/", safe=_PATH) + (
                        f"?{quote(where.query, safe=_PATH + '?')}" if where.query else ""
                    )
                    message = request(target, where.netloc.rpartition("@")[2], headers, body)
                    answer = await self._lines.post(place, lambda: self._way(where, certificate), message)
                return Told(status=answer.status, retry_after=answer.retry_after)
        except TimeoutError:
            raise Unreachable(f"no answer within {seconds:.0f} seconds", passing=True) from None

    async def _way(self, where: SplitResult, certificate: Path | None) -> Way:
        host, address = await self._checked(where.scheme, where.hostname, where.port)
        context = self._context(certificate) if where.scheme == "https" else None
        return Way(address=address, port=where.port or _PORTS[where.scheme], context=context, name=host)

    def close(self) -> None:
        """Close the connections that are kept for what is posted."""
        self._lines.close()

    async def _exchange(self, method: str, url: str, headers: dict[str, str], form: Mapping[str, str] | None) -> Reply:
        try:
            async with (
                asyncio.timeout(SECONDS),
                self.open(method, url, headers=headers, form=form, limit=LARGEST) as coming,
            ):
                return Reply(status=coming.status, body=b"".join([chunk async for chunk in coming.chunks]))
        except TimeoutError:
            raise Unreachable(f"no answer within {SECONDS:.0f} seconds", passing=True) from None

    @asynccontextmanager
    async def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        limit: int,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        certificate: Path | None = None,
    ) -> AsyncIterator[Coming]:
        """An answer of at most ``limit`` bytes as it comes; opening and reading it may end with ``Unreachable``."""
        # Only who asks others pays for the client.
        import httpx2  # noqa: PLC0415

        with _unreachable(httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
            where = urlsplit(url)
            host, address = await self._checked(where.scheme, where.hostname, where.port)
            port = where.port or _PORTS[where.scheme]
            target = f"[{address}]" if ":" in address else address
            pinned = where._replace(netloc=f"{target}:{port}").geturl()
            named = where.netloc.rpartition("@")[2]
            patience = httpx2.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS)
            client = httpx2.AsyncClient(
                verify=self._context(certificate), trust_env=False, follow_redirects=False, timeout=patience
            )
            request = client.build_request(
                method,
                pinned,
                headers={**headers, "host": named, "accept-encoding": "identity"},
                data=None if form is None else dict(form),
                content=content,
                extensions={"sni_hostname": host},
            )
        async with client:
            with _unreachable(httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
                answer = await client.send(request, stream=True)
            try:
                told = {name.lower(): value for name, value in answer.headers.items()}
                if told.get("content-encoding", "identity") != "identity":
                    raise Unreachable("the answer is compressed, which was not asked for")
                yield Coming(status=answer.status_code, headers=told, chunks=_limited(answer, limit))
            finally:
                await answer.aclose()

    async def address_of(self, host: str, port: int, *, plain: bool = False) -> str:
        """The address at which another server may be reached now; ``Unreachable`` if at none.

        ``plain`` connections have no TLS and lead to this host only.
        """
        with _unreachable(OSError, ValueError):
            _, address = await self._checked("http" if plain else "https", host, port)
        return address

    async def _checked(self, scheme: str, host: str | None, port: int | None) -> tuple[str, str]:
        """The name and the address to connect to."""
        plain = self._plain_loopback and scheme == "http"
        if not (scheme == "https" or plain) or not host:
            raise Unreachable("the address is no https address")
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port or _PORTS[scheme], type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in found]
        if plain and addresses and all(ip_address(one.partition("%")[0]).is_loopback for one in addresses):
            return host, addresses[0]
        if plain or not addresses or not all(self._may_reach(ip_address(one.partition("%")[0])) for one in addresses):
            raise Unreachable("the address is in a network that the site does not name in `outbound.private_networks`")
        return host, addresses[0]

    def _may_reach(self, address: IPv4Address | IPv6Address) -> bool:
        if address.version == 6:  # noqa: PLR2004 - an address that wraps another is that other one
            address = address.ipv4_mapped or address.sixtofour or address
        if any(address.version == network.version and address in network for network in self._networks):
            return True
        return address.is_global and not address.is_multicast and address not in _TRANSLATED

    def _context(self, certificate: Path | None = None) -> ssl.SSLContext:
        known = self._tls.get(certificate)
        if known is None:
            known = ssl.create_default_context()
            if self._ca_file is not None:
                known.load_verify_locations(cafile=str(self._ca_file))
            known.minimum_version = ssl.TLSVersion.TLSv1_2
            if certificate is not None:
                known.load_cert_chain(certificate)
            self._tls[certificate] = known
        return known


@contextmanager
def _unreachable(*failures: type[Exception]) -> Iterator[None]:
    """Tell what fails here by its class alone: its words may quote an address with what was searched for."""
    try:
        yield
    except Unreachable:
        raise
    except failures as error:
        words = str(error) if isinstance(error, NoAnswer) else type(error).__name__
        raise Unreachable(f"no answer: {words}", passing=True) from None


async def _limited(answer: httpx2.Response, limit: int) -> AsyncIterator[bytes]:
    import httpx2  # noqa: PLC0415

    size = 0
    with _unreachable(httpx2.HTTPError, OSError):
        async for chunk in answer.aiter_raw(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise Unreachable(f"the answer is larger than {limit} bytes")
            yield chunk
