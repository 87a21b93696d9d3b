"""What is known of one screening instrument: its results, bands, words and the way it is scored.

The facts come from ``profiles/instruments.yaml``; nothing here knows an instrument by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.summary.vocabulary import Category

Bands = tuple[tuple[int, str], ...]
"""First score of each band and its category, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultCode:
    """The code of one result: LOINC first where there is one, always the local code beside it.

    ``unit`` is UCUM ``{score}`` for a score and empty for a level.
    """

    kind: Literal["score", "level"]
    codings: tuple[tuple[str, str], ...]
    text: str
    unit: str

    @property
    def system(self) -> str:
        """System of the first coding."""
        return self.codings[0][0]

    @property
    def code(self) -> str:
        """Code of the first coding."""
        return self.codings[0][1]

    @property
    def local(self) -> str:
        """Code in ``CodeSystem/jbh-result-code``."""
        return self.codings[-1][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caveat:
    """Words that go with a computed band for scores from ``low`` to ``high``."""

    low: int
    high: int
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """One result of an instrument. ``carries`` says what a summary of it shows."""

    key: str
    score: ResultCode | None
    level: ResultCode | None
    override: str | None
    carries: str
    low: int | None
    high: int | None
    lower_is_worse: bool
    bands: Bands
    bands_by_sex: Mapping[str, Bands]
    sex_unknown: str | None
    caveat: Caveat | None
    seen: bool
    compute: bool
    yes: str
    no: str
    source: str

    @property
    def categories(self) -> frozenset[str]:
        """Every category that the bands know."""
        of_sexes = (bands for bands in self.bands_by_sex.values())
        return frozenset(category for bands in (self.bands, *of_sexes) for _, category in bands)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """How item answers make the result: a sum, or conditions any one of which is enough."""

    kind: str
    items: tuple[str, ...]
    low: int
    high: int
    reversed: frozenset[str]
    together: tuple[frozenset[str], ...]
    optional: frozenset[str]
    conditions: tuple[tuple[frozenset[str], int], ...]
    met: str
    unmet: str
    loinc: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One screening instrument.

    ``labels`` are v3-ActCode sensitivities by content. ``limit`` is ``none``, ``score-only`` (items are
    licensed and not kept) or ``level-only`` (the number itself is never carried). ``words`` maps what senders
    write to categories. ``urgent`` are screens of suicide and withdrawal, ``urgent_items`` such questions of others;
    ``called`` are further names that senders use.
    """

    id: str
    name: str
    title: str
    domain: str
    labels: tuple[str, ...]
    licence: str
    limit: str
    rule: str
    panels: tuple[str, ...]
    items: tuple[str, ...]
    questionnaires: tuple[str, ...]
    scales: tuple[Scale, ...]
    own_categories: tuple[Category, ...]
    words: Mapping[str, str]
    answers: Mapping[str, str]
    scoring: Scoring | None
    urgent: bool = False
    urgent_items: frozenset[str] = frozenset()
    called: tuple[str, ...] = ()

    @property
    def panel_loinc(self) -> str | None:
        """The first LOINC panel code, if the instrument has one."""
        return self.panels[0] if self.panels else None

    @property
    def result_codes(self) -> tuple[ResultCode, ...]:
        """Every result code of the instrument."""
        return tuple(code for scale in self.scales for code in (scale.score, scale.level) if code is not None)

    @property
    def bands(self) -> Bands:
        """The bands of the first scale."""
        return self.scales[0].bands

    @property
    def seen(self) -> bool:
        """Whether every scale's rule was checked against its source."""
        return all(scale.seen for scale in self.scales)

    @property
    def computes(self) -> bool:
        """Whether a band is computed when the sender states none."""
        return any(scale.compute for scale in self.scales)
