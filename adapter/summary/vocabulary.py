"""The code systems a screening summary speaks, and how result categories rank.

The three local systems stand where LOINC has no code: most jail screens have none. A score and the band drawn
from it never share a code, so a receiver cannot take one for the other.

LOINC: https://loinc.org. Observation: https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

CANONICAL = "https://sallyport.example/fhir"
INSTRUMENT = f"{CANONICAL}/CodeSystem/jbh-instrument"
RESULT_CODE = f"{CANONICAL}/CodeSystem/jbh-result-code"
RESULT_CATEGORY = f"{CANONICAL}/CodeSystem/jbh-result-category"

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
US_CORE_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
OBSERVATION_VALUE = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
ABSENT_REASON = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
ORDINAL_VALUE = "http://hl7.org/fhir/StructureDefinition/ordinalValue"

SUMMARY_PROFILE = f"{CANONICAL}/StructureDefinition/screening-summary"
US_CORE_SCREENING = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-screening-assessment"
SCREENING_ORDER = f"{CANONICAL}/StructureDefinition/screening-order"

HIGHEST_RISK = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One result category: ``risk`` orders results of one instrument only, from 0 to 9.

    A refused or unfinished screen ranks just above a negative one: it does not show that nothing is there.
    """

    code: str
    display: str
    risk: int


def _category(code: str, display: str, risk: int) -> tuple[str, Category]:
    return code, Category(code=code, display=display, risk=risk)


CATEGORIES = MappingProxyType(
    dict(
        (
            _category("none", "None or minimal", 0),
            _category("negative", "Negative", 0),
            _category("no-refer", "No referral", 0),
            _category("refused", "Refused", 1),
            _category("unable-to-complete", "Unable to complete", 1),
            _category("low", "Low", 2),
            _category("mild", "Mild", 3),
            _category("low-moderate", "Low to moderate", 3),
            _category("moderate", "Moderate", 4),
            _category("moderate-high", "Moderate to high", 5),
            _category("substantial", "Substantial", 6),
            _category("high", "High", 7),
            _category("positive", "Positive", 7),
            _category("refer", "Refer for evaluation", 7),
            _category("override", "Set by override", 7),
            _category("severe", "Severe", 8),
            _category("very-high", "Very high", 8),
        )
    )
)
"""The categories every instrument may use; a registry row may add its own (ASAM levels of care)."""

WORDS = MappingProxyType(
    {
        "declined": "refused",
        "declined-to-answer": "refused",
        "refused-to-answer": "refused",
        "incomplete": "unable-to-complete",
        "not-completed": "unable-to-complete",
    }
)
"""What any sender may write for a category; an instrument's own aliases come on top."""

ANSWERS = MappingProxyType({"LA30122-8": "refused"})
"""LOINC answers that mean a category for every instrument (chose not to answer)."""

ABSENT_REASONS = frozenset(
    {
        "unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked", "not-applicable",
        "unsupported", "as-text", "error", "not-a-number", "negative-infinity", "positive-infinity",
        "not-performed", "not-permitted",
    }
)  # fmt: skip
"""https://hl7.org/fhir/R4/codesystem-data-absent-reason.html"""

_APART = re.compile(r"[^a-z0-9.]+")


def word(text: str) -> str:
    """``text`` as a code is written: lower case, every run of other signs one hyphen (``low-moderate``)."""
    return _APART.sub("-", text.casefold()).strip("-")
