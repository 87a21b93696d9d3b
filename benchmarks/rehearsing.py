"""What a rehearsal costs: a changed agreement and changed law against a store of many people, nothing written.

Everybody signed the county's form in one of 48 ways and has three screening summaries. The memorandum loses its
grant to pretrial services: what that withholds is counted in plain Python from how the forms were filled in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from county import Filler, choices, opened
from measure import Row, Scale, equal, timed
from tables import KINDS, WAYS, fill

from adapter.cli.options import run_loop
from adapter.services.change import Change
from adapter.settings import read_document

if TYPE_CHECKING:
    from pathlib import Path

    from adapter.services.consequences import Consequences
    from adapter.wired import Services

PARTNER, PURPOSE = "pretrial", "pretrial-release"


def measure(scale: Scale, folder: Path) -> list[Row]:
    """Rows for a changed agreement and for changed law."""
    return run_loop(_measure(scale, folder / "site"))


async def _measure(scale: Scale, folder: Path) -> list[Row]:
    ways = choices(WAYS)
    async with opened(folder, durable=False) as services:
        await fill(services, Filler(services), ways, scale.people)
        document = read_document(folder / "agreements" / "memorandum.yaml")
        document["grants"] = [grant for grant in document["grants"] if grant["recipient"] != PARTNER]
        change = await services.changes.read(document, "draft")
        summaries = people = 0
        for number in range(scale.people):
            seen = sum(ways[number % WAYS].permits(PARTNER, PURPOSE, kind) for kind in KINDS if kind.regime == "hipaa")
            summaries, people = summaries + seen, people + bool(seen)
        law = Change(what="law", decisions=services.decisions.rehearsed(), same_rules=False)
        return [
            await _row(services, "rehearsal of an agreement", change, scale, withheld=summaries + people),
            await _row(services, "rehearsal of changed law", law, scale, withheld=0),
        ]


async def _row(services: Services, name: str, change: Change, scale: Scale, *, withheld: int) -> Row:
    with timed() as spent:
        found: Consequences = await services.whatif.rehearse(change)
    equal((found.released.total(), found.withheld.total()), (0, withheld), f"what a {name} releases and withholds")
    return Row(
        name=f"{name}, {scale.people:,} people",
        measured=f"{spent.cpu:.2f} s of processor time",
        note=f"{found.contexts} recipients and purposes, {found.decisions:,} decisions compared, "
        f"{withheld:,} resources withheld, checked against the forms; {spent.wall:.2f} s on the wall",
        numbers={"seconds": spent.cpu, "decisions": float(found.decisions), "withheld": float(withheld)},
    )
