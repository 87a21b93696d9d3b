"""The law of a site as one object: federal law, jurisdiction overlays, its partners and their contracts.

It answers three questions and nothing else: may anything pass at all, may this consent speak, which bases stand. What
depends on recipient and segment alone is worked out once for both.

42 CFR part 2; 45 CFR part 164.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import orjson

from adapter.consent.law.authorities import Authority, authority_of, closed, ground, lost
from adapter.consent.law.denials import DESIGNATIONS, SIGNERS, Asked, denied, permitted_names
from adapter.consent.law.matrix_spec import contradictions
from adapter.consent.law.matter import matter_of
from adapter.consent.law.overlay import merged
from adapter.consent.law.papers import INSTRUMENTS, RELEASE, objections
from adapter.consent.law.partners import participants
from adapter.consent.law.person import Person
from adapter.consent.law.signers import objection
from adapter.consent.obligations import OBLIGATION_SYSTEM, Obligation
from adapter.consent.vocabulary import ACT_CODE
from adapter.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from adapter.consent.grounds import Ground
    from adapter.consent.law.basis_spec import Bases
    from adapter.consent.law.matrix_spec import Matrix
    from adapter.consent.law.matter import Matter
    from adapter.consent.law.overlay import Overlay
    from adapter.consent.law.partners import Contract, PartnerFacts
    from adapter.consent.provision import Body
    from adapter.consent.recipient import RecipientContext
    from adapter.consent.segment import Segment
    from adapter.consent.standing import Fact

READING: Final = "1"
"""Which reading of the law this code is; raised whenever an answer changes without a change of data."""

COPY: Final = Obligation(
    code="copy-of-consent", system=OBLIGATION_SYSTEM, text="A copy of the consent goes with this disclosure."
)
NO_ONWARD: Final = Obligation(code="NORDSCLCD", system=ACT_CODE)

_REMEMBERED: Final = 16384
"""Pairs of recipient and segment whose answers are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settled:
    """What is known of a recipient and a segment before any person is."""

    matter: Matter
    papers: Mapping[str, str]
    open: tuple[Authority, ...]
    closed: tuple[Ground, ...]
    onward: tuple[Obligation, ...]


class Law:
    """The law of one site. Raises ConfigurationError where matrix and bases contradict each other.

    ``partners`` by Organization reference. ``contracts`` are those in the agreements of the site; what they cover
    and when is for the agreements to bound. ``enabled``: partners for which counsel enabled
    Part 2 records under a general release.
    """

    def __init__(
        self,
        *,
        bases: Bases,
        matrix: Matrix,
        overlays: Iterable[Overlay] = (),
        partners: Mapping[str, PartnerFacts],
        contracts: Iterable[Contract] = (),
        enabled: Iterable[str] = (),
    ) -> None:
        problems = list(contradictions(matrix, bases))
        if problems:
            raise ConfigurationError(problems)
        self.bases = bases
        self.matrix = matrix
        self.jurisdiction = merged(overlays)
        self.partners = dict(partners)
        self.enabled = frozenset(enabled)
        self._offers = matrix.offers()
        self._papers = {paper: bases.papers_of(paper) for paper in INSTRUMENTS}
        self._authorities = tuple(map(authority_of, bases.standing))
        self._contracts = frozenset(contracts)
        self._participants = participants(self.partners)
        self._settled = lru_cache(maxsize=_REMEMBERED)(self._settle)

    @cached_property
    def fingerprint(self) -> str:
        """Equal where every answer is equal: decisions filled under another law are forgotten."""
        partners = [
            [name, one.entity, one.part_of, one.intermediary, one.programme]
            for name, one in sorted(self.partners.items())
        ]
        parts = [
            READING,
            self.bases.model_dump(mode="json"),
            self.matrix.model_dump(mode="json"),
            self.jurisdiction.canonical(),
            partners,
            sorted(self._contracts),
            sorted(self.enabled),
        ]
        return sha256(orjson.dumps(parts)).hexdigest()

    def _settle(self, recipient: RecipientContext, segment: Segment) -> _Settled:
        matter = matter_of(
            recipient, segment, partners=self.partners, matrix=self.matrix, jurisdiction=self.jurisdiction
        )
        reasons = [(basis, closed(basis, matter, self._offers)) for basis in self._authorities]
        enabled = matter.organisation in self.enabled
        return _Settled(
            matter=matter,
            papers=objections(matter, papers=self._papers, offers=self._offers, enabled=enabled),
            open=tuple(basis for basis, why in reasons if why is None),
            closed=tuple(lost(basis, why) for basis, why in reasons if why is not None),
            onward=(NO_ONWARD,) if matter.onward else (),
        )

    def stops(self, facts: Sequence[Fact], recipient: RecipientContext, segment: Segment) -> str | None:
        """Why nothing at all may pass, or None: something about the person is on hold."""
        if not facts:
            return None
        person = Person(facts, self._settled(recipient, segment).matter)
        return "the person is on hold for this recipient until someone has looked at it" if person.held else None

    def silences(self, body: Body, facts: Sequence[Fact], recipient: RecipientContext, segment: Segment) -> str | None:
        """Why this consent cannot permit this, or None. What it denies stays denied."""
        settled = self._settled(recipient, segment)
        paper = body.instrument or RELEASE
        if paper not in INSTRUMENTS:
            return "nobody knows this kind of paper"
        if (why := settled.papers.get(paper)) is not None:
            return why
        person = Person(facts, settled.matter)
        if person.oral:
            return "the person revoked by word of mouth, and the paper is awaited"
        if person.restricted:
            return "the person asked for a restriction of this, and it was agreed"
        return self._unsigned(body, person, settled.matter) or self._unreached(body, person, settled.matter, recipient)

    def _unsigned(self, body: Body, person: Person, matter: Matter) -> str | None:
        if person.age is not None:
            why = denied(SIGNERS, Asked(matter=matter, signer=body.signer))
            if why is not None:
                return why
        return objection(self.jurisdiction.signers, body.signer, person.age, matter.segment)

    def _unreached(self, body: Body, person: Person, matter: Matter, recipient: RecipientContext) -> str | None:
        """Whether a Part 2 consent reaches the recipient through an intermediary only."""
        if not matter.program or not matter.intermediaries:
            return None
        asked = Asked(
            matter=matter,
            names=permitted_names(body),
            actors=recipient.actors,
            units=self._participants[matter.organisation],
            treated=person.treated,
        )
        return denied(DESIGNATIONS, asked)

    def standing(
        self, facts: Sequence[Fact], recipient: RecipientContext, segment: Segment, *, refused: int
    ) -> list[Ground]:
        """Every basis that stands without a consent and was looked at, those that do not hold too.

        ``refused`` is the truth of "a consent in force denies exactly this"; DEFERRED while only the single resource
        can tell.
        """
        settled = self._settled(recipient, segment)
        if not settled.open:
            return list(settled.closed)
        person = Person(facts, settled.matter)
        found = [
            ground(
                basis,
                settled.matter,
                person,
                contracts=self._contracts,
                onward=settled.onward,
                refused=refused,
            )
            for basis in settled.open
        ]
        return [*found, *settled.closed]

    def with_consent(self, recipient: RecipientContext, segment: Segment) -> tuple[Obligation, ...]:
        """What the overlays attach to a record that is disclosed on a consent."""
        copy = (COPY,) if self.jurisdiction.copy_required else ()
        return (*self._settled(recipient, segment).onward, *copy)
