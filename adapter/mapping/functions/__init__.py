"""The functions a mapping may call; importing this package registers them all."""

from __future__ import annotations

from adapter.mapping.functions import (
    cda,
    fhir,
    hl7,
    hl7_consent,
    hl7_contact,
    hl7_labels,
    hl7_person,
    hl7_visit,
    identity,
    names,
    observation,
    observation_more,
    screenings,
    text,
)

__all__ = [
    "cda",
    "fhir",
    "hl7",
    "hl7_consent",
    "hl7_contact",
    "hl7_labels",
    "hl7_person",
    "hl7_visit",
    "identity",
    "names",
    "observation",
    "observation_more",
    "screenings",
    "text",
]
