"""The benchmarks in miniature: every piece runs, and a wrong answer is never measured."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import county
import deciding
import load
import measure
import population
import rest_speed
import roster
import tables

TINY = measure.Scale(
    rounds=1,
    seconds=0.3,
    readers=2,
    roster_rows=40,
    observations=2_000,
    candidates=(30, 50, 80),
    people=60,
    decisions=16,
    stream_bytes=20_000,
    stored_rows=30,
)


def figures(rows):
    return {row.name: row.numbers for row in rows}


def test_a_read_and_a_search_are_measured_against_the_bare_route(tmp_path):
    rows = rest_speed.measure(TINY, tmp_path)
    assert [row.name for row in rows][:2] == ["consented read", "consented search, 20 hits, exact total"]
    assert all(0 < row.numbers["ratio"] < 1 for row in rows)


def test_a_wrong_body_stops_the_load(tmp_path):
    (tmp_path / "read").write_bytes(b'{"resourceType":"Basic"}')
    with rest_speed._server([str(ROOT / "benchmarks" / "bare.py")], str(tmp_path)) as (port, _):
        right = load.Asked(request=load.get("/read"), body=b'{"resourceType":"Basic"}')
        assert load.run(port, [right], connections=2, seconds=0.1).answers > 0
        wrong = load.Asked(request=load.get("/read"), body=b'{"resourceType":"Other"}')
        with pytest.raises(measure.WrongAnswer, match="body"):
            load.run(port, [wrong], connections=2, seconds=0.1)
        nowhere = load.Asked(request=load.get("/elsewhere"), body=b"")
        with pytest.raises(measure.WrongAnswer, match="404"):
            load.run(port, [nowhere], connections=2, seconds=0.1)


def test_a_bundle_with_a_record_too_many_is_refused():
    hit = {
        "id": "a",
        "code": {"coding": [{"code": county.PHQ9.result}]},
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-01-01",
    }
    entries = [{"search": {"mode": "match"}, "resource": hit | {"id": str(place)}} for place in range(20)]
    assert len(rest_speed._searched({"total": 20, "entry": entries}, "p")) == 20
    with pytest.raises(measure.WrongAnswer, match="total"):
        rest_speed._searched({"total": 21, "entry": entries}, "p")
    entries[3]["resource"] = hit | {"id": "x", "code": {"coding": [{"code": county.AUDIT.result}]}}
    with pytest.raises(measure.WrongAnswer, match="result codes"):
        rest_speed._searched({"total": 20, "entry": entries}, "p")


def test_a_roster_is_loaded_twice_and_streamed(tmp_path, monkeypatch):
    monkeypatch.setattr(roster, "COUNTY", 40)
    monkeypatch.setattr(roster, "CUT_EVERY", 10)
    found = roster.load(tmp_path / "once", TINY.roster_rows)
    assert found["first"]["rows"] == TINY.roster_rows
    assert found["again"]["written"] <= found["first"]["written"] / 2
    rows = figures(roster.stream(tmp_path, TINY.stream_bytes, TINY.stored_rows))
    assert rows["0.00 GB of roster, peak resident size"]["peak_mb"] > 10


def test_a_roster_that_is_counted_wrongly_is_no_measurement(tmp_path, monkeypatch):
    monkeypatch.setattr(roster, "COUNTY", 40)
    counted = roster.recount
    monkeypatch.setattr(roster, "recount", lambda path: measure_one_more(counted(path)))
    with pytest.raises(measure.WrongAnswer, match="resources in the store"):
        roster.load(tmp_path / "once", 20)


def measure_one_more(counted):
    counted.people += 1
    return counted


def test_totals_of_a_population_search_are_those_of_the_forms(tmp_path, monkeypatch):
    rows = figures(population.measure(TINY, tmp_path))
    assert len(rows) == 4
    assert all(row["total"] > 0 for row in rows.values())
    permits = county.Choice.permits
    monkeypatch.setattr(
        county.Choice, "permits", lambda self, *asked: self.state == "revoked" or permits(self, *asked)
    )
    with pytest.raises(measure.WrongAnswer, match="total over what is permitted"):
        population.measure(TINY, tmp_path / "again")


def test_tables_and_revocations(tmp_path):
    rows = figures(tables.measure(TINY, tmp_path))
    assert rows["decision tables, 60 people, 20 contexts"]["bytes"] > 0
    assert len(rows) == 3


def test_decisions_agree_with_the_form(tmp_path, monkeypatch):
    rows = deciding.measure(TINY, tmp_path)
    assert all(row.numbers["per_second"] > 0 for row in rows)
    monkeypatch.setattr(deciding, "TYPICAL", county.Choice(state="refused"))
    with pytest.raises(measure.WrongAnswer):
        deciding.measure(TINY, tmp_path / "again")


def test_an_exchanged_summary_is_what_the_writer_would_make(tmp_path):
    async def both():
        async with county.opened(tmp_path, durable=False) as services:
            first, second = county.Filler(services), county.Filler(services)
            await first.summary(1, county.PHQ9, 5, "2026-01-02")
            exchanged = await first.summary(2, county.PHQ9, 5, "2026-01-02")
            return exchanged, await second.summary(2, county.PHQ9, 5, "2026-01-02")

    exchanged, made = asyncio.run(both())
    for name in ("id", "patient", "segment", "digest", "opening", "head", "tail"):
        assert getattr(exchanged, name) == getattr(made, name)
    indexed = {(row.param, row.low, row.high) for row in made.index() if row.param == "date"}
    assert indexed == {(row.param, row.low, row.high) for row in exchanged.index() if row.param == "date"}


def test_the_command_writes_the_table_and_the_figures(tmp_path):
    file = tmp_path / "figures.json"
    code = (
        "import sys, dataclasses, measure, run;"
        "run.SHORT = dataclasses.replace(measure.SHORT, decisions=16);"
        "measure.CALIBRATION_LOOPS = 1000;"
        f"sys.argv = ['run.py', '--only', 'decide', '--json', {str(file)!r}];"
        "sys.exit(run.main())"
    )
    path = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'benchmarks')!r}];"
    ended = subprocess.run([sys.executable, "-c", path + code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "decide(), one resource, one consent" in ended.stdout
    assert len(json.loads(file.read_text(encoding="utf-8"))) == 4
