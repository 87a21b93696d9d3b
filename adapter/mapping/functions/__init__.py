"""The functions a mapping may call; importing this package registers them all."""

from __future__ import annotations

from adapter.mapping.functions import cda, fhir, hl7, identity, names, observation, screenings, text

__all__ = ["cda", "fhir", "hl7", "identity", "names", "observation", "screenings", "text"]
