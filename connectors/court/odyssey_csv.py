"""A court export in the shape of Odyssey, as a table: case, defendant and charge side by side, one row a charge.

Columns are those that public case searches of this kind show. Beside each date stands what was typed (`…_str`): the
date is free text at its source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from connectors.delimited import Layout, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import ExtractOptions, Malformed, SourceRecord

LAYOUT = Layout(
    kind="charge",
    columns=(
        "case_number",
        "court_system",
        "location",
        "case_title",
        "case_type",
        "filing_date",
        "filing_date_str",
        "case_status",
        "tracking_numbers",
        "judicial_officer",
        "party_id",
        "name",
        "race",
        "sex",
        "height",
        "weight",
        "hair_color",
        "eye_color",
        "DOB",
        "DOB_str",
        "address",
        "city",
        "state",
        "zip_code",
        "charge_number",
        "charge_description",
        "cjis_code",
        "statute_code",
        "plea",
        "plea_date",
        "plea_date_str",
        "disposition",
        "disposition_date",
        "disposition_date_str",
    ),
    header="required",
)


class OdysseyCsv:
    """Reads charges, kind ``charge``. Setting ``header``: required (as here), optional or absent."""

    name = "court.odyssey_csv"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """One record for each row that has a value. Codes: ``connectors.delimited.rows``."""
        return rows(stream, options, LAYOUT)
