"""The functions a mapping may call; importing this package registers them all."""

from __future__ import annotations

from adapter.mapping.functions import (
    fhir,
    hl7,
    hl7_consent,
    hl7_labels,
    hl7_person,
    hl7_visit,
    identity,
    names,
    observation,
    observation_more,
    text,
)

__all__ = [
    "fhir",
    "hl7",
    "hl7_consent",
    "hl7_labels",
    "hl7_person",
    "hl7_visit",
    "identity",
    "names",
    "observation",
    "observation_more",
    "text",
]
