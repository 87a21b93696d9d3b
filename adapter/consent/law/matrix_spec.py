"""The model of `profiles/law/matrix.yaml`: which basis may bring which data to which kind of recipient.

It narrows what `bases.yaml` allows, never widens it: a cell that offers more than its basis allows does not load.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from pydantic import ConfigDict, Field, model_validator

from adapter.consent.law.basis_spec import Bases, Paper, PaperCode, Spec, Standing, StandingCode, Text
from adapter.consent.law.columns import COLUMNS, Column
from adapter.consent.law.partners import ENTITIES, Entity
from adapter.consent.law.purposes import PROCEEDINGS
from adapter.consent.vocabulary import PURPOSES
from adapter.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FILE: Final = "profiles/law/matrix.yaml"

_NOTES_PAPERS: Final = frozenset({"NC", "O", "E"})
_PART2_PAPERS: Final = frozenset({"U", "S", "C", "X", "E", "O", "Q"})


class Cell(Spec):
    """One cell: the bases in use, and those that law may allow and counsel has not enabled."""

    bases: tuple[StandingCode | PaperCode, ...] = ()
    disabled: tuple[StandingCode | PaperCode, ...] = ()
    note: str = ""

    @model_validator(mode="after")
    def _apart(self) -> Cell:
        if both := sorted(set(self.bases) & set(self.disabled)):
            raise ValueError(f"expected {', '.join(both)} either in `bases` or in `disabled`")
        return self


class Offered(NamedTuple):
    """A cell ready to be asked: the codes in use, and those that counsel has not enabled."""

    bases: frozenset[str]
    disabled: frozenset[str]


Offers = Mapping[tuple[Entity, Column], Offered]


class Row(Spec):
    """One kind of recipient. Every column is stated, so that none is forgotten."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=lambda name: name.replace("_", "-"))

    title: Text
    identity: Cell
    mh_summary: Cell
    mh_detail: Cell
    sud: Cell
    part2: Cell
    notes: Cell
    clinical: Cell
    risk: Cell
    criminal_history: Cell

    def cell(self, column: Column) -> Cell:
        """The cell of a column."""
        return cast("Cell", getattr(self, column.replace("-", "_")))


class PurposeLists(Spec):
    """Purposes beyond those of federal law and HL7."""

    proceedings: tuple[Text, ...] = ()
    help: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _apart(self) -> PurposeLists:
        if both := sorted({*self.proceedings, *PROCEEDINGS} & set(self.help)):
            raise ValueError(f"expected no proceeding in `help`, not {', '.join(both)}")
        if known := sorted(set(self.help) & PURPOSES.keys()):
            raise ValueError(f"expected local purposes in `help`, not codes of v3-ActReason: {', '.join(known)}")
        return self


class Matrix(Spec):
    """`matrix.yaml`."""

    purposes: PurposeLists = PurposeLists()
    columns: dict[Column, Text]
    recipients: dict[Entity, Row] = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Matrix:
        if missing := [entity for entity in ENTITIES if entity not in self.recipients]:
            raise ValueError(f"expected a row for each kind of recipient in `recipients`, missing {', '.join(missing)}")
        if untold := [column for column in COLUMNS if column not in self.columns]:
            raise ValueError(f"expected a title for each column in `columns`, missing {', '.join(untold)}")
        return self

    def offers(self) -> dict[tuple[Entity, Column], Offered]:
        """Every cell by kind of recipient and column."""
        return {
            (entity, column): Offered(frozenset(row.cell(column).bases), frozenset(row.cell(column).disabled))
            for entity, row in self.recipients.items()
            for column in COLUMNS
        }

    def enabling(self, choices: Iterable[str], *, where: str) -> Matrix:
        """The matrix with what counsel enabled, each choice as ``recipient/column/basis``.

        Only what a cell lists in `disabled` can be enabled. Raises ConfigurationError naming every other choice, as
        ``enabled`` of the file ``where``.
        """
        document = self.model_dump(by_alias=True)
        problems = []
        for choice in choices:
            entity, _, rest = choice.partition("/")
            column, _, code = rest.partition("/")
            cell = document["recipients"].get(entity, {}).get(column) if column in COLUMNS else None
            if cell is None or code not in cell["disabled"]:
                problems.append(_unenabled(where, choice, cell))
                continue
            cell["disabled"] = [one for one in cell["disabled"] if one != code]
            cell["bases"] = [*cell["bases"], code]
        if problems:
            raise ConfigurationError(problems)
        return Matrix.model_validate(document)


def _unenabled(where: str, choice: str, cell: Mapping[str, Any] | None) -> Problem:
    expected = "recipient/column/basis, such as pretrial/mh-detail/U"
    if cell is not None:
        expected = f"one of `disabled` in that cell: {', '.join(cell['disabled']) or 'it has none'}"
    return Problem(where=where, path="enabled", message=f"`{choice}` cannot be enabled", expected=expected)


def contradictions(matrix: Matrix, bases: Bases) -> Iterator[Problem]:
    """Every cell that offers, in use or off, what its basis does not allow."""
    by_code: dict[str, Standing | Paper] = {one.code: one for one in bases.all}
    for entity, row in matrix.recipients.items():
        for column in COLUMNS:
            cell = row.cell(column)
            for code in (*cell.bases, *cell.disabled):
                expected = _expected(by_code[code], entity, column)
                if expected:
                    yield Problem(
                        where=FILE,
                        path=f"recipients.{entity}.{column}",
                        message=f"{code} has no place here",
                        expected=expected,
                    )


def _expected(basis: Standing | Paper, entity: Entity, column: Column) -> str:
    if entity not in basis.recipients:
        return f"a basis whose `recipients` in bases.yaml list {entity}"
    if column == "notes" and basis.code not in _NOTES_PAPERS:
        return f"one of {', '.join(sorted(_NOTES_PAPERS))}: notes need a paper of their own, 42 CFR 2.31(b)"
    if column == "part2" and basis.code not in _PART2_PAPERS:
        return f"one of {', '.join(sorted(_PART2_PAPERS))}: nothing else reaches a Part 2 record, 42 CFR 2.12"
    if column == "part2" and isinstance(basis, Standing) and "part2" not in basis.regimes:
        return "a basis whose `regimes` in bases.yaml list part2"
    return ""
