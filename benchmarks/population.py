"""A search over everyone: exact total and first page among 100,000 screening summaries of 5,000 people.

The people filled in the county's form in 48 different ways, some never, some refused, revoked or let it run
out; who may see what is computed by the product from these consents. What the totals have to be is counted
in plain Python from how the forms were filled in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from county import AUDIT, DAST10, GAD7, PHQ9, Choice, Filler, Kind, caller, choices, opened
from measure import Row, Scale, check, equal, share

from adapter.cli.options import run_loop
from adapter.fhir.search import parse_query
from adapter.store.shapes import row_key

if TYPE_CHECKING:
    from pathlib import Path

    from adapter.services.disclose import Caller
    from adapter.wired import Services

GOAL_MS = 5.0
PARTNER, PURPOSE = "cottonwood", "TREAT"
WAYS = 48
EACH = 20
"""Summaries of one person."""
BATCH = 100
SURVEY = ("category", "http://terminology.hl7.org/CodeSystem/observation-category|survey")
SYSTEM = "https://sallyport.example/fhir/CodeSystem/jbh-result-code"
_KINDS = {
    "small": (GAD7,),
    "middle": (DAST10,),
    "large": (PHQ9,),
    "rest": (AUDIT, replace(AUDIT, unit="riverside-otp", regime="part2")),
}
_FIRST_DAY = date(2025, 1, 1)
TIMES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """One summary as it was laid out: whose, of what kind, of which day, and the key that breaks ties."""

    choice: Choice
    kind: Kind
    day: str
    ident: str


def measure(scale: Scale, folder: Path) -> list[Row]:
    """Rows for each number of candidates, and for all summaries as candidates."""
    return run_loop(_measure(scale, folder))


async def _measure(scale: Scale, folder: Path) -> list[Row]:
    # The build need not survive a power cut; what is measured is opened durably.
    async with opened(folder / "site", durable=False) as services:
        laid = await fill(services, scale)
    rows = []
    async with opened(folder / "site") as services:
        asking = await caller(services, PARTNER, PURPOSE, "population-search")
        for count, kind in zip(scale.candidates, ("small", "middle", "large"), strict=True):
            (kind_,) = _KINDS[kind]
            asked = ("code", f"{SYSTEM}|{kind_.result}")
            candidates = [each for each in laid if each.kind == kind_]
            equal(len(candidates), count, "candidates laid out")
            rows.append(await _row(services, asking, asked, candidates, len(laid), goal=count == max(scale.candidates)))
        rows.append(await _row(services, asking, SURVEY, laid, len(laid), goal=False))
    return rows


async def fill(services: Services, scale: Scale) -> list[Laid]:
    """Put the people with their releases and summaries into the store; returns what was laid out."""
    filler, ways, laid = Filler(services), choices(WAYS), []
    people = scale.observations // EACH
    for start in range(0, people, BATCH):
        writes = []
        for number in range(start, min(people, start + BATCH)):
            choice = ways[number % len(ways)]
            writes.append(await filler.patient(number))
            consent = await filler.consent(number, choice)
            writes += [] if consent is None else [consent]
            for place, kind in enumerate(_of_person(number, scale)):
                day = (_FIRST_DAY + timedelta(days=(number * 31 + place * 53) % 300)).isoformat()
                write = await filler.summary(number, kind, 3 + (number + place) % 4, day)
                laid.append(Laid(choice=choice, kind=kind, day=day, ident=write.id))
                writes.append(write)
        async with services.store.transaction() as change:
            changed = await change.put(writes, at=filler.at, origin=None)
            check(all(changed), "every resource laid out is new")
            for number in range(start, min(people, start + BATCH)):
                await filler.settle(change, number)
    return laid


def _of_person(number: int, scale: Scale) -> list[Kind]:
    """The kinds of one person's summaries: one of each counted kind for as many people as candidates."""
    small, middle, large = scale.candidates
    found = []
    for name, count in (("small", small), ("middle", middle), ("large", large)):
        people = scale.observations // EACH
        # Spread over everyone, so that every way of filling in the form occurs.
        before, after = number * count // people, (number + 1) * count // people
        found += list(_KINDS[name]) * (after - before)
    rest = _KINDS["rest"]
    return found + [rest[place % len(rest)] for place in range(EACH - len(found))]


async def _row(
    services: Services,
    asking: Caller,
    asked: tuple[str, str],
    candidates: list[Laid],
    among: int,
    *,
    goal: bool,
) -> Row:
    query = parse_query("Observation", [asked], base_url=services.base_url, zone=services.zone)
    permitted = [each for each in candidates if each.choice.permits(PARTNER, PURPOSE, each.kind)]
    check(0 < len(permitted) < len(candidates), "some are permitted and some are withheld")
    began = perf_counter()
    page = await services.disclosure.search(asking, query)
    first = perf_counter() - began
    _checked(page.total, [each.id for each in page.served], permitted)
    whole, spent, inner = [], [], []
    for _ in range(TIMES if len(candidates) <= 10_000 else TIMES // 6):
        wall, cpu = perf_counter(), process_time()
        page = await services.disclosure.search(asking, query)
        whole.append((perf_counter() - wall) * 1e3)
        spent.append((process_time() - cpu) * 1e3)
        equal(page.total, len(permitted), "total of a repeated search")
        async with services.store.snapshot() as view:
            wall = perf_counter()
            found = await view.search(asking.context, query, None, None, at=services.now())
            inner.append((perf_counter() - wall) * 1e3)
        equal(found.total, len(permitted), "total of the store")
    ways = len({each.choice for each in candidates})
    denied = 1 - len(permitted) / len(candidates)
    return Row(
        name=f"population search, {len(candidates):,} candidates among {among:,}",
        goal=f"< {GOAL_MS:.0f} ms" if goal else "",
        measured=f"{median(whole):.2f} ms (best {min(whole):.2f})",
        met=median(whole) < GOAL_MS if goal else None,
        note=f"{len(permitted):,} permitted, {denied:.0%} withheld, {ways} ways to fill in the form; "
        f"gate and ledger included; the store alone {median(inner):.2f} ms (best {min(inner):.2f}); "
        f"processor time {median(spent):.2f} ms; p95 {share(whole, 0.95):.2f} ms; "
        f"first time, deciding rules, {first * 1e3:.0f} ms",
        numbers={
            "ms": median(whole),
            "best_ms": min(whole),
            "store_ms": median(inner),
            "processor_ms": median(spent),
            "first_ms": first * 1e3,
            "total": float(len(permitted)),
        },
    )


def _checked(total: int, page: list[str], permitted: list[Laid]) -> None:
    """The total is exact and the page holds the newest permitted, ties in the order of the internal key."""
    equal(total, len(permitted), "total over what is permitted")
    newest = sorted(permitted, key=lambda each: row_key("Observation", each.ident))
    newest.sort(key=lambda each: each.day, reverse=True)
    equal(page, [each.ident for each in newest[: len(page)]], "first page")
    equal(len(page), min(20, len(permitted)), "size of the first page")
