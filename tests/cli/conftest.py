"""Commands run in this process, as their exit code and what they print; a site with one person's records."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import records
import worlds

from adapter import machine
from adapter.assets import copy_fictional_county
from adapter.cli import run


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture(scope="module", autouse=True)
def clock():
    """What these people signed is in force on a day of theirs; a clock of a test starts on it and goes on."""
    started = time.monotonic_ns()
    days = SimpleNamespace(
        time_ns=lambda: worlds.NOW * 1000 + time.monotonic_ns() - started,
        monotonic=time.monotonic,
        perf_counter=time.perf_counter,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "time", days)
        yield


@pytest.fixture
def sallyport(capfd):
    """Run a command line."""

    def command(*arguments):
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        printed = capfd.readouterr()
        return Ran(code, printed.out, printed.err)

    return command


@pytest.fixture
def folder(tmp_path):
    """A site folder with nothing ingested."""
    copy_fictional_county(tmp_path / "county")
    return tmp_path / "county"


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    """A site folder whose store knows Ada: one PHQ-9 at the jail, a release for pretrial services, one broken row."""
    site = tmp_path_factory.mktemp("county") / "site"
    copy_fictional_county(site)
    (site / "site.key").write_bytes(worlds.SECRET)
    extracts = {
        "jail-roster": records.roster(records.roster_row(), '"RAGGED","ROW"\r\n'),
        "jail-medical-hl7": records.hl7(records.phq9(4)),
        "releases": records.ndjson(records.release(records.choice())),
    }
    for feed, content in extracts.items():
        path = site.parent / f"{feed}.txt"
        path.write_bytes(content)
        assert run(["ingest", "--site", str(site), feed, str(path), "--json"]) == 0
    return site
