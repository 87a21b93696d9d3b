"""One recipient and purpose before and after a change: what passes under each, decided in memory.

An effect is a mask of grounds as in the decision tables; `EXCEPTION` asks for the single resource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from adapter.consent.evaluate import Effect
from adapter.fhir.codec import parse
from adapter.fhir.served import Parts, join
from adapter.store.shapes import EXCEPTION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.consent.agreement import Bound
    from adapter.consent.policy import Policy
    from adapter.consent.recipient import RecipientContext
    from adapter.consent.segment import Segment
    from adapter.services.decisions import Decisions
    from adapter.store.shapes import StoredResource


class Key(NamedTuple):
    """A policy with the number by which its effects are remembered; what is not stored has a negative one."""

    number: int
    policy: Policy


class Side:
    """How one order of things decides for one recipient. ``filled`` are effects that the tables hold already."""

    def __init__(
        self,
        decisions: Decisions,
        recipient: RecipientContext,
        *,
        lawful: bool,
        filled: Mapping[tuple[int, int], int],
    ) -> None:
        self._decisions = decisions
        self._recipient = recipient
        self._lawful = lawful
        self.effects = dict(filled)
        self._bounds: dict[int, list[Bound]] = {}

    def allowed(self, number: int, segment: Segment, at: int) -> int:
        """The grounds that agreements allow a segment on at an instant."""
        rows = self._bounds.get(number)
        if rows is None:
            rows = self._bounds[number] = self._decisions.allowed(self._recipient, segment, lawful=self._lawful)
        return next((row.bases for row in rows if row.start <= at < row.stop), 0)

    def effect(self, key: Key, number: int, segment: Segment) -> int:
        """What a policy says about a segment."""
        known = self.effects.get((key.number, number))
        if known is None:
            verdict = self._decisions.rule(key.policy, self._recipient, segment)
            known = EXCEPTION if verdict.effect is Effect.EXCEPTION else verdict.bases
            self.effects[key.number, number] = known
        return known

    def single(self, key: Key, segment: Segment, row: StoredResource) -> int:
        """What a policy says about one resource of a segment."""
        resource = parse(join(Parts(head=row.head, tail=row.tail)))
        return self._decisions.exception(key.policy, self._recipient, segment, resource).bases


class Sides(NamedTuple):
    """A recipient (reference) and purpose with both sides."""

    recipient: str
    purpose: str
    before: Side
    after: Side
