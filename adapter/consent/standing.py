"""What is known of a person besides consents and counts for a decision: facts with a period, patient-neutral inside it.

A fact names no person and no date. Its period cuts the person's timeline like that of a consent, so two people of whom
the same is known share one policy.

45 CFR 164.512, 164.522; 42 CFR 2.14, 2.51, 2.61.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

HOLD: Final = "hold"
"""Nothing passes to ``recipient``, or to anyone where it is empty: an identity in doubt, an oral revocation."""
AGE: Final = "age"
"""``value`` is the age in whole years while it is under 18, or "unknown"."""
CUSTODY: Final = "custody"
"""``recipient`` has the person in lawful custody; ``value`` is the number of the feed that tells it."""
TREATMENT: Final = "treatment"
"""``recipient`` treats the person: an encounter, a referral or a confirmed roster inside the site's window."""
ASSERTION: Final = "assertion"
"""``recipient`` may rely on ``basis`` (K, J, E, X, O) for ``purpose``, ``classes`` and the sources ``units``."""
RESTRICTION: Final = "restriction"
"""A source agreed with the person not to give ``classes`` (all if empty) to ``recipient`` (anyone if empty)."""

KINDS: Final = (HOLD, AGE, CUSTODY, TREATMENT, ASSERTION, RESTRICTION)

Timed = tuple[int, int, "Fact"]
"""A fact with the half-open interval it holds for, in epoch microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Fact:
    """One fact in force. ``classes`` are classes of data as agreements name them; ``units`` Organization references."""

    kind: str
    basis: str = ""
    recipient: str = ""
    purpose: str = ""
    value: str = ""
    classes: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    def canonical(self) -> list[Any]:
        """Every field, in order."""
        return [
            self.kind,
            self.basis,
            self.recipient,
            self.purpose,
            self.value,
            sorted(set(self.classes)),
            sorted(set(self.units)),
        ]


def fact_of(parts: Sequence[Any]) -> Fact:
    """The fact whose canonical list is ``parts``."""
    kind, basis, recipient, purpose, value, classes, units = parts
    return Fact(
        kind=kind,
        basis=basis,
        recipient=recipient,
        purpose=purpose,
        value=value,
        classes=tuple(classes),
        units=tuple(units),
    )


def in_force(facts: Sequence[Timed], instant: int) -> tuple[Fact, ...]:
    """The facts that hold at ``instant``, each once, in an order that depends on themselves only."""
    return tuple(sorted({fact for start, stop, fact in facts if start <= instant < stop}))
