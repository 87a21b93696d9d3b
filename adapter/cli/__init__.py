"""The command `sallyport`. Each command has `--help` with an example and, where programs read it, `--json`.

Exit codes: 0 done or PERMIT, 1 failure, 2 wrong usage, 3 DENY or newly withheld, 4 invalid input or configuration,
5 newly released.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import typer
import typer.main

from adapter.cli import (
    accounting,
    agreements,
    alerts,
    backup,
    backup_keys,
    clients,
    consents,
    decide,
    demo,
    explain,
    feed_work,
    feeds,
    identity,
    labels,
    ledger,
    metrics,
    panels,
    profiles,
    pull,
    record,
    server,
    site,
    subscriptions,
    tokens,
    user_agreement,
    whatif,
)
from adapter.errors import ConfigurationError, SallyportError

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILURE, INVALID = 1, 4

app = typer.Typer(
    name="sallyport",
    help="Consented screening summaries between jails, courts and behavioral-health providers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (
    demo,
    server,
    feeds,
    feed_work,
    pull,
    alerts,
    subscriptions,
    panels,
    site,
    agreements,
    clients,
    tokens,
    user_agreement,
    consents,
    record,
    identity,
    labels,
    decide,
    explain,
    whatif,
    accounting,
    ledger,
    metrics,
    profiles,
    backup,
    backup_keys,
):
    module.register(app)


@cache
def _command() -> Any:
    """The commands, taken from their functions once."""
    return typer.main.get_command(app)


def run(arguments: Sequence[str]) -> int:
    """Run one command; errors the person can mend are told in words, without a trace."""
    try:
        # Typer tells wrong usage itself; whichever click it is built on, it ends with SystemExit.
        _command()(list(arguments), prog_name="sallyport")
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else FAILURE
    except ConfigurationError as error:
        print(f"{len(error.problems)} to mend:", file=sys.stderr)
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)
        return INVALID
    except (SallyportError, OSError) as error:
        print(f"sallyport: {error}", file=sys.stderr)
        return FAILURE
    return 0
