"""JSON Patch (RFC 6902) of a parsed resource: decimals keep their digits, and errors name the operation.

https://www.rfc-editor.org/rfc/rfc6902, https://www.rfc-editor.org/rfc/rfc6901, https://hl7.org/fhir/R4/http.html#patch
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any, Final

from adapter.errors import SallyportError

MOST: Final = 500
"""Operations of one patch."""
_NEEDS: Final = {
    "add": ("path", "value"),
    "replace": ("path", "value"),
    "test": ("path", "value"),
    "remove": ("path",),
    "move": ("from", "path"),
    "copy": ("from", "path"),
}
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_END: Final = "-"
_WRONG_ESCAPE: Final = re.compile(r"~(?![01])")

Json = Any


class PatchError(SallyportError):
    """A patch that cannot be applied. ``operation`` is its place in the patch, None where it is no patch at all.

    ``is_test``: a `test` did not hold.
    """

    def __init__(self, message: str, operation: int | None = None, *, is_test: bool = False) -> None:
        self.operation = operation
        self.is_test = is_test
        super().__init__(message)


def patched(document: dict[str, Json], patch: Json) -> dict[str, Json]:
    """The document after every operation; it is itself not changed. All of a patch is applied or none."""
    if not isinstance(patch, list) or len(patch) > MOST:
        raise PatchError(f"expected a JSON array of at most {MOST} operations")
    holder = {"": deepcopy(document)}
    for place, operation in enumerate(patch):
        try:
            _apply(holder, operation)
        except PatchError as error:
            raise PatchError(str(error), place, is_test=error.is_test) from None
    result = holder.get("")
    if not isinstance(result, dict):
        raise PatchError("expected a resource to be left")
    return result


def _apply(holder: dict[str, Json], operation: Json) -> None:
    op = operation.get("op") if isinstance(operation, dict) else None
    if not isinstance(op, str) or op not in _NEEDS:
        raise PatchError(f"expected `op` to be one of {', '.join(_NEEDS)}")
    lacking = [name for name in _NEEDS[op] if name not in operation]
    if lacking:
        raise PatchError(f"expected `{'` and `'.join(lacking)}` with `{op}`")
    path = _steps(operation["path"], "path")
    if op == "test":
        if not _equal(_get(holder, path), operation["value"]):
            raise PatchError("the value is not what `test` expects", is_test=True)
    elif op == "remove":
        _remove(holder, path)
    elif op == "add":
        _add(holder, path, deepcopy(operation["value"]))
    elif op == "replace":
        _get(holder, path)
        _put(holder, path, deepcopy(operation["value"]))
    else:
        _carry(holder, _steps(operation["from"], "from"), path, moves=op == "move")


def _carry(holder: dict[str, Json], source: list[str], path: list[str], *, moves: bool) -> None:
    if moves and len(path) > len(source) and path[: len(source)] == source:
        raise PatchError("expected `from` not to hold `path`")
    value = _get(holder, source)
    if moves:
        _remove(holder, source)
        _add(holder, path, value)
    else:
        _add(holder, path, deepcopy(value))


def _steps(pointer: Json, name: str) -> list[str]:
    """The steps of a JSON pointer from the holder of the document, whose only member has the empty name."""
    if not isinstance(pointer, str) or (pointer and pointer[0] != "/") or _WRONG_ESCAPE.search(pointer):
        raise PatchError(f"expected `{name}` to be a JSON pointer such as /status")
    return [step.replace("~1", "/").replace("~0", "~") for step in ("" + pointer).split("/")]


def _step(value: Json, step: str) -> Json:
    if isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(value, list) and _INDEX.fullmatch(step) and int(step) < len(value):
        return value[int(step)]
    raise PatchError("a pointer leads to nothing")


def _get(value: Json, path: list[str]) -> Json:
    for step in path:
        value = _step(value, step)
    return value


def _put(holder: Json, path: list[str], value: Json) -> None:
    """Put a value where one is."""
    parent, last = _get(holder, path[:-1]), path[-1]
    parent[int(last) if isinstance(parent, list) else last] = value


def _add(holder: Json, path: list[str], value: Json) -> None:
    parent, last = _get(holder, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
        return
    if not isinstance(parent, list):
        raise PatchError("a pointer leads to nothing")
    if last == _END:
        parent.append(value)
    elif _INDEX.fullmatch(last) and int(last) <= len(parent):
        parent.insert(int(last), value)
    else:
        raise PatchError("expected an index of the array, its length or `-`")


def _remove(holder: Json, path: list[str]) -> None:
    parent, last = _get(holder, path[:-1]), path[-1]
    _step(parent, last)
    del parent[int(last) if isinstance(parent, list) else last]


def _equal(one: Json, other: Json) -> bool:
    """RFC 6902 4.6: numbers by value, true and 1 apart."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)
