"""What the machine gives and nothing else may ask it for: the time, what nobody can guess, and the secret of a site."""

from __future__ import annotations

import os
import secrets
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET_FILE = "site.key"  # noqa: S105 - a file name


def clock() -> int:
    """Now, in epoch microseconds."""
    return time.time_ns() // 1000


def seconds() -> float:
    """Seconds of a clock that only rises."""
    return time.monotonic()


def tick() -> float:
    """Seconds of the finest clock there is; only differences mean something."""
    return time.perf_counter()


def chance() -> float:
    """A number from 0 to 1, each as likely."""
    return secrets.SystemRandom().random()


def new_id() -> str:
    """A random id of 128 bits: receipts, requests."""
    return secrets.token_hex(16)


def rising(now: Callable[[], int], make_id: Callable[[], str]) -> Callable[[], str]:
    """Ids that rise with time, 72 bits of them random: what an index keeps of one moment then stands on one page."""
    return lambda: f"{now():014x}{make_id()[-18:]}"


def random_bytes(count: int) -> bytes:
    """Bytes that nobody can guess: keys."""
    return secrets.token_bytes(count)


def new_token() -> str:
    """The text of an access token."""
    return secrets.token_urlsafe(32)


def site_secret(folder: Path) -> bytes:
    """The site's secret, made on first use and readable by its owner alone. Losing it changes every id."""
    path = folder / SECRET_FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()
