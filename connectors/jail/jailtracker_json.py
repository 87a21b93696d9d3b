"""A roster in the shape of JailTracker: an array of bookings, each with details as pairs of a label and a value.

`Jacket` stays with a person across bookings, `ArrestNo` does not. Details are `[{"Field": "Alias:", "Value": …}]`; one
feed mixes three formats of dates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from adapter.source import Position, SourceRecord
from connectors.behavioral_health.json_lines import not_empty
from connectors.json_records import array_records, bad

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import ExtractOptions, Malformed
    from connectors.json_elements import Piece

DETAILS = "Details"


class JailtrackerJson:
    """Reads bookings, kind ``booking``: the members of each object, and every detail as ``Details.LABEL``."""

    name = "jail.jailtracker_json"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """One record for each booking.

        Codes: ``connectors.json_records.array_records``; ``bad-details`` where the details are no list of pairs.
        """
        return array_records(stream, options, _booking)


def _booking(value: dict[str, Any], piece: Piece, part: str) -> Iterator[SourceRecord | Malformed]:
    pairs = value.pop(DETAILS, None)
    details = _labelled(pairs)
    if details is None:
        yield bad(piece, part, "bad-details", f"`{DETAILS}` as a list of objects with `Field` and `Value`")
        return
    values = not_empty(value | details)
    if values:
        yield SourceRecord(kind="booking", position=Position(line=piece.line, part=part), values=values, raw=piece.raw)


def _labelled(pairs: Any) -> dict[str, Any] | None:
    """The details by label; a label that comes again has all of its values. None where they are no pairs."""
    found: dict[str, Any] = {}
    if pairs is None:
        return found
    if not isinstance(pairs, list):
        return None
    for pair in pairs:
        label = pair.get("Field") if isinstance(pair, dict) and not pair.keys() - {"Field", "Value"} else None
        if not isinstance(label, str) or not label.strip():
            return None
        name = f"{DETAILS}.{label.strip().rstrip(':').rstrip()}"
        value = pair.get("Value")
        if name not in found:
            found[name] = value
        elif value not in (None, ""):
            found[name] = "; ".join(str(one) for one in (found[name], value) if one not in (None, ""))
    return found
