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
    from collections.abc import Mapping

    from adapter.consent.law.columns import Column
    from adapter.consent.law.matrix_spec import Offers
    from adapter.consent.law.matter import Matter

INSTRUMENTS: Final[tuple[str, ...]] = get_args(Instrument)
RELEASE: Final = "release"
"""The paper of a consent that states no local kind."""

_RELEASES: Final = frozenset({"U", "own"})
"""What a cell outside Part 2 and notes has to offer for a release: itself, or local law that it stands for."""


def objections(
    matter: Matter, *, papers: Mapping[str, frozenset[str]], offers: Offers, enabled: bool
) -> dict[str, str]:
    """Why each kind of paper cannot open the record for the recipient; a kind that can is missing.

    ``papers`` are the codes that each kind of paper is. ``enabled``: counsel enabled Part 2
    records under a general release for this recipient.
    """
    found = {}
    for paper in papers:
        why = _objection(matter, paper, papers=papers, offers=offers, enabled=enabled)
        if why is not None:
            found[paper] = why
    return found


def _objection(
    matter: Matter, paper: str, *, papers: Mapping[str, frozenset[str]], offers: Offers, enabled: bool
) -> str | None:
    if matter.entity is None:
        return "nobody declared what the organisation that asks is in law"
    if (why := denied(PAPERS, Asked(matter=matter, paper=paper))) is not None:
        return why
    for column in sorted(matter.columns):
        offered = set(offers[matter.entity, column].bases)
        if column == "part2" and enabled and "U" in offers[matter.entity, column].disabled:
            offered.add("U")
        if offered.isdisjoint(_wanted(papers, paper, column)):
            return f"the decision matrix offers no such consent to {matter.entity} for {column}"
    if _more_than_outside(matter, offers):
        return f"a consent brings {matter.entity} no details, and those of a Part 2 record least of all"
    if matter.barred and matter.perhaps and paper != "proceedings":
        return "an overlay bars this record from proceedings without a consent for them"
    return None


def _wanted(papers: Mapping[str, frozenset[str]], paper: str, column: Column) -> frozenset[str]:
    return papers[paper] if column in {"part2", "notes"} else _RELEASES


def _more_than_outside(matter: Matter, offers: Offers) -> bool:
    """Whether a consent would bring details of a Part 2 record where it brings none of any other record."""
    if matter.entity is None or matter.part2 != TRUE or matter.note:
        return False
    return any("U" not in offers[matter.entity, column].bases for column in matter.content & DETAILS)
