"""`sallyport pull`: a feed's server asked for what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from adapter.cli.alerts import show_waiting
from adapter.cli.feeds import known_feed, merged, show
from adapter.cli.options import AsJson, SiteFolder, bar, on_site
from adapter.errors import ConfigurationError, Problem
from adapter.pullers import signing_key
from adapter.settings import load_site

if TYPE_CHECKING:
    from adapter.services.report import FeedReport
    from adapter.wired import Services


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Example: sallyport pull --site county riverside-ehr   |   "
        "sallyport pull --site county riverside-ehr --public-key"
    )(pull)


def pull(
    site: SiteFolder,
    feed: Annotated[str, typer.Argument(help="The feed, as named in feeds/*.yaml; its `pull` names the server.")],
    public_key: Annotated[
        bool,
        typer.Option("--public-key", help="Print the public key (JWKS) to register with the server, and end."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch what is new from the server of a feed, and bring it in; what was cut short goes on where it stopped.

    Every answer is kept before it counts as fetched. Run it again whenever you like.
    """
    if public_key:
        _print_key(site, feed)
        return

    async def work(services: Services) -> list[FeedReport]:
        known_feed(services, feed)
        if feed not in services.pulls.feeds:
            raise _no_server(feed, sorted(services.pulls.feeds))
        with bar(f"{feed} from its server", "answers") as advance:
            done = await services.pulls.run(feed, progress=lambda kept, total: advance(kept, kept, total))
        await show_waiting(services)
        return done

    reports = on_site(site, work)
    show(merged(reports) if as_json else reports, as_json=as_json)


def _print_key(site: SiteFolder, feed: str) -> None:
    found = load_site(site)
    named = found.feeds.get(feed)
    if named is None or named.pull is None:
        raise _no_server(feed, sorted(one.feed for one in found.feeds.values() if one.pull is not None))
    key = signing_key(found.folder, feed, named.pull)
    print(orjson.dumps({"keys": [key.public()]}, option=orjson.OPT_INDENT_2).decode())


def _no_server(feed: str, known: list[str]) -> ConfigurationError:
    expected = f"one of {', '.join(known)}" if known else "a section `pull` in its file in feeds/"
    return ConfigurationError(
        [Problem(where="feeds/", path="pull", message=f"feed `{feed}` names no server", expected=expected)]
    )
