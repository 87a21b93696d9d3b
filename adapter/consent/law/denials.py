"""What no county, no file and no counsel switches off: a table of denials, each with its place in the law.

They stand in code and are asked at every decision, before and whatever the data says. Some of what federal law forbids
outright is kept elsewhere, because it is no question of a basis: a consent that is expired, revoked, deficient or
cannot be understood (`force`, `directive`), an answer that tells that something is withheld (the gate), a Part 2 record
without its notice (`obligations`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapter.consent.criteria import ActorCriterion
from adapter.consent.law.ceilings import CUSTODIANS, IMPOSERS, MEDICAL
from adapter.consent.law.overlay import MINOR
from adapter.consent.names import type_of
from adapter.consent.outcome import FALSE, PERMIT, TRUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.consent.law.matter import Matter
    from adapter.consent.provision import Body

SUBPART_E: Final = frozenset({"2.64", "2.65"})
"""Words of an order that a court made under subpart E of 42 CFR part 2."""
HIPAA_ORDER: Final = "hipaa"
NOTES_ORDER: Final = "notes"

_NOTES_PAPER: Final = {TRUE: "counseling-notes", FALSE: "psychotherapy-notes"}
"""The paper that opens notes, by whether they are a Part 2 record; none does where that is unknown."""
_NOTES_PAPERS: Final = frozenset(_NOTES_PAPER.values())
_VIOLENCE_PAPER: Final = "domestic-violence"
_PERSONS: Final = frozenset({"Organization", "Practitioner", "PractitionerRole"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a denial may look at; each table fills what it is about."""

    matter: Matter
    paper: str = ""
    basis: str = ""
    signer: str = ""
    words: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    actors: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    treated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """One denial: it holds where ``test`` is true."""

    name: str
    citation: str
    because: str
    test: Callable[[Asked], bool]


def _notes_without_paper(asked: Asked) -> bool:
    return asked.matter.note and asked.paper != _NOTES_PAPER.get(asked.matter.part2)


def _notes_paper_elsewhere(asked: Asked) -> bool:
    return asked.paper in _NOTES_PAPERS and not asked.matter.note


def _violence_without_paper(asked: Asked) -> bool:
    return asked.matter.violence and asked.paper != _VIOLENCE_PAPER


def _violence_paper_elsewhere(asked: Asked) -> bool:
    return asked.paper == _VIOLENCE_PAPER and not asked.matter.programme


def _criminal_justice_outside_part2(asked: Asked) -> bool:
    return asked.paper == "criminal-justice" and asked.matter.part2 != TRUE


def _condition_of_another(asked: Asked) -> bool:
    return asked.paper == "criminal-justice" and asked.matter.entity not in IMPOSERS


def _proceedings_paper_elsewhere(asked: Asked) -> bool:
    return asked.paper == "proceedings" and not asked.matter.proceeding


def _proceeding_on_another_paper(asked: Asked) -> bool:
    return asked.matter.program and asked.matter.perhaps and asked.paper not in {"criminal-justice", "proceedings"}


PAPERS: Final = (
    Denial(
        name="notes-need-their-own-paper",
        citation="42 CFR 2.31(b); 45 CFR 164.508(b)(3)(ii)",
        because="notes need a paper of their own",
        test=_notes_without_paper,
    ),
    Denial(
        name="a-notes-paper-opens-notes-alone",
        citation="42 CFR 2.31(b); 45 CFR 164.508(b)(3)(ii)",
        because="a paper for notes opens nothing else",
        test=_notes_paper_elsewhere,
    ),
    Denial(
        name="domestic-violence-needs-its-own-paper",
        citation="34 U.S.C. 12291(b)(2)",
        because="records of a domestic violence programme need the release of their own kind",
        test=_violence_without_paper,
    ),
    Denial(
        name="a-domestic-violence-paper-opens-such-programmes-alone",
        citation="34 U.S.C. 12291(b)(2)(B)",
        because="a release for domestic violence services opens nothing of other sources",
        test=_violence_paper_elsewhere,
    ),
    Denial(
        name="criminal-justice-consent-is-for-part-2-alone",
        citation="42 CFR 2.35(a); 45 CFR 164.508(c)(2)(i)",
        because="a criminal justice consent opens records of a Part 2 program alone: it is no HIPAA authorization",
        test=_criminal_justice_outside_part2,
    ),
    Denial(
        name="criminal-justice-consent-is-for-those-who-imposed-the-condition",
        citation="42 CFR 2.35(a)(1)",
        because="the recipient cannot have made treatment a condition of release or disposition",
        test=_condition_of_another,
    ),
    Denial(
        name="a-proceedings-consent-is-for-proceedings-alone",
        citation="42 CFR 2.31(d)",
        because="a consent for proceedings covers no other purpose",
        test=_proceedings_paper_elsewhere,
    ),
    Denial(
        name="part-2-into-proceedings",
        citation="42 CFR 2.12(d), 2.31(d)",
        because="a Part 2 record goes into no proceeding without a consent for it, or one under 2.35, or an order",
        test=_proceeding_on_another_paper,
    ),
)
"""Why a kind of paper cannot open a record."""


def permitted_names(body: Body) -> frozenset[str]:
    """Everyone whom some permit of a consent names."""
    return frozenset(
        name
        for provision in body.provisions
        if provision.kind == PERMIT
        for criterion in provision.criteria
        if isinstance(criterion, ActorCriterion)
        for name in criterion.names
    )


def _no_participant(asked: Asked) -> bool:
    matter = asked.matter
    return matter.organisation in matter.intermediaries and asked.names.isdisjoint(asked.units)


def _general_designation(asked: Asked) -> bool:
    matter = asked.matter
    if matter.organisation in matter.intermediaries:
        return False
    matched = asked.names & asked.actors
    named = any(type_of(name) in _PERSONS and name not in matter.intermediaries for name in matched)
    return bool(matched) and not named and not asked.treated


DESIGNATIONS: Final = (
    Denial(
        name="an-intermediary-needs-its-participants-named",
        citation="42 CFR 2.31(a)(4)(ii)(B)",
        because="the consent names an intermediary and none of its participants",
        test=_no_participant,
    ),
    Denial(
        name="a-general-designation-reaches-treating-participants-alone",
        citation="42 CFR 2.31(a)(4)(ii)(B)",
        because="a general designation through an intermediary reaches those alone who treat the patient",
        test=_general_designation,
    ),
)
"""Why a consent does not reach a recipient through an intermediary; asked for Part 2 records."""

SIGNERS: Final = (
    Denial(
        name="a-parent-alone-never-signs-for-part-2",
        citation="42 CFR 2.14(b), (c)(2)",
        because="a minor's Part 2 record needs the minor's own signature",
        test=lambda asked: asked.matter.program and asked.signer != MINOR,
    ),
)
"""Why a signature does not do for a minor."""

BASES: Final = (
    Denial(
        name="part-2-by-hipaa-alone",
        citation="42 CFR 2.12(a), 2.13(a)",
        because="neither treatment, custody nor a threat reaches a Part 2 record",
        test=lambda asked: asked.matter.program and asked.basis in {"T", "K", "J"},
    ),
    Denial(
        name="emergency-is-for-medical-personnel",
        citation="42 CFR 2.51(a)",
        because="an emergency opens records to medical personnel alone, and custody staff are none",
        test=lambda asked: asked.basis == "E" and asked.matter.entity not in MEDICAL,
    ),
    Denial(
        name="custody-is-for-custodians",
        citation="45 CFR 164.512(k)(5)(i)",
        because="lawful custody is a basis for a correctional institution alone",
        test=lambda asked: asked.basis == "K" and asked.matter.entity not in CUSTODIANS,
    ),
    Denial(
        name="part-2-into-proceedings",
        citation="42 CFR 2.12(d)",
        because="no Part 2 record goes into a proceeding as an emergency or under a contract",
        test=lambda asked: asked.matter.program and asked.matter.perhaps and asked.basis in {"E", "Q"},
    ),
    Denial(
        name="a-proceedings-consent-is-for-proceedings-alone",
        citation="42 CFR 2.31(d)",
        because="a consent for proceedings covers no other purpose",
        test=lambda asked: asked.basis == "X" and not asked.matter.proceeding,
    ),
    Denial(
        name="notes-need-their-own-paper",
        citation="42 CFR 2.31(b); 45 CFR 164.508(a)(2)",
        because="notes need a paper of their own, or an order that reaches them",
        test=lambda asked: asked.matter.note and asked.basis not in {"E", "O"},
    ),
    Denial(
        name="domestic-violence-needs-its-own-paper",
        citation="34 U.S.C. 12291(b)(2)",
        because="records of a domestic violence programme need the release of their own kind or a court's mandate",
        test=lambda asked: asked.matter.violence and asked.basis != "O",
    ),
)
"""Why a basis that stands without a consent does not reach a record."""

MINORS: Final = (
    Denial(
        name="a-minor-signs-no-contract-and-no-proceedings-consent",
        citation="42 CFR 2.14",
        because="the person is a minor, and neither a contract nor a recorded consent for a proceeding counts for one",
        test=lambda asked: asked.basis in {"Q", "X"},
    ),
)
"""Why a basis does not hold for a minor."""

ORDERS: Final = (
    Denial(
        name="part-2-needs-a-subpart-e-order",
        citation="42 CFR 2.61, 2.64, 2.65",
        because="a Part 2 record needs an order under 42 CFR 2.64 or 2.65; a subpoena or another order is none",
        test=lambda asked: asked.matter.program and asked.words.isdisjoint(SUBPART_E),
    ),
    Denial(
        name="protected-health-information-needs-an-order-for-it",
        citation="45 CFR 164.512(e)(1)(i)",
        because="the order does not authorize protected health information",
        test=lambda asked: "hipaa" in asked.matter.regimes and HIPAA_ORDER not in asked.words,
    ),
    Denial(
        name="an-order-reaches-notes-only-with-its-own-finding",
        citation="42 CFR 2.63; 45 CFR 164.508(a)(2)",
        because="the order has no finding that reaches notes",
        test=lambda asked: asked.matter.note and NOTES_ORDER not in asked.words,
    ),
)
"""Why an order does not reach a record, by the words of its authority."""

TABLES: Final = {
    "a paper": PAPERS,
    "a designation": DESIGNATIONS,
    "a signature for a minor": SIGNERS,
    "a basis without consent": BASES,
    "a basis, of a minor": MINORS,
    "a court order": ORDERS,
}
"""Every table by what it is about."""


def denied(table: tuple[Denial, ...], asked: Asked) -> str | None:
    """Why the first denial of a table that holds forbids this, with its citation; None where none does."""
    for denial in table:
        if denial.test(asked):
            return f"{denial.because} ({denial.citation})"
    return None
