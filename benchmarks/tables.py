"""What deciding costs in space and in time: the decision tables of many people and twenty recipient contexts.

Everybody signed the county's form in one of 48 ways and has three screening summaries. Every context asks for
every kind, so every rule that can be needed is filled. Then single people revoke: how long until the tables
hold it.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import apsw
from county import AUDIT, DAST10, PHQ9, PURPOSES, Choice, Filler, Kind, caller, choices, opened
from measure import Row, Scale, check, equal, middle, share
from population import SYSTEM

from adapter.cli.options import run_loop
from adapter.fhir.search import parse_query
from adapter.store.shapes import row_key

if TYPE_CHECKING:
    from pathlib import Path

    from adapter.services.disclose import Caller
    from adapter.wired import Services

WAYS = 48
BATCH = 200
TABLES = (
    "rule",
    "policy",
    "patient_policy",
    "patient_policy_source",
    "bound",
    "segment",
    "context",
    "obligation",
    "exception",
)
KINDS = (PHQ9, AUDIT, DAST10)
_MORE = {
    "court": ("diversion", "supervision", "pretrial-release"),
    "jail": ("supervision", "discharge-planning"),
    "birch-jail": ("supervision", "discharge-planning"),
    "riverside": ("TREAT", "discharge-planning"),
    "registry": ("TREAT",),
}
"""Ten contexts more than the county's memorandum grants."""


def further_grants() -> list[dict[str, Any]]:
    """Grants for the contexts that the county's memorandum does not know."""
    return [
        {
            "recipient": partner,
            "purposes": list(purposes),
            "classes": ["screening-summary"],
            "regimes": ["hipaa", "part2"],
        }
        for partner, purposes in _MORE.items()
    ]


def contexts() -> list[tuple[str, str]]:
    """Twenty recipients with a purpose each."""
    own = [(partner, purpose) for partner, purposes in PURPOSES.items() for purpose in purposes]
    return own + [(partner, purpose) for partner, purposes in _MORE.items() for purpose in purposes]


def measure(scale: Scale, folder: Path) -> list[Row]:
    """Rows for the size of the tables and for refreshing one person."""
    return run_loop(_measure(scale, folder / "site"))


async def _measure(scale: Scale, folder: Path) -> list[Row]:
    grants = further_grants()
    ways = choices(WAYS)
    async with opened(folder, durable=False, grants=grants) as services:
        filler = Filler(services)
        await fill(services, filler, ways, scale.people)
    async with opened(folder, grants=grants) as services:
        filler = Filler(services)
        asking = [await caller(services, *each, "population-search") for each in contexts()]
        equal(len({each.context for each in asking}), len(contexts()), "different contexts")
        await _ask_all(services, asking, ways, scale.people)
        sizes = _sizes(folder / "data" / "store.sqlite")
        rows = [_size_row(sizes, scale.people, len(asking))]
        rows.append(await _refresh(services, filler, scale.people))
        rows.append(await _revoke(services, filler, ways, scale.people))
    return rows


async def fill(services: Services, filler: Filler, ways: list[Choice], people: int) -> None:
    """Put people with their releases and summaries into the store."""
    for start in range(0, people, BATCH):
        numbers, writes = range(start, min(people, start + BATCH)), []
        for number in numbers:
            writes.append(await filler.patient(number))
            consent = await filler.consent(number, ways[number % len(ways)])
            writes += [] if consent is None else [consent]
            for place, kind in enumerate(KINDS):
                writes.append(await filler.summary(number, kind, 3, f"2026-01-{1 + (number + place) % 28:02d}"))
        async with services.store.transaction() as change:
            await change.put(writes, at=filler.at, origin=None)
            for number in numbers:
                await filler.settle(change, number)


async def _ask_all(services: Services, asking: list[Caller], ways: list[Choice], people: int) -> None:
    """Every context searches for every kind; each total is the one counted from the forms."""
    for caller_, (partner, purpose) in zip(asking, contexts(), strict=True):
        for kind in KINDS:
            total = (await services.disclosure.search(caller_, _query(services, kind))).total
            allowed = 0
            # The memorandum of the county gives justice partners no records of a Part 2 program.
            if kind.regime == "hipaa" or partner in {"cottonwood", "jail-medical"} or partner in _MORE:
                allowed = sum(ways[number % len(ways)].permits(partner, purpose, kind) for number in range(people))
            equal(total, allowed, f"summaries of {kind.result} that {partner} may see for {purpose}")


def _query(services: Services, kind: Kind, patient: str = ""):  # noqa: ANN202 - Query
    asked = [("code", f"{SYSTEM}|{kind.result}")]
    if patient:
        asked.append(("patient", f"Patient/{patient}"))
    return parse_query("Observation", asked, base_url=services.base_url, zone=services.zone)


def _sizes(path: Path) -> dict[str, tuple[int, int]]:
    """Rows and bytes of each decision table, from the pages SQLite gives them."""
    reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    found = {}
    for table in TABLES:
        (rows,) = reader.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - fixed names
        names = f"name = '{table}' OR name = 'sqlite_autoindex_{table}_1'"
        (size,) = reader.execute(f"SELECT sum(pgsize) FROM dbstat WHERE {names}").fetchone()  # noqa: S608
        found[table] = rows, size or 0
    reader.close()
    return found


def _size_row(sizes: dict[str, tuple[int, int]], people: int, asking: int) -> Row:
    shared = sum(size for name, (_, size) in sizes.items() if not name.startswith("patient_policy"))
    own = sizes["patient_policy"][0], sizes["patient_policy"][1] + sizes["patient_policy_source"][1]
    listed = ", ".join(f"{name} {rows:,}" for name, (rows, _) in sizes.items() if rows)
    check(sizes["rule"][0] > 0, "rules were filled")
    return Row(
        name=f"decision tables, {people:,} people, {asking} contexts",
        measured=f"{(shared + own[1]) / 1e6:.2f} MB",
        note=f"rules, policies, bounds {shared / 1e6:.2f} MB, policies of people {own[1] / 1e6:.2f} MB "
        f"({own[1] / people:.0f} bytes a person); rows: {listed}",
        numbers={
            "bytes": float(shared + own[1]),
            "shared_bytes": float(shared),
            "person_bytes": own[1] / people,
        },
    )


async def _refresh(services: Services, filler: Filler, people: int) -> Row:
    """Recompute what is in force for one person, within a transaction."""
    spent = []
    numbers = [number * 7919 % people for number in range(min(people, 500))]
    async with services.store.transaction() as change:
        for number in numbers:
            patient = row_key("Patient", filler.patient_id(number))
            start = perf_counter()
            done = await filler.in_force.refresh(change, [patient], at=filler.at)
            spent.append((perf_counter() - start) * 1e6)
            equal(done, 1, "people refreshed")
    cold, warm = spent[:], []
    async with services.store.transaction() as change:
        for number in numbers:
            patient = row_key("Patient", filler.patient_id(number))
            start = perf_counter()
            await filler.in_force.refresh(change, [patient], at=filler.at)
            warm.append((perf_counter() - start) * 1e6)
    return Row(
        name="refresh what is in force for one person",
        measured=f"{middle(warm):.0f} µs",
        note=f"median of {len(warm)}, p95 {share(warm, 0.95):.0f} µs; "
        f"{middle(cold):.0f} µs when the Consent has to be read anew",
        numbers={"microseconds": middle(warm), "cold_microseconds": middle(cold)},
    )


async def _revoke(services: Services, filler: Filler, ways: list[Choice], people: int) -> Row:
    """One person revokes: the next search of the recipient finds nothing; durable, one transaction each."""
    seeing = await caller(services, "cottonwood", "TREAT")
    spent = []
    for number in range(people):
        choice = ways[number % len(ways)]
        if not choice.permits("cottonwood", "TREAT", PHQ9):
            continue
        query = _query(services, PHQ9, filler.patient_id(number))
        equal((await services.disclosure.search(seeing, query)).total, 1, "summaries before the revocation")
        gone = Choice(state="revoked", partners=choice.partners, part2=choice.part2)
        write = await filler.consent(number, gone)
        start = perf_counter()
        async with services.store.transaction() as change:
            await change.put([write], at=filler.at, origin=None)
            await filler.settle(change, number)
        spent.append((perf_counter() - start) * 1e3)
        equal((await services.disclosure.search(seeing, query)).total, 0, "summaries after the revocation")
        if len(spent) == 50:
            break
    check(bool(spent), "somebody had something to revoke")
    return Row(
        name="a revocation, from its form to the tables on disk",
        measured=f"{middle(spent):.2f} ms",
        note=f"median of {len(spent)} transactions, each on disk; the next search found nothing",
        numbers={"ms": middle(spent)},
    )
