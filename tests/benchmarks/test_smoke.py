"""The benchmarks in miniature: every piece runs, and a wrong answer is never measured."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from contextlib import suppress
from dataclasses import replace

import changing
import county
import deciding
import exporting
import importing
import load
import matching
import measure
import mllp
import notifying
import population
import pytest
import rehearsing
import rest_speed
import roster
import run
import tables
import while_fed

from adapter import assets

TINY = measure.Scale(
    rounds=1,
    seconds=0.3,
    readers=2,
    roster_rows=40,
    observations=2_000,
    candidates=(30, 50, 80),
    people=60,
    decisions=16,
    rebuilt=60,
    matched=40,
    among=300,
    stream_bytes=20_000,
    stored_rows=30,
)


def figures(rows):
    return {row.name: row.numbers for row in rows}


def test_a_read_and_a_search_are_measured_against_the_bare_route(tmp_path):
    rows = rest_speed.measure(TINY, tmp_path)
    assert [row.name for row in rows][:2] == ["consented read", "consented search, 20 hits, exact total"]
    assert all(0 < row.numbers["ratio"] < 1 for row in rows)


def test_reads_are_measured_with_a_feed_and_without(tmp_path, monkeypatch):
    monkeypatch.setattr(while_fed, "RECORDS", 15)
    quiet, fed = while_fed.measure(TINY, tmp_path)
    assert quiet.numbers["records_per_second"] == 0 < fed.numbers["records_per_second"]
    assert all(0 < row.numbers["p50_ms"] <= row.numbers["p99_ms"] for row in (quiet, fed))


def test_transactions_are_counted_by_what_they_made(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "PEOPLE", 2)
    rows = importing.measure(TINY, tmp_path)
    assert all(row.numbers["resources_per_second"] > 0 for row in rows)
    monkeypatch.setattr(importing, "_CODES", {True: "8867-4", False: "8867-4"})
    with pytest.raises(measure.WrongAnswer, match="summaries"):
        importing.measure(TINY, tmp_path / "again")


def serve(listener, answer):
    """Answer every request on one connection with the same bytes."""
    connection, _ = listener.accept()
    with connection, suppress(OSError):  # the load ends when its time is over, or at a wrong answer
        while connection.recv(4096):
            connection.sendall(answer)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]", "body"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{ }", "body"),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}", "404"),
    ],
)
def test_the_first_wrong_answer_stops_the_load(answer, complaint):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, answer))
        server.start()
        asked = [load.Asked(request=load.get("/read"), body=b"{}")]
        try:
            if complaint is None:
                seen = load.drive(listener.getsockname()[1], asked, connections=1, seconds=0.1)
                assert seen.answers == len(seen.latencies) > 0
            else:
                with pytest.raises(measure.WrongAnswer, match=complaint):
                    load.drive(listener.getsockname()[1], asked, connections=1, seconds=0.1)
        finally:
            server.join(5)


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


def test_acknowledgements_are_measured_against_those_from_memory(tmp_path):
    rows = mllp.measure(TINY, tmp_path)
    assert len(rows) == len(mllp.WINDOWS)
    assert all(row.numbers["rate"] > 0 and row.numbers["ratio"] > 0 for row in rows)


def test_a_message_that_is_not_in_the_inbox_is_no_measurement(tmp_path):
    with mllp_site(tmp_path) as (ports, _):
        done = mllp.drive(ports["durable"], "a", 2, 0.1)
    mllp._checked(tmp_path / "site", [done])
    done.messages[0].append(b"|" * 9 + b"a0-99|")
    with pytest.raises(measure.WrongAnswer, match="in the inbox"):
        mllp._checked(tmp_path / "site", [done])
    done.messages[0][-2:] = []
    done.messages[0].append(b"MSH" + b"|" * 9 + b"a0-99|")
    with pytest.raises(measure.WrongAnswer, match="order of its connection"):
        mllp._checked(tmp_path / "site", [done])


def mllp_site(folder):
    assets.copy_fictional_county(folder / "site")
    return mllp._server(folder / "site")


def test_a_roster_is_loaded_twice_and_streamed(tmp_path, monkeypatch):
    monkeypatch.setattr(roster, "COUNTY", 40)
    monkeypatch.setattr(roster, "CUT_EVERY", 10)
    found = roster.load(tmp_path / "once", TINY.roster_rows)
    assert found["first"]["rows"] == TINY.roster_rows
    assert found["again"]["written"] <= found["first"]["written"] / 2
    counted = roster.extracts(tmp_path, TINY.stream_bytes, TINY.stored_rows)
    rows = figures(roster.stream(tmp_path, *counted))
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


def test_an_export_holds_what_the_forms_permit(tmp_path):
    (row,) = exporting.measure(TINY, tmp_path)
    assert row.numbers["per_processor_second"] > 0
    assert row.name.endswith("of 2,000 Observations")


def test_totals_of_a_population_search_are_those_of_the_forms(tmp_path):
    rows = figures(population.measure(TINY, tmp_path))
    assert len(rows) == 4
    assert all(row["total"] > 0 for row in rows.values())


def test_a_total_or_a_page_that_differs_is_no_measurement():
    laid = [
        population.Laid(choice=county.Choice(), kind=county.PHQ9, day=f"2026-01-0{day}", ident=f"o{day}")
        for day in range(1, 6)
    ]
    newest = ["o5", "o4", "o3", "o2", "o1"]
    population._checked(5, newest, laid)
    with pytest.raises(measure.WrongAnswer, match="total"):
        population._checked(4, newest, laid)
    with pytest.raises(measure.WrongAnswer, match="first page"):
        population._checked(5, ["o4", "o5", *newest[2:]], laid)
    with pytest.raises(measure.WrongAnswer, match="size"):
        population._checked(5, newest[:4], laid)


def test_tables_and_revocations(tmp_path):
    rows = figures(tables.measure(TINY, tmp_path))
    assert rows["decision tables, 60 people, 20 contexts"]["bytes"] > 0
    assert len(rows) == 3


def test_a_rehearsal_withholds_what_the_forms_say(tmp_path):
    agreement, law = rehearsing.measure(TINY, tmp_path)
    assert agreement.numbers["withheld"] > 0
    assert law.numbers["decisions"] > agreement.numbers["decisions"] > 0


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
    for name in ("rid", "id", "patient", "segment", "digest", "opening", "head", "tail"):
        assert getattr(exchanged, name) == getattr(made, name)
    indexed = {(row.param, row.low, row.high) for row in made.index() if row.param == "date"}
    assert indexed == {(row.param, row.low, row.high) for row in exchanged.index() if row.param == "date"}


def test_the_command_prints_the_table_and_writes_the_figures(tmp_path, monkeypatch, capsys):
    row = measure.Row(name="speed", goal="< 1 s", measured="2 s", met=False, numbers={"seconds": 2.0})
    monkeypatch.setattr(run, "MEASURED", {"decide": lambda *_: [row]})
    monkeypatch.setattr(measure, "CALIBRATION_LOOPS", 1000)
    file = tmp_path / "figures.json"
    monkeypatch.setattr("sys.argv", ["run.py", "--json", str(file)])
    assert run.main() == 0
    assert "MISS" in capsys.readouterr().out
    assert json.loads(file.read_text(encoding="utf-8"))[1]["numbers"] == {"seconds": 2.0}


def test_a_wrong_answer_ends_with_exit_code_1(monkeypatch, capsys):
    def wrong(scale, folder):
        raise measure.WrongAnswer("total: expected 2, found 3")

    monkeypatch.setattr(run, "MEASURED", {"decide": wrong})
    monkeypatch.setattr(measure, "CALIBRATION_LOOPS", 1000)
    monkeypatch.setattr("sys.argv", ["run.py"])
    assert run.main() == 1
    assert "WRONG ANSWER: total: expected 2, found 3" in capsys.readouterr().out


def test_what_changes_is_measured_and_its_answers_checked(tmp_path):
    found = figures(changing.measure(TINY, tmp_path))
    assert len(found) == 3
    assert all(value > 0 for numbers in found.values() for value in numbers.values())


def test_matching_is_measured_against_the_truth_and_never_confirms_a_stranger(tmp_path):
    rows = figures(matching.measure(TINY, tmp_path))
    banded = [name for name in rows if "and above" in name]
    assert len(banded) == 3
    assert rows[banded[0]]["precision"] == 1.0
    assert rows[banded[0]]["recall"] < rows[banded[1]]["recall"] <= rows[banded[2]]["recall"]
    assert rows["one person among 300"]["p99_ms"] > 0


def test_notifications_are_measured_and_every_one_of_them_looked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(notifying, "SUBSCRIBED", 4)
    monkeypatch.setattr(notifying, "PEOPLE", 2)
    monkeypatch.setattr(notifying, "pin", lambda *_: None)
    many, soon, writing = notifying.measure(replace(TINY, people=6, seconds=0.1), tmp_path)
    assert many.numbers["rate"] > 0
    assert 0 < soon.numbers["p50_ms"] <= soon.numbers["p99_ms"]
    assert writing.numbers["look_ms"] > 0


@pytest.mark.parametrize(
    "came",
    [
        [("/a", 1.0, [1])],
        [("/a", 1.0, [2]), ("/a", 1.1, [1])],
        [("/a", 1.0, [1]), ("/a", 1.1, [3])],
        [("/a", 1.0, [1, 2, 3])],
    ],
)
def test_a_notification_that_is_lost_or_out_of_order_is_a_wrong_answer(came):
    assert notifying.told_once([("/a", 1.0, [1]), ("/a", 1.1, [1, 2])], ["/a"], 2) == {"/a": {1: 1.0, 2: 1.1}}
    with pytest.raises(measure.WrongAnswer):
        notifying.told_once(came, ["/a"], 2)
