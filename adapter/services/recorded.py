"""Whose recorded facts count for a person: those of all linked records, and those of people who were awaited.

Somebody may assert a basis for a person of whom no record has come yet, by what is known of them. Such facts count for
every record that shares a strong key and contradicts nothing, and never join two records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.identity.deterministic import contradicts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.store.shapes import LegalFact
    from adapter.store.survey import PersonRecords


async def keys_of(change: PersonRecords, patients: Iterable[int]) -> dict[int, set[int]]:
    """For each of these records the keys under which something may be recorded of its person: its own and others."""
    keys = {patient: {patient} for patient in patients}
    for patient, person, theirs, ours in await change.awaited(keys):
        if not contradicts(theirs, ours):
            keys[patient].add(person)
    return keys


async def recorded_of(change: PersonRecords, patients: Iterable[int]) -> dict[int, list[LegalFact]]:
    """What was recorded of the persons of these records, ended or not, by record."""
    keys = await keys_of(change, patients)
    found: dict[int, list[LegalFact]] = {}
    for one in await change.recorded({key for those in keys.values() for key in those}):
        found.setdefault(one.patient, []).append(one)
    theirs = {patient: [one for key in sorted(those) for one in found.get(key, ())] for patient, those in keys.items()}
    return {patient: facts for patient, facts in theirs.items() if facts}
