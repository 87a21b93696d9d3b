"""The elements of a profile as a tree: what a StructureDefinition says of each element, and of each of its slices.

Rows are those of a differential. Elements that are only named to reach what is below them have an empty row.

https://hl7.org/fhir/R4/elementdefinition.html and https://hl7.org/fhir/R4/profiling.html#slicing
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Row = Mapping[str, Any]

MANY: Final = "*"


class ProfileError(ValueError):
    """A profile says something that is not covered or does not fit its type; the message names the element."""


@dataclass(slots=True)
class Node:
    """One element, or one slice of it: its row, the elements below it and its slices."""

    id: str
    name: str
    row: Row = field(default_factory=dict)
    below: dict[str, Node] = field(default_factory=dict)
    slices: dict[str, Node] = field(default_factory=dict)

    @property
    def minimum(self) -> int:
        """How often it must be there."""
        return int(self.row.get("min", 0))

    @property
    def maximum(self) -> int | None:
        """How often it may be there; None for any number."""
        most = self.row.get("max", MANY)
        return None if most == MANY else int(most)

    @property
    def types(self) -> tuple[str, ...]:
        """The types it is narrowed to; empty for those of R4."""
        return tuple(entry["code"] for entry in self.row.get("type", ()))

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles its content has to follow."""
        return tuple(url for entry in self.row.get("type", ()) for url in entry.get("profile", ()))

    @property
    def targets(self) -> tuple[str, ...]:
        """The profiles of what it may refer to."""
        return tuple(url for entry in self.row.get("type", ()) for url in entry.get("targetProfile", ()))

    def stated(self, prefix: str) -> tuple[str, Any] | None:
        """What stands in ``fixed[x]`` or ``pattern[x]``, with the name under which it stands."""
        found = [(name, value) for name, value in self.row.items() if name.startswith(prefix) and name != prefix]
        return found[0] if found else None

    def reach(self, path: str) -> Node | None:
        """The element at a path below, if the profile says anything of it."""
        node: Node | None = self
        for name in path.split("."):
            if node is not None and name != "$this":
                node = node.below.get(name)
        return node


def tree_of(kind: str, rows: Iterable[Row]) -> Node:
    """The tree of the rows of a profile on ``kind``. ProfileError where a row stands outside it or twice."""
    root = Node(kind, kind)
    for row in rows:
        node = _node(root, str(row["id"]))
        if node.row:
            raise ProfileError(f"{row['id']}: the profile has two rows of this id")
        node.row = row
    return root


def _node(root: Node, ident: str) -> Node:
    first, *rest = ident.split(".")
    if first != root.name:
        raise ProfileError(f"{ident}: stands outside {root.name}")
    node = root
    for part in rest:
        name, _, which = part.partition(":")
        here = f"{node.id}.{name}"
        node = node.below.setdefault(name, Node(here, name))
        if which:
            node = node.slices.setdefault(which, Node(f"{here}:{which}", name))
    return node
