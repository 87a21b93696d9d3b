"""A county's booking export with one row for each charge: a booking takes as many rows as it has charges.

The layout follows exports that Texas counties give out: person, booking, charge and bond side by side, with a
header row that is required, since such exports gain and lose columns between versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from connectors.delimited import Layout, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import ExtractOptions, Malformed, SourceRecord

LAYOUT = Layout(
    kind="booking",
    columns=(
        "Individual ID",
        "Last Name",
        "First Name",
        "Middle Name",
        "Alias",
        "Race",
        "DOB",
        "Sex",
        "SSN",
        "SID",
        "County of Residence",
        "Booking Number",
        "Booking Date",
        "Release Date",
        "Custody Status",
        "Holds",
        "Facility",
        "Arresting Agency",
        "Charge ID",
        "Offense Date",
        "Charge Status",
        "Charge Description",
        "Charge Statute",
        "Charge Class",
        "Charge Degree",
        "BondID",
        "Bond Amount",
        "Bond Type",
        "Bond Status",
    ),
    header="required",
)


class ChargeCsv:
    """Reads charge rows, kind ``booking``. Setting ``header``: required (as here), optional or absent."""

    name = "jail.charge_csv"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """One record for each row that has a value. Codes: ``connectors.delimited.rows``."""
        return rows(stream, options, LAYOUT)
