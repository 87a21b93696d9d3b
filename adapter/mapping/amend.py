"""What a resource says after records that amend it: what a record leaves unsaid stays as it was.

HL7 v2 sends what changed: an empty field says nothing, `""` deletes, an event may take back what another told (HL7
v2.9 chapter 2, section 2.5.3: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649). Messages
arrive late and out of order, so the time of the event decides and not the arrival. Each part of a resource is what the
latest event says that said anything about it; so any order of arrival comes to the same.

The parts of a resource are its elements, `birthDate`; the elements of an object, `period.end`; the entries of a list
that several fields fill, by what they are about, `extension|URL`. What is taken back is named in the same way, and
`location[-1]` is the last place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

Body = dict[str, Any]
Times = dict[str, int]

LAST: Final = "location[-1]"
_PLACES: Final = "location"
_KEYED: Final = frozenset({"identifier", "extension"})
"""Lists that several fields fill."""
_WHOLE: Final = frozenset({"provision", "class", "code"})
"""Objects that are said as one."""
_NULL_FLAVOR: Final = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
_CLOSED: Final = frozenset({"finished", "cancelled", "entered-in-error"})
_NEVER: Final = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A resource as its records so far leave it.

    ``at`` is the time of the latest event; ``since`` that of the event a part is from, where that is another; ``gone``
    that of the event that took a part back, for parts that nobody has told since.
    """

    body: Body
    at: int
    since: Times = field(default_factory=dict)
    gone: Times = field(default_factory=dict)


def first(body: Body, cleared: Collection[str], at: int) -> Known:
    """A resource after the first record that tells of it."""
    return after(Known(body={}, at=_NEVER), body, cleared, at)


def after(known: Known, told: Body, cleared: Collection[str], at: int) -> Known:
    """A resource after one more record, which tells what was at ``at``."""
    parts = _parts(known.body)
    times = {path: known.since.get(path, known.at) for path in parts}
    gone = dict(known.gone)
    for path in cleared:
        if path == LAST:
            continue
        for one in [one for one in parts if _within(one, path) and times[one] <= at]:
            del parts[one], times[one]
        gone[path] = max(at, gone.get(path, at))
    for path, value in _parts(told).items():
        if path == _PLACES:
            continue
        if _says_nothing(value):
            if path not in parts:
                parts[path], times[path] = value, _NEVER
        elif at >= max(times.get(path, _NEVER), _gone(gone, path, at)):
            parts[path], times[path] = value, at
    body = _joined(parts, known.body)
    places = _places(known.body.get(_PLACES, ()), told.get(_PLACES, ()))
    places = _cancelled(places, gone, at if LAST in cleared else None)
    if places:
        body[_PLACES] = _closed(places, body)
    latest = max(known.at, at)
    return Known(
        body=body,
        at=latest,
        since={path: time for path, time in times.items() if time != latest},
        gone={path: time for path, time in gone.items() if path == LAST or not _told_since(path, time, times)},
    )


def _parts(body: Mapping[str, Any]) -> Body:
    """The parts of a resource, by path."""
    parts: Body = {}
    for name, value in body.items():
        if isinstance(value, dict) and name not in _WHOLE and "coding" not in value:
            parts |= {f"{name}.{inner}": one for inner, one in value.items()}
        elif name in _KEYED and isinstance(value, list):
            for entry in value:
                parts.setdefault(f"{name}|{_about(entry)}", []).append(entry)
        elif name != _PLACES:
            parts[name] = value
    return parts


def _joined(parts: Mapping[str, Any], like: Mapping[str, Any]) -> Body:
    """The resource that has these parts, its elements in the order they have in ``like``."""
    body: Body = {}
    for path, value in parts.items():
        name, dot, inner = path.partition(".") if "|" not in path else (path.partition("|")[0], "", "")
        if dot:
            body.setdefault(name, {})[inner] = value
        elif "|" in path:
            body.setdefault(name, []).extend(value)
        else:
            body[name] = value
    order = [name for name in like if name in body or name == _PLACES]
    ordered: Body = {name: body.get(name, []) for name in order}
    return {name: value for name, value in (ordered | body).items() if value != []}


def _about(entry: Mapping[str, Any]) -> str:
    """What tells an entry from others of its list: for identifiers of unknown systems, their values."""
    if "url" in entry:
        return str(entry["url"])
    codings = entry.get("type", {}).get("coding", ())
    kind = codings[0].get("code", "") if codings else ""
    return str(entry["system"]) + f"#{kind}" if "system" in entry else f"#{kind}#{entry.get('value', '')}"


def _within(path: str, cleared: str) -> bool:
    """Whether a part is what is taken back, or belongs to it."""
    return path == cleared or path.startswith((f"{cleared}.", f"{cleared}|", f"{cleared}#"))


def _gone(gone: Times, path: str, at: int) -> int:
    """When a part was last taken back by another event than the one at hand."""
    return max((time for cleared, time in gone.items() if time != at and _within(path, cleared)), default=_NEVER)


def _told_since(path: str, gone: int, times: Times) -> bool:
    """Whether exactly what was taken back was told anew."""
    return times.get(path, _NEVER) >= gone


def _says_nothing(value: Any) -> bool:
    """Whether a value is a way to write that nothing is known."""
    return value == "unknown" or (isinstance(value, dict) and value.get("system") == _NULL_FLAVOR)


def _start(entry: Mapping[str, Any]) -> str:
    return str(entry.get("period", {}).get("start", ""))


def _since(entry: Mapping[str, Any]) -> float:
    """When somebody came to a place; what has no time was always so."""
    try:
        at = datetime.fromisoformat(_start(entry))
    except ValueError:
        return float("-inf")
    return at.replace(tzinfo=at.tzinfo or UTC).timestamp()


def _places(known: Sequence[Body], told: Sequence[Body]) -> list[Body]:
    """Where somebody was, in order of time. Who is told to be where they are known to be has not moved."""
    found: list[Body] = []
    for entry in sorted([*known, *told], key=_since):
        if found and found[-1]["location"] == entry["location"]:
            continue
        if not _start(entry) and any(one["location"] == entry["location"] for one in known):
            continue
        found.append(entry)
    return found


def _cancelled(places: list[Body], gone: Times, at: int | None) -> list[Body]:
    """The places without the last one before a move was cancelled, whichever of the two arrived first.

    Where somebody was first is not taken back with the move away from there; a cancelled move that is not known yet is
    remembered.
    """
    cancelled = at if at is not None else gone.get(LAST)
    if cancelled is None:
        return places
    before = [entry for entry in places if _since(entry) * 1_000_000 < cancelled]
    if len(before) < 2:  # noqa: PLR2004 - there has been no move
        gone[LAST] = cancelled
        return places
    gone.pop(LAST, None)
    return _places([entry for entry in places if entry is not before[-1]], ())


def _closed(places: Sequence[Body], body: Mapping[str, Any]) -> list[Body]:
    """The places of a visit closed where the next begins, and the last where the visit ends."""
    found = []
    for entry, following in zip(places, [*places[1:], None], strict=True):
        end = _start(following) if following is not None else body.get("period", {}).get("end", "")
        closed = following is not None or body.get("status") in _CLOSED
        period = {name: text for name, text in (("start", _start(entry)), ("end", end if closed else "")) if text}
        rest = {name: value for name, value in entry.items() if name not in {"status", "period"}}
        found.append({**rest, "status": "completed" if closed else "active", **({"period": period} if period else {})})
    return found
