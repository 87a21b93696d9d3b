"""The alerts of CorEMR: seven columns, one row for each alert set on somebody in custody.

https://docs.coremr.com/integrations (alerts CSV): jacket and booking number, when the alert was added and removed, its
code, and who did either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from connectors.delimited import Layout, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import ExtractOptions, Malformed, SourceRecord

LAYOUT = Layout(
    kind="alert",
    columns=("Jacket#", "Booking#", "Added", "Removed", "Code", "AddedBy", "RemovedBy"),
    header="optional",
)


class CoremrAlerts:
    """Reads alerts, kind ``alert``. Setting ``header``: optional (as here), required or absent."""

    name = "jail.corerm_alerts"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """One record for each row that has a value. Codes: ``connectors.delimited.rows``."""
        return rows(stream, options, LAYOUT)
