"""What the law asks about the organisations of a site: what they are, whose unit they are, whose contractor.

Intermediary: 42 CFR 2.11. Qualified service organization: 42 CFR 2.11. Business associate: 45 CFR 160.103.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Entity = Literal[
    "covered-entity",
    "part2-program",
    "correctional-health",
    "court",
    "custody",
    "supervision",
    "pretrial",
    "defense",
    "prosecution",
    "law-enforcement",
    "exchange",
    "social-services",
    "managed-care",
    "vendor",
    "not-covered",
]
"""What an organisation is in law; each practitioner type needs its own analysis, so each partner says it."""
ENTITIES: Final[tuple[Entity, ...]] = get_args(Entity)

VICTIM_SERVICES: Final = frozenset({"domestic-violence", "dating-violence", "sexual-assault", "stalking"})
"""Programmes whose records need a release of their own kind by federal law, 34 U.S.C. 12291(b)(2)."""

Contract = tuple[str, str]
"""A contract in the agreements of a site: source unit and contractor, as Organization references.

Which records it covers, under which law and when, is for the agreement to bound.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerFacts:
    """One organisation: what it is, the ``Organization/x`` it is a unit of, whether it is an intermediary.

    ``programme`` says that it is funded under a law with a confidentiality rule of its own (`VICTIM_SERVICES`).
    """

    entity: Entity
    part_of: str | None = None
    intermediary: bool = False
    programme: str | None = None


def chain(partners: Mapping[str, PartnerFacts], organisation: str) -> tuple[str, ...]:
    """A partner and everything it is part of, itself first; empty for an organisation nobody declared."""
    found: list[str] = []
    one: str | None = organisation
    while one is not None and one in partners and one not in found:
        found.append(one)
        one = partners[one].part_of
    return tuple(found)


def is_intermediary(partner: PartnerFacts) -> bool:
    """Whether it is declared one; an exchange that receives on a consent always counts as one."""
    return partner.intermediary or partner.entity == "exchange"


def participants(partners: Mapping[str, PartnerFacts]) -> dict[str, frozenset[str]]:
    """For each partner those that are part of it, at any depth."""
    found: dict[str, set[str]] = {one: set() for one in partners}
    for one in partners:
        for whole in chain(partners, one)[1:]:
            found[whole].add(one)
    return {one: frozenset(units) for one, units in found.items()}
