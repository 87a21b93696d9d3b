"""The functions a mapping may call; importing this package registers them all."""

from __future__ import annotations

from adapter.mapping.functions import fhir, hl7, identity, names, observation, text

__all__ = ["fhir", "hl7", "identity", "names", "observation", "text"]
