"""Who may sign for whom, by age.

An adult signs, or a guardian or personal representative for them. For a minor nobody does until an overlay names who;
care that a minor may consent to alone is released by the minor's own signature alone.

42 CFR 2.14, 2.15; 45 CFR 164.502(g).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapter.consent.law.columns import may_be
from adapter.consent.law.overlay import MINOR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.consent.law.overlay import SignerTable
    from adapter.consent.segment import Segment

UNKNOWN_AGE: Final = -1
"""Nobody knows whether the person is a minor, so they count as one of an age that no class reaches."""

ADULT_SIGNERS: Final = frozenset({"patient", "guardian", "representative"})
_OWN_SIGNATURE: Final = frozenset({MINOR})


def age_of(values: Iterable[str]) -> int | None:
    """The age in whole years from the values of facts; None for an adult, `UNKNOWN_AGE` where one cannot be told."""
    ages = [int(value) if value.isdecimal() else UNKNOWN_AGE for value in values]
    return min(ages, default=None)


def _signers(table: SignerTable, age: int, segment: Segment) -> frozenset[str] | None:
    """Who may sign by one overlay; None where it does not say."""
    reached = [(since, below) for labels, since, below in table.classes if may_be(segment, labels)]
    if not reached:
        return table.others or None
    return frozenset.intersection(*(_OWN_SIGNATURE if age >= since else below for since, below in reached))


def objection(tables: Iterable[SignerTable], signer: str, age: int | None, segment: Segment) -> str | None:
    """Why a consent signed by ``signer`` cannot permit this record of a person of that age, or None."""
    if age is None:
        return None if signer in ADULT_SIGNERS else "an adult signs, or a guardian or personal representative for them"
    if age == UNKNOWN_AGE:
        return "nobody knows whether the person is a minor, so nobody can tell who signs"
    named = [who for table in tables if (who := _signers(table, age, segment)) is not None]
    if not named:
        return "the person is a minor and no overlay names who signs for this"
    if any(signer not in who for who in named):
        return "the person is a minor and an overlay asks for another signature"
    return None
