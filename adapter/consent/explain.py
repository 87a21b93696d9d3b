"""A verdict in plain words, losing rules included.

42 CFR 2.13(c)(2): none of this may reach a recipient, it is for the patient, the privacy officer and the
developer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapter.consent.evaluate import Effect, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

_EFFECTS: Final[Mapping[Effect, str]] = {
    Effect.PERMIT: "Permitted.",
    Effect.DENY: "Denied.",
    Effect.EXCEPTION: "Not decided for the whole group: each resource is decided on its own.",
}
_OUTCOMES: Final[Mapping[str, str]] = {
    "permit": "permits",
    "deny": "denies",
    "not-applicable": "does not apply",
    "cap": "cannot be understood and blocks what it might cover; someone has to mend it",
}
_CRITERIA: Final[Mapping[str, str]] = {
    "period": "its period",
    "actor": "whom it names",
    "action": "what it lets do",
    "purpose": "the purpose",
    "securityLabel": "the sensitivity of the record",
    "class": "the kind of record",
    "code": "the code of the record",
    "dataPeriod": "the date of the record",
    "data": "the single records it names",
    "provision": "all it asks for",
    "consent": "the consent as a whole",
    "conflict": "the consents together",
    "default-deny": "the rule that nothing is released unasked",
    "part2": "federal substance-use confidentiality (42 CFR Part 2)",
    "latest-wins": "the county's choice that the latest consent decides",
}


def _sentence(reason: Reason) -> str:
    what = _CRITERIA.get(reason.rule, reason.rule)
    said = _OUTCOMES[reason.outcome]
    if reason.source:
        return f"{reason.source} {said}, by {what}: {reason.because}."
    return f"{what[:1].upper()}{what[1:]} {said}: {reason.because}."


def explain(verdict: Verdict) -> list[str]:
    """The verdict, every rule that was asked and what is due, a sentence each."""
    lines = [_EFFECTS[verdict.effect], *(_sentence(reason) for reason in verdict.reasons)]
    for obligation in verdict.obligations:
        wording = f" ({obligation.version})" if obligation.version else ""
        text = f": {obligation.text}" if obligation.text else "."
        lines.append(f"With it goes {obligation.code}{wording}{text}")
    return lines
