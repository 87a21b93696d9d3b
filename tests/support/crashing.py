"""Commands in processes of their own that a test may kill at any moment, without starting Python anew each time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parent


class Commands:
    """Starts a server of commands and gives it orders. A killed command stays a zombie until it is waited for, so that
    its process id names nobody else."""

    def __enter__(self):
        self._server = subprocess.Popen(  # noqa: S603 - a script of ours
            [sys.executable, str(FOLDER / "crash_server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(FOLDER.parents[1])},  # noqa: TID251 - what a child inherits
            text=True,
            bufsize=1,
        )
        # How long a command takes is told without how long the start of this one took.
        self._server.stdout.readline()
        return self

    def __exit__(self, *exception):
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

    def _order(self, order):
        self._server.stdin.write(json.dumps(order) + "\n")
        return int(self._server.stdout.readline())

    def start(self, arguments, *, batch):
        """Start a command with batches of this size; its process id."""
        return self._order([batch, *arguments])

    def finish(self, arguments, *, batch):
        """Run a command to its end; its exit code, negative for a signal, and how many seconds it took."""
        started = time.monotonic()
        self.start(arguments, batch=batch)
        return self._order(None), time.monotonic() - started

    def wait(self, pid=None):
        """Wait for a command, the one that was started last if none is named; its exit code, negative for a signal."""
        return self._order(pid)

    def lease(self, seconds):
        """Commands that start from now on hold whom they look at and send to for so long."""
        return self._order({"lease": seconds})

    def kill(self, pid):
        """SIGKILL; whether the command was still running."""
        os.kill(pid, signal.SIGKILL)
        return self._order(pid) == -signal.SIGKILL

    def kill_after(self, seconds, pid):
        """SIGKILL after a while; whether the command was still running."""
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
        return self._order(None) == -signal.SIGKILL
