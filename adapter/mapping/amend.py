"""What a resource says after a record that amends it: what the record leaves unsaid stays as it was.

HL7 v2 sends what changed: an empty field says nothing, `""` deletes, an event may take back what another told (HL7
v2.9 chapter 2, section 2.5.3: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649). Messages
arrive late and out of order, so the time of the event decides and not the arrival: an older record adds what nobody
has told since, and changes nothing else.

Paths of what is taken back are those of `Draft.cleared`: `birthDate`, `period.end`, `extension|URL`, `location[-1]`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

Body = dict[str, Any]

LAST: Final = "[-1]"
_NULL_FLAVOR: Final = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
_CLOSED: Final = frozenset({"finished", "cancelled", "entered-in-error"})
_PLACES: Final = "location"


def _code(concept: Any) -> object:
    codings = concept.get("coding", ()) if isinstance(concept, dict) else ()
    return codings[0].get("code") if codings else None


def _identifier(entry: Any) -> object:
    """What tells an identifier from the others; two of unknown systems are told apart by their values."""
    return entry.get("system"), _code(entry.get("type")), "system" in entry or entry.get("value")


def _address(entry: Any) -> object:
    return entry.get("url")


_KEYED: Final[Mapping[str, Callable[[Any], object]]] = {"identifier": _identifier, "extension": _address}
"""Lists that several fields fill: entries of one key replace each other, the others stand side by side."""


def amended(before: Body, told: Body, cleared: Collection[str]) -> Body:
    """``before`` after a newer record that tells ``told`` and takes back ``cleared``."""
    kept = without(before, cleared)
    return _settled(_over(kept, told), moving=told)


def filled(before: Body, told: Body, gone: Collection[str]) -> Body:
    """``before`` with what an older record tells and nobody has said since; ``gone`` was taken back meanwhile."""
    return _settled(_over(without(told, gone), before), moving=told)


def gone_after(gone: Collection[str], told: Body, cleared: Collection[str]) -> tuple[str, ...]:
    """What stays taken back after a newer record: what it takes back, and what others did and it does not tell anew."""
    left = {path for path in gone if not _tells(told, path)}
    return tuple(sorted(left | {path for path in cleared if not path.endswith(LAST)}))


def without(body: Body, paths: Collection[str]) -> Body:
    """``body`` without the elements at ``paths``."""
    if not paths:
        return body
    left = dict(body)
    for path in paths:
        _drop(left, path)
    return left


def _drop(body: Body, path: str) -> None:
    element, _, inner = path.partition(".")
    if path.endswith(LAST):
        name = path.removesuffix(LAST)
        # Where somebody was first is not taken back with the move away from there.
        entries = body.get(name, [])
        if len(entries) > 1:
            body[name] = entries[:-1]
    elif "|" in path:
        name, _, about = path.partition("|")
        entries = [one for one in body.get(name, ()) if about not in (one.get("url"), one.get("system"))]
        if entries:
            body[name] = entries
        else:
            body.pop(name, None)
    elif inner and isinstance(body.get(element), dict):
        rest = {name: value for name, value in body[element].items() if name != inner}
        if rest:
            body[element] = rest
        else:
            body.pop(element)
    elif not inner:
        body.pop(element, None)


def _tells(body: Mapping[str, Any], path: str) -> bool:
    """Whether a record gives a value for what was taken back."""
    if "|" in path:
        name, _, about = path.partition("|")
        return any(about in (one.get("url"), one.get("system")) for one in body.get(name, ()))
    element, _, inner = path.partition(".")
    value = body.get(element)
    return value is not None and (not inner or (isinstance(value, dict) and inner in value))


def _over(below: Body, above: Body) -> Body:
    """``below`` with everything that ``above`` says in its place."""
    merged = dict(below)
    for name, value in above.items():
        known = merged.get(name)
        if known is None:
            merged[name] = value
        elif name == _PLACES:
            merged[name] = _places(known, value)
        elif isinstance(value, list) and name in _KEYED:
            merged[name] = _entries(known, value, _KEYED[name])
        elif isinstance(value, dict) and isinstance(known, dict) and name != "provision" and "coding" not in value:
            merged[name] = value if "system" in value or "code" in value else _over(known, value)
            if _says_nothing(value):
                merged[name] = known
        elif not _says_nothing(value):
            merged[name] = value
    return merged


def _says_nothing(value: Any) -> bool:
    """Whether a value is a way to write that nothing is known."""
    return value == "unknown" or (isinstance(value, dict) and value.get("system") == _NULL_FLAVOR)


def _entries(known: Sequence[Any], told: Sequence[Any], key: Callable[[Any], object]) -> list[Any]:
    replaced = {key(entry) for entry in told}
    return [*told, *(entry for entry in known if key(entry) not in replaced)]


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
    entries = sorted([*known, *told], key=_since)
    found: list[Body] = []
    for entry in entries:
        if found and found[-1]["location"] == entry["location"]:
            continue
        if not _start(entry) and any(one["location"] == entry["location"] for one in known):
            continue
        found.append(entry)
    return found


def _settled(body: Body, *, moving: Mapping[str, Any]) -> Body:
    """``body`` with the places of a visit closed where the next begins, and the last where the visit ends."""
    places = body.get(_PLACES)
    if not places or (_PLACES not in moving and "status" not in moving and "period" not in moving):
        return body
    found = []
    for entry, after in zip(places, [*places[1:], None], strict=True):
        end = _start(after) if after is not None else body.get("period", {}).get("end", "")
        closed = after is not None or body.get("status") in _CLOSED
        period = {name: text for name, text in (("start", _start(entry)), ("end", end if closed else "")) if text}
        rest = {name: value for name, value in entry.items() if name not in {"status", "period"}}
        found.append({**rest, "status": "completed" if closed else "active", **({"period": period} if period else {})})
    return {**body, _PLACES: found}
