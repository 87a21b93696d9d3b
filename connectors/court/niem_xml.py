"""Court case extracts in the manner of NIEM: one record for each defendant of a case and one for each order.

NIEM 6.0 justice domain: https://github.com/niemopen/niem-model
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from connectors.court.cases import case_records
from connectors.xml_document import documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import ExtractOptions, Malformed, SourceRecord


class NiemXml:
    """Reads ``<CourtCase>`` elements: kind ``case`` for each defendant, ``order`` for each order."""

    name = "court.niem_xml"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """The records of all cases. Codes: ``connectors.xml_document.documents`` and ``case_records``."""
        return documents(stream, options, ("CourtCase",), case_records)
