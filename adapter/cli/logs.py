"""What the server writes to standard error: one JSON object a line, without content and without traces that quote it.

Messages of this software are written to hold nothing of a person. Of other software only the fixed part of a message is
written, because what it fills in may be anything; of an exception, where it happened and its class.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from traceback import extract_tb
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from types import TracebackType

_OURS: Final = ("adapter", "connectors")


class JsonLines(logging.Formatter):
    """A log record as one line of JSON: time, level, logger, message, and where an exception came from."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        ours = record.name.partition(".")[0] in _OURS
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage() if ours else str(record.msg),
        }
        if record.exc_info and record.exc_info[0] is not None:
            told["exception"] = record.exc_info[0].__qualname__
            told["at"] = _places(record.exc_info[2])
        return orjson.dumps(told).decode()


def _places(trace: TracebackType | None) -> list[str]:
    frames = reversed(extract_tb(trace))
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]


def configure() -> None:
    """Send warnings and worse of everything to standard error, as JSON lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
