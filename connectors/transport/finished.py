"""When a file in a folder that somebody writes to is whole, whichever way the folder is reached.

Nothing tells a reader that a writer has finished, so there are conventions: a last name that is given at the end by a
rename, a marker file beside it, or that nothing about it has changed for a while.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from connectors.transport.files import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapter.source import ListedFile


class Finished:
    """Follows one folder from look to look."""

    def __init__(self, *, pattern: str = "*", settle: float = 0.0, marker: str = "") -> None:
        self._pattern = pattern
        self._settle = settle
        self._marker = marker
        self._since: dict[ListedFile, float] = {}

    def of(self, listed: Sequence[ListedFile], now: float) -> list[ListedFile]:
        """The files that are whole, oldest first, of what a folder holds ``now`` (seconds of a clock that only rises).

        With a marker, those beside which a file of their name and that ending stands that is not older: one left from
        the file before says nothing about the next. Without, those of which size and time have not changed since a look
        that is at least ``settle`` seconds ago. Never an unfinished transfer by its name.
        """
        wanted = [each for each in listed if self._is_wanted(each.name)]
        if self._marker:
            marked = {each.name: each.modified for each in listed}
            found: Iterable[ListedFile] = (
                each for each in wanted if marked.get(each.name + self._marker, each.modified - 1) >= each.modified
            )
        else:
            self._since = {each: self._since.get(each, now) for each in wanted}
            found = (each for each in wanted if now - self._since[each] >= self._settle)
        return sorted(found, key=lambda each: (each.modified, each.name))

    def _is_wanted(self, name: str) -> bool:
        is_passed_over = name.startswith(".") or name.lower().endswith(UNFINISHED)
        is_marker = bool(self._marker) and name.endswith(self._marker)
        return not is_passed_over and not is_marker and fnmatchcase(name, self._pattern)
