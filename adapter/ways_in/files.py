"""The folders of a site that files are taken from: watched ones, those of other hosts, and where partners put files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter.errors import ConfigurationError, Problem
from adapter.services.watching import Watched
from connectors.transport.finished import Finished
from connectors.transport.folders import DropFolder, WatchedFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adapter.settings import Feed, Site
    from adapter.transports import Sftp, Watch

SPOOL = "incoming"
"""The folder beside the store in which what is fetched lies until it is durable."""


def file_problems(site: Site) -> list[Problem]:
    """What keeps folders from being looked at, and the SFTP server from being opened."""
    problems: list[Problem] = []
    for feed in site.feeds.values():
        where = f"feed {feed.feed}"
        if feed.watch is not None:
            folder = site.folder / feed.watch.folder
            if not folder.is_dir():
                message = f"there is no folder `{feed.watch.folder}`"
                expected = "a folder that exists, by a path from the site folder or from the root"
                problems.append(Problem(where=where, path="watch.folder", message=message, expected=expected))
            if feed.watch.keys and site.site.sftp is None:
                expected = "[sftp] in site.toml with a `host_key`"
                problems.append(Problem(where=where, path="watch.keys", message="nobody listens", expected=expected))
        if feed.sftp is not None:
            problems += _with_asyncssh(where, "sftp", lambda feed=feed: _remote_problems(site, feed))
    if site.site.sftp is not None:
        problems += _with_asyncssh("site.toml", "sftp", lambda: _drop_problems(site))
    return problems


def _with_asyncssh(where: str, path: str, look: Any) -> list[Problem]:
    try:
        found: list[Problem] = look()
    except ImportError:
        message = "SFTP needs asyncssh, which is not installed"
        return [Problem(where=where, path=path, message=message, expected="`pip install sallyport[sftp]`")]
    return found


def _remote_problems(site: Site, feed: Feed) -> list[Problem]:
    from connectors.transport.sftp import remote_problems  # noqa: PLC0415 - an extra that few sites need

    return [] if feed.sftp is None else remote_problems(_remote(site, feed.sftp), f"feed {feed.feed}")


def _drop_problems(site: Site) -> list[Problem]:
    from connectors.transport.sftp_server import drop_problems  # noqa: PLC0415 - an extra that few sites need

    return [] if site.site.sftp is None else drop_problems(_drops(site), site.folder / site.site.sftp.host_key)


def _remote(site: Site, sftp: Sftp) -> Any:
    from connectors.transport.sftp import Remote  # noqa: PLC0415 - an extra that few sites need

    return Remote(
        host=sftp.host,
        port=sftp.port,
        user=sftp.user,
        key=site.folder / sftp.key,
        host_key=sftp.host_key,
        folder=sftp.folder,
    )


def _drops(site: Site) -> dict[str, Any]:
    from connectors.transport.sftp_server import Drop  # noqa: PLC0415 - an extra that few sites need

    return {
        feed.feed: Drop(
            folder=site.folder / feed.watch.folder,
            keys=feed.watch.keys,
            longest=feed.post_megabytes * 1_000_000,
        )
        for feed in site.feeds.values()
        if feed.watch is not None and feed.watch.keys
    }


def watched(site: Site, clock: Callable[[], float]) -> list[Watched]:
    """Every place that is looked at; ``clock`` is in seconds and only rises."""
    found = []
    for feed in site.feeds.values():
        if feed.watch is not None:
            found.append(
                Watched(feed=feed.feed, place=_folder(site, feed.watch, clock), every=feed.watch.every_seconds)
            )
        if feed.sftp is not None:
            found.append(
                Watched(feed=feed.feed, place=_remote_folder(site, feed, clock), every=feed.sftp.every_seconds)
            )
    return found


def _folder(site: Site, watch: Watch, clock: Callable[[], float]) -> WatchedFolder:
    return WatchedFolder(
        DropFolder(site.folder / watch.folder, marker=watch.marker),
        _finished(watch),
        clock=clock,
        set_aside=watch.then == "move",
    )


def _remote_folder(site: Site, feed: Feed, clock: Callable[[], float]) -> Any:
    from connectors.transport.sftp import RemoteFolder  # noqa: PLC0415 - an extra that few sites need

    if feed.sftp is None:
        raise ConfigurationError([])
    spool: Path = site.store_folder / SPOOL / feed.feed
    return RemoteFolder(_remote(site, feed.sftp), _finished(feed.sftp), spool=spool, clock=clock)


def _finished(how: Watch | Sftp) -> Finished:
    return Finished(pattern=how.pattern, settle=how.settle_seconds, marker=how.marker)


def drop_server(site: Site) -> Any:
    """The SFTP server of a site that has one, not started; None otherwise."""
    sftp = site.site.sftp
    if sftp is None:
        return None
    from connectors.transport.sftp_server import DropServer  # noqa: PLC0415 - an extra that few sites need

    return DropServer(_drops(site), host=sftp.host, port=sftp.port, host_key=site.folder / sftp.host_key)
