"""From the files of `profiles/law`, and the overlays a county wrote itself, to checked tables.

Everything that is wrong is told at once, with file, key path and what was expected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from adapter.consent.law.basis_spec import Bases
from adapter.consent.law.matrix_spec import FILE, Matrix, contradictions
from adapter.consent.law.overlay import Overlay
from adapter.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BASES_FILE: Final = "profiles/law/bases.yaml"

Model = TypeVar("Model", bound=BaseModel)


class Tables(NamedTuple):
    """The data of the law: bases, matrix, and the overlays in force."""

    bases: Bases
    matrix: Matrix
    overlays: tuple[Overlay, ...]


def tables(
    bases: object,
    matrix: object,
    overlays: Mapping[str, object],
    *,
    names: Iterable[str] = (),
    enabled: Iterable[str] = (),
    where: str = "site.toml",
) -> Tables:
    """Check the documents of the law. Raises ConfigurationError with every problem in any of them.

    ``overlays`` are all overlay documents by file name (``profiles/law/overlays/nm.yaml``); ``names`` those in force,
    ``enabled`` the choices of the matrix that counsel enabled, as ``overlays`` and ``enabled`` of ``where`` list them.
    """
    problems: list[Problem] = []
    known_bases = _checked(Bases, bases, BASES_FILE, problems)
    known_matrix = _checked(Matrix, matrix, FILE, problems)
    known = [(name, _checked(Overlay, overlays[name], name, problems)) for name in sorted(overlays)]
    by_name: dict[str, Overlay] = {}
    for name, overlay in known:
        if overlay is not None:
            if overlay.overlay in by_name:
                problems.append(_problem(name, "overlay", f"`{overlay.overlay}` is there twice", "a name of its own"))
            by_name[overlay.overlay] = overlay
    wanted = list(names)
    problems += [
        _problem(where, "overlays", f"`{name}` is no overlay", ", ".join(sorted(by_name)))
        for name in wanted
        if name not in by_name
    ]
    if known_bases is not None and known_matrix is not None:
        problems += contradictions(known_matrix, known_bases)
        try:
            known_matrix = known_matrix.enabling(enabled, where=where)
        except ConfigurationError as error:
            problems += error.problems
    if problems or known_bases is None or known_matrix is None:
        raise ConfigurationError(problems)
    return Tables(known_bases, known_matrix, tuple(by_name[name] for name in wanted))


def _checked(model: type[Model], document: object, where: str, problems: list[Problem]) -> Model | None:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        for detail in error.errors():
            path = ""
            for part in detail["loc"]:
                path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
            context = detail.get("ctx", {})
            expected = str(context.get("expected", context.get("pattern", context.get("error", ""))))
            problems.append(_problem(where, path, str(detail["msg"]).lower(), expected))
    return None


def _problem(where: str, path: str, message: str, expected: str) -> Problem:
    return Problem(where=where, path=path, message=message, expected=expected)
