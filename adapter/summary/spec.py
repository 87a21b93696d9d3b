"""The form of an instruments file: what a row may say, and what contradicts itself.

``profiles/instruments.yaml`` and a county's own file have the same form.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from adapter.summary.vocabulary import CATEGORIES, HIGHEST_RISK

_CODE = re.compile(r"[a-z][a-z0-9.]*(?:-[a-z0-9.]+)*")


def _code(value: object) -> object:
    if not isinstance(value, str) or _CODE.fullmatch(value) is None:
        raise ValueError("a code is lower-case letters, digits and dots, joined by single hyphens")
    return value


def _ascending(value: object) -> object:
    if isinstance(value, dict) and list(value) != sorted(value):
        raise ValueError("bands start with the lowest score and ascend")
    return value


Code = Annotated[str, BeforeValidator(_code)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Bands = Annotated[dict[int, str], BeforeValidator(_ascending)]
Sensitivity = Literal[
    "MH", "PSY", "SUD", "ETH", "ETHUD", "OPIOIDUD", "BH", "SDV", "PSYTHPN", "SEX", "VIO", "HIV", "STD"
]  # fmt: skip
"""https://terminology.hl7.org/CodeSystem/v3-ActCode (information sensitivity)"""
Domain = Literal["mh", "sud", "mh+sud", "risk", "cognitive", "social"]
Limit = Literal["none", "score-only", "level-only"]
Carries = Literal["level", "level-or-score", "score", "never"]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ScoreForm(_Form):
    """A result that is a number. ``range`` is its lowest and highest value; anything else is a sentinel."""

    local: Code
    loinc: str | None = None
    range: list[int] = Field(default=[], max_length=2)
    lower_is_worse: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.local.endswith("-score"):
            raise ValueError("the local code of a score ends in `-score`")
        if self.range and not (len(self.range) == 2 and self.range[0] < self.range[1]):  # noqa: PLR2004
            raise ValueError("`range` is the lowest and the highest score")
        return self


class LevelForm(_Form):
    """A result that is a category. ``yes`` and ``no`` say what a bare yes or no answer means."""

    local: Code
    loinc: str | None = None
    yes: str = "positive"
    no: str = "negative"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.local.endswith(("-level", "-result")):
            raise ValueError("the local code of a category ends in `-level` or `-result`")
        return self


class OverrideForm(_Form):
    """The code under which a sender states that a person changed the band."""

    local: Code


class CaveatForm(_Form):
    """Words that go with a computed band when the score lies in this part of the range."""

    from_: int = Field(alias="from")
    to: int
    says: Text


class ScaleForm(_Form):
    """One result of an instrument."""

    key: Code | None = None
    name: Text | None = None
    score: ScoreForm | None = None
    level: LevelForm | None = None
    override: OverrideForm | None = None
    carries: Carries | None = None
    bands: Bands = {}
    bands_by_sex: dict[Literal["male", "female"], Bands] = {}
    sex_unknown: Text | None = None
    caveat: CaveatForm | None = None
    seen: bool = False
    compute: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.score is None and self.level is None:
            raise ValueError("a scale has a score, a level or both")
        if self.compute and not self.seen:
            raise ValueError("what was not seen in a source is not computed")
        if self.compute and self.level is None:
            raise ValueError("a computed band needs a level code to carry it")
        if self.bands_by_sex and self.compute and not (self.bands and self.sex_unknown):
            raise ValueError("bands by sex need `bands` for unknown sex and `sex_unknown` to say so")
        return self


class CategoryForm(_Form):
    """A result category of this instrument alone."""

    code: Code
    display: Text
    risk: int = Field(ge=0, le=HIGHEST_RISK)


class ConditionForm(_Form):
    """Met when at least ``least`` of these items are answered yes."""

    of: list[str] = Field(min_length=1)
    least: int = Field(ge=1)


class ScoringForm(_Form):
    """How item answers make the result. Item keys only, no wording."""

    kind: Literal["sum", "any-of"]
    items: list[str] = Field(min_length=1)
    answers: list[int] = Field(default=[0, 1], min_length=2, max_length=2)
    reversed: list[str] = []
    together: list[list[str]] = []
    optional: list[str] = []
    conditions: list[ConditionForm] = []
    met: str | None = None
    unmet: str | None = None
    loinc: dict[str, str] = {}

    @model_validator(mode="after")
    def _check(self) -> Self:
        named = {*self.reversed, *self.optional, *self.loinc.values()}
        named.update(key for group in self.together for key in group)
        named.update(key for condition in self.conditions for key in condition.of)
        if not named <= set(self.items):
            raise ValueError("`scoring` names items that are not in `items`")
        if self.kind == "any-of" and not (self.conditions and self.met and self.unmet):
            raise ValueError("`any-of` needs `conditions`, `met` and `unmet`")
        return self


class InstrumentForm(_Form):
    """One row of the registry."""

    id: Code
    name: Text
    title: Text
    domain: Domain
    labels: list[Sensitivity]
    licence: Text
    limit: Limit = "none"
    rule: Text
    carries: Carries = "level"
    panels: list[str] = []
    items: list[str] = []
    questionnaires: list[str] = []
    scales: list[ScaleForm] = Field(min_length=1)
    own_categories: list[CategoryForm] = []
    aliases: dict[str, str] = {}
    answers: dict[str, str] = {}
    scoring: ScoringForm | None = None
    urgent: bool = False
    urgent_items: list[str] = []
    called: list[Text] = []

    @model_validator(mode="after")
    def _check(self) -> Self:
        known = {*self.items, *(self.scoring.loinc if self.scoring else ())}
        if not set(self.urgent_items) <= known:
            raise ValueError("`urgent_items` names LOINC items that the instrument does not have")
        if len(self.scales) > 1 and not all(scale.key for scale in self.scales):
            raise ValueError("each of several scales needs a `key`")
        if self.limit != "none" and (self.items or self.scoring):
            raise ValueError(f"an instrument that is {self.limit} holds no items")
        if self.limit == "level-only" and self.carries not in {"level", "never"}:
            raise ValueError("an instrument that is level-only carries its level or nothing")
        if self.scoring and len(self.scales) > 1:
            raise ValueError("`scoring` is for instruments with one scale")
        self._check_categories()
        return self

    def _check_categories(self) -> None:
        known = {*CATEGORIES, *(own.code for own in self.own_categories)}
        used = [*self.aliases.values(), *self.answers.values()]
        for scale in self.scales:
            used += scale.bands.values()
            used += [band for bands in scale.bands_by_sex.values() for band in bands.values()]
            used += [scale.level.yes, scale.level.no] if scale.level else []
        if self.scoring and self.scoring.kind == "any-of":
            used += [self.scoring.met or "", self.scoring.unmet or ""]
        unknown = sorted(set(used) - known)
        if unknown:
            raise ValueError(f"unknown result categories: {', '.join(unknown)}")


class AdjustForm(_Form):
    """What a county changes of an instrument: cut-offs with their source, words, what summaries carry."""

    source: Text | None = None
    bands: Bands = {}
    bands_by_sex: dict[Literal["male", "female"], Bands] = {}
    aliases: dict[str, str] = {}
    labels: list[Sensitivity] = []
    carries: Carries | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.bands or self.bands_by_sex) and not self.source:
            raise ValueError("cut-offs of your own need a `source`: who decided them, and where that is written")
        return self


class InstrumentsFile(_Form):
    """A whole file. Rows are checked one by one, so that every wrong row is reported."""

    instruments: list[dict[str, Any]] = []
    adjust: dict[str, dict[str, Any]] = {}


def instruments_schema() -> dict[str, Any]:
    """The JSON Schema of an instruments file, for editors; kept in profiles/instruments.schema.json."""
    rows, changes = InstrumentForm.model_json_schema(by_alias=True), AdjustForm.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Screening instruments",
        "type": "object",
        "additionalProperties": False,
        "$defs": {**rows.pop("$defs", {}), **changes.pop("$defs", {}), "Instrument": rows, "Adjust": changes},
        "properties": {
            "instruments": {"type": "array", "items": {"$ref": "#/$defs/Instrument"}},
            "adjust": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Adjust"}},
        },
    }
