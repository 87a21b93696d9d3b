"""What an export is asked to hold, and the files it is cut into.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import orjson

from adapter.store.exports import ExportRow, Span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapter.services.disclose import Caller

LIFETIME: Final = 24 * 3600 * 1_000_000
"""Microseconds for which an export may be downloaded."""
FILE: Final = 10_000
"""Resources in a file, more or less: a file ends with a patient."""
EVERYONE: Final = (Span(1, 2**63 - 1),)
NOBODY: Final = (Span(0, 1),)
"""The directory, which is about no one."""
DELETED: Final = "Bundle"
"""The type of a file that tells what was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for: of the people of a group (its id) or of everyone, these types, since an instant."""

    request: str
    group: str = ""
    types: tuple[str, ...] = ()
    since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of an export: the records of a type of the patients whose keys are in ``[low, high)``."""

    kind: str
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """An export that can be downloaded; instants in epoch microseconds.

    ``current`` are the subscriptions of the client by their ids, each with the event number that the export is current
    to.
    """

    request: str
    at: int
    expires: int
    files: tuple[File, ...]
    current: Mapping[str, int] = field(default_factory=dict)


def row_of(ident: str, caller: Caller, order: Order, at: int, current: Mapping[str, int]) -> ExportRow:
    """An order as it is kept."""
    asked = {"group": order.group, "types": order.types, "since": order.since, "current": current}
    return ExportRow(
        id=ident,
        client=caller.client,
        context=caller.context,
        request=order.request,
        asked=orjson.dumps(asked),
        at=at,
        expires=at + LIFETIME,
    )


def order_of(row: ExportRow) -> Order:
    """What an export was asked for."""
    asked = orjson.loads(row.asked)
    return Order(request=row.request, group=asked["group"], types=tuple(asked["types"]), since=asked["since"])


def current_of(row: ExportRow) -> dict[str, int]:
    """The event numbers that an export is current to, by subscription."""
    return dict(orjson.loads(row.asked).get("current", {}))


def files_of(listed: bytes) -> tuple[File, ...]:
    """The files of an export as they are kept."""
    return tuple(File(kind=kind, low=low, high=high) for kind, low, high in orjson.loads(listed))


def within(spans: Sequence[Span], file: File) -> list[Span]:
    """The part of some spans that a file holds."""
    cut = (span._replace(low=max(span.low, file.low), high=min(span.high, file.high)) for span in spans)
    return [span for span in cut if span.low < span.high]


def cut(weighed: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The bounds of files that hold everything between them; none if there is nothing to hold."""
    if not weighed:
        return []
    bounds, held = [0], 0
    for patient, number in weighed[:-1]:
        held += number
        if held >= FILE:
            bounds.append(patient + 1)
            held = 0
    return list(zip(bounds, [*bounds[1:], EVERYONE[0].high], strict=True))
