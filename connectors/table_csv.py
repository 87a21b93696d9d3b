"""Any comma-separated file whose first row names its columns: a county's own export, with no programming.

RFC 4180: https://www.rfc-editor.org/rfc/rfc4180. A mapping says which columns there are; one that the sender adds later
is reported as unmapped, and one that is gone gives no value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from connectors.delimited import named_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import ExtractOptions, Malformed, SourceRecord


class TableCsv:
    """Reads rows, kind ``row``, with the columns that the first row names.

    Setting ``columns``: the names, with `|` between them, for files without such a row.
    """

    name = "table.csv"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """One record for each row that has a value. Codes: ``connectors.delimited.rows``."""
        return named_rows(stream, options, "row")
