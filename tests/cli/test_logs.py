"""Log lines are JSON and quote nobody."""

from __future__ import annotations

import logging
import sys

import orjson

from adapter.cli.logs import JsonLines


def line(name, message, *arguments, error=None):
    record = logging.LogRecord(name, logging.ERROR, "file.py", 1, message, arguments, error)
    return orjson.loads(JsonLines().format(record))


def test_our_own_messages_are_written_whole():
    told = line("adapter.services.intake", "feed %s receipt %s", "jail-roster", "5c0f")
    assert (told["level"], told["logger"], told["message"]) == (
        "error",
        "adapter.services.intake",
        "feed jail-roster receipt 5c0f",
    )
    assert told["time"].endswith("+00:00")


def test_what_other_software_fills_in_is_left_out():
    told = line("uvicorn.error", "could not read %s", "Ada Marsh")
    assert told["message"] == "could not read %s"
    assert "Marsh" not in orjson.dumps(told).decode()


def test_an_exception_is_told_by_place_and_class():
    try:
        raise ValueError("Ada Marsh, PHQ-9 21")  # noqa: TRY301 - what is raised is what is looked at
    except ValueError:
        told = line("uvicorn.error", "Exception in ASGI application\n", error=sys.exc_info())
    assert told["exception"] == "ValueError"
    assert told["at"][0].startswith("test_logs.py:")
    assert "Marsh" not in orjson.dumps(told).decode()
