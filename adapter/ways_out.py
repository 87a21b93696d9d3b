"""The ways to subscribers that a site registered: HL7 v2 receivers over MLLP, places for files of alerts.

Part of the wiring: it names the concrete transports. Adding one is a section in `listening.py`, a channel in
`subscription/channel.py`, a module in `connectors/transport` and in `delivery`, and a few lines here.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from adapter.auth.wire import outbound_of
from adapter.delivery.alerts import Alerts
from adapter.delivery.mllp import Mllp
from adapter.delivery.ways import Ways
from adapter.errors import Problem
from adapter.listening import ALERTS, MLLP, AlertsEndpoint, Hl7Endpoint, address_of
from adapter.outbound import Outbound, Unreachable
from adapter.subscription.channel import REST_HOOK
from connectors.transport.mllp_client import Receiver, UnansweredError, client_context, exchange
from connectors.transport.placing import PlacedFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapter.delivery.alerts import Folder
    from adapter.delivery.resthook import RestHook
    from adapter.services.notify import Sending
    from adapter.services.outgoing import Outgoing
    from adapter.services.subscribed import Readiness
    from adapter.settings import Site

SFTP_PORT = 22


def registered(site: Site, client: str, partner: str, address: str) -> Hl7Endpoint | AlertsEndpoint | None:
    """What a client registered under an address, or if it has no endpoints of its own its organisation."""
    own = site.clients[client].notify_endpoints if client in site.clients else {}
    theirs = own or (site.partners[partner].notify_endpoints if partner in site.partners else {})
    return next((one for name, one in theirs.items() if address_of(name, one) == address), None)


def ways_out(site: Site, hook: RestHook, readiness: Readiness, outgoing: Outgoing, new_id: Callable[[], str]) -> Ways:
    """The way of each channel."""
    places = _Places(site, readiness, outgoing, new_id)
    return Ways({REST_HOOK: hook, MLLP: Mllp(places.exchange), ALERTS: Alerts(places.folder)})


class _Places:
    """The registered places of a site, reached by its rules."""

    def __init__(self, site: Site, readiness: Readiness, outgoing: Outgoing, new_id: Callable[[], str]) -> None:
        self._site = site
        self._readiness = readiness
        self._outgoing = outgoing
        self._new_id = new_id
        self._here, self._abroad = Outbound(plain_loopback=True), outbound_of(site)
        self._context = lru_cache(maxsize=256)(lambda ca_file, certificate: _context(site, ca_file, certificate))

    def _of(self, sending: Sending) -> Hl7Endpoint | AlertsEndpoint | None:
        one = self._readiness.of(sending.row)
        return None if one is None else self._outgoing.place(one)

    async def exchange(self, sending: Sending, answers: Callable[[bytes], bool]) -> bytes:
        """Send a message to its receiver; the address is looked at right before. ``Unreachable`` without an answer."""
        to = self._of(sending)
        if not isinstance(to, Hl7Endpoint):
            raise Unreachable("the endpoint is not registered any more")
        where = urlsplit(to.address)
        host, port = where.hostname or "", where.port or 0
        loop = asyncio.get_running_loop()
        until = loop.time() + sending.timeout
        try:
            async with asyncio.timeout_at(until):
                address = await (self._here if to.plain else self._abroad).address_of(host, port, plain=to.plain)
            context = None if to.plain else self._context(to.ca_file, to.certificate)
            receiver = Receiver(host=host, address=address, port=port, context=context)
            return await exchange(sending.body, receiver, answers=answers, seconds=until - loop.time())
        except TimeoutError:
            raise Unreachable(f"no acknowledgement within {sending.timeout} seconds", passing=True) from None
        except UnansweredError as error:
            raise Unreachable(str(error), passing=True) from None
        except OSError as error:
            raise Unreachable(f"TLS cannot be set up: {type(error).__name__}") from None

    def folder(self, sending: Sending) -> Folder:
        """Where the file of a notification goes."""
        to = self._of(sending)
        if not isinstance(to, AlertsEndpoint):
            raise Unreachable("the endpoint is not registered any more")
        if to.folder:
            return PlacedFolder(self._site.folder / to.folder)
        return _remote_place(self._site, to, self._abroad, self._new_id())


def _context(site: Site, ca_file: str, certificate: str) -> ssl.SSLContext:
    outbound = site.site.outbound
    own = certificate or outbound.client_file
    return client_context(
        ca_file=site.folder / ca_file if ca_file else None,
        more=None if outbound.ca_file is None else site.folder / outbound.ca_file,
        certificate=None if own is None else site.folder / own,
    )


def _remote(site: Site, to: AlertsEndpoint) -> Any:
    from connectors.transport.sftp import Remote  # noqa: PLC0415 - an extra that few sites need

    where = urlsplit(to.address)
    return Remote(
        host=where.hostname or "",
        port=where.port or SFTP_PORT,
        user=to.user,
        key=site.folder / to.key,
        host_key=to.host_key,
        folder=where.path or ".",
    )


def _remote_place(site: Site, to: AlertsEndpoint, abroad: Outbound, token: str) -> Folder:
    from connectors.transport.sftp_placing import RemotePlace  # noqa: PLC0415 - an extra that few sites need

    remote = _remote(site, to)
    place: Folder = RemotePlace(remote, lambda: abroad.address_of(remote.host, remote.port), token)
    return place


def ways_out_problems(site: Site) -> list[Problem]:
    """What keeps subscribers from being told where they registered. Nothing is connected, nothing written."""
    groups = [(f"clients.{key}", one.notify_endpoints) for key, one in site.clients.items()]
    groups += [(f"partners.{key}", one.notify_endpoints) for key, one in site.partners.items()]
    found: list[Problem] = []
    for owner, endpoints in groups:
        for name, one in endpoints.items():
            path = f"{owner}.notify_endpoints.{name}"
            found += _hl7(site, one, path) if isinstance(one, Hl7Endpoint) else _alerts(site, one, path)
    return found


def _hl7(site: Site, one: Hl7Endpoint, path: str) -> Iterator[Problem]:
    for key, name in (("certificate", one.certificate), ("ca_file", one.ca_file)):
        if name and not (site.folder / name).is_file():
            yield _problem(f"{path}.{key}", f"`{name}`: there is no such file", "a PEM file, from the site folder")
            return
    try:
        if not one.plain:
            _context(site, one.ca_file, one.certificate)
    except (OSError, ssl.SSLError):
        yield _problem(path, "TLS cannot be set up from its files", "PEM files: a CA; a certificate with its own key")


def _alerts(site: Site, one: AlertsEndpoint, path: str) -> Iterator[Problem]:
    if one.folder:
        if not (site.folder / one.folder).is_dir():
            yield _problem(f"{path}.folder", f"there is no folder `{one.folder}`", "a folder that exists")
        return
    try:
        from connectors.transport.sftp import remote_problems  # noqa: PLC0415 - an extra that few sites need
    except ImportError:
        yield _problem(path, "SFTP needs asyncssh, which is not installed", "`pip install sallyport[sftp]`")
        return
    yield from remote_problems(_remote(site, one), f"partners.yaml at {path}")


def _problem(path: str, message: str, expected: str) -> Problem:
    return Problem(where="partners.yaml", path=path, message=message, expected=expected)
