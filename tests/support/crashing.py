"""Runs commands in processes of their own that a test may kill at any moment, without starting Python anew each time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time

from adapter.cli import run
from adapter.services import ingest

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["crashing"])


def command(arguments, batch):
    """The body of such a process: one command, with small batches so that there are many moments to be killed at."""
    ingest.BATCH = batch
    sys.exit(run(arguments))


def start(arguments, *, batch):
    """Start a command; its exit code is ``process.exitcode`` after ``process.join()``."""
    process = _CONTEXT.Process(target=command, args=(arguments, batch))
    process.start()
    return process


def kill_after(process, seconds):
    """SIGKILL after a while; whether it was still running."""
    deadline = time.monotonic() + seconds
    while process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.002)
    running = process.is_alive()
    if running:
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    return running
