"""What a signed form says beyond its rules, kept with the Consent as extensions: the evidence that it was signed.

It stays with the custodian: a recipient gets a share of the Consent, which has none of it.

42 CFR 2.31(a), 2.35; 45 CFR 164.508(c), 164.530(j).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.consent.provision import PATIENT
from adapter.consent.vocabulary import CANONICAL, PART2_ELEMENTS, SIGNER

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.consent.release_form import Form
    from adapter.consent.release_submission import Condition, Named, Part2Signed, Submission

SIGNING: Final = f"{CANONICAL}/StructureDefinition/consent-signing"
DISCLOSER: Final = f"{CANONICAL}/StructureDefinition/consent-discloser"
CONDITION: Final = f"{CANONICAL}/StructureDefinition/consent-condition"

Element = dict[str, Any]


def evidence(
    form: Form, submission: Submission, part2: Part2Signed | None, reference: Callable[[str, str], Element]
) -> list[Element]:
    """The extensions of a Consent that tell who signed what, how and why. ``reference`` names a partner by its key."""
    found: list[Element] = [{"url": DISCLOSER, "valueString": form.disclosers}]
    if part2 is not None:
        found.append(_part2(part2, reference))
    if submission.signer.capacity != PATIENT:
        found.append({"url": SIGNER, "valueCode": submission.signer.capacity})
    if not submission.refused:
        found.append(_signing(submission))
    if submission.case is not None:
        found.append(_condition(submission.case, submission.condition, reference))
    return found


def _part2(part2: Part2Signed, reference: Callable[[str, str], Element]) -> Element:
    parts = [
        {"url": "discloser", "valueReference": reference(part2.discloser, "part2.discloser")},
        {"url": "amount", "valueString": part2.amount},
        {"url": "purpose", "valueString": part2.purpose},
        {"url": "revocationStatement", "valueBoolean": part2.revocation_statement},
    ]
    return {"url": PART2_ELEMENTS, "extension": parts}


def _signing(submission: Submission) -> Element:
    signature, signer = submission.signature, submission.signer
    interpreter, witness = submission.interpreter, submission.witness
    said = {
        "method": signature.method,
        "language": signature.language,
        "textHash": signature.hash,
        "identityMethod": signature.identity,
        "signerName": signer.name,
        "authority": signer.authority,
        "takenBy": submission.taken_by,
        "witness": witness.name if witness else "",
        "interpreter": interpreter.name if interpreter else "",
        "interpreterLanguage": interpreter.language if interpreter else "",
    }
    parts: list[Element] = [{"url": name, "valueString": text} for name, text in said.items() if text]
    if signature.at:
        parts.append({"url": "at", "valueDateTime": signature.at})
    if interpreter is not None:
        parts.append({"url": "interpreterCertified", "valueBoolean": interpreter.certified})
    parts.append({"url": "copyGiven", "valueBoolean": submission.copy_given})
    return {"url": SIGNING, "extension": parts}


def _condition(case: Named, condition: Condition | None, reference: Callable[[str, str], Element]) -> Element:
    parts: list[Element] = [{"url": "case", "valueIdentifier": {"system": case.system, "value": case.value}}]
    if condition is not None:
        parts += [
            {"url": name, "valueString": text}
            for name, text in (("order", condition.order), ("need", condition.need))
            if text
        ]
        parts += [
            {"url": "imposedBy", "valueReference": reference(key, "condition.partners")}
            for key in sorted(set(condition.partners))
        ]
        if condition.revocable_from:
            parts.append({"url": "revocableFrom", "valueDate": condition.revocable_from[:10]})
        if condition.revocable_on:
            parts.append({"url": "revocableOn", "valueCode": condition.revocable_on})
    return {"url": CONDITION, "extension": parts}
