"""When a screening took place: the day that may be told, and the instant that only orders repeats.

https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adapter.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY_LENGTH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """``effective`` as sent, ``day`` as YYYY-MM-DD at the sender's offset, ``instant`` in microseconds."""

    effective: str
    day: str
    instant: int | None


def occasion_of(detail: Mapping[str, Any]) -> Occasion:
    """When the screen was given. Raises ``RecordError`` ``bad-date`` when it is not known to the day.

    The day is the sender's own: the first ten characters, not moved to another zone.
    """
    path, text = _sent(detail)
    day = text[:_DAY_LENGTH]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or _DAY.fullmatch(day) is None:
        raise RecordError("bad-date", path, "a date known at least to the day")
    # A time without its offset is no instant.
    instant = None if moment.tzinfo is None else (moment - _EPOCH) // _MICROSECOND
    return Occasion(effective=text, day=day, instant=instant)


def _sent(detail: Mapping[str, Any]) -> tuple[str, str]:
    if detail.get("resourceType") == "QuestionnaireResponse":
        return "QuestionnaireResponse.authored", str(detail.get("authored") or "")
    period = detail.get("effectivePeriod") or {}
    text = detail.get("effectiveDateTime") or detail.get("effectiveInstant") or period.get("start")
    return "Observation.effective[x]", str(text or "")
