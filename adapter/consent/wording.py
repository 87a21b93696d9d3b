"""The words of explanations: titles of legal bases with their citations, and what is known of a person as sentences.

42 CFR 2.13(c)(2): for the patient, the privacy officer and the developer, never for a recipient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from adapter.consent.bases import CODES, CONSENT, CUSTODY
from adapter.consent.standing import AGE, ASSERTION, HOLD, RESTRICTION, TREATMENT
from adapter.consent.standing import CUSTODY as IN_CUSTODY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.consent.recipient import RecipientContext
    from adapter.consent.segment import Segment
    from adapter.consent.standing import Fact

Naming = Callable[[str], str]
"""From a reference (``Organization/x``) to a name where one is at hand, else the reference itself."""

BASIS_TITLES: Final[Mapping[str, tuple[str, str]]] = {
    "treatment": ("a recorded treatment relationship", "45 CFR 164.506(c)"),
    "custody": ("lawful custody", "45 CFR 164.512(k)(5)"),
    "threat": ("a serious and imminent threat", "45 CFR 164.512(j)(1)(i)"),
    "emergency": ("a medical emergency", "42 CFR 2.51"),
    "order": ("a court order", "42 CFR 2.61 to 2.67, 45 CFR 164.512(e)"),
    "contract": ("a contract with the source", "45 CFR 164.504(e), 42 CFR 2.11"),
    "proceeding": ("a consent for one proceeding", "42 CFR 2.31(d)"),
}
"""Title and citation of each basis that stands without a consent on file, by its name."""
_BY_CODE: Final[Mapping[str, str]] = {
    "T": "treatment",
    "K": "custody",
    "J": "threat",
    "E": "emergency",
    "O": "order",
    "Q": "contract",
    "X": "proceeding",
}
_CLASSES: Final[Mapping[str, str]] = {
    "screening-summary": "screening summaries",
    "screening-detail": "screenings in detail",
    "booking": "bookings",
    "court": "court records",
    "identity": "the identity of a person",
    "contact": "addresses, telephone numbers and relatives",
    "consent-share": "shares of a consent",
}
_REGIMES: Final[Mapping[str, tuple[str, str]]] = {
    "justice": ("local law on justice records", ""),
    "hipaa": ("the HIPAA privacy rule", "45 CFR part 164"),
    "part2": ("the rules for records of substance use disorder programs", "42 CFR part 2"),
    "education": ("the rules for education records", "34 CFR part 99"),
    "undeclared": ("no declared legal regime", ""),
}
_TIERS: Final[Mapping[str, str]] = {
    "summary": "a screening summary",
    "identity": "the minimal record of who a person is",
    "contact": "what tells how to reach a person",
    "directory": "an entry of the public directory",
    "share": "a share of a consent",
}


def same_name(reference: str) -> str:
    """No name at hand: the reference."""
    return reference


def classes_told(classes: tuple[str, ...]) -> str:
    """Classes of data in words; none stands for all."""
    return " and ".join(_CLASSES.get(one, one) for one in classes) or "any record"


def bases_told(bases: int) -> list[str]:
    """The grounds of a mask in words."""
    found = ["a written consent"] if bases & CONSENT else []
    found += [BASIS_TITLES[_BY_CODE[code]][0] for code, bit in CODES.items() if bit != CONSENT and bases & bit]
    return found + ([BASIS_TITLES["custody"][0]] if bases & CUSTODY else [])


def basis_told(code: str) -> tuple[str, str]:
    """Title and citation of a basis by its code."""
    return BASIS_TITLES[_BY_CODE[code]] if code in _BY_CODE else (f"the basis {code}", "")


def record_told(segment: Segment, name: Naming) -> str:
    """What a record is, in one sentence."""
    what = _TIERS.get(segment.tier, "a record in full detail")
    made = f" made by {name(segment.unit)}" if segment.unit else ""
    labels = ", ".join(code for _, code in segment.labels)
    told = f", labelled {labels}" if labels else ""
    return f"The record is {what} ({segment.type}){made}{told}."


def regime_told(segment: Segment) -> tuple[str, str]:
    """The law that the unit of a record stands under, in one sentence, and its citation."""
    law, citation = _REGIMES[segment.regime]
    return f"It stands under {law}.", citation


def granted_told(kind: str, segment: Segment) -> str:
    """Records of a class and regime as agreements grant them, in words."""
    what = classes_told((kind,)) if kind else f"records of type {segment.type}"
    return f"{what} under {_REGIMES[segment.regime][0]}"


def fact_told(fact: Fact, recipient: RecipientContext, name: Naming) -> tuple[str, str, str] | None:
    """(outcome, sentence, citation) of something known of the person; None where it is about another recipient."""
    if fact.kind == AGE:
        return _age_told(fact)
    if fact.kind == ASSERTION:
        return _assertion_told(fact, recipient, name)
    if fact.recipient and fact.recipient not in recipient.actors:
        return None
    who, to = name(fact.recipient), f"to {name(fact.recipient)}" if fact.recipient else "to anyone"
    units = f" of {', '.join(name(unit) for unit in fact.units)}" if fact.units else ""
    agreed = f"A source agreed with the person not to give {classes_told(fact.classes)}{units} {to}."
    return {
        HOLD: ("deny", f"A hold stops everything {to}.", ""),
        RESTRICTION: ("deny", agreed, "45 CFR 164.522(a)"),
        IN_CUSTODY: ("noted", f"{who} has the person in custody.", "45 CFR 164.512(k)(5)"),
        TREATMENT: ("noted", f"{who} has a recorded treatment relationship with the person.", "45 CFR 164.506(c)"),
    }.get(fact.kind)


def _age_told(fact: Fact) -> tuple[str, str, str]:
    who = "so whose signature counts is for the law"
    if fact.value == "unknown":
        return "noted", f"No record tells when the person was born, {who}.", "42 CFR 2.14, 45 CFR 164.502(g)"
    return "noted", f"The person is {fact.value} years old, {who}.", "42 CFR 2.14, 45 CFR 164.502(g)"


def _assertion_told(fact: Fact, recipient: RecipientContext, name: Naming) -> tuple[str, str, str]:
    title, citation = basis_told(fact.basis)
    purpose = f" for {fact.purpose}" if fact.purpose else ""
    units = f" of {', '.join(name(unit) for unit in fact.units)}" if fact.units else ""
    told = f"Recorded for {name(fact.recipient)}{purpose}: {title}, for {classes_told(fact.classes)}{units}."
    asked = {code for _, code in recipient.purposes}
    mine = fact.recipient in recipient.actors and (not fact.purpose or fact.purpose in asked)
    return ("noted", told, citation) if mine else ("not-applicable", f"{told[:-1]}; not for this request.", citation)
