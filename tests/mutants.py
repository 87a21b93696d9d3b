"""The table of a mutation run: killed, survived and untested mutants of every file. Run where `mutmut run` ran."""

import json
from pathlib import Path

SURVIVED, UNTESTED = 0, 33
"""What mutmut keeps for a mutant that no test noticed, and for one that no test runs."""


def main():
    """Print a row for every file and one for all."""
    print("| File | Killed | Survived | Not run by these tests | Killed of those run |\n|---|---|---|---|---|")
    total = [0, 0, 0]
    for path in sorted(Path("mutants/adapter/consent").glob("*.meta")):
        codes = [code for code in json.loads(path.read_text())["exit_code_by_key"].values() if code is not None]
        survived, untested = codes.count(SURVIVED), codes.count(UNTESTED)
        counts = [len(codes) - survived - untested, survived, untested]
        total = [one + other for one, other in zip(total, counts, strict=True)]
        if codes:
            row(path.name.removesuffix(".meta"), *counts)
    row("all", *total)


def row(name, killed, survived, untested):
    """One line; the share is of those that some test ran."""
    share = f"{killed / (killed + survived):.0%}" if killed + survived else ""
    print(f"| {name} | {killed} | {survived} | {untested} | {share} |")


if __name__ == "__main__":
    main()
