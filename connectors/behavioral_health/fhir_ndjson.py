"""FHIR resources of an electronic health record: one a line, as bulk export writes them, or Bundles of them.

A Bundle is a page of a search, or what a bulk export says was deleted; it may be written over several lines.
https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-output-file-request, https://hl7.org/fhir/R4/bundle.html,
https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from adapter.source import Malformed, Position, SourceRecord
from connectors.behavioral_health.bundles import bundle_text, entries
from connectors.behavioral_health.json_lines import as_object, bad, not_empty, texts
from connectors.lines import LONGEST_LINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import ExtractOptions

DELETED: Final = "Deleted"
"""Kind of a record that says that another one is gone: columns ``type`` and ``id``."""
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_REFERENCE = re.compile(r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})")
_SERIOUS = frozenset({"fatal", "error"})
_ISSUE = re.compile(r"[a-z]+(?:-[a-z]+)*")


class FhirNdjson:
    """Reads resources: a record has its ``resourceType`` as kind, its other top-level elements as columns."""

    name = "behavioral_health.fhir_ndjson"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """One record for each line that is a resource and each entry of a Bundle. JSON is UTF-8 whatever is declared.

        What a server says of its own answer (OperationOutcome) is a fault where something is missing for it, and is
        passed over where it is a remark. Codes besides those of ``json_lines.objects``: ``missing-resource-type``,
        ``bad-deletion``, ``server-outcome``.
        """
        del options
        for found in _documents(texts(stream)):
            if isinstance(found, Malformed):
                yield found
            else:
                yield from _read(*found)


def _documents(lines: Iterator[tuple[int, bytes] | Malformed]) -> Iterator[tuple[int, bytes] | Malformed]:
    """The lines; or all of them as one where the first alone is no JSON and the whole is."""
    first = next(lines, None)
    if first is None:
        return
    if isinstance(first, Malformed) or _is_json(first[1]):
        yield from chain([first], lines)
        return
    held: list[tuple[int, bytes] | Malformed] = [first]
    size = len(first[1])
    for line in lines:
        held.append(line)
        size += len(line.raw if isinstance(line, Malformed) else line[1])
        if isinstance(line, Malformed) or size > LONGEST_LINE:
            yield from chain(held, lines)
            return
    pieces = [line for line in held if not isinstance(line, Malformed)]
    # Blank lines between are told by their numbers, so that positions stay those of the file.
    whole, at = b"", first[0]
    for number, raw in pieces:
        whole += b"\n" * (number - at) + raw
        at = number + 1
    yield from [(first[0], whole)] if len(pieces) > 1 and _is_json(whole) else held


def _is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def _read(line: int, raw: bytes) -> Iterator[SourceRecord | Malformed]:
    text = bundle_text(raw)
    if text is None:
        yield from _resource(as_object(line, raw), line, "")
        return
    for entry in entries(text):
        part = f"entry {entry.number}"
        if entry.deleted:
            yield _deletion(line + entry.line, part, entry.deleted, entry.raw)
        else:
            yield from _resource(as_object(line + entry.line, entry.raw, part), line + entry.line, part, entry.mode)


def _resource(
    found: tuple[int, bytes, dict[str, Any]] | Malformed, line: int, part: str, mode: str = ""
) -> Iterator[SourceRecord | Malformed]:
    if isinstance(found, Malformed):
        yield found
        return
    _, raw, resource = found
    kind = resource.pop("resourceType", None)
    if kind == "OperationOutcome":
        yield from _outcome(resource, line, part, raw, mode)
    elif isinstance(kind, str) and _TYPE.fullmatch(kind):
        yield SourceRecord(kind=kind, position=Position(line=line, part=part), values=not_empty(resource), raw=raw)
    else:
        yield bad(line, "missing-resource-type", "the name of a resource type in `resourceType`", raw, part)


def _outcome(outcome: dict[str, Any], line: int, part: str, raw: bytes, mode: str) -> Iterator[Malformed]:
    """What the server could not give has to be seen by somebody; remarks on a search are no records of a person."""
    issues = [issue for issue in outcome.get("issue") or () if isinstance(issue, dict)]
    serious = [issue for issue in issues if issue.get("severity") in _SERIOUS]
    if serious or (not mode and not issues):
        codes = sorted({str(issue.get("code")) for issue in serious if _ISSUE.fullmatch(str(issue.get("code")))})
        words = f" (issue {', '.join(codes)})" if codes else ""
        yield bad(line, "server-outcome", f"the record that the server could not give{words}", raw, part)


def _deletion(line: int, part: str, url: str, raw: bytes) -> SourceRecord | Malformed:
    named = _REFERENCE.fullmatch(url)
    if named is None:
        return bad(line, "bad-deletion", "`request.url` to be a type and an id, such as `Observation/o1`", raw, part)
    values = {"type": named[1], "id": named[2]}
    return SourceRecord(kind=DELETED, position=Position(line=line, part=part), values=values, raw=raw)
