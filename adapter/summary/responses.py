"""The items of a QuestionnaireResponse that matter: stated results, and answers of a known instrument.

Link ids vary between form builders (``/44250-9``, ``93025-5``, ``q3``), so results are found by registered
code wherever they stand, and bare item numbers only where the form is known.
https://hl7.org/fhir/R4/questionnaireresponse.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapter.summary.scoring import item_key
from adapter.summary.values import answer_score
from adapter.summary.vocabulary import LOINC, RESULT_CODE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from adapter.summary.instrument import Instrument, Scale
    from adapter.summary.registry import Registry, Target

Item = tuple[str, "Sequence[Mapping[str, Any]]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """``results``: stated results with scale and answer; ``items``: answers of each instrument by item key.

    ``instrument`` is the one the form names, if it names one.
    """

    instrument: Instrument | None
    results: tuple[tuple[Target, Scale, Mapping[str, Any]], ...]
    items: tuple[tuple[Instrument, Mapping[str, int]], ...]


def answered(response: Mapping[str, Any], registry: Registry) -> Answered:
    """Read the whole form, nested items too."""
    items = list(_walk(response.get("item", ())))
    instrument = registry.questionnaire(str(response.get("questionnaire") or ""))
    if instrument is None:
        panels = (registry.panel(_last(name)) for name, _ in items)
        instrument = next((panel for panel in panels if panel is not None), None)
    results = []
    for name, answers in items:
        target = registry.result(LOINC, _last(name)) or registry.result(RESULT_CODE, _last(name))
        if target is not None and target.scale is not None and answers:
            results.append((target, target.scale, answers[0]))
    return Answered(
        instrument=instrument,
        results=tuple(results),
        items=tuple(_answers(items, instrument, registry)),
    )


def _walk(items: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
    for item in items:
        answers = item.get("answer", ())
        yield str(item.get("linkId", "")), answers
        yield from _walk(item.get("item", ()))
        for answer in answers:
            yield from _walk(answer.get("item", ()))


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _answers(
    items: Sequence[Item], instrument: Instrument | None, registry: Registry
) -> Iterator[tuple[Instrument, dict[str, int]]]:
    """Answers of the named instrument, or else of the instruments whose LOINC items the form has."""
    named = {instrument.id: instrument} if instrument is not None else {}
    if not named:
        named = {owner.id: owner for name, _ in items for owner in registry.item(_last(name))}
    for owner in named.values():
        answers: dict[str, int] = {}
        for name, given in items:
            exact = owner.scoring is not None and _last(name) in owner.scoring.loinc
            key = item_key(owner, name) if exact or owner is instrument else None
            values = [value for value in map(answer_score, given) if value is not None]
            if key is not None and values:
                answers[key] = max(values)
        if answers:
            yield owner, answers
