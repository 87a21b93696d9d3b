"""`sallyport decide`: verdicts for consent cases, without a site and without a store."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

INVALID = 4


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: sallyport decide --cases cases.ndjson > verdicts.ndjson")(decide)


def decide(
    cases: Annotated[Path, typer.Option("--cases", help="One case a line (NDJSON); `-` reads standard input.")],
) -> None:
    """Decide consent cases: one case a line in, one verdict a line out.

    A line that is no case gives an error on its own line and exit code 4 at the end; the others are still answered.
    """
    from adapter.consent.cases import answer  # noqa: PLC0415 - other commands start without the engine

    invalid = False
    with sys.stdin.buffer if str(cases) == "-" else cases.open("rb") as lines:
        for line in lines:
            if line.strip():
                verdict, readable = answer(line)
                invalid |= not readable
                sys.stdout.buffer.write(verdict + b"\n")
    sys.stdout.buffer.flush()
    if invalid:
        raise typer.Exit(INVALID)
