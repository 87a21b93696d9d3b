"""What is recorded of registered clients: that the county shut one out, or let it in again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientEvent:
    """The county shut a client out, or let it in again. ``kind`` is `stopped` or `restored`."""

    client: str
    kind: str
    author: str
    words: str
    at: int
