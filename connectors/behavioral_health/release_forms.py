"""Signed releases of information as the form desk of a registry exports them, one submission a line.

A submission is kept as it was signed: person, choices, Part 2 section, revocations. What it permits is for
the consent package to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from adapter.source import Malformed, Position, SourceRecord
from connectors.behavioral_health.json_lines import not_empty, objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import ExtractOptions


class ReleaseForms:
    """Reads submissions, kind ``release``; the columns are the top-level members."""

    name = "behavioral_health.release_forms"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """One record for each submission. JSON is UTF-8 whatever ``options`` say.

        Codes besides those of ``json_lines.objects``: ``empty-submission``.
        """
        del options
        for found in objects(stream):
            if isinstance(found, Malformed):
                yield found
                continue
            line, raw, submission = found
            values, position = not_empty(submission), Position(line=line)
            if values:
                yield SourceRecord(kind="release", position=position, values=values, raw=raw)
            else:
                yield Malformed(position=position, code="empty-submission", expected="a filled-in form", raw=raw)
