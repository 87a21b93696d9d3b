"""The roster of CorEMR: one row for each person in custody, 17 fixed columns, with or without a header row.

https://docs.coremr.com/integrations (jail roster CSV). ``PatientID`` stays with a person across bookings,
``Booking#`` does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from connectors.delimited import Layout, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import ExtractOptions, Malformed, SourceRecord

LAYOUT = Layout(
    kind="row",
    columns=(
        "Last",
        "First",
        "Middle",
        "PatientID",
        "DOB",
        "SSN",
        "Sex",
        "Race",
        "Facility",
        "Agency",
        "Housing",
        "Bed",
        "Booking#",
        "BookingDate",
        "ReleaseDate",
        "Height",
        "Photo",
    ),
    header="optional",
)


class CoremrRoster:
    """Reads roster rows, kind ``row``. Setting ``header``: optional (as here), required or absent."""

    name = "jail.corerm_roster"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """One record for each row that has a value. Codes: ``connectors.delimited.rows``."""
        return rows(stream, options, LAYOUT)
