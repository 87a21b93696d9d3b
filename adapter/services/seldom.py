"""Python's garbage collector while records are brought in: a batch is many objects, freed as they are written."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_USUAL: Final = gc.get_threshold()
_SELDOM: Final = (50_000, 20, 50)
"""Thresholds of the collector."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the collector look seldom: what a batch makes is in no cycle."""
    gc.freeze()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*_USUAL)
        gc.unfreeze()
