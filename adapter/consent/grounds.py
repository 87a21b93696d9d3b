"""What the decision asks of the law: whether anything may pass, which consent may speak, which basis stands by itself.

The tables behind the answers are data and live in `adapter.consent.law`; the engine knows only these three questions.

45 CFR part 164, 42 CFR part 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapter.consent.obligations import Obligation
    from adapter.consent.provision import Body
    from adapter.consent.recipient import RecipientContext
    from adapter.consent.segment import Segment
    from adapter.consent.standing import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A basis that was looked at besides consents: ``basis`` is its bit, ``rule`` its name in the trace.

    ``permits`` says whether it holds for this recipient and record, ``because`` why or why not. ``deferred``: it
    depends on whether a consent refuses this single resource.
    """

    basis: int
    permits: bool
    rule: str
    because: str
    deferred: bool = False
    obligations: tuple[Obligation, ...] = ()


class Law(Protocol):
    """The law of a site: federal rules, jurisdiction overlays, what its partners are."""

    @property
    def fingerprint(self) -> str:
        """Equal where every answer is equal: decisions filled under another law are forgotten."""
        ...

    def stops(self, facts: Sequence[Fact], recipient: RecipientContext, segment: Segment) -> str | None:
        """Why nothing at all may pass, or None."""
        ...

    def silences(self, body: Body, facts: Sequence[Fact], recipient: RecipientContext, segment: Segment) -> str | None:
        """Why this consent cannot permit this, or None. What it denies stays denied."""
        ...

    def with_consent(self, recipient: RecipientContext, segment: Segment) -> Sequence[Obligation]:
        """What goes with a record that is disclosed on a consent, besides what the consent itself asks for."""
        ...

    def standing(
        self, facts: Sequence[Fact], recipient: RecipientContext, segment: Segment, *, refused: int
    ) -> Sequence[Ground]:
        """Every basis that stands without a consent and was looked at, those that do not hold too.

        ``refused`` is the truth of "a consent in force denies exactly this"; DEFERRED while only the single resource
        can tell.
        """
        ...


class _ConsentAlone:
    """Asks nothing of the law: consents and the Part 2 label decide, as `decide` defines it."""

    fingerprint = "consent alone"

    def stops(self, facts: Sequence[Fact], recipient: RecipientContext, segment: Segment) -> str | None:  # noqa: ARG002
        return None

    def silences(
        self,
        body: Body,  # noqa: ARG002
        facts: Sequence[Fact],  # noqa: ARG002
        recipient: RecipientContext,  # noqa: ARG002
        segment: Segment,  # noqa: ARG002
    ) -> str | None:
        return None

    def with_consent(self, recipient: RecipientContext, segment: Segment) -> Sequence[Obligation]:  # noqa: ARG002
        return ()

    def standing(
        self,
        facts: Sequence[Fact],  # noqa: ARG002
        recipient: RecipientContext,  # noqa: ARG002
        segment: Segment,  # noqa: ARG002
        *,
        refused: int,  # noqa: ARG002
    ) -> Sequence[Ground]:
        return ()


CONSENT_ALONE: Final[Law] = _ConsentAlone()
"""For decisions about consents and the Part 2 label alone."""
