"""Options that several commands share, and running a command on a wired site."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from adapter.bootstrap import build
from adapter.settings import load_site

if sys.platform == "win32":  # uvloop has no build for it
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from adapter.bootstrap import Services

Result = TypeVar("Result")

SiteFolder = Annotated[
    Path,
    typer.Option("--site", help="The site folder (site.toml, partners.yaml, feeds/, agreements/, forms/)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def run_loop(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end on the fastest loop this platform has."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)


def on_site(folder: Path, work: Callable[[Services], Awaitable[Result]]) -> Result:
    """Wire the site in ``folder``, run ``work``, and release what was opened."""

    async def main() -> Result:
        services = await build(load_site(folder))
        try:
            return await work(services)
        finally:
            await services.store.close()

    return run_loop(main())
