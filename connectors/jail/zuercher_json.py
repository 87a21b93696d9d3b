"""A roster in the shape of a Zuercher portal: `{"total_record_count": N, "records": [{…}, …]}`.

A portal gives its list in pages: `total_record_count` tells whether this is all of it. It gives no number of a person
and none of a booking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from adapter.source import Position, SourceRecord
from connectors.behavioral_health.json_lines import not_empty
from connectors.json_records import array_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import ExtractOptions, Malformed
    from connectors.json_elements import Piece

COUNT = "total_record_count"


class ZuercherJson:
    """Reads inmates, kind ``inmate``: the members of each object as they are."""

    name = "jail.zuercher_json"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """One record for each inmate. Codes: ``connectors.json_records.array_records``."""
        return array_records(stream, options, _inmate, count=COUNT)


def _inmate(value: dict[str, Any], piece: Piece, part: str) -> Iterator[SourceRecord | Malformed]:
    values = not_empty(value)
    if values:
        yield SourceRecord(kind="inmate", position=Position(line=piece.line, part=part), values=values, raw=piece.raw)
