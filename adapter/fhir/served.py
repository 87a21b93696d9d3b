"""Stored bytes with a place to splice what a disclosure obliges to say.

A stored resource is kept in two parts, cut inside ``meta.security`` after its last label. What the gate
must add to an answer (further labels, a tag, a scope) is one fragment of bytes between them; it is made
once for each combination of obligations and never touches the rest. ``join(split(resource))`` is the
resource itself.

Security labels: https://hl7.org/fhir/R4/security-labels.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import InvalidResource, Issue
from adapter.fhir.codec import dump_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLAIN: Final = b"]"
"""The fragment that adds nothing."""

_KEPT_FREE: Final = ("tag", "extension")
"""Elements of ``meta`` that only a fragment writes; a stored copy would make them appear twice."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A resource cut in two.

    ``head`` ends after the last coding of ``meta.security``; ``tail`` starts with the brace that closes
    ``meta``.
    """

    head: bytes
    tail: bytes


def split(resource: Mapping[str, Any]) -> Parts:
    """The canonical bytes of a resource in two parts, ``security`` moved to the end of ``meta``.

    Raises InvalidResource if ``meta.security`` is missing or ``meta`` holds a tag or extension of its own.
    """
    meta = resource.get("meta")
    if not isinstance(meta, dict) or not meta.get("security"):
        raise _refused(resource, "security", "expected at least one security label before a resource is stored")
    for name in _KEPT_FREE:
        if name in meta:
            raise _refused(resource, name, "is written at disclosure only; expected it taken off before storing")
    first = {name: resource[name] for name in ("resourceType", "id") if name in resource}
    labelled = {name: value for name, value in meta.items() if name != "security"}
    labelled["security"] = meta["security"]
    rest = {name: value for name, value in resource.items() if name not in first and name != "meta"}
    head = dump_value({**first, "meta": labelled}).removesuffix(b"]}}")
    tail = b"}," + dump_value(rest)[1:] if rest else b"}}"
    return Parts(head, tail)


def join(parts: Parts, fragment: bytes = PLAIN) -> bytes:
    """The bytes to serve: the two parts with ``fragment`` between them."""
    return parts.head + fragment + parts.tail


def fragment(
    labels: Sequence[Mapping[str, Any]] = (),
    *,
    tags: Sequence[Mapping[str, Any]] = (),
    extensions: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """The bytes that add codings to ``meta.security`` and, if given, ``meta.tag`` and ``meta.extension``."""
    added = b"".join(b"," + dump_value(label) for label in labels) + PLAIN
    if tags:
        added += b',"tag":' + dump_value(list(tags))
    if extensions:
        added += b',"extension":' + dump_value(list(extensions))
    return added


def _refused(resource: Mapping[str, Any], name: str, message: str) -> InvalidResource:
    path = f"{resource.get('resourceType', 'Resource')}.meta.{name}"
    return InvalidResource([Issue(path=path, code="invariant", message=message)])
