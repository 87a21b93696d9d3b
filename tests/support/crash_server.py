"""Everything imported once; a process forked for each command.

When it is ready it says its process id. Orders come in on standard input, one JSON line each: a list
``[batch, argument, …]`` starts a command and is answered with its process id; a process id waits for it and is
answered with its exit status, and ``null`` waits for the one that was started last. A line ``{"lease": seconds}`` is
answered with 0: commands that start afterwards hold what they claim for so long.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from pathlib import Path

import yaml

from adapter import assets, inspection, settings
from adapter.cli import run
from adapter.services import ingest, leases, reconcile


def answer(number):
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def serve():
    """Obey until standard input ends."""
    # Reading the site's documents is most of the start of a command; every process inherits them read.
    yaml.load = functools.cache(yaml.load)
    county = Path(assets.__file__).parents[1] / "mappings" / "fictional_county"
    inspection.check(settings.load_site(county))
    answer(os.getpid())
    pid = 0
    for line in sys.stdin:
        order = json.loads(line)
        if order is None or isinstance(order, int):
            answer(os.waitstatus_to_exitcode(os.waitpid(order or pid, 0)[1]))
            continue
        if isinstance(order, dict):
            leases.LEASE = reconcile.LEASE = int(order["lease"] * 1_000_000)
            leases.RENEWED = leases.LEASE // 4
            answer(0)
            continue
        pid = os.fork()
        if pid:
            answer(pid)
            continue
        ingest.BATCH, *arguments = order
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os._exit(run(arguments))


if __name__ == "__main__":
    serve()
