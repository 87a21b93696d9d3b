"""The port to labels that people lifted from records: part of the change of what is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from adapter.store.shapes import ScreeningPlace

LIFT: Final = "lift"
RESTORE: Final = "restore"


class LabelDecision(NamedTuple):
    """What somebody decided of the labels of one record.

    ``labels`` are those lifted or put back. ``told`` is the digest of what the source says of the record, ``made`` that
    of what stands in its place since.
    """

    act: str
    rid: int
    labels: tuple[tuple[str, str], ...]
    told: bytes
    made: bytes
    author: str
    why: str
    at: int


class LabelRecords(Protocol):
    """The part of a transaction that is about labels people lifted."""

    async def digest(self, rid: int) -> bytes | None:
        """The digest of the version in place."""
        ...

    async def screening_place(self, rid: int) -> ScreeningPlace | None:
        """Where a screening stands among those of its day."""
        ...

    async def last_label_decision(self, rid: int) -> LabelDecision | None:
        """The last word about the labels of a record."""
        ...

    async def label_decisions(self) -> list[LabelDecision]:
        """Everything that was decided of labels, oldest first."""
        ...

    async def decide_labels(self, decision: LabelDecision) -> None:
        """Keep what somebody decided: a lift holds for every later write that says what the source said then."""
        ...
