"""Instants as FHIR writes them, https://hl7.org/fhir/R4/datatypes.html#instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1024)
def instant_text(micros: int) -> str:
    """Epoch microseconds as an instant in UTC, to the millisecond: ``2026-03-02T15:04:05.678Z``."""
    moment = _EPOCH + timedelta(microseconds=micros)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
