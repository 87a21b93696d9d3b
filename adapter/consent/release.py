"""From a signed release form to one Consent.

The root denies; under it one permit for each choice (partner, purposes, the screening summary, the
sensitivities ticked), and in every permit that the Part 2 section does not reach a deny of Part 2 records. A
refusal is an active Consent that denies everything; a revocation of everything makes it inactive; a
revocation of one partner is a deny of that partner. The consent lives from its signature to the end of its
last day.

42 CFR 2.31, 2.33; https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from fhir.resources.R4B.consent import Consent
from pydantic import ValidationError

from adapter.consent.release_form import (
    Choice,
    Form,
    Part2Signed,
    Submission,
    missing_elements,
    submission_of,
)
from adapter.consent.vocabulary import (
    ACT_CODE,
    ACT_REASON,
    CANONICAL,
    CONSENT_SCOPE,
    LOCAL_PURPOSE,
    PART2,
    PART2_CONSENT,
    PARTICIPATION,
    PURPOSES,
)
from adapter.errors import RecordError
from adapter.fhir.dates import interval

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

PROFILE: Final = f"{CANONICAL}/StructureDefinition/release-of-information"
SUMMARY_PROFILE: Final = f"{CANONICAL}/StructureDefinition/screening-summary"
PART2_ELEMENTS: Final = f"{CANONICAL}/StructureDefinition/part2-consent-elements"
SUBMISSION_SYSTEM: Final = f"{CANONICAL}/identifier/release-submission"
SERIES_SYSTEM: Final = f"{CANONICAL}/identifier/release-series"

_CATEGORY: Final = {"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}

Element = dict[str, Any]


def _concept(system: str, code: str) -> Element:
    return {"coding": [{"system": system, "code": code}]}


def _purpose(code: str) -> Element:
    """A purpose of HL7 where it is one, else of the county's own list."""
    return {"system": ACT_REASON if code in PURPOSES else LOCAL_PURPOSE, "code": code}


class _Organisations:
    """The references of partners by key."""

    def __init__(self, references: Mapping[str, str]) -> None:
        self.references = references

    def reference(self, key: str, place: str) -> Element:
        if key not in self.references:
            raise RecordError("unknown-organisation", place, "a partner of this site")
        return {"reference": self.references[key]}

    def recipient(self, key: str, place: str) -> Element:
        return {"role": _concept(PARTICIPATION, "IRCP"), "reference": self.reference(key, place)}


def _reaches(form: Form, submission: Submission, choice: Choice) -> bool:
    """Whether the Part 2 section covers a choice: signed, for this partner, with its class ticked."""
    part2 = submission.part2
    return (
        form.part2 is not None
        and part2 is not None
        and part2.signed
        and choice.partner in part2.partners
        and form.part2.needs in choice.classes
    )


def _permit(form: Form, submission: Submission, choice: Choice, partners: _Organisations) -> Element:
    codes = sorted({code for name in choice.classes for code in form.classes[name]})
    permit: Element = {
        "type": "permit",
        "actor": [partners.recipient(choice.partner, "choices.partner")],
        "securityLabel": [{"system": ACT_CODE, "code": code} for code in codes],
        "purpose": [_purpose(code) for code in sorted(set(choice.purposes))],
        "class": [{"system": "urn:ietf:rfc:3986", "code": SUMMARY_PROFILE}],
    }
    if not _reaches(form, submission, choice):
        permit["provision"] = [{"type": "deny", "securityLabel": [{"system": ACT_CODE, "code": PART2}]}]
    return permit


def _revoked(submission: Submission, zone: tzinfo) -> tuple[bool, list[str]]:
    """Whether everything is revoked, and the partners that are."""
    everything = False
    partners: set[str] = set()
    for index, revocation in enumerate(submission.revocations):
        # Its date has to be readable; a date to come is a clock that is wrong, and holds at once like any other.
        _instant(revocation.at, f"revocations[{index}].at", zone)
        if revocation.partners == "all":
            everything = True
        else:
            partners.update(revocation.partners)
    return everything, sorted(partners)


def _instant(text: str, place: str, zone: tzinfo) -> int:
    try:
        return interval(text, zone)[0]
    except ValueError as error:
        raise RecordError("bad-date", place, "a date, or a date and time with an offset") from error


def _checked(form: Form, submission: Submission, zone: tzinfo, now: int) -> Part2Signed | None:
    """Refuse what is deficient on its face; return the Part 2 section where it is signed."""
    part2 = submission.part2 if submission.part2 is not None and submission.part2.signed else None
    if part2 is not None and form.part2 is None:
        raise RecordError("unknown-section", "part2", "a form that has a Part 2 section")
    missing = missing_elements(submission) if part2 is not None else []
    if missing:
        raise RecordError("missing-part2-element", ", ".join(missing), "every element of 42 CFR 2.31(a)")
    if submission.signed is None:
        raise RecordError("missing-date", "signed", "the date of signature, or of refusal")
    if not submission.refused and not (submission.signature.name and submission.expires):
        raise RecordError("deficient", "signature.name, expires", "a signature and an expiry, 45 CFR 164.508(c)")
    signed = _instant(submission.signed, "signed", zone)
    if signed > now:
        raise RecordError("future-dated", "signed", "a date that has come")
    if submission.expires and _instant(submission.expires, "expires", zone) < interval(submission.signed[:10], zone)[0]:
        raise RecordError("bad-date", "expires", "a day on or after the signature")
    return part2


def _root(
    form: Form,
    submission: Submission,
    revoked: list[str],
    partners: _Organisations,
) -> Element:
    choices = sorted(submission.choices, key=lambda choice: (choice.partner, choice.purposes, choice.classes))
    rules = [_permit(form, submission, choice, partners) for choice in choices]
    rules += [{"type": "deny", "actor": [partners.recipient(key, "revocations")]} for key in revoked]
    period = {"start": submission.signed, **({"end": submission.expires} if submission.expires else {})}
    return {"type": "deny", "period": period, **({"provision": rules} if rules else {})}


def _part2_elements(part2: Part2Signed, partners: _Organisations) -> Element:
    """What the Part 2 section says beyond the rules, kept with the consent."""
    parts = [
        {"url": "discloser", "valueReference": partners.reference(part2.discloser, "part2.discloser")},
        {"url": "amount", "valueString": part2.amount},
        {"url": "purpose", "valueString": part2.purpose},
        {"url": "revocationStatement", "valueBoolean": part2.revocation_statement},
    ]
    return {"extension": [{"url": PART2_ELEMENTS, "extension": parts}]}


def author(
    form: Form,
    values: Mapping[str, object],
    *,
    patient_ref: str,
    organisations: Mapping[str, str],
    zone: tzinfo,
    now: int,
) -> Element:
    """The Consent that a submitted form amounts to at ``now`` (epoch microseconds), without an id.

    ``organisations`` maps partner keys to Organization references; ``zone`` reads dates without a time.
    Raises RecordError, naming the elements, for a form that is deficient: unsigned, undated, future-dated,
    choosing what was not offered, or with a signed Part 2 section that lacks an element of 42 CFR 2.31(a).
    """
    submission = submission_of(form, values)
    part2 = _checked(form, submission, zone, now)
    everything, revoked = _revoked(submission, zone)
    partners = _Organisations(organisations)
    identifiers = [{"system": SUBMISSION_SYSTEM, "value": submission.submission}]
    if form.replaces_earlier:
        identifiers.append({"system": SERIES_SYSTEM, "value": f"{form.form}/{submission.person.id}"})
    drafted = {
        "resourceType": "Consent",
        "meta": {"profile": [PROFILE]},
        **(_part2_elements(part2, partners) if part2 is not None else {}),
        "identifier": identifiers,
        "status": "inactive" if everything else "active",
        "scope": _concept(CONSENT_SCOPE, "patient-privacy"),
        "category": [_CATEGORY, *([_concept(ACT_CODE, PART2_CONSENT)] if part2 is not None else [])],
        "patient": {"reference": patient_ref},
        "dateTime": submission.signed,
        "organization": [partners.reference(form.custodian, "custodian")],
        "sourceAttachment": {"title": f"{form.title}, version {form.version}"},
        "policy": [{"uri": uri} for uri in form.policies],
        "provision": _root(form, submission, revoked, partners),
    }
    return _validated(drafted)


def on_hold(patient_ref: str) -> Element:
    """The Consent that stands in for a form which cannot be used: it denies everything until the form is mended."""
    return {
        "resourceType": "Consent",
        "meta": {"profile": [PROFILE]},
        "status": "active",
        "scope": _concept(CONSENT_SCOPE, "patient-privacy"),
        "category": [_CATEGORY],
        "patient": {"reference": patient_ref},
        "policyRule": _concept(ACT_CODE, "OPTOUT"),
        "provision": {"type": "deny"},
    }


def _validated(drafted: Element) -> Element:
    """The draft as R4 has it, element by element."""
    try:
        written = Consent.model_validate(drafted).model_dump_json()
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise RecordError("bad-submission", place, "a value that R4 allows in a Consent") from error
    consent: Element = orjson.loads(written)
    return consent
