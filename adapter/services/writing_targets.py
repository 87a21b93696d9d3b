"""Which record each change is about, found among what the client wrote itself.

A record of somebody else, a sealed one and one that never was are the same: there is nothing to change.

https://hl7.org/fhir/R4/http.html#ccreate, https://hl7.org/fhir/R4/http.html#cond-update
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapter.errors import Issue, NotFound, PreconditionFailed, Rejected, RequestError
from adapter.fhir.json_patch import PatchError, patched
from adapter.services.asked import Target
from adapter.store.shapes import row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from adapter.services.asked import Asked
    from adapter.services.writing_own import OwnRecords
    from adapter.store.written import Written

NOT_ONE: Final = "the criteria fit more than one record of this client; name one"
NOT_CURRENT: Final = "the version in If-Match is not the current one; read the record again"
TWICE: Final = "the same record is changed twice; change it once in a transaction"


async def targets_of(asked: Sequence[Asked], own: OwnRecords, new_id: Callable[[str], str]) -> list[Target]:
    """The target of each change, in their order. ``new_id`` makes the id of a new resource of a type.

    Raises ``NotFound``, ``PreconditionFailed`` and ``Rejected``. Of several conditional creates with the same criteria
    in one transaction the first creates.
    """
    await own.look_up({row_key(one.kind, one.id) for one in asked if one.id})
    found: list[Target] = []
    created: dict[tuple[object, ...], Target] = {}
    for one in asked:
        key = (one.kind, one.criteria)
        target = await _target(one, own, new_id)
        if one.criteria is not None and target.before is None:
            first = created.setdefault(key, target)
            if first is not target:
                target = Target(asked=one, id=first.id, rid=first.rid, existing=True)
        found.append(target)
    _once(found)
    return found


async def _target(asked: Asked, own: OwnRecords, new_id: Callable[[str], str]) -> Target:
    before = await _before(asked, own)
    if asked.interaction == "create":
        if before is not None:
            return Target(asked=asked, id=before.id, rid=before.rid, before=before, existing=True)
        return _new(asked, new_id)
    if before is None:
        if asked.criteria is not None and asked.interaction == "update":
            if "id" in (asked.body or {}):
                told = "names no record of this client; leave the id out, and it is created"
                raise Rejected([Issue(path=f"{asked.place or asked.kind}.id", code="not-found", message=told)])
            return _new(asked, new_id)
        raise NotFound("there is nothing here to change")
    if asked.if_match is not None and asked.if_match != before.version:
        raise PreconditionFailed(NOT_CURRENT)
    target = Target(asked=asked, id=before.id, rid=before.rid, before=before, unit=before.unit)
    if asked.interaction == "patch":
        target.body = _patched(asked, own.body(before))
    elif asked.interaction == "update":
        target.body = asked.body
        if (asked.body or {}).get("id", before.id) != before.id:
            told = "is not the id in the address"
            raise Rejected([Issue(path=f"{target.place}.id", code="value", message=told)])
    return target


async def _before(asked: Asked, own: OwnRecords) -> Written | None:
    if asked.criteria is None:
        return await own.find(asked.kind, asked.id) if asked.id else None
    matched = await own.matching(asked.kind, asked.criteria)
    if len(matched) > 1:
        raise PreconditionFailed(NOT_ONE)
    return matched[0] if matched else None


def _new(asked: Asked, new_id: Callable[[str], str]) -> Target:
    # An id that was sent with a create is not kept: ids are given here.
    ident = new_id(asked.kind)
    return Target(asked=asked, id=ident, rid=row_key(asked.kind, ident), body=asked.body)


def _patched(asked: Asked, before: dict[str, Any]) -> dict[str, Any]:
    try:
        after = patched(before, asked.patch)
    except PatchError as error:
        where = "the patch" if error.operation is None else f"operation {error.operation}"
        told = f"{where}: {error}"
        if error.is_test:
            raise PreconditionFailed(told) from None
        raise Rejected([Issue(path="", code="processing", message=told)]) from None
    if (after.get("resourceType"), after.get("id")) != (before["resourceType"], before["id"]):
        raise RequestError("a patch changes neither the type nor the id of a resource")
    return after


def _once(targets: Sequence[Target]) -> None:
    seen: dict[int, Target] = {}
    for one in targets:
        if one.existing:
            continue
        if one.rid in seen:
            raise Rejected([Issue(path=one.place, code="conflict", message=TWICE)])
        seen[one.rid] = one
