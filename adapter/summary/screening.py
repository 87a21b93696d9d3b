"""Finding screenings in a detail resource: an Observation of a result, a panel, or a QuestionnaireResponse.

A band the sender states is kept; one is computed only where the sender states none and the rule was
checked. A panel's own value is not read: the panel code names no result.
https://hl7.org/fhir/us/core/StructureDefinition-us-core-observation-screening-assessment.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adapter.errors import RecordError
from adapter.summary.occasion import occasion_of
from adapter.summary.responses import answered
from adapter.summary.scoring import Band, band, item_key, outcome, possible_bands, total
from adapter.summary.values import answer_score, reading
from adapter.summary.vocabulary import CATEGORIES, HIGHEST_RISK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from adapter.summary.instrument import Instrument, ResultCode, Scale
    from adapter.summary.occasion import Occasion
    from adapter.summary.registry import Registry, Target

_OBSERVED = frozenset({"preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"})
_RETRACTED = frozenset({"cancelled", "entered-in-error"})
_RESPONDED = {"completed": "final", "amended": "amended", "entered-in-error": "entered-in-error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """One result of one screen, as a summary may state it.

    ``result`` is the code the summary carries. ``score`` and ``category`` are what is known;
    ``source_band`` is the sender's band, ``override`` the band a person put in its place, and ``computed``
    what our checked rule gives: they are kept apart, and ``category`` is the first of override, sender's
    band and ours. ``absent`` is a data-absent-reason code when the summary states no value. ``day`` is
    YYYY-MM-DD, ``instant`` microseconds since 1970 UTC (``None`` when only the day is known), ``risk`` 0 to
    9. ``series`` names the scale: results of one series are repeats of each other. ``status`` is the
    Observation status. ``disagreements`` says in which ways the sender contradicts itself by our checked rule:
    ``band-differs`` from its score, ``score-differs`` from its answers. What the sender stated stands.
    """

    instrument: Instrument
    series: str
    result: ResultCode
    score: Decimal | None
    category: str | None
    source_band: str | None
    computed: str | None
    override: str | None
    caveat: str | None
    absent: str | None
    effective: str
    day: str
    instant: int | None
    risk: int
    status: str
    disagreements: tuple[str, ...] = ()

    @property
    def occasion(self) -> str:
        """The same for every resource that tells of this one result: a total, its panel and its form."""
        return f"{self.series}|{self.day if self.instant is None else self.instant}"


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """What the parts of one resource say of one scale."""

    score: Decimal | None = None
    source_band: str | None = None
    override: str | None = None
    absent: str | None = None
    answers: dict[str, int] = field(default_factory=dict)


_Found = tuple["Instrument", "Scale", _Gathered]


def screenings(detail: Mapping[str, Any], registry: Registry, *, sex: str | None = None) -> list[Screening]:
    """The screenings in ``detail``; empty for resources that hold no result of a registered instrument.

    ``sex`` is the person's administrative gender, needed by AUDIT-C. Raises ``RecordError``:
    ``unreadable-result``, ``out-of-range``, ``bad-date`` (a result without a date to the day) or
    ``ambiguous-instrument``.
    """
    kind = detail.get("resourceType")
    if kind == "Observation":
        target = target_of(detail.get("code"), registry, "Observation.code")
        if target is None or detail.get("status") not in _OBSERVED:
            return []
        gathered = _observed(detail, target, registry)
        status = str(detail["status"])
    elif kind == "QuestionnaireResponse" and detail.get("status") in _RESPONDED:
        gathered = _responded(detail, registry)
        status = _RESPONDED[detail["status"]]
    else:
        return []
    told = [each for each in gathered if each[1].carries != "never"]
    if not told:
        return []
    when = occasion_of(detail)
    drawn = [_screening(*each, when=when, status=status, sex=sex) for each in told]
    return [screening for screening in drawn if screening is not None]


def target_of(concept: Mapping[str, Any] | None, registry: Registry, path: str) -> Target | None:
    """What a CodeableConcept stands for, by any of its codings; codes of two instruments are refused."""
    found: Target | None = None
    for coding in concept.get("coding", ()) if concept else ():
        target = registry.by_code.get((coding.get("system"), coding.get("code")))
        if target is None:
            continue
        if found is not None and found.instrument is not target.instrument:
            raise RecordError("ambiguous-instrument", path, "codes of one instrument")
        # A result code says more than the panel code some senders put beside it.
        if found is None or found.kind == "panel":
            found = target
    return found


def _observed(detail: Mapping[str, Any], target: Target, registry: Registry) -> list[_Found]:
    retracted = detail["status"] in _RETRACTED
    parts: dict[str, _Found] = {}
    if target.scale is not None:
        gathered = _part(parts, target.instrument, target.scale)
        if not retracted:
            _take(gathered, detail, target, "Observation.value[x]")
    first = target.instrument.scales[0]
    for component in detail.get("component", ()):
        part = target_of(component.get("code"), registry, "Observation.component.code")
        if part is not None and part.scale is not None:
            gathered = _part(parts, part.instrument, part.scale)
            if not retracted:
                _take(gathered, component, part, "Observation.component.value[x]")
            continue
        answers = _answer(component, target.instrument)
        if answers or (retracted and target.scale is None):
            _part(parts, target.instrument, first).answers.update(answers)
    return list(parts.values())


def _responded(detail: Mapping[str, Any], registry: Registry) -> list[_Found]:
    form = answered(detail, registry)
    retracted = detail["status"] in _RETRACTED
    parts: dict[str, _Found] = {}
    for target, scale, answer in form.results:
        gathered = _part(parts, target.instrument, scale)
        if not retracted:
            _take(gathered, answer, target, "QuestionnaireResponse.item.answer.value[x]")
    for instrument, answers in form.items:
        _part(parts, instrument, instrument.scales[0]).answers.update(answers)
    if retracted and form.instrument is not None:
        _part(parts, form.instrument, form.instrument.scales[0])
    return list(parts.values())


def _part(parts: dict[str, _Found], instrument: Instrument, scale: Scale) -> _Gathered:
    return parts.setdefault(scale.key, (instrument, scale, _Gathered()))[2]


def _take(gathered: _Gathered, element: Mapping[str, Any], target: Target, path: str) -> None:
    found = reading(element, target=target, path=path)
    if found is None:
        return
    if target.kind == "override":
        gathered.override = found.category
        return
    if found.score is not None:
        gathered.score = found.score
    if found.category is not None and (target.kind == "level" or gathered.source_band is None):
        gathered.source_band = found.category
    if found.absent is not None:
        gathered.absent = found.absent


def _answer(component: Mapping[str, Any], instrument: Instrument) -> dict[str, int]:
    value = answer_score(component)
    keys = [item_key(instrument, coding.get("code", "")) for coding in component.get("code", {}).get("coding", ())]
    return {key: value for key in keys if key is not None and value is not None}


def _screening(
    instrument: Instrument, scale: Scale, parts: _Gathered, *, when: Occasion, status: str, sex: str | None
) -> Screening | None:
    score, computed, caveat = parts.score, None, None
    disagreements: tuple[str, ...] = ()
    if status not in _RETRACTED:
        score, drawn = _drawn(instrument, scale, parts, sex)
        computed, caveat = (drawn.category, drawn.caveat) if drawn is not None else (None, None)
        disagreements = tuple(_disagreements(instrument, scale, parts, score, computed))
    stated = parts.override or parts.source_band
    category = stated or computed
    result, absent = _stated(scale, score, category, parts.absent, status)
    if result is None:
        return None
    return Screening(
        instrument=instrument,
        series=scale.key,
        result=result,
        score=score,
        category=category,
        source_band=parts.source_band,
        computed=computed,
        override=parts.override,
        caveat=None if stated else caveat,
        absent=absent,
        effective=when.effective,
        day=when.day,
        instant=when.instant,
        risk=risk_of(instrument, scale, score, category),
        status=status,
        disagreements=disagreements,
    )


def _disagreements(
    instrument: Instrument, scale: Scale, parts: _Gathered, score: Decimal | None, computed: str | None
) -> Iterator[str]:
    """Where what the sender states is not what our rule makes of the rest of it. Other words are no contradiction."""
    scoring = instrument.scoring
    summed = total(scoring, parts.answers) if scoring is not None and scoring.kind == "sum" and parts.answers else None
    if parts.score is not None and summed is not None and parts.score != summed:
        yield "score-differs"
    if parts.source_band is None or computed is None:
        return
    sure = {computed} if score is None else possible_bands(scale, score) | {computed}
    ours = {scoring.met, scoring.unmet} if scoring is not None and scoring.kind == "any-of" else scale.categories
    if parts.source_band in ours - sure:
        yield "band-differs"


def _drawn(
    instrument: Instrument, scale: Scale, parts: _Gathered, sex: str | None
) -> tuple[Decimal | None, Band | None]:
    """The score as stated or summed from answers, and the band our rule draws from it."""
    score, scoring = parts.score, instrument.scoring
    if scoring is not None and scoring.kind == "any-of":
        category = outcome(scoring, parts.answers) if parts.answers else None
        return score, Band(category=category) if category is not None else None
    if score is None and scoring is not None and parts.answers:
        score = total(scoring, parts.answers)
    return score, band(scale, score, sex) if score is not None else None


def risk_of(instrument: Instrument, scale: Scale, score: Decimal | None, category: str | None) -> int:
    """The rank of a result among those of its scale, 0 to 9; without a category by its share of the range."""
    if category is not None:
        own = next((each.risk for each in instrument.own_categories if each.code == category), None)
        return CATEGORIES[category].risk if own is None else own
    if score is None:
        return 0
    if scale.low is None or scale.high is None:
        return min(HIGHEST_RISK, max(0, int(score)))
    share = (score - scale.low) / (scale.high - scale.low)
    return int((1 - share if scale.lower_is_worse else share) * HIGHEST_RISK)


def _stated(
    scale: Scale, score: Decimal | None, category: str | None, absent: str | None, status: str
) -> tuple[ResultCode | None, str | None]:
    """The code a summary states and, where it states no value, why.

    A number that may not be told is `masked`; a retracted result is not repeated.
    """
    showing_score = scale.score is not None and (
        scale.level is None
        or (scale.carries == "score" and score is not None)
        or (scale.carries == "level-or-score" and score is not None and category is None)
    )
    result = scale.score if showing_score else scale.level
    if (score if showing_score else category) is not None:
        return result, None
    if status in _RETRACTED:
        return result, "error" if status == "entered-in-error" else "not-performed"
    if score is not None and not showing_score:
        return result, "masked"
    return (result, absent) if absent is not None else (None, None)
