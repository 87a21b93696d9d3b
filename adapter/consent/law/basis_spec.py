"""The model of `profiles/law/bases.yaml`: every legal basis as data.

What federal law fixes is checked here, so that a file that says otherwise does not load; `denials` says it again at
every decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapter.consent.bases import UNBOUND, mask
from adapter.consent.law.ceilings import CUSTODIANS, IMPOSERS, MEDICAL
from adapter.consent.law.partners import Entity  # noqa: TC001  # pydantic reads the annotations
from adapter.consent.vocabulary import PURPOSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

StandingCode = Literal["T", "K", "J", "E", "O", "Q", "X"]
PaperCode = Literal["U", "S", "C", "NC", "own"]
Instrument = Literal[
    "release",
    "criminal-justice",
    "proceedings",
    "counseling-notes",
    "psychotherapy-notes",
    "domestic-violence",
]
"""Kinds of paper a person signs, by their code in CodeSystem/consent-instrument."""
Regime = Literal["justice", "hipaa", "part2", "education"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Text = Annotated[str, Field(min_length=1)]

ASSERTED: Final = frozenset("KJEOX")
"""Bases that hold only while somebody's assertion of their facts is in force."""

_HOUR: Final = 3_600_000_000
"""Microseconds."""
_FEDERAL_RECIPIENTS: Final[Mapping[str, frozenset[str]]] = {
    "E": MEDICAL,
    "K": CUSTODIANS,
    "C": IMPOSERS,
}


class Spec(BaseModel):
    """A part of a file of `profiles/law`: nothing unknown, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RequiredFact(Spec):
    """One fact that has to be recorded when a basis is asserted."""

    name: Name
    type: Literal["text", "instant", "date", "yes-no", "choice", "choices"]
    meaning: Text
    citation: Text
    choices: dict[str, Text] = {}

    @model_validator(mode="after")
    def _choosable(self) -> RequiredFact:
        if (self.type in {"choice", "choices"}) is not bool(self.choices):
            raise ValueError("expected `choices` exactly where the type is choice or choices")
        return self


class Longest(Spec):
    """The longest period of an assertion."""

    hours: int | None = Field(default=None, ge=1)
    days: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one(self) -> Longest:
        if (self.hours is None) is (self.days is None):
            raise ValueError("expected either `hours` or `days`")
        return self

    @property
    def microseconds(self) -> int:
        """The period, a day taken as 24 hours."""
        return (self.hours or 24 * (self.days or 0)) * _HOUR

    def __str__(self) -> str:
        count, unit = (self.hours, "hour") if self.hours else (self.days, "day")
        return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


class Survives(Spec):
    """Whether a basis still holds over a recorded refusal, and over a restriction that was agreed."""

    refusal: bool
    restriction: bool


class Attached(Spec):
    """A text that goes with the record; ``when``: only where the record is given over a restriction."""

    code: Name
    text: Text
    when: Literal["restricted"] | None = None


class _Basis(Spec):
    name: Name
    title: Text
    citation: Text
    about: Text
    instruments: tuple[Instrument, ...] = ()
    recipients: tuple[Entity, ...] = Field(min_length=1)
    duties: tuple[Text, ...] = ()


class Standing(_Basis):
    """A basis that stands without a consent on file."""

    code: StandingCode
    records: tuple[RequiredFact, ...] = ()
    longest: Longest | None = None
    regimes: tuple[Regime, ...] = Field(min_length=1)
    purposes: tuple[Text, ...] = ()
    agreement: bool
    survives: Survives
    attaches: tuple[Attached, ...] = ()

    @model_validator(mode="after")
    def _lawful(self) -> Standing:
        flaw = next(self._flaws(), None)
        if flaw:
            raise ValueError(flaw)
        return self

    def _flaws(self) -> Iterator[str]:
        if self.code in "TKJ" and "part2" in self.regimes:
            yield f"expected no `part2` in `regimes`: {self.code} never reaches a Part 2 record, 42 CFR 2.12"
        if self.agreement is bool(mask(self.code) & UNBOUND):
            yield f"expected `agreement: {str(not self.agreement).lower()}`: what binds {self.code} is fixed"
        if (self.code in ASSERTED) is not (self.longest is not None and bool(self.records)):
            yield "expected `records` and `longest` exactly for the bases that are asserted: K, J, E, O, X"
        if self.code == "T" and not self.purposes:
            yield "expected `purposes` of T: a purpose of treatment"
        if unknown := sorted(set(self.purposes) - PURPOSES.keys()):
            yield f"expected codes of v3-ActReason in `purposes`, not {', '.join(unknown)}"
        yield from _strangers(self.code, self.recipients)


class Paper(_Basis):
    """A basis that a person signs, or local law."""

    code: PaperCode

    @model_validator(mode="after")
    def _lawful(self) -> Paper:
        for flaw in _strangers(self.code, self.recipients):
            raise ValueError(flaw)
        return self


def _strangers(code: str, recipients: Iterable[str]) -> Iterator[str]:
    allowed = _FEDERAL_RECIPIENTS.get(code)
    if allowed is not None and not allowed >= set(recipients):
        yield f"expected `recipients` of {code} among {', '.join(sorted(allowed))}"


class Bases(Spec):
    """`bases.yaml`."""

    standing: tuple[Standing, ...]
    papers: tuple[Paper, ...]

    @model_validator(mode="after")
    def _complete(self) -> Bases:
        for place, found, wanted in (
            ("standing", [basis.code for basis in self.standing], "T K J E O Q X"),
            ("papers", [paper.code for paper in self.papers], "U S C NC own"),
        ):
            if sorted(found) != sorted(wanted.split()):
                raise ValueError(f"expected each of {wanted} once in `{place}`, not {' '.join(found)}")
        return self

    @property
    def all(self) -> tuple[Standing | Paper, ...]:
        """Every basis, those that stand without a consent first."""
        return (*self.standing, *self.papers)

    def basis(self, code: str) -> Standing | Paper:
        """The basis of that code. Raises ``KeyError`` for none."""
        by_code: dict[str, Standing | Paper] = {one.code: one for one in self.all}
        return by_code[code]

    def papers_of(self, instrument: str) -> frozenset[str]:
        """The codes that a paper of this kind is."""
        return frozenset(one.code for one in self.all if instrument in one.instruments)
