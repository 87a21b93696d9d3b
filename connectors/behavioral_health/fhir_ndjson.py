"""FHIR resources of an electronic health record, one a line, as bulk export writes them.

https://hl7.org/fhir/uv/bulkdata/export.html#bulk-data-output-file-request, https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

from adapter.source import Malformed, Position, SourceRecord
from connectors.behavioral_health.json_lines import not_empty, objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import ExtractOptions

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")


class FhirNdjson:
    """Reads resources: a record has its ``resourceType`` as kind, its other top-level elements as columns."""

    name = "behavioral_health.fhir_ndjson"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """One record for each line that is a resource. JSON is UTF-8 whatever ``options`` say.

        Codes besides those of ``json_lines.objects``: ``missing-resource-type``.
        """
        del options
        for found in objects(stream):
            if isinstance(found, Malformed):
                yield found
                continue
            line, raw, resource = found
            kind = resource.pop("resourceType", None)
            position = Position(line=line)
            if isinstance(kind, str) and _TYPE.fullmatch(kind):
                yield SourceRecord(kind=kind, position=position, values=not_empty(resource), raw=raw)
            else:
                expected = "the name of a resource type in `resourceType`"
                yield Malformed(position=position, code="missing-resource-type", expected=expected, raw=raw)
