"""The bases that stand without a consent, one by one: what each finds, and whether it permits.

T 45 CFR 164.506(c); K 164.512(k)(5); J 164.512(j); E 42 CFR 2.51; O 42 CFR 2.61 to 2.67; Q 42 CFR 2.12(c)(4), 45 CFR
164.502(e); X 42 CFR 2.31(d).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from adapter.consent.bases import custody, mask
from adapter.consent.grounds import Ground
from adapter.consent.law.denials import BASES, MINORS, ORDERS, Asked, denied
from adapter.consent.law.purposes import for_care
from adapter.consent.obligations import OBLIGATION_SYSTEM, PART2_OBLIGATIONS, Obligation, scope_obligation
from adapter.consent.outcome import DEFERRED, TRUE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapter.consent.law.basis_spec import Standing
    from adapter.consent.law.matrix_spec import Offers
    from adapter.consent.law.matter import Matter
    from adapter.consent.law.partners import Contract, Entity
    from adapter.consent.law.person import Person

_NOT_OVER_BAR: Final = frozenset("TKQ")
"""Bases that bring nothing into a proceeding that an overlay bars."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Authority:
    """A basis of `bases.yaml`, ready to be asked; ``bits`` is its mask, ``attaches`` and ``restricted`` go along."""

    code: str
    bits: int
    name: str
    regimes: frozenset[str]
    purposes: frozenset[str]
    over_refusal: bool
    over_restriction: bool
    attaches: tuple[Obligation, ...]
    restricted: tuple[Obligation, ...]


def authority_of(basis: Standing) -> Authority:
    """The basis as it is asked."""
    texts = [(one.when, Obligation(code=one.code, system=OBLIGATION_SYSTEM, text=one.text)) for one in basis.attaches]
    return Authority(
        code=basis.code,
        bits=mask(basis.code),
        name=basis.name,
        regimes=frozenset(basis.regimes),
        purposes=frozenset(basis.purposes),
        over_refusal=basis.survives.refusal,
        over_restriction=basis.survives.restriction,
        attaches=tuple(text for when, text in texts if when is None),
        restricted=tuple(text for when, text in texts if when is not None),
    )


def closed(basis: Authority, matter: Matter, offers: Offers) -> str | None:
    """Why a basis does not reach this record for this recipient, whatever is known of the person; None if it may."""
    if matter.entity is None:
        return "nobody declared what the organisation that asks is in law"
    if (why := denied(BASES, Asked(matter=matter, basis=basis.code))) is not None:
        return why
    if not matter.regimes <= basis.regimes:
        return "the basis is not about records under this law"
    return _unoffered(basis, matter, matter.entity, offers) or _overlaid(basis, matter)


def _unoffered(basis: Authority, matter: Matter, entity: Entity, offers: Offers) -> str | None:
    for column in sorted(matter.columns):
        if basis.code not in offers[entity, column].bases:
            return f"the decision matrix does not offer it to {entity} for {column}"
    return None


def _overlaid(basis: Authority, matter: Matter) -> str | None:
    if basis.code == "T" and matter.narrowed:
        return "an overlay asks for a consent before treatment disclosures"
    if basis.code in _NOT_OVER_BAR and matter.barred and matter.perhaps:
        return "an overlay bars this record from proceedings"
    return None


class Found(NamedTuple):
    """What a basis rests on: its ``bits`` (none where it does not stand), why, and what else goes along."""

    bits: int
    because: str
    scopes: tuple[Obligation, ...] = ()


def _treatment(basis: Authority, matter: Matter, person: Person, _: frozenset[Contract]) -> Found:
    if not for_care(matter.purposes, basis.purposes):
        return Found(0, "the purpose is not treatment")
    if not person.treated:
        return Found(0, "no treatment relationship of the recipient is on record")
    return Found(basis.bits, "the recipient treats the person")


def _custody(basis: Authority, _: Matter, person: Person, __: frozenset[Contract]) -> Found:
    if basis.code not in person.assertions:
        return Found(0, "no representation for exactly this is in force")
    if not person.feeds:
        return Found(0, "no feed tells that the recipient has the person in custody")
    bits = 0
    for feed in person.feeds:
        bits |= custody(feed)
    return Found(bits, "the recipient has custody and represented its need")


def _asserted(basis: Authority, _: Matter, person: Person, __: frozenset[Contract]) -> Found:
    if basis.code not in person.assertions:
        return Found(0, "it was not asserted for exactly this")
    return Found(basis.bits, "it was asserted for exactly this")


def _order(basis: Authority, matter: Matter, person: Person, _: frozenset[Contract]) -> Found:
    because = "no order for exactly this is in force"
    for fact in person.assertions.get(basis.code, ()):
        why = denied(ORDERS, Asked(matter=matter, words=frozenset(fact.value.split())))
        if why is None:
            return Found(basis.bits, "a court ordered exactly this")
        because = why
    return Found(0, because)


def _contract(basis: Authority, matter: Matter, _: Person, contracts: frozenset[Contract]) -> Found:
    if (matter.segment.unit, matter.organisation) not in contracts:
        return Found(0, "the recipient has no contract with the unit that made the record")
    return Found(basis.bits, "the recipient works for the unit that made the record")


def _proceeding(basis: Authority, matter: Matter, person: Person, __: frozenset[Contract]) -> Found:
    facts = person.assertions.get(basis.code, ())
    if not facts:
        return Found(0, "no consent for exactly this proceeding is on record")
    text = "; ".join(
        [
            "disclosure to this recipient only",
            f"purposes: {', '.join(sorted(matter.codes))}",
            f"information: {matter.data_class}",
        ]
    )
    return Found(basis.bits, "the patient consented to this proceeding", (scope_obligation(-1, "", text),))


_EVIDENCE: Final[Mapping[str, Callable[[Authority, Matter, Person, frozenset[Contract]], Found]]] = {
    "T": _treatment,
    "K": _custody,
    "J": _asserted,
    "E": _asserted,
    "O": _order,
    "Q": _contract,
    "X": _proceeding,
}


@lru_cache(maxsize=4096)
def lost(basis: Authority, because: str) -> Ground:
    """A basis that was looked at and does not hold, with the reason."""
    return Ground(basis=basis.bits, permits=False, rule=basis.name, because=because)


@lru_cache(maxsize=4096)
def _due(basis: Authority, more: tuple[Obligation, ...], *, program: bool, restricted: bool) -> tuple[Obligation, ...]:
    """What goes with a record on this basis. Every Part 2 record keeps its labels and notice, 42 CFR 2.12(d), 2.32."""
    due = (
        *(PART2_OBLIGATIONS if program else ()),
        *basis.attaches,
        *(basis.restricted if restricted else ()),
        *more,
    )
    return tuple(dict.fromkeys(due))


def ground(
    basis: Authority,
    matter: Matter,
    person: Person,
    *,
    contracts: frozenset[Contract],
    onward: tuple[Obligation, ...],
    refused: int,
) -> Ground:
    """What one basis that may reach the record comes to for this person.

    ``refused`` is the truth of "a consent in force denies exactly this"; an oral revocation makes it TRUE.
    """
    if person.age is not None and (why := denied(MINORS, Asked(matter=matter, basis=basis.code))) is not None:
        return lost(basis, why)
    if person.restricted and not basis.over_restriction:
        return lost(basis, "the person asked for a restriction of this, and it was agreed")
    found = _EVIDENCE[basis.code](basis, matter, person, contracts)
    if not found.bits:
        return lost(basis, found.because)
    weak = not basis.over_refusal
    if weak and (person.oral or refused == TRUE):
        return lost(basis, "the person refused this, and the basis does not hold over a refusal")
    deferred = weak and refused == DEFERRED
    return Ground(
        basis=found.bits,
        permits=not deferred,
        rule=basis.name,
        because="it depends on whether the person refused this very record" if deferred else found.because,
        deferred=deferred,
        obligations=_due(basis, onward + found.scopes, program=matter.program, restricted=person.restricted),
    )
