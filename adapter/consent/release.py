"""From a signed release form to one Consent.

The root denies; under it one permit for each choice (partner, purposes, kind of record, the sensitivities ticked), a
denial for each refusal of part, and in every permit that the Part 2 section does not reach a deny of Part 2 records. A
refusal is an active Consent that denies everything; a revocation of everything makes it inactive; a revocation of one
partner is a deny of that partner. The consent lives from its signature to the end of its last day, or to the event that
ends it. What Part 2 alone knows, consents for criminal justice, for proceedings and for counseling notes, is about the
records of a program and says nothing of others.

42 CFR 2.31, 2.33, 2.35; 45 CFR 164.508; https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fhir.resources.R4B.consent import Consent
from pydantic import ValidationError

from adapter.consent.expiry import Expiry
from adapter.consent.release_elements import check_elements, check_signature, pending
from adapter.consent.release_evidence import evidence
from adapter.consent.release_form import NOTES, OF_PROGRAMS
from adapter.consent.release_submission import TREATING, submission_of
from adapter.consent.release_terms import terms
from adapter.consent.vocabulary import (
    ACT_CODE,
    ACT_REASON,
    CANONICAL,
    CONSENT_SCOPE,
    INSTRUMENT,
    LOCAL_PURPOSE,
    PART2,
    PART2_CONSENT,
    PARTICIPATION,
    PURPOSES,
)
from adapter.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import tzinfo

    from adapter.consent.release_form import Form
    from adapter.consent.release_submission import Choice, Part2Signed, Refusal, Submission
    from adapter.consent.release_terms import Terms

PROFILE: Final = f"{CANONICAL}/StructureDefinition/release-of-information"
SUMMARY_PROFILE: Final = f"{CANONICAL}/StructureDefinition/screening-summary"
SUBMISSION_SYSTEM: Final = f"{CANONICAL}/identifier/release-submission"
SERIES_SYSTEM: Final = f"{CANONICAL}/identifier/release-series"
PROFILE_SYSTEM: Final = "urn:ietf:rfc:3986"
"""What system a profile has where it stands as the class of a record."""

CATEGORY: Final = {"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}

Element = dict[str, Any]


def _concept(system: str, code: str) -> Element:
    return {"coding": [{"system": system, "code": code}]}


def _purpose(code: str) -> Element:
    """A purpose of HL7 where it is one, else of the county's own list."""
    return {"system": ACT_REASON if code in PURPOSES else LOCAL_PURPOSE, "code": code}


def _labels(codes: Iterable[str]) -> list[Element]:
    return [{"system": ACT_CODE, "code": code} for code in sorted(set(codes))]


class Organisations:
    """The references of partners by key."""

    def __init__(self, references: Mapping[str, str]) -> None:
        self._references = references

    def reference(self, key: str, place: str) -> Element:
        """The reference of one partner. Raises RecordError where the site does not know it."""
        if key not in self._references:
            raise RecordError("unknown-organisation", place, "a partner of this site")
        return {"reference": self._references[key]}

    def recipient(self, key: str, place: str) -> Element:
        """A partner as the one that receives."""
        return {"role": _concept(PARTICIPATION, "IRCP"), "reference": self.reference(key, place)}


def _record_class(form: Form) -> str:
    """The profile of the records a form is about; notes are never summaries, and summaries never notes."""
    return f"{CANONICAL}/StructureDefinition/{form.instrument}" if form.instrument in NOTES else SUMMARY_PROFILE


def _reaches(form: Form, part2: Part2Signed | None, choice: Choice) -> bool:
    """Whether the Part 2 section covers a choice: signed, for this partner, with its class ticked."""
    return (
        form.part2 is not None
        and part2 is not None
        and choice.partner in part2.partners
        and form.part2.needs in choice.classes
    )


def _permit(
    form: Form, submission: Submission, part2: Part2Signed | None, choice: Choice, partners: Organisations
) -> Element:
    # Of an intermediary's participants only those named receive: who treats the person is not for a form to say.
    named = () if choice.participants == TREATING else choice.participants
    permit: Element = {
        "type": "permit",
        "actor": [partners.recipient(key, "choices.partner") for key in (choice.partner, *sorted(set(named)))],
        "securityLabel": _labels(code for name in choice.classes for code in form.classes[name]),
        "purpose": [_purpose(code) for code in sorted(set(choice.purposes))],
        "class": [{"system": PROFILE_SYSTEM, "code": _record_class(form)}],
    }
    if not form.future:
        permit["dataPeriod"] = {"end": (submission.signed or "")[:10]}
    if not _reaches(form, part2, choice):
        permit["provision"] = [{"type": "deny", "securityLabel": _labels([PART2])}]
    return permit


def _denial(form: Form, refusal: Refusal, partners: Organisations) -> Element:
    denial: Element = {"type": "deny"}
    if refusal.partner is not None:
        denial["actor"] = [partners.recipient(refusal.partner, "refusals.partner")]
    if refusal.classes:
        denial["securityLabel"] = _labels(code for name in refusal.classes for code in form.classes[name])
    if refusal.purposes:
        denial["purpose"] = [_purpose(code) for code in sorted(set(refusal.purposes))]
    return denial


def _closed(key: str, day: str | None, partners: Organisations) -> Element:
    denial = {"type": "deny", "actor": [partners.recipient(key, "revocations")]}
    return denial if day is None else {**denial, "period": {"start": day}}


def _root(
    form: Form, submission: Submission, part2: Part2Signed | None, agreed: Terms, partners: Organisations
) -> Element:
    choices = sorted(submission.choices, key=lambda choice: (choice.partner, choice.purposes, choice.classes))
    refusals = sorted(submission.refusals, key=lambda one: (one.partner or "", one.classes, one.purposes))
    rules = [_permit(form, submission, part2, choice, partners) for choice in choices]
    rules += [_denial(form, refusal, partners) for refusal in refusals]
    rules += [_closed(key, day, partners) for key, day in sorted(agreed.closed.items())]
    root: Element = {
        "type": "deny",
        "period": {"start": submission.signed, **({"end": agreed.last} if agreed.last else {})},
    }
    if form.instrument in OF_PROGRAMS:
        root["securityLabel"] = _labels([PART2])
    return root | ({"provision": rules} if rules else {})


def _expiries(agreed: Terms, partners: Organisations) -> list[Element]:
    found = list(agreed.expiries)
    if agreed.closed_by is not None:
        event, keys = agreed.closed_by
        names = tuple(sorted(partners.reference(key, "revocations")["reference"] for key in keys))
        found.append(Expiry(event=event.event, system=event.system, value=event.value, recipients=names))
    return [one.extension() for one in found]


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

    ``organisations`` maps partner keys to Organization references; ``zone`` reads dates without a time. A form offered
    to somebody who cannot sign now becomes a proposed Consent, one taken in by mistake one that is entered in error:
    neither permits or denies anything.
    Raises RecordError, naming the elements, for a form that is deficient, 42 CFR 2.31(c), 45 CFR 164.508(b)(2):
    unsigned, undated, future-dated, without an element of its instrument, choosing what was not offered, signed by
    somebody who may not or on a version or text that was not offered; and for one that somebody has to look into.
    """
    submission = submission_of(form, values)
    partners = Organisations(organisations)
    drafted: Element = {
        "resourceType": "Consent",
        "meta": {"profile": [PROFILE]},
        "scope": _concept(CONSENT_SCOPE, "patient-privacy"),
        "patient": {"reference": patient_ref},
        "identifier": [{"system": SUBMISSION_SYSTEM, "value": submission.submission}],
        "organization": [partners.reference(form.custodian, "custodian")],
        "sourceAttachment": {"title": f"{form.title}, version {form.version}"},
        "policy": [{"uri": uri} for uri in form.policies],
    }
    category = [CATEGORY, _concept(INSTRUMENT, form.instrument)]
    void = "entered-in-error" if submission.entered_in_error else "proposed" if pending(submission) else ""
    if void:
        return _validated({**drafted, "status": void, "category": category, "provision": {"type": "deny"}})
    part2 = check_elements(form, submission)
    check_signature(form, submission, zone, now)
    agreed = terms(form, submission, zone, now)
    if form.replaces_earlier:
        drafted["identifier"].append({"system": SERIES_SYSTEM, "value": f"{form.form}/{submission.person.id}"})
    if part2 is not None:
        category.append(_concept(ACT_CODE, PART2_CONSENT))
    extensions = evidence(form, submission, part2, partners.reference) + _expiries(agreed, partners)
    return _validated(
        {
            **drafted,
            "extension": extensions,
            "status": "inactive" if agreed.revoked else "active",
            "category": category,
            "dateTime": submission.signed,
            "provision": _root(form, submission, part2, agreed, partners),
        }
    )


def on_hold(patient_ref: str) -> Element:
    """The Consent that stands in for a form which cannot be used: it denies everything until the form is mended."""
    return {
        "resourceType": "Consent",
        "meta": {"profile": [PROFILE]},
        "status": "active",
        "scope": _concept(CONSENT_SCOPE, "patient-privacy"),
        "category": [CATEGORY],
        "patient": {"reference": patient_ref},
        "policyRule": _concept(ACT_CODE, "OPTOUT"),
        "provision": {"type": "deny"},
    }


def _validated(drafted: Element) -> Element:
    """The draft, checked against R4 element by element."""
    try:
        Consent.model_validate(drafted)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise RecordError("bad-submission", place, "a value that R4 allows in a Consent") from error
    return drafted
