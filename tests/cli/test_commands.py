"""The command line as a whole: every command explains itself, and exit codes mean what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from adapter.cli import app

ROOT = Path(__file__).resolve().parents[2]
GROUPS = typer.main.get_command(app).commands
COMMANDS = sorted(GROUPS)


def leaves(group, *path):
    """Every command with the words it is called by."""
    for name, command in group.items():
        inner = getattr(command, "commands", None)
        yield from [(*path, name)] if inner is None else leaves(inner, *path, name)


CALLED = sorted(leaves(GROUPS))


def test_the_commands_are_those_that_programs_rely_on():
    assert COMMANDS == [
        "accounting",
        "agreements",
        "alerts",
        "backup",
        "backup-keys",
        "client",
        "consent",
        "decide",
        "demo",
        "explain",
        "feeds",
        "identity",
        "ingest",
        "labels",
        "ledger",
        "metrics-token",
        "migrate",
        "officer",
        "panels",
        "profiles",
        "pull",
        "record",
        "replay",
        "report",
        "restore",
        "serve",
        "subscriptions",
        "token",
        "user-agreement",
        "validate",
        "watch",
        "whatif",
    ]
    assert [" ".join(words) for words in CALLED if len(words) > 1] == [
        "agreements list",
        "agreements print",
        "backup-keys copy",
        "backup-keys list",
        "client list",
        "client restore",
        "client stop",
        "consent record",
        "consent revoke",
        *(f"feeds {name}" for name in sorted(getattr(GROUPS["feeds"], "commands", ()))),
        *(f"identity {name}" for name in sorted(getattr(GROUPS["identity"], "commands", ()))),
        *(f"labels {name}" for name in ("lift", "list", "restore")),
        "ledger head",
        "ledger verify",
        *(f"panels {name}" for name in ("drop", "list", "put")),
        "profiles list",
        "profiles package",
        *(f"record {name}" for name in sorted(getattr(GROUPS["record"], "commands", ()))),
        *(f"subscriptions {name}" for name in ("deliver", "list", "replay", "status")),
        "token issue",
        "token list",
        "token revoke",
        "user-agreement leave",
        "user-agreement list",
        "user-agreement sign",
        "user-agreement status",
    ]


@pytest.mark.parametrize("command", CALLED, ids=" ".join)
def test_help_says_what_it_does_and_gives_an_example_that_parses(sallyport, command):
    ran = sallyport(*command, "--help")
    assert ran.code == 0
    words = " ".join(ran.out.split())
    assert f"sallyport {' '.join(command)} " in words.partition("Example")[2]
    assert "Example" in words
    assert not ran.err


def test_without_a_command_the_list_of_commands_is_shown(sallyport):
    ran = sallyport()
    assert all(command in ran.out + ran.err for command in COMMANDS)


@pytest.mark.parametrize("arguments", [["dance"], ["validate"], ["explain", "--site", "x"], ["ingest", "--site", "x"]])
def test_wrong_usage_is_exit_code_2_and_says_what_is_missing(sallyport, arguments):
    ran = sallyport(*arguments)
    assert ran.code == 2
    assert ran.err
    assert "Traceback" not in ran.err


def test_python_m_adapter_is_the_same_command():
    done = subprocess.run(
        [sys.executable, "-m", "adapter", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert all(command in done.stdout for command in COMMANDS)
    bad = subprocess.run(
        [sys.executable, "-m", "adapter", "validate", "--site", "nowhere"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert bad.returncode == 4
    assert "site.toml: the file is missing" in bad.stderr
