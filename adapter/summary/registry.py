"""The instrument registry: which codes are results of which screen, and what may be said of them.

Built from ``profiles/instruments.yaml`` and a county's own files (``adapter/summary/spec.py`` is their form),
checked against the pinned LOINC list. What a screening needs is looked up in dictionaries prepared here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from adapter.errors import ConfigurationError
from adapter.summary.rows import read
from adapter.summary.vocabulary import LOINC, RESULT_CODE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from adapter.summary.instrument import Instrument, Scale
    from adapter.summary.loinc import PinnedList
    from adapter.summary.vocabulary import Category

Kind = Literal["score", "level", "override", "panel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a code stands for: a result of a scale, or a panel (no scale)."""

    instrument: Instrument
    scale: Scale | None
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """All instruments of a site, with the look-ups a screening needs."""

    instruments: Mapping[str, Instrument]
    categories: Mapping[str, Category]
    by_code: Mapping[tuple[str, str], Target] = field(repr=False)
    by_questionnaire: Mapping[str, Instrument] = field(repr=False)
    by_item: Mapping[str, tuple[Instrument, ...]] = field(repr=False)

    @classmethod
    def load(
        cls,
        document: Mapping[str, Any],
        pinned: PinnedList,
        *,
        local: Sequence[tuple[str, Mapping[str, Any]]] = (),
        file: str = "instruments.yaml",
    ) -> Registry:
        """Build the registry from parsed YAML.

        ``local`` is a county's own files as pairs of file name and parsed content: their rows need ids that
        start with ``local-``, and ``adjust`` changes cut-offs (with their source), words, labels (added only)
        and what a summary carries. ``ConfigurationError`` carries every problem of every file.
        """
        instruments, categories, problems = read(document, pinned, local=local, file=file)
        if problems:
            raise ConfigurationError(problems)
        return cls(
            instruments=instruments,
            categories=categories,
            by_code=_codes(instruments.values()),
            by_questionnaire=_questionnaires(instruments.values()),
            by_item=_items(instruments.values()),
        )

    def result(self, system: str, code: str) -> Target | None:
        """The scale whose score or level ``system|code`` is."""
        target = self.by_code.get((system, code))
        return target if target is not None and target.kind in {"score", "level"} else None

    def panel(self, code: str) -> Instrument | None:
        """The instrument whose LOINC panel ``code`` is."""
        target = self.by_code.get((LOINC, code))
        return target.instrument if target is not None and target.kind == "panel" else None

    def questionnaire(self, canonical: str) -> Instrument | None:
        """The instrument a Questionnaire canonical names: by its whole URL, or by its last path segment."""
        url = canonical.partition("|")[0]
        found = self.by_questionnaire.get(url)
        return found or self.by_questionnaire.get(url.rstrip("/").rpartition("/")[2].casefold())

    def item(self, code: str) -> tuple[Instrument, ...]:
        """The instruments that have the LOINC item ``code``."""
        return self.by_item.get(code, ())


def _codes(instruments: Iterable[Instrument]) -> dict[tuple[str, str], Target]:
    found: dict[tuple[str, str], Target] = {}
    for instrument in instruments:
        for panel in instrument.panels:
            found[LOINC, panel] = Target(instrument=instrument, scale=None, kind="panel")
        for scale in instrument.scales:
            for code in (scale.score, scale.level):
                if code is not None:
                    target = Target(instrument=instrument, scale=scale, kind=code.kind)
                    found.update(dict.fromkeys(code.codings, target))
            if scale.override:
                found[RESULT_CODE, scale.override] = Target(instrument=instrument, scale=scale, kind="override")
    return found


def _questionnaires(instruments: Iterable[Instrument]) -> dict[str, Instrument]:
    found: dict[str, Instrument] = {}
    for instrument in instruments:
        for name in (instrument.id, *instrument.panels, *instrument.questionnaires):
            found[name] = instrument
    return found


def _items(instruments: Iterable[Instrument]) -> dict[str, tuple[Instrument, ...]]:
    found: dict[str, tuple[Instrument, ...]] = {}
    for instrument in instruments:
        for code in (*instrument.items, *(instrument.scoring.loinc if instrument.scoring else ())):
            found[code] = (*found.get(code, ()), instrument)
    return found
