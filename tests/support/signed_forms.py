"""Release forms of every instrument and what people hand in on them, for tests that say what one change makes of it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from adapter.consent.directive import read
from adapter.consent.evaluate import Effect
from adapter.consent.labels import labels_for
from adapter.consent.names import AtHand
from adapter.consent.policy import timeline
from adapter.consent.recipient import close
from adapter.consent.release import SUMMARY_PROFILE, author
from adapter.consent.release_form import Form
from adapter.consent.rules import rule
from adapter.consent.segment import Segment
from adapter.errors import RecordError
from adapter.fhir.dates import interval

REFUSALS = Path(__file__).parents[1] / "consent" / "refusals.yaml"
DENVER = ZoneInfo("America/Denver")
LOCAL = "https://sallyport.example/fhir/CodeSystem/purpose-of-use"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
TEXT, TEXTO = "a" * 64, "b" * 64
"""The hashes of the English and the Spanish text of every form here."""
CASE = {"system": "https://court.example/case", "value": "2026CR1"}
NOW = interval("2026-06-01T00:00:00Z", DENVER)[0]
SIGNED_AT = "2026-03-02T10:00:00-07:00"

STATEMENTS = {
    "revocation": "You may take this back in writing.",
    "conditioning": "Your care does not hang on it.",
    "redisclosure": "Who receives it may pass it on.",
}
TREATMENT = {
    "treatment_redisclosure": "It may be passed on, but not in proceedings against you.",
    "treatment_refusal": "If you refuse, nobody receives it.",
}
RELEASE = {
    "form": "universal-release",
    "version": "2026-1",
    "instrument": "release",
    "title": "Release of information",
    "custodian": "registry",
    "policies": ["https://county.example/policies/release"],
    "disclosers": "The jail and the clinic.",
    "classes": {"mental-health": ["MH"], "substance-use": ["SUD"]},
    "partners": {
        "pretrial": ["pretrial-release"],
        "cottonwood": ["discharge-planning", "TREAT", "HPAYMT"],
        "probation": ["supervision"],
    },
    "statements": {**STATEMENTS, **TREATMENT},
    "part2": {"statement": "You may take this back in writing.", "needs": "substance-use"},
    "texts": {"en": TEXT, "es": TEXTO},
}
CONDITION = RELEASE | {
    "form": "condition-of-release",
    "instrument": "criminal-justice",
    "partners": {"pretrial": ["pretrial-release"], "treatment-court": ["diversion", "supervision"]},
    "statements": {"redisclosure": "For the case alone.", "revocability": "Not before the day below."},
}
PROCEEDINGS = RELEASE | {
    "form": "proceedings",
    "instrument": "proceedings",
    "partners": {"court": ["HLEGAL"]},
    "statements": STATEMENTS,
}
NOTES = RELEASE | {
    "form": "counseling-notes",
    "instrument": "counseling-notes",
    "classes": {"counseling-notes": ["SUD"]},
    "part2": {"statement": "You may take this back in writing.", "needs": "counseling-notes"},
}
PSYCHOTHERAPY = RELEASE | {
    "form": "psychotherapy-notes",
    "instrument": "psychotherapy-notes",
    "classes": {"psychotherapy-notes": ["PSYTHPN"]},
    "statements": STATEMENTS,
    "part2": None,
}
SHELTER = RELEASE | {
    "form": "shelter",
    "instrument": "domestic-violence",
    "statements": STATEMENTS,
    "part2": None,
}
INSTRUMENTS = {
    "release": RELEASE,
    "criminal-justice": CONDITION,
    "proceedings": PROCEEDINGS,
    "counseling-notes": NOTES,
    "psychotherapy-notes": PSYCHOTHERAPY,
    "domestic-violence": SHELTER,
}
ORGANISATIONS = {
    key: f"Organization/{key}"
    for key in (
        "registry",
        "pretrial",
        "cottonwood",
        "probation",
        "treatment-court",
        "court",
        "riverside-otp",
        "clinic",
    )
}
AT_HAND = AtHand([{"resourceType": "Organization", "id": key} for key in ORGANISATIONS])

PART2 = {
    "signed": True,
    "partners": ["cottonwood"],
    "discloser": "riverside-otp",
    "amount": "screening results",
    "purpose": "planning discharge",
    "revocation_statement": True,
    "redisclosure_statement": True,
    "refusal_statement": True,
}
SIGNATURE = {"name": True, "method": "ink"}
ELECTRONIC = SIGNATURE | {
    "method": "electronic",
    "hash": TEXT,
    "intent": True,
    "identity": "photo identification",
    "at": SIGNED_AT,
}
SIGNED = {
    "submission": "r0001",
    "form": "universal-release",
    "version": "2026-1",
    "person": {"id": "p0001-reg", "last": "Marsh", "first": "Ada", "middle": None, "dob": "1990-02-03"},
    "signed": SIGNED_AT,
    "expires": "2027-03-02",
    "refused": False,
    "choices": [
        {"partner": "pretrial", "purposes": ["pretrial-release"], "classes": ["mental-health"]},
        {"partner": "cottonwood", "purposes": ["TREAT"], "classes": ["mental-health", "substance-use"]},
    ],
    "signature": SIGNATURE,
    "copy_given": True,
}
CONDITIONED = SIGNED | {
    "submission": "c0001",
    "form": "condition-of-release",
    "choices": [
        {"partner": "treatment-court", "purposes": ["diversion"], "classes": ["mental-health", "substance-use"]},
        {"partner": "pretrial", "purposes": ["pretrial-release"], "classes": ["substance-use"]},
    ],
    "part2": PART2 | {"partners": ["treatment-court", "pretrial"], "revocation_statement": False},
    "case": CASE,
    "condition": {
        "order": "take part in treatment",
        "need": "to tell whether the condition is kept",
        "partners": ["treatment-court", "pretrial"],
        "revocable_from": "2026-09-01",
    },
}
FOR_COURT = SIGNED | {
    "submission": "x0001",
    "form": "proceedings",
    "choices": [{"partner": "court", "purposes": ["HLEGAL"], "classes": ["substance-use"]}],
    "part2": PART2 | {"partners": ["court"]},
    "case": CASE,
}
HANDED_IN = {"universal-release": SIGNED, "condition-of-release": CONDITIONED, "proceedings": FOR_COURT}


def form(document=RELEASE, **changed):
    """A form of the county."""
    return Form.model_validate(document | changed)


def authored(document=RELEASE, now=NOW, changed_form=None, organisations=ORGANISATIONS, **elements):
    """The Consent of what was handed in on a form, changed by ``elements``."""
    values = deepcopy(HANDED_IN.get(document["form"], SIGNED | {"form": document["form"]})) | elements
    return author(
        form(document, **(changed_form or {})),
        values,
        patient_ref="Patient/a",
        organisations=organisations,
        zone=DENVER,
        now=now,
    )


def refused(code, element, document=RELEASE, **given):
    """A form that is handed in so is refused, at an element, with the words that tell whoever mends it what to do."""
    with pytest.raises(RecordError) as raised:
        authored(document, **given)
    error = raised.value
    assert (error.code, error.element) == (code, element)
    words = yaml.safe_load(REFUSALS.read_text(encoding="utf-8"))
    assert error.expected in words.get(f"{code} {element}", ()), f"{code} {element}: {error.expected}"


def recipient_of(partner, *purposes):
    """A partner that asks for purposes."""
    asked = [(ACT_REASON if code.isupper() else LOCAL, code) for code in purposes]
    return close([f"Organization/{partner}"], AT_HAND, purposes=asked, organisation=f"Organization/{partner}")


def record_of(*labels, regime="hipaa", profile=SUMMARY_PROFILE, unit="clinic"):
    """The segment of a record with these sensitivities; a Part 2 record comes from the program."""
    return Segment(
        type="Observation",
        profiles=(profile,),
        tier="summary",
        labels=labels_for(instrument_labels=labels, regime=regime),
        regime=regime,
        unit=f"Organization/{'riverside-otp' if regime == 'part2' else unit}",
    )


def permits(consents, partner, purpose, *labels, at=NOW, events=(), **record):
    """Whether ``partner`` may have a record with these labels, by these Consents of one person."""
    directives = [read({"id": f"c{number}", **consent}) for number, consent in enumerate(consents)]
    spans = timeline(directives, DENVER, events=events)
    policy = next(span.policy for span in spans if span.start <= at < span.stop)
    verdict = rule(policy, recipient_of(partner, purpose), record_of(*labels, **record))
    assert verdict.effect is not Effect.EXCEPTION
    return verdict.effect is Effect.PERMIT


def instant(text):
    """An instant, or the first of a day, in epoch microseconds."""
    return interval(text, DENVER)[0]
