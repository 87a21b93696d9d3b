"""Labelling: the security labels of a record, by its instrument, codes, source and inbound labels.

Substance-use and mental-health content is labelled wherever it comes from. `42CFRPart2` is a statement about
the source: a unit under Part 2, or a sender that says so; never an inference from content.

LOINC panels and results are those of published screening instruments; ICD-10-CM chapters F10-F19 and F20-F99;
RxNorm ingredients of medication for substance use disorder.
Labels: https://hl7.org/fhir/R4/security-labels.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.consent.content import all_codings
from adapter.consent.sensitivity import Label, known_as, stated_labels
from adapter.consent.vocabulary import ACT_CODE, CONFIDENTIALITY, LEVELS, PART2, SENSITIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10: Final = frozenset({"http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-10"})

_SUBSTANCE_USE: Final[Mapping[str, str]] = {
    LOINC: (
        "72110-0 75624-7 72109-2 75626-2 68518-0 68519-8 68520-6 82666-9 82667-7 68524-8 96841-2 "
        "89556-5 89562-3 74013-4"
    ),
    SNOMED: "763302001 428211000124100 713106006",
    RXNORM: "1819 6813 7243 3554 82819",
}
_MENTAL_HEALTH: Final[Mapping[str, str]] = {
    LOINC: (
        "93373-9 93374-7 93245-9 93246-7 93247-5 93248-3 93249-1 93250-9 93267-3 93269-9 62746-3 55757-9 "
        "55758-7 "
        "44249-1 44261-6 44260-8 69737-5 70274-6 85102-2 102010-6 102017-1 101697-1 101698-9 82813-7 "
        "89556-5 89559-9 89560-7 101507-2"
    ),
    SNOMED: "171207006 454711000124102 715252007 710841007 225337009",
}
_VIOLENCE: Final[Mapping[str, str]] = {
    LOINC: (
        "82813-7 82814-5 82815-2 82816-0 82817-8 82818-6 82819-4 82820-2 82821-0 82822-8 82823-6 "
        "76499-3 76504-0 76501-6"
    ),
    SNOMED: "866148006",
}


def _table() -> dict[Label, frozenset[str]]:
    table: dict[Label, set[str]] = {}
    for sensitivity, lists in (("SUD", _SUBSTANCE_USE), ("MH", _MENTAL_HEALTH), ("SDV", _VIOLENCE)):
        for system, codes in lists.items():
            for code in codes.split():
                table.setdefault((system, code), set()).add(sensitivity)
    return {pair: frozenset(sensitivities) for pair, sensitivities in table.items()}


CONTENT: Final[Mapping[Label, frozenset[str]]] = _table()
"""Sensitivities by the code that reveals them."""


def content_labels(codes: Iterable[Label]) -> frozenset[str]:
    """The sensitivities that (system, code) pairs reveal."""
    found: set[str] = set()
    for system, code in codes:
        if system in ICD10:
            chapter = code[:3].upper()
            found |= {"SUD"} if "F10" <= chapter <= "F19" else {"MH"} if "F20" <= chapter <= "F99" else set()
        else:
            found |= CONTENT.get((system, code), frozenset())
    return frozenset(found)


def labels_for(
    *,
    instrument_labels: Iterable[str] = (),
    codes: Iterable[Label] = (),
    regime: str = "",
    inbound: Iterable[Label] = (),
) -> tuple[Label, ...]:
    """The labels of a record, sorted.

    ``instrument_labels`` are sensitivities of v3-ActCode, or a level of v3-Confidentiality (`V` for a PREA
    screening). ``codes`` are all (system, code) pairs in the record. ``regime`` is that of the source unit.
    ``inbound`` labels are kept, the ones unknown here included; of several levels the highest counts.
    Anything sensitive is at least `R`.
    """
    received = [known_as(label) for label in inbound]
    stated = frozenset(instrument_labels)
    kept = {label for label in received if label[0] != CONFIDENTIALITY or label[1] not in LEVELS}
    kept |= {(ACT_CODE, code) for code in content_labels(codes) | (stated - LEVELS.keys())}
    if regime == "part2":
        kept.add((ACT_CODE, PART2))
    levels = [LEVELS[code] for code in stated if code in LEVELS]
    levels += [LEVELS[code] for system, code in received if system == CONFIDENTIALITY and code in LEVELS]
    floor = LEVELS["R"] if any(map(_sensitive, kept)) else LEVELS["U"] if levels else LEVELS["N"]
    highest = tuple(LEVELS)[max([floor, *levels])]
    return tuple(sorted({*kept, (CONFIDENTIALITY, highest)}))


def _sensitive(label: Label) -> bool:
    return label[0] == ACT_CODE and (label[1] in SENSITIVE or label[1] == PART2)


def labels_of(resource: Mapping[str, Any]) -> tuple[Label, ...]:
    """The labels a resource states; one without any is not labelled yet and is labelled by its codes."""
    stated = stated_labels(resource)
    if stated:
        return stated
    sensitivities = content_labels(all_codings(resource))
    return labels_for(instrument_labels=sensitivities) if sensitivities else ()
