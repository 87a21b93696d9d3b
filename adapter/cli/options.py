"""Options that several commands share, and running a command on a wired site."""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from adapter.bootstrap import build
from adapter.settings import load_site

if sys.platform == "win32":  # uvloop has no build for it
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from adapter.wired import Services

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


@contextmanager
def bar(title: str, counted: str, size: int = 1) -> Iterator[Callable[..., None]]:
    """A progress bar on a terminal; nothing elsewhere. Tell it how many are done, how far that is, and of how much."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<42}"),
        BarColumn(),
        TextColumn("{task.fields[done]:>9,} " + counted),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=size == 1) as progress:
        task = progress.add_task(title, total=max(size, 1), done=0)

        def advance(done: int, completed: int, total: int | None = None) -> None:
            progress.update(task, completed=completed, done=done, total=total or max(size, 1))

        yield advance


def on_site(folder: Path, work: Callable[[Services], Awaitable[Result]]) -> Result:
    """Wire the site in ``folder``, run ``work``, and release what was opened."""

    async def main() -> Result:
        with bar("what is in force, person by person", "people") as advance:
            services = await build(load_site(folder), progress=lambda done, total: advance(done, done, total))
        try:
            return await work(services)
        finally:
            await services.store.close()

    return run_loop(main())
