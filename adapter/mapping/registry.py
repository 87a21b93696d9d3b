"""The named functions a mapping may call: what they take, what they give, which leaves they read."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping, Sequence

Kind = Literal["text", "field", "element", "literal", "any"]
"""What a parameter accepts or a function gives: one text; an HL7 v2 field with its repetitions; a JSON
subtree; a constant of the mapping; anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a function."""

    name: str
    kind: Kind
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which leaves of a structured argument a function reads.

    ``paths`` are component numbers or dotted element paths, each with everything below it; ``pattern`` says
    the same for paths that repeat at any depth. Neither: all leaves. ``first`` limits a field to its first
    repetition.
    """

    paths: frozenset[str] | None = None
    pattern: re.Pattern[str] | None = None
    first: bool = False

    def covers(self, path: str, *, repeat: bool) -> bool:
        """Whether the leaf at ``path`` is read; ``repeat``: it is in a later repetition."""
        if self.first and repeat:
            return False
        if self.pattern is not None:
            return self.pattern.fullmatch(path) is not None
        if self.paths is None:
            return True
        return any(path == read or path.startswith(read + ".") for read in self.paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function as the compiler knows it; ``reads`` gives the coverage of each structured parameter.

    ``about`` is the system or address that every entry it gives has, where that is always the same one.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    variadic: bool
    gives: Kind
    remarks: bool
    body: Callable[..., Any]
    reads: Mapping[str, Coverage | Callable[[Sequence[Any]], Coverage]]
    about: str = ""

    @property
    def signature(self) -> str:
        """Its parameters as the reference shows them."""
        shown = [f"{p.name}: {p.kind}{'?' if p.optional else ''}" for p in self.parameters]
        return ", ".join(shown) + (" ..." if self.variadic else "")

    def coverage(self, parameter: Parameter, constants: Sequence[Any]) -> Coverage:
        """Which leaves of ``parameter`` are read when the constant arguments are ``constants``."""
        found = self.reads.get(parameter.name, Coverage())
        return found if isinstance(found, Coverage) else found(constants)


FUNCTIONS: Final[dict[str, Function]] = {}
"""Every function by name; filled by importing adapter.mapping.functions."""


def function(
    *,
    gives: Kind = "text",
    variadic: bool = False,
    about: str = "",
    reads: Mapping[str, Coverage | Callable[[Sequence[Any]], Coverage]] | None = None,
    **kinds: str,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function under its own name.

    ``kinds`` gives the kind of every parameter, with `?` where it may be left out; a first parameter named
    `remarks` receives the remarks of the call. The first line of the docstring is what the reference shows.
    """

    def register(body: Callable[..., Any]) -> Callable[..., Any]:
        parameters = tuple(
            Parameter(name=name, kind=kind.rstrip("?"), optional=kind.endswith("?"))  # type: ignore[arg-type]
            for name, kind in kinds.items()
        )
        name = body.__name__.rstrip("_")
        FUNCTIONS[name] = Function(
            name=name,
            summary=(inspect.getdoc(body) or "").partition("\n")[0],
            parameters=parameters,
            variadic=variadic,
            gives=gives,
            remarks=next(iter(inspect.signature(body).parameters)) == "remarks",
            body=body,
            reads=reads or {},
            about=about,
        )
        return body

    return register
