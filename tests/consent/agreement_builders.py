"""Agreements for tests, written as files are: short ways to say who signed, who receives and what changed."""

from datetime import date

from consent_builders import DENVER, LOCAL

from adapter.consent.agreement import Agreement, DataUse, bound
from adapter.consent.recipient import RecipientContext
from adapter.consent.segment import Segment
from adapter.fhir.dates import interval

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
SIGNED = "2025-12-01"


def signatory(organisation, day=SIGNED):
    return {"name": "Ada Thorne", "role": "director", "organisation": organisation, "date": str(day)}


def grant(recipient="pretrial", *, purposes=("pretrial-release",), classes=("screening-summary",), **more):
    return {
        "recipient": recipient,
        "purposes": list(purposes),
        "classes": list(classes),
        "regimes": ["hipaa"],
    } | more


def document(*grants, signed=("jail-medical", "pretrial"), **more):
    return {
        "agreement": "mou",
        "title": "Memorandum",
        "authority": "resolution 1",
        "parties": ["jail-medical", "pretrial", "probation"],
        "start": str(FIRST),
        "end": str(LAST),
        "contact": "privacy officer",
        "grants": list(grants) or [grant()],
        "signatories": [signatory(one) for one in signed],
    } | more


def memorandum(*grants, **more):
    return Agreement.model_validate(document(*grants, **more))


def contract(**more):
    return DataUse.model_validate(
        {
            "agreement": "dua",
            "title": "Contract",
            "kind": "dua",
            "authority": "45 CFR 164.504(e)",
            "vendor": "vendor",
            "sources": ["jail-medical"],
            "feeds": ["jail-medical-hl7"],
            "purposes": ["HOPERAT"],
            "classes": ["screening-summary"],
            "regimes": ["hipaa"],
            "start": str(FIRST),
            "end": str(LAST),
            "contact": "information officer",
            "at_end": "destroy",
            "model_training": "prohibited",
            "signatories": [signatory("vendor"), signatory("jail-medical")],
        }
        | more
    )


def recipient(key="pretrial", *purposes):
    named = purposes or ("pretrial-release",)
    return RecipientContext(
        actors=frozenset({f"Organization/{key}"}),
        purposes=tuple((LOCAL, code) for code in named),
        organisation=f"Organization/{key}",
    )


def segment(unit="jail-medical", *, tier="summary", regime="hipaa", **more):
    return Segment(type="Observation", tier=tier, regime=regime, unit=f"Organization/{unit}", **more)


def bounds(agreements, who=None, what=None, **more):
    return bound(agreements, who or recipient(), what or segment(), zone=DENVER, **more)


def first(day):
    """The first instant of a day."""
    return interval(str(day), DENVER)[0]


def after(day):
    """The first instant after a day."""
    return interval(str(day), DENVER)[1]
