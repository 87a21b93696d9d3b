"""The port to what people record of a person: facts, what was done about them, and revocations of forms.

All of it is append only, and part of the transaction that changes what is in force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from adapter.store.shapes import Awaited, IdentityFacts, LegalAct, LegalFact, Revoked


class LegalRecords(Protocol):
    """The part of a transaction that is about recorded facts."""

    async def record(self, fact: LegalFact) -> None:
        """Keep what someone recorded of a person."""
        ...

    async def recorded_fact(self, ident: str) -> LegalFact | None:
        """One recorded fact."""
        ...

    async def end_recorded(self, ident: str, *, at: int) -> bool:
        """End a recorded fact at an instant; tells whether there was anything to end."""
        ...

    async def recorded(self, patients: Iterable[int]) -> list[LegalFact]:
        """What was recorded of these patients, ended or not."""
        ...

    async def recorded_kinds(self, kinds: Collection[str]) -> list[LegalFact]:
        """Every recorded fact of these kinds, ended or not, kind by kind and oldest first."""
        ...

    async def having_recorded(self, kind: str, *, at: int) -> set[int]:
        """The patients of whom a fact of this kind is recorded that has not ended at an instant."""
        ...

    async def recordings(self, author: str, *, since: int) -> int:
        """How many facts an author recorded after an instant, or anyone ``for`` whom that author acted."""
        ...

    async def add_act(self, act: LegalAct) -> None:
        """Keep what someone did about a recorded fact."""
        ...

    async def acts(self, fact: str) -> list[LegalAct]:
        """What was done about a recorded fact, in order."""
        ...

    async def await_person(self, person: IdentityFacts) -> None:
        """Keep how to recognise a person of whom something is recorded and who may have no record yet."""
        ...

    async def sharing(self, person: int) -> list[int]:
        """The records that share a key with an awaited person; none for anyone else."""
        ...

    async def awaited(self, patients: Iterable[int]) -> list[Awaited]:
        """The awaited people who share a key with these records."""
        ...

    async def revoke(self, revoked: Revoked) -> None:
        """Keep a written revocation; the same again is kept once."""
        ...

    async def revocations(self, feed: str) -> Mapping[tuple[str, str], list[bytes]]:
        """The revocations recorded for the forms of a feed, by submission and person, oldest first."""
        ...
