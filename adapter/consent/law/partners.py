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

DOMESTIC_VIOLENCE: Final = "domestic-violence"
"""A programme funded for victims of domestic violence, dating violence, sexual assault or stalking."""

CONTRACT_KINDS: Final[Mapping[str, str]] = {"hipaa": "baa", "part2": "qsoa", "justice": "dua"}
"""The kind of contract that lets a contractor have records, by the law they stand under."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerFacts:
    """One organisation: what it is, the ``Organization/x`` it is a unit of, whether it is an intermediary.

    ``programme`` says that it is funded under a law with a confidentiality rule of its own (`DOMESTIC_VIOLENCE`).
    """

    entity: Entity
    part_of: str | None = None
    intermediary: bool = False
    programme: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Contract:
    """A contract between one ``source`` unit and one ``recipient`` (references), of `CONTRACT_KINDS`."""

    source: str
    recipient: str
    kinds: tuple[str, ...]


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
