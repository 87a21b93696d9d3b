"""What likely records of the same person forbid: over a link that nobody confirmed nothing opens, much closes.

Until a person or a second strong identifier has decided, a record stands under its own consents and under the most
restrictive of both: a consent of the other record permits nothing here, what it denies is denied here, and a hold, a
restriction or a minor's age counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from adapter.consent.standing import AGE, HOLD, RESTRICTION
from adapter.services.standing import UNKNOWN_AGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapter.consent.directive import Directive
    from adapter.consent.standing import Timed
    from adapter.store.survey import PersonRecords

_WHY: Final = "it was signed for a record that is likely the same person's, and nobody has confirmed that"
_CLOSING: Final = frozenset({HOLD, RESTRICTION, AGE})


def restraining(directives: Iterable[Directive]) -> list[Directive]:
    """Consents of a likely record as they count here: what they deny is denied, what they permit is not permitted.

    Their identifiers are left out, so that they supersede no consent of this record's own.
    """
    return [
        replace(one, body=one.body.doubted("patient", _WHY), identifiers=frozenset(), expiries=()) for one in directives
    ]


def closing(facts: Iterable[Timed]) -> list[Timed]:
    """The facts of a likely record that close something; an age that it does not tell says nothing here."""
    return [one for one in facts if one[2].kind in _CLOSING and one[2] != UNKNOWN_AGE]


async def likely(
    held: PersonRecords, components: Sequence[frozenset[int]], *, at: int
) -> dict[frozenset[int], frozenset[int]]:
    """For each of these people the records of whoever is likely the same, with all that are confirmed to be theirs.

    What their source merged is one person's however many merges lie between; of other likely pairs one alone counts.
    """
    leaning = await held.leaning([patient for component in components for patient in component], at=at)
    if not leaning:
        return {}
    found: dict[frozenset[int], frozenset[int]] = {}
    near: set[int] = set()
    for component in components:
        others = {other for patient in component for other in leaning.get(patient, ())} - component
        if others:
            found[component] = frozenset().union(*await held.persons(others)) - component
            near |= found[component] | component
    if not await held.merging(near, at=at):
        return found
    return {component: await _over_merges(held, component, at) for component in found}


async def _over_merges(held: PersonRecords, component: frozenset[int], at: int) -> frozenset[int]:
    """The others of one person: by merges, by one likely pair from there, and by merges from there."""
    same = await _merged(held, component, at)
    leaning = await held.leaning(same, at=at)
    others = {other for several in leaning.values() for other in several}
    beyond = await _merged(held, frozenset().union(*await held.persons(others)), at)
    return (same | beyond) - component


async def _merged(held: PersonRecords, records: frozenset[int], at: int) -> frozenset[int]:
    """These records with all that are one person's with them by confirmation or because their source says so."""
    found, frontier = records, records
    while frontier:
        told = await held.merging(frontier, at=at)
        new = {other for several in told.values() for other in several} - found
        frontier = frozenset().union(*await held.persons(new)) - found
        found |= frontier
    return found
