"""The screening instruments of Alder County and the codes its systems send for them.

LOINC codes: panels and totals as listed in LOINC (https://loinc.org), the PHQ-9 items and answers as in the
US Core PHQ-9 example (https://hl7.org/fhir/us/core/QuestionnaireResponse-phq-9-example.html). Instruments
without a LOINC code use local codes: the instrument's id, and its result code with the suffix ``-score`` (a
number) or ``-result`` (a category). Only codes are sent; no wording of any item is in this package.
"""

from __future__ import annotations

from dataclasses import dataclass

LOINC = "LN"
LOCAL = "L"

MENTAL_HEALTH = ("MH",)
SUBSTANCE_USE = ("SUD",)
BOTH = ("MH", "SUD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One instrument as its senders code it.

    ``system`` is the HL7 v2 name of the coding system of ``panel`` and ``result_code`` (``LN`` LOINC, ``L``
    local). A number has ``highest`` and ``bands`` (lowest score of each band, ascending; empty where no band
    may be computed); a category has ``levels`` with their shares. ``items`` are the LOINC codes of the scored
    items, each answered 0 to 3, or empty when the sender sends the total alone.
    """

    id: str
    name: str
    system: str
    panel: str
    result_code: str
    labels: tuple[str, ...]
    highest: int = 0
    bands: tuple[tuple[int, str], ...] = ()
    levels: tuple[tuple[str, float], ...] = ()
    items: tuple[str, ...] = ()

    def band(self, score: int) -> str | None:
        """The category of ``score``, or None when no band may be computed for this instrument."""
        found = None
        for lowest, category in self.bands:
            if score >= lowest:
                found = category
        return found


PHQ9_ITEMS = (
    "44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3", "44260-8",
)  # fmt: skip
PHQ9_ANSWERS = ("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9")
"""LOINC answers that score 0, 1, 2 and 3."""

BJMHS = Instrument(
    id="bjmhs",
    name="Brief Jail Mental Health Screen",
    system=LOCAL,
    panel="bjmhs",
    result_code="bjmhs-result",
    labels=MENTAL_HEALTH,
    levels=(("no-refer", 0.66), ("refer", 0.28), ("unable-to-complete", 0.04), ("refused", 0.02)),
)
C_SSRS = Instrument(
    id="c-ssrs",
    name="C-SSRS screener",
    system=LOINC,
    panel="93373-9",
    result_code="93374-7",
    labels=MENTAL_HEALTH,
    levels=(("none", 0.6), ("low", 0.2), ("moderate", 0.12), ("high", 0.08)),
)
PHQ9 = Instrument(
    id="phq-9",
    name="PHQ-9",
    system=LOINC,
    panel="44249-1",
    result_code="44261-6",
    labels=MENTAL_HEALTH,
    highest=27,
    bands=((0, "negative"), (10, "positive")),
    items=PHQ9_ITEMS,
)
GAD7 = Instrument(
    id="gad-7",
    name="GAD-7",
    system=LOINC,
    panel="69737-5",
    result_code="70274-6",
    labels=MENTAL_HEALTH,
    highest=21,
    bands=((0, "none"), (5, "mild"), (10, "moderate"), (15, "severe")),
)
AUDIT = Instrument(
    id="audit",
    name="AUDIT",
    system=LOINC,
    panel="72110-0",
    result_code="75624-7",
    labels=SUBSTANCE_USE,
    highest=40,
    bands=((0, "low"), (8, "moderate"), (16, "high"), (20, "very-high")),
)
AUDIT_C = Instrument(
    id="audit-c",
    name="AUDIT-C",
    system=LOINC,
    panel="72109-2",
    result_code="75626-2",
    labels=SUBSTANCE_USE,
    highest=12,
    # Three points are positive for women alone; nobody here scores them, so that sex does not matter.
    bands=((0, "negative"), (4, "positive")),
)
DAST10 = Instrument(
    id="dast-10",
    name="DAST-10",
    system=LOINC,
    panel="82666-9",
    result_code="82667-7",
    labels=SUBSTANCE_USE,
    highest=10,
    bands=((0, "none"), (1, "low"), (3, "moderate"), (6, "substantial"), (9, "severe")),
)
TCU_DS5 = Instrument(
    id="tcu-ds5",
    name="TCU Drug Screen 5",
    system=LOCAL,
    panel="tcu-ds5",
    result_code="tcu-ds5-score",
    labels=SUBSTANCE_USE,
    highest=11,
    bands=((0, "none"), (2, "mild"), (4, "moderate"), (6, "severe")),
)
CIWA_AR = Instrument(
    id="ciwa-ar",
    name="CIWA-Ar",
    system=LOCAL,
    panel="ciwa-ar",
    result_code="ciwa-ar-score",
    labels=SUBSTANCE_USE,
    highest=67,
)
COWS = Instrument(
    id="cows",
    name="COWS",
    system=LOCAL,
    panel="cows",
    result_code="cows-score",
    labels=SUBSTANCE_USE,
    highest=48,
)
GAIN_SS = Instrument(
    id="gain-ss",
    name="GAIN-SS",
    system=LOCAL,
    panel="gain-ss",
    result_code="gain-ss-score",
    labels=BOTH,
    highest=23,
)

INSTRUMENTS: dict[str, Instrument] = {
    instrument.id: instrument
    for instrument in (BJMHS, C_SSRS, PHQ9, GAD7, AUDIT, AUDIT_C, DAST10, TCU_DS5, CIWA_AR, COWS, GAIN_SS)
}

UNSCORED: frozenset[tuple[str, int]] = frozenset({(AUDIT_C.id, 3)})
"""Scores that nobody in the county gets, because their band depends on more than the score."""
