"""Measures Sallyport, checks every answer, and prints one table.

    python benchmarks/run.py              the short run (`make bench`), under four minutes
    python benchmarks/run.py --full       the long run (`make bench-full`)
    python benchmarks/run.py --only rest --json figures.json

A missed goal is printed as a miss; a wrong answer ends with exit code 1. Absolute figures depend on the
machine and on what else it does: read them with the calibration line, and the ratios before them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

import changing
import deciding
import exporting
import extracts
import importing
import matching
import mllp
import notifying
import population
import rehearsing
import rest_speed
import roster
import tables
import while_fed
from measure import FULL, SHORT, Row, WrongAnswer, calibrate, plain, table

MEASURED = {
    "rest": rest_speed.measure,
    "fed": while_fed.measure,
    "roster": roster.measure,
    "extracts": extracts.measure,
    "population": population.measure,
    "exporting": exporting.measure,
    "tables": tables.measure,
    "changing": changing.measure,
    "rehearsing": rehearsing.measure,
    "matching": matching.measure,
    "decide": deciding.measure,
    "mllp": mllp.measure,
    "importing": importing.measure,
    "subscriptions": notifying.measure,
}


def main() -> int:
    """Run what was asked for; 0 unless an answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--full", action="store_true", help="the long run: 1 GB of roster, 10,000 people, longer rounds"
    )
    parser.add_argument("--only", choices=list(MEASURED), action="append", help="measure only this; may be given again")
    parser.add_argument("--size", type=int, metavar="MB", help="stream a roster of so many MB instead of the run's own")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    options = parser.parse_args()
    scale = FULL if options.full else SHORT
    if options.size is not None:
        scale = replace(scale, stream_bytes=options.size * 1_000_000, stored_rows=scale.stored_rows or 20_000)
    rows, wrong = [calibrate()], 0
    print(f"{rows[0].measured}; {rows[0].note}", flush=True)
    for name in options.only or MEASURED:
        start = perf_counter()
        with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder:
            try:
                rows += MEASURED[name](scale, Path(folder))
            except WrongAnswer as error:
                wrong += 1
                rows.append(Row(name=name, measured=f"WRONG ANSWER: {error}", met=False))
        print(f"{name}: {perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    print(f"\n{table(rows)}")
    if options.json is not None:
        options.json.write_text(json.dumps(plain(rows), indent=2) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
