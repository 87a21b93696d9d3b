"""What a change would do, in the words of the people who decide whether to make it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Place(NamedTuple):
    """Where something moves: recipient (reference), purpose, class of data and source unit (reference)."""

    recipient: str
    purpose: str
    kind: str
    unit: str


class Moved(NamedTuple):
    """One resource that would newly be released, or withheld, to a recipient for a purpose."""

    recipient: str
    purpose: str
    resource: str
    released: bool


class Unmade(NamedTuple):
    """One recorded disclosure that would not have been made: when, under which request, what to whom."""

    at: int
    request_id: str
    recipient: str
    purpose: str
    resource: str


@dataclass(slots=True, kw_only=True)
class Past:
    """What the ledger tells: how many disclosures were looked at, and which would not have been made.

    ``beyond`` counts those that the present rules would not make either, or whose policy is not held any more: of
    these the change decides nothing.
    """

    looked: int = 0
    unmade: list[Unmade] = field(default_factory=list)
    beyond: int = 0


@dataclass(slots=True, kw_only=True)
class Consequences:
    """What a change would do: to the present store by place, and to what the ledger tells of the past.

    ``decisions`` is how many combinations of context, policy and segment were compared. ``past`` is None where nobody
    asked for it.
    """

    change: str
    contexts: int = 0
    decisions: int = 0
    released: Counter[Place] = field(default_factory=Counter)
    withheld: Counter[Place] = field(default_factory=Counter)
    moved: list[Moved] = field(default_factory=list)
    past: Past | None = None

    def places(self) -> list[Place]:
        """Every place where something moves, in order."""
        return sorted({*self.released, *self.withheld})

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        told: dict[str, Any] = {"change": self.change, "contexts": self.contexts, "decisions": self.decisions}
        told["released"], told["withheld"] = self.released.total(), self.withheld.total()
        told["places"] = [
            {
                "recipient": place.recipient,
                "purpose": place.purpose,
                "class": place.kind,
                "unit": place.unit,
                "released": self.released[place],
                "withheld": self.withheld[place],
            }
            for place in self.places()
        ]
        told["resources"] = [one._asdict() for one in self.moved]
        past = self.past
        told["past"] = past and {
            "disclosures": past.looked,
            "beyond": past.beyond,
            "unmade": [one._asdict() for one in past.unmade],
        }
        return told
