"""Which papers a person signs can open a record for a recipient: federal law, the decision matrix, overlays.

42 CFR 2.31, 2.35; 45 CFR 164.508.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from adapter.consent.law.basis_spec import Instrument
from adapter.consent.law.columns import DETAILS
from adapter.consent.law.denials import PAPERS, Asked, denied
from adapter.consent.outcome import TRUE

if TYPE_CHECKING:
    from adapter.consent.law.basis_spec import Bases
    from adapter.consent.law.columns import Column
    from adapter.consent.law.matrix_spec import Matrix
    from adapter.consent.law.matter import Matter

INSTRUMENTS: Final[tuple[str, ...]] = get_args(Instrument)
RELEASE: Final = "release"
"""The paper of a consent that states no local kind."""

_RELEASES: Final = frozenset({"U", "own"})
"""What a cell outside Part 2 and notes has to offer for a release: itself, or local law that it stands for."""


def objections(matter: Matter, *, bases: Bases, matrix: Matrix, enabled: bool) -> dict[str, str]:
    """Why each kind of paper cannot open the record for the recipient; a kind that can is missing.

    ``enabled``: counsel enabled Part 2 records under a general release for this recipient.
    """
    found = {}
    for paper in INSTRUMENTS:
        why = _objection(matter, paper, bases=bases, matrix=matrix, enabled=enabled)
        if why is not None:
            found[paper] = why
    return found


def _objection(matter: Matter, paper: str, *, bases: Bases, matrix: Matrix, enabled: bool) -> str | None:
    if matter.entity is None:
        return "nobody declared what the organisation that asks is in law"
    if (why := denied(PAPERS, Asked(matter=matter, paper=paper))) is not None:
        return why
    for column in sorted(matter.columns):
        offered = set(matrix.cell(matter.entity, column).bases)
        if column == "part2" and enabled and "U" in matrix.cell(matter.entity, column).disabled:
            offered.add("U")
        if offered.isdisjoint(_wanted(bases, paper, column)):
            return f"the decision matrix offers no such consent to {matter.entity} for {column}"
    if _more_than_outside(matter, matrix):
        return f"a consent brings {matter.entity} no details, and those of a Part 2 record least of all"
    if matter.barred and matter.perhaps and paper != "proceedings":
        return "an overlay bars this record from proceedings without a consent for them"
    return None


def _wanted(bases: Bases, paper: str, column: Column) -> frozenset[str]:
    return bases.papers_of(paper) if column in {"part2", "notes"} else _RELEASES


def _more_than_outside(matter: Matter, matrix: Matrix) -> bool:
    """Whether a consent would bring details of a Part 2 record where it brings none of any other record."""
    if matter.entity is None or matter.part2 != TRUE or matter.note:
        return False
    return any("U" not in matrix.cell(matter.entity, column).bases for column in matter.content & DETAILS)
