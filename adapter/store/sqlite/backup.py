"""Copies of the three files of a store that fit each other, taken while it is in use.

Nothing is written into the store while the three views are begun, so that its receipts are in the copy of the inbox and
its recordings in the copy of the ledger. Then answers and feeds go on while the pages of the views are copied.

https://sqlite.org/backup.html, https://sqlite.org/isolation.html
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Final

import apsw

from adapter.errors import SallyportError
from adapter.store.sqlite.connection import connect, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILES: Final = ("store.sqlite", "inbox.sqlite", "ledger.sqlite")
PAGES: Final = 2_000
"""Pages copied at a time."""


def copy_files(folder: Path, target: Path, *, progress: Callable[[int, int], None]) -> None:
    """Copy the files of the store in ``folder`` into ``target``, and see whether the copies are whole.

    ``progress`` is told of pages done, of all. ``SallyportError`` if a file is not there or a copy is damaged.
    """
    missing = [name for name in FILES if not (folder / name).exists()]
    if missing:
        raise SallyportError(f"the store folder has no {' and no '.join(missing)}; nothing was ever brought in here")
    with ExitStack() as held:
        views = [held.enter_context(closing(connect(folder / name, cache_mb=4))) for name in FILES]
        begin_together(views)
        sizes = [row_of(view.execute("PRAGMA page_count"))[0] for view in views]
        done = 0
        for name, view in zip(FILES, views, strict=True):
            for copied in _copied(view, target / name):
                progress(done + copied, sum(sizes))
            done += sizes[FILES.index(name)]


def begin_together(views: list[apsw.Connection]) -> None:
    """Begin to read all files at one moment: between the first and the last nobody writes into the first."""
    store, *others = views
    with closing(apsw.Connection(store.filename)) as writer:
        writer.set_busy_timeout(60_000)
        writer.execute("BEGIN IMMEDIATE")
        for view in (store, *others):
            view.execute("BEGIN")
            row_of(view.execute("SELECT count(*) FROM sqlite_schema"))
        writer.execute("ROLLBACK")


def _copied(view: apsw.Connection, path: Path) -> Iterator[int]:
    """Copy one file page by page; tells how many pages are there."""
    with closing(apsw.Connection(str(path))) as copy:
        with copy.backup("main", view, "main") as backup:
            while not backup.done:
                backup.step(PAGES)
                yield backup.page_count - backup.remaining
        # A copy is one file: nothing of it stands in a log beside it.
        list(copy.execute("PRAGMA journal_mode = DELETE"))
        (whole,) = row_of(copy.execute("PRAGMA quick_check(1)"))
        if whole != "ok":
            raise SallyportError(f"the copy of `{path.name}` is damaged; look at the disk and take another")


def schema_of(path: Path) -> int:
    """The number of the last migration that a file has."""
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as file:
        return int(row_of(file.execute("PRAGMA user_version"))[0])
