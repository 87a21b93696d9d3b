"""`sallyport demo`: the fictional county end to end, as a newcomer starts it, and over a real socket."""

from __future__ import annotations

import re
import resource
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import orjson
import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20
"""Processor time the demo of 200 people may take on a small machine."""


def curls(text):
    """URL and headers of the printed curl lines, by the word above each."""
    found = {}
    for word, line in re.findall(r"^(\w+):\n\s+(curl .+)$", text, re.MULTILINE):
        parts = shlex.split(line)
        headers = [parts[place + 1].partition(": ") for place, part in enumerate(parts) if part == "-H"]
        found[word] = parts[-1], {name: value for name, _, value in headers}
    return found


def test_the_demo_ends_with_one_question_permitted_and_denied(tmp_path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "adapter", "demo", "--once", "--people", "200", "--folder", tmp_path / "county"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, "")
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS
    asked = curls(done.stdout)
    assert set(asked) == {"permitted", "denied"}
    assert asked["permitted"][0] == asked["denied"][0]
    assert asked["permitted"][1]["Authorization"] == asked["denied"][1]["Authorization"]
    assert asked["permitted"][1]["X-Purpose-Of-Use"] != asked["denied"][1]["X-Purpose-Of-Use"]
    assert "DENY  Observation/" in done.stdout
    assert (tmp_path / "county" / "site.toml").exists()


@pytest.mark.parametrize("arguments", [["--people", "0"], ["--people", "many"]])
def test_a_county_of_nobody_is_wrong_usage(sallyport, arguments):
    assert sallyport("demo", "--once", *arguments).code == 2


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until_serving(process):
    """What the demo prints up to the line that says where it serves."""
    text = ""
    while "stop with Ctrl-C" not in text:
        line = process.stdout.readline()
        assert line, "the demo ended before it served"
        text += line
    return text


@pytest.mark.server
def test_the_printed_questions_are_answered_200_and_404(tmp_path):
    port = free_port()
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-u", "-m", "adapter", "demo", "--people", "60", "--port", str(port), "--folder", tmp_path],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        asked = curls(until_serving(process))
        with httpx2.Client() as client:
            for _ in range(100):
                try:
                    client.get(f"http://127.0.0.1:{port}/health/ready")
                    break
                except httpx2.TransportError:
                    time.sleep(0.1)
            answers = {word: client.get(url, headers=headers) for word, (url, headers) in asked.items()}
            url, headers = asked["denied"]
            absent = client.get(url.rpartition("/")[0] + "/absent", headers=headers)
            nobody = client.get(url)
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()
    assert {word: answer.status_code for word, answer in answers.items()} == {"permitted": 200, "denied": 404}
    permitted = orjson.loads(answers["permitted"].content)
    assert permitted["id"] == asked["permitted"][0].rpartition("/")[2]
    assert answers["denied"].content == absent.content
    assert nobody.status_code == 401
