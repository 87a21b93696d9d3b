"""A court export in the shape of Odyssey, as JSON: an array of cases, each with a defendant and lists of what happened.

One object a case: its own members, `defendant`, `aliases`, `charges`, and lists of hearings (`schedule`), orders and
supervision conditions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from adapter.source import Position, SourceRecord
from connectors.behavioral_health.json_lines import not_empty
from connectors.json_records import array_records, bad

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import ExtractOptions, Malformed
    from connectors.json_elements import Piece

LISTS = {"schedule": "hearing", "orders": "order", "conditions": "condition"}
"""The record kind of the objects in each list of a case."""
KEYS = ("case_number", "case_status")
"""Members of the case that its hearings, orders and conditions carry too."""
DEFENDANT, PARTY = "defendant", "party_id"


class OdysseyJson:
    """Reads cases: kind ``case``, and a record for each hearing, order and condition.

    Members of the defendant are ``defendant.NAME``; every record of a case has ``defendant.party_id``.
    """

    name = "court.odyssey_json"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """The records of all cases.

        Codes: ``connectors.json_records.array_records``; ``bad-list`` where a list of a case holds no objects,
        ``bad-defendant`` where the defendant is no object.
        """
        return array_records(stream, options, _case)


def _case(value: dict[str, Any], piece: Piece, part: str) -> Iterator[SourceRecord | Malformed]:
    lists = {name: value.pop(name, None) or [] for name in LISTS}
    defendant = value.pop(DEFENDANT, None) or {}
    if not isinstance(defendant, dict):
        yield bad(piece, part, "bad-defendant", f"`{DEFENDANT}` as one object")
        return
    who = {f"{DEFENDANT}.{name}": one for name, one in defendant.items()}
    own = not_empty(value | who)
    if own:
        yield _record("case", own, piece, part)
    keys = {name: own[name] for name in (*KEYS, f"{DEFENDANT}.{PARTY}") if name in own}
    for name, entries in lists.items():
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            yield bad(piece, f"{part}/{name}", "bad-list", f"`{name}` as a list of objects")
            continue
        for number, one in enumerate(entries, 1):
            if said := not_empty(one):
                yield _record(LISTS[name], keys | said, piece, f"{part}/{name}[{number}]")


def _record(kind: str, values: dict[str, Any], piece: Piece, part: str) -> SourceRecord:
    return SourceRecord(kind=kind, position=Position(line=piece.line, part=part), values=values, raw=piece.raw)
