"""A server is killed again and again while MLLP senders send: nothing acknowledged is lost, nothing is doubled.

`--kills 200` does it two hundred times (`make crash`); a usual run a few times. Each sender keeps to one message at a
time and sends it again until it is acknowledged, on new connections.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from collections import Counter

import apsw
import crashing
import pytest
import records
import stored_content
from mllp_senders import Sender

PEOPLE = 6
PAUSE = 0.02


@pytest.fixture(scope="module")
def commands():
    with crashing.Commands() as started:
        yield started


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def new_site(folder):
    """A site that listens for MLLP; its port."""
    stored_content.new_site(folder)
    port = free_port()
    path = folder / "feeds" / "jail_medical_hl7.yaml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("mllp:")]
    path.write_text("\n".join([*kept, f"mllp: {{port: {port}}}"]) + "\n")
    return port


def maker(letter):
    """Messages of one sender: admissions and screenings of its own people, each different from the one before."""

    def make(number):
        control, person = f"{letter}{number}", f"{letter}{number % PEOPLE}"
        if number % 3:
            text = records.phq9(number % 28, control=control, person=person, ssn="")
        else:
            text = records.admission(control, person=person).replace(records.SSN, "").replace("^ADA", f"^ADA{number}")
        return control.encode(), records.hl7(text)

    return make


def serve(commands, site):
    return commands.start(["serve", "--site", str(site), "--port", str(free_port())], batch=3)


def inbox_rows(site, sql):
    db = apsw.Connection(str(site / "data" / "inbox.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    found = list(db.execute(sql))
    db.close()
    return found


def processed(site, count):
    """Wait until so many receipts are wholly in the store."""
    for _ in range(2400):
        db = apsw.Connection(str(site / "data" / "store.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
        ((done,),) = db.execute("SELECT count(*) FROM ingest_progress WHERE done = 1")
        db.close()
        if done >= count:
            return True
        time.sleep(0.05)
    return False


def listening(port):
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False


@pytest.mark.server
def test_killed_under_live_senders_nothing_acknowledged_is_lost_and_nothing_doubled(commands, tmp_path, request):
    kills = request.config.getoption("--kills")
    chance = random.Random(58)  # noqa: S311 - a test chooses its moments reproducibly
    site = tmp_path / "killed"
    port = new_site(site)
    senders = [Sender(port, maker(letter), pause=PAUSE) for letter in "AB"]
    for sender in senders:
        sender.start()
    for number in range(kills):
        pid = serve(commands, site)
        # Every third is killed whenever it is, the start included; the others while they answer.
        if number % 3:
            assert listening(port)
        assert commands.kill_after(chance.uniform(0, 0.6), pid)
    pid = serve(commands, site)
    assert listening(port)
    for sender in senders:
        sender.finish()
    sent = [message for sender in senders for message in sender.acknowledged]
    assert [sender.wrong for sender in senders] == [[], []]
    assert len(sent) > kills
    assert sum(sender.again for sender in senders) >= kills // 3
    assert processed(site, len(sent))
    stop(commands, pid)
    kept = inbox_rows(site, "SELECT data FROM receipt JOIN chunk ON chunk.receipt = receipt.id ORDER BY receipt.seq")
    assert Counter(data for (data,) in kept) == Counter(sent)
    for sender in senders:
        own = set(sender.acknowledged)
        assert [data for (data,) in kept if data in own] == sender.acknowledged
    assert inbox_rows(site, "SELECT count(*), count(DISTINCT control) FROM message") == [(len(sent), len(sent))]
    undisturbed(commands, tmp_path / "whole", [len(sender.acknowledged) for sender in senders])
    assert stored_content.content(site) == stored_content.content(tmp_path / "whole")


def undisturbed(commands, site, counts):
    """A site that was sent the same messages by the same senders, and never killed."""
    port = new_site(site)
    pid = serve(commands, site)
    senders = [Sender(port, maker(letter), most=count) for letter, count in zip("AB", counts, strict=True)]
    for sender in senders:
        sender.start()
        sender.join(120)
    assert [len(sender.acknowledged) for sender in senders] == counts
    assert processed(site, sum(counts))
    stop(commands, pid)


def stop(commands, pid):
    os.kill(pid, signal.SIGTERM)
    commands.wait()
