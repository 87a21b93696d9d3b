"""The MLLP ports of a site: which feeds have one, and what has to be mended before they can be opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapter.errors import ConfigurationError, Problem
from adapter.services.reception import FeedChannel, MessageFeed
from adapter.source import AnswerOptions
from connectors.jail.hl7v2.answering import Hl7Answering
from connectors.jail.hl7v2.connector import Hl7v2
from connectors.transport.mllp_server import Listener, ListenerOptions, options_problems
from connectors.transport.mllp_tls import Binding, server_context

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from adapter.services.channels import ChannelLog
    from adapter.services.reception import Reception
    from adapter.settings import Feed, Site
    from adapter.source import Answering
    from adapter.transports import MllpHost

ANSWERING: Final[dict[str, Answering]] = {Hl7v2.name: Hl7Answering()}
"""How messages are answered, by connector."""


def message_feeds(site: Site) -> dict[str, MessageFeed]:
    """The feeds whose messages are answered in their own language."""
    return {
        feed.feed: MessageFeed(
            feed=feed.feed,
            organisation=f"Organization/{feed.organization}",
            answering=ANSWERING[feed.connector],
            options=AnswerOptions(
                per_batch=feed.hl7.batch == "batch", accept_unsupported=feed.hl7.unsupported == "accept"
            ),
            answers_batches=feed.hl7.batch is not None,
        )
        for feed in site.feeds.values()
        if feed.connector in ANSWERING
    }


def mllp_problems(site: Site) -> list[Problem]:
    """What keeps the MLLP ports of a site from being opened: every file and setting is looked at."""
    problems: list[Problem] = []
    ports: dict[int, str] = {}
    tls: ssl.SSLContext | None = None
    host = site.site.mllp
    try:
        tls = _tls(host, site.folder)
    except ConfigurationError as error:
        problems += error.problems
    for feed in site.feeds.values():
        if feed.mllp is None:
            continue
        where = f"feed {feed.feed}"
        if feed.connector not in ANSWERING:
            expected = f"a feed with connector {', '.join(ANSWERING)}"
            message = f"`{feed.connector}` takes no messages"
            problems.append(Problem(where=where, path="mllp", message=message, expected=expected))
        if feed.mllp.port and feed.mllp.port in ports:
            message = f"port {feed.mllp.port} is that of feed `{ports[feed.mllp.port]}`"
            problems.append(Problem(where=where, path="mllp.port", message=message, expected="a port of its own"))
        ports[feed.mllp.port] = feed.feed
        if not (problems and tls is None and host.certificate):
            problems += options_problems(_options(feed, host, tls))
    return problems


def _tls(host: MllpHost, folder: Path) -> ssl.SSLContext | None:
    names = {"certificate": host.certificate, "key": host.key, "client_ca": host.client_ca}
    if not any(names.values()):
        return None
    missing = [name for name, value in names.items() if not value]
    if missing:
        expected = "all three of `certificate`, `key` and `client_ca`, PEM files beside site.toml"
        raise ConfigurationError(
            [
                Problem(where="site.toml", path=f"mllp.{name}", message="TLS needs it", expected=expected)
                for name in missing
            ]
        )
    return server_context(
        certificate=folder / host.certificate, key=folder / host.key, client_ca=folder / host.client_ca
    )


def _options(feed: Feed, host: MllpHost, tls: ssl.SSLContext | None) -> ListenerOptions:
    mllp = feed.mllp
    if mllp is None:
        raise ValueError(feed.feed)
    return ListenerOptions(
        where=f"feed {feed.feed}",
        host=host.host,
        port=mllp.port,
        bindings=tuple(
            Binding(sender=(sender.application, sender.facility), certificate=sender.certificate)
            for sender in mllp.senders
        ),
        tls=tls,
        longest=mllp.megabytes * 1_000_000,
        idle=host.idle_seconds,
        frame=host.frame_seconds,
        connections=host.connections,
    )


def listeners(site: Site, reception: Reception, channels: ChannelLog) -> dict[str, Listener]:
    """The listener of each feed that has a port, not started."""
    host = site.site.mllp
    tls = _tls(host, site.folder)
    return {
        feed.feed: Listener(_options(feed, host, tls), FeedChannel(feed.feed, reception, channels))
        for feed in site.feeds.values()
        if feed.mllp is not None
    }
