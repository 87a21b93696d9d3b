"""`python -m tests.fuzz`: differential fuzzing of the consent engine against the slow evaluator and its own tables.

Prints its seed. The same seed gives the same triples, however many processes; a run that was stopped goes on.
"""

import argparse
import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "consent"), str(HERE.parent.parent)]


def main():
    """Run, print what was reached, and fail where something disagreed or was not reached."""
    from fuzz_rows import missed, table  # noqa: PLC0415  # the path is set above
    from fuzz_run import Run  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--triples", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    run = Run(options.seed, options.triples)
    try:
        run.go(options.processes)
    except KeyboardInterrupt:
        print(f"stopped; to go on: python -m tests.fuzz --seed {options.seed} --triples {options.triples}")
        return 130
    tally, counts = run.tally, run.tally.rows
    print(table(counts))
    print(
        f"{tally.triples:,} triples, {tally.triples / run.seconds:,.0f}/s, {tally.permits:,} permitted, "
        f"{tally.compiled:,} also by the tables, {tally.lines:,} as lines, {tally.changed:,} again after a change, "
        f"{tally.skipped:,} left out with too much unknown"
    )
    for path in run.saved:
        print(f"disagreement: {path}")
    unreached = missed(counts)
    if unreached:
        print(f"not reached: {', '.join(unreached)}")
    return 1 if tally.found or unreached else 0


if __name__ == "__main__":
    sys.exit(main())
