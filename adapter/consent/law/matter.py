"""One question as the law sees it: what the recipient is, what it asks for, and what the record is.

Made once for a recipient and a segment, without anything of the person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapter.consent.agreement import data_class
from adapter.consent.law.columns import columns, content, is_note, may_be, part2, regimes
from adapter.consent.law.partners import VICTIM_SERVICES, chain, is_intermediary
from adapter.consent.law.purposes import for_proceedings, perhaps_for_proceedings
from adapter.consent.outcome import FALSE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.consent.law.columns import Column
    from adapter.consent.law.matrix_spec import Matrix
    from adapter.consent.law.overlay import Jurisdiction
    from adapter.consent.law.partners import Entity, PartnerFacts
    from adapter.consent.recipient import RecipientContext
    from adapter.consent.segment import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What the rules of law test.

    ``entity`` is what the recipient is, empty where nobody declared it; ``within`` is the recipient and all it is part
    of, ``intermediaries`` those of them that are one. ``proceeding``: every purpose certainly is one; ``perhaps``: some
    purpose may be. ``part2`` is a truth value. ``violence``: the source serves victims of violence, or an overlay
    treats it alike; ``programme``: it declares some programme, this or another. ``content`` are the columns of what the
    record is about, whatever law it stands under. ``barred``: an overlay bars its use in proceedings; ``narrowed``: its
    disclosure for treatment; ``onward``: its redisclosure.
    """

    entity: Entity | None
    organisation: str
    within: frozenset[str]
    intermediaries: frozenset[str]
    purposes: frozenset[tuple[str, str]]
    codes: frozenset[str]
    proceeding: bool
    perhaps: bool
    segment: Segment
    data_class: str
    regimes: frozenset[str]
    part2: int
    note: bool
    violence: bool
    programme: bool
    columns: frozenset[Column]
    content: frozenset[Column]
    barred: bool
    narrowed: bool
    onward: bool

    @property
    def program(self) -> bool:
        """Whether this is a Part 2 record, or may be one."""
        return self.part2 != FALSE

    def concerns(self, recipient: str) -> bool:
        """Whether a fact about ``recipient`` (anyone if empty) is about the one who asks."""
        return not recipient or recipient == self.organisation or recipient in self.within


def matter_of(
    recipient: RecipientContext,
    segment: Segment,
    *,
    partners: Mapping[str, PartnerFacts],
    matrix: Matrix,
    jurisdiction: Jurisdiction,
) -> Matter:
    """The question that ``recipient`` asks about ``segment``."""
    organisation = recipient.organisation
    partner = partners.get(organisation)
    within = chain(partners, organisation)
    programmes = VICTIM_SERVICES | jurisdiction.separate_form_class
    stated = [partners[one].programme for one in chain(partners, segment.unit)]
    hidden = jurisdiction.fact_of_treatment_protected
    more = frozenset(matrix.purposes.proceedings)
    return Matter(
        entity=partner.entity if partner else None,
        organisation=organisation,
        within=frozenset(within),
        intermediaries=frozenset(one for one in within if is_intermediary(partners[one])),
        purposes=recipient.asked,
        codes=frozenset(code for _, code in recipient.purposes),
        proceeding=for_proceedings(recipient.purposes, more),
        perhaps=perhaps_for_proceedings(recipient.purposes, more, frozenset(matrix.purposes.help)),
        segment=segment,
        data_class=data_class(segment),
        regimes=regimes(segment),
        part2=part2(segment),
        note=is_note(segment),
        violence=any(one in programmes for one in stated),
        programme=any(stated),
        columns=columns(segment, treatment_hidden=hidden),
        content=content(segment, treatment_hidden=hidden),
        barred=may_be(segment, jurisdiction.proceeding_bar),
        narrowed=may_be(segment, jurisdiction.tpo_narrowing),
        onward=may_be(segment, jurisdiction.no_onward_disclosure),
    )
