"""Matching people: how many of those who are one person end up in which band, and how long one search takes.

Precision and recall are those of the fictional county with its default dirt, against its truth table, over pairs of
records of different sources. One person is then looked for among many in the store itself, scoring included.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import combinations
from time import process_time
from typing import TYPE_CHECKING, Any

from county import opened
from measure import Row, Scale, check, share, timed

from adapter.cli.feeds import files_of
from adapter.cli.options import run_loop
from adapter.errors import RecordError
from adapter.fictional.county import write_county
from adapter.fictional.dirt import clean
from adapter.fictional.draws import stream
from adapter.fictional.names import FEMALE, LAST, MALE
from adapter.fictional.people import person
from adapter.fictional.truth import read as read_truth
from adapter.identity.match import Band
from adapter.identity.names import Name, words
from adapter.identity.traits import Traits
from adapter.source import Malformed
from adapter.store.shapes import row_key

if TYPE_CHECKING:
    from pathlib import Path

    from adapter.fictional.people import Person
    from adapter.services.feed_line import FeedLine
    from adapter.services.pairing import Pairing
    from adapter.source import SourceRecord
    from adapter.store.port import Transaction
    from adapter.wired import Services

AS_OF = datetime(2026, 11, 22, 19, tzinfo=UTC)
SEED = 2026
PRECISION, RECALL = 0.999, 0.97
GOAL_MS = 2.0
BATCH = 5_000


def measure(scale: Scale, folder: Path) -> list[Row]:
    """Rows for precision and recall in each band, and for the search of one person among many."""
    return run_loop(_measure(scale, folder))


async def _measure(scale: Scale, folder: Path) -> list[Row]:
    write_county(folder / "extracts", people=scale.matched, seed=SEED, as_of=AS_OF)
    async with opened(folder / "site", durable=False) as services:
        rows = await _bands(services, folder / "extracts", scale.matched)
    async with opened(folder / "many", durable=False) as services:
        rows.append(await _among(services, scale.among))
    return rows


async def _bands(services: Services, extracts: Path, people: int) -> list[Row]:
    """Link the people of every extract as ingest does, and compare every pair with the truth table."""
    with timed() as spent:
        told = await _link(services, extracts)
    true: set[tuple[int, int]] = set()
    for one in read_truth(extracts / "truth.ndjson"):
        records = [
            (feed, row_key("Patient", services.keys.resource_id(feed, "Patient", key)))
            for feed, keys in one.records.items()
            for key in keys
        ]
        true |= {
            (min(left, right), max(left, right))
            for (source, left), (other, right) in combinations(records, 2)
            if source != other
        }
    async with services.store.transaction() as change:
        states = {
            (row.patient, row.other): Band(row.state)
            for row in await change.pairs(await change.every_portrait())
            if row.patient < row.other
        }
    rows = [
        Row(
            name=f"linking, {people:,} people",
            measured=f"{spent.cpu / told * 1e6:.0f} µs a record",
            note=f"{told:,} records that tell who somebody is, repeats included; reading and mapping included",
            numbers={"microseconds": spent.cpu / told * 1e6},
        )
    ]
    for band, words_ in ((Band.CONFIRMED, "confirmed"), (Band.LINK, "link band"), (Band.REVIEW, "review band")):
        found = {pair for pair, state in states.items() if state >= band}
        right = len(found & true)
        precision, recall = right / max(1, len(found)), right / len(true)
        if band is Band.CONFIRMED:
            # Consents count over confirmed pairs: one that is wrong would release something.
            check(right == len(found), "a confirmed pair is of one person")
        rows.append(
            Row(
                name=f"matching, {words_} and above, {people:,} people",
                measured=f"precision {precision:.5f}, recall {recall:.4f}",
                goal=f"precision {PRECISION}, recall {RECALL}" if band is Band.LINK else "",
                met=precision >= PRECISION and recall >= RECALL if band is Band.LINK else None,
                note=f"{len(found):,} pairs found, {len(found) - right} wrong, of {len(true):,} true; synthetic people",
                numbers={"precision": precision, "recall": recall, "pairs": float(len(found))},
            )
        )
    return rows


async def _link(services: Services, extracts: Path) -> int:
    """Recognise and link everyone; how many records told who somebody is."""
    people, lines = services.people, services.ingest.lines
    told = 0
    for name, line in lines.items():
        feed = services.site.feeds[name]
        for path in files_of([extracts / feed.extract]):
            with path.open("rb") as stream_:
                async with services.store.transaction() as change:
                    for item in line.connector.records(stream_, line.options):
                        body, key = _patient(line, item)
                        if body is not None:
                            ident = services.keys.resource_id(feed.feed, "Patient", *key)
                            known = people.recognise(row_key("Patient", ident), feed.feed, body)
                            await people.link(change, [known], at=1)
                            told += 1
    return told


def _patient(line: FeedLine, item: SourceRecord | Malformed) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """The Patient that a record tells of, and the key its source has for them."""
    if isinstance(item, Malformed):
        return None, ()
    try:
        mapped = line.mapping.map(item, line.environment)
    except RecordError:
        return None, ()
    return next((draft.body for draft in mapped.drafts if draft.type == "Patient"), None), mapped.person


async def _among(services: Services, many: int) -> Row:
    """One person of another source, misspelt, looked for among ``many``."""
    pairing, store = services.people.pairing, services.store
    for first in range(1, many + 1, BATCH):
        async with store.transaction() as change:
            for number in range(first, min(many, first + BATCH - 1) + 1):
                traits = _traits(_someone(number))
                await change.put_portrait(pairing.portrait(number, "jail", b"", traits, doubted=False))
        await asyncio.sleep(0)
    spent, candidates, found = [], [], 0
    step = max(1, many // 2_000)
    for number in range(1, many + 1, step):
        sought = _misspelt(_traits(_someone(number)), number)
        async with store.transaction() as change:
            start = process_time()
            bands = await _search(change, pairing, many + number, sought)
            spent.append((process_time() - start) * 1e3)
        candidates.append(len(bands))
        found += bands.get(number, Band.NONE) >= Band.LINK
    check(found >= 0.9 * len(spent), "nine of ten misspelt people are found among the others")
    p99 = share(spent, 0.99)
    return Row(
        name=f"one person among {many:,}",
        measured=f"p50 {share(spent, 0.5):.3f} ms, p99 {p99:.3f} ms",
        goal=f"p99 < {GOAL_MS:.0f} ms",
        met=p99 < GOAL_MS,
        note=f"{len(spent):,} misspelt people, found {found / len(spent):.1%}; processor time, unsealing and "
        f"scoring included; up to {max(candidates)} candidates",
        numbers={"p50_ms": share(spent, 0.5), "p99_ms": p99, "candidates": float(max(candidates))},
    )


async def _search(change: Transaction, pairing: Pairing, patient: int, sought: Traits) -> dict[int, Band]:
    """What ingest does to find the like of a new record."""
    portrait = pairing.portrait(patient, "clinic", b"", sought, doubted=False)
    bands = {}
    for other in await change.neighbours(patient, "clinic", portrait.blocks):
        theirs = pairing.opened(other)
        bands[other.patient] = pairing.matcher.band(sought, theirs, pairing.matcher.compare(sought, theirs))
    return bands


def _someone(number: int) -> Person:
    return person(SEED, number, stream(SEED, number), AS_OF.date())


def _traits(who: Person) -> Traits:
    """A person as a jail has them; the commonest names occur as often as in a county, by Zipf's law."""
    written = clean(who, "iso")
    first, last = written.first, written.last
    if who.number % 4 == 0:
        names, place = (MALE if who.sex == "M" else FEMALE), who.number // 4
        first, last = names[_zipf(place, len(names))], LAST[_zipf(place * 7, len(LAST))]
    ssn = who.ssn if who.number % 10 < 7 else ""
    return Traits(
        names=(Name(words(last), words(first), words(written.middle)),),
        birth_date=who.born.isoformat(),
        sex={"M": "male", "F": "female"}.get(who.sex, ""),
        ssn=ssn,
        ssn_last4=ssn[-4:],
        state_id=who.state_id if who.number % 2 else "",
        numbers=(f"https://jail.example/person|{who.number}",),
    )


def _zipf(place: int, size: int) -> int:
    """A rank that is taken about inversely to itself."""
    fraction = (place * 2_654_435_761 % 4_294_967_296) / 4_294_967_296
    return min(size - 1, int(size**fraction) - 1)


def _misspelt(traits: Traits, number: int) -> Traits:
    """What another clerk writes: a slip in the surname, day and month exchanged, or no number."""
    name, born = traits.names[0], traits.birth_date
    kind = number % 3
    if kind == 0 and len(name.family) > 3:
        name = name._replace(family=name.family[:2] + name.family[3] + name.family[2] + name.family[4:])
    if kind == 1 and born[8:] <= "12":
        born = f"{born[:4]}-{born[8:]}-{born[5:7]}"
    return Traits(
        names=(name,),
        birth_date=born,
        sex=traits.sex,
        ssn=traits.ssn,
        ssn_last4=traits.ssn_last4,
        state_id=traits.state_id if kind == 2 else "",
    )
