"""What is known of one person that counts for one question, read from the facts in force in one pass.

45 CFR 164.512(k)(5), 164.522; 42 CFR 2.14, 2.51.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapter.consent import standing
from adapter.consent.bases import CUSTODY_FEEDS
from adapter.consent.law.signers import age_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.consent.law.matter import Matter
    from adapter.consent.standing import Fact

ORAL: Final = "oral"
"""Value of a hold that stands for an oral revocation: consents fall silent, what stands without them does not."""


class Person:
    """The facts of a person that are about one matter.

    ``held`` and ``oral``: something is on hold for the recipient, or revoked by word of mouth. ``restricted``: a
    restriction that was agreed covers this. ``age``: whole years, None for an adult, `UNKNOWN_AGE`. ``treated``: the
    recipient treats the person. ``feeds``: numbers of the custody feeds that tell that the recipient, or what it is
    part of, has custody. ``assertions``: those that match recipient, purpose, class and unit exactly, by basis.
    """

    __slots__ = ("age", "assertions", "feeds", "held", "oral", "restricted", "treated")

    def __init__(self, facts: Iterable[Fact], matter: Matter) -> None:
        self.held = self.oral = self.restricted = self.treated = False
        self.feeds: list[int] = []
        self.assertions: dict[str, list[Fact]] = {}
        ages: list[str] = []
        for fact in facts:
            if fact.kind == standing.ASSERTION:
                if _matches(fact, matter):
                    self.assertions.setdefault(fact.basis, []).append(fact)
            elif fact.kind == standing.AGE:
                ages.append(fact.value)
            elif fact.kind == standing.TREATMENT:
                self.treated = self.treated or fact.recipient == matter.organisation
            elif fact.kind == standing.CUSTODY:
                self._add_custody(fact, matter)
            elif matter.concerns(fact.recipient):
                self._restrict(fact, matter)
        self.age = age_of(ages)

    def _restrict(self, fact: Fact, matter: Matter) -> None:
        """A hold or a restriction; what nobody here knows holds everything."""
        if fact.kind == standing.RESTRICTION:
            self.restricted = self.restricted or not fact.classes or matter.data_class in fact.classes
        elif fact.kind == standing.HOLD and fact.value == ORAL:
            self.oral = True
        else:
            self.held = True

    def _add_custody(self, fact: Fact, matter: Matter) -> None:
        told = fact.value.isdecimal() and int(fact.value) < CUSTODY_FEEDS
        if told and fact.recipient in matter.within:
            self.feeds.append(int(fact.value))


def _matches(fact: Fact, matter: Matter) -> bool:
    return (
        fact.recipient == matter.organisation
        and matter.codes == {fact.purpose}
        and matter.data_class in fact.classes
        and (not fact.units or matter.segment.unit in fact.units)
    )
