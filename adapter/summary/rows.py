"""From the rows of instruments files to instruments, with every contradiction found on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from adapter.errors import Problem
from adapter.summary.instrument import Caveat, Instrument, ResultCode, Scale, Scoring
from adapter.summary.spec import AdjustForm, InstrumentForm, InstrumentsFile
from adapter.summary.vocabulary import ANSWERS, CATEGORIES, LOINC, RESULT_CODE, WORDS, Category, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from adapter.summary.loinc import PinnedList
    from adapter.summary.spec import LevelForm, ScaleForm, ScoreForm, ScoringForm

Found = tuple[dict[str, Instrument], dict[str, Category], list[Problem]]
Form = TypeVar("Form", bound=BaseModel)
LOCAL = "local-"


def read(
    document: Mapping[str, Any],
    pinned: PinnedList,
    *,
    local: Sequence[tuple[str, Mapping[str, Any]]],
    file: str,
) -> Found:
    """Instruments and categories of all files, and what is wrong with them."""
    problems: list[Problem] = []
    instruments: dict[str, Instrument] = {}
    for own, (where, content) in enumerate(((file, document), *local)):
        whole = _form(InstrumentsFile, content, where, "", problems)
        if whole is None:
            continue
        for place, row in enumerate(whole.instruments):
            at = f"instruments[{place}]"
            form = _form(InstrumentForm, row, where, at, problems)
            if form is not None:
                flaws = list(_flaws(form, instruments, pinned, own=bool(own)))
                problems += [Problem(where=where, path=at, message=flaw) for flaw in flaws]
                instruments.setdefault(form.id, _instrument(form))
        for name, change in whole.adjust.items():
            at = f"adjust.{name}"
            adjustment = _form(AdjustForm, change, where, at, problems)
            if adjustment is not None:
                problems += [
                    Problem(where=where, path=at, message=flaw) for flaw in _adjust(instruments, name, adjustment)
                ]
    problems += [Problem(where=file, path="", message=flaw) for flaw in _shared(instruments.values())]
    own_categories = {own.code: own for row in instruments.values() for own in row.own_categories}
    return instruments, {**CATEGORIES, **own_categories}, problems


def _form(kind: type[Form], content: object, where: str, at: str, problems: list[Problem]) -> Form | None:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        for flaw in error.errors(include_url=False, include_input=False):
            expected = str(flaw.get("ctx", {}).get("expected", ""))
            message = flaw["msg"].removeprefix("Value error, ")
            path = _key_path(at, flaw["loc"])
            problems.append(Problem(where=where, path=path, message=message, expected=expected))
        return None


def _key_path(at: str, location: Iterable[str | int]) -> str:
    """``instruments[0]`` and ``("scales", 0, "level")`` as ``instruments[0].scales[0].level``."""
    path = at
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _flaws(form: InstrumentForm, known: Mapping[str, Instrument], pinned: PinnedList, *, own: bool) -> Iterator[str]:
    if form.id in known:
        yield f"`{form.id}` is already an instrument; change it under `adjust`"
    codes = [part.local for scale in form.scales for part in (scale.score, scale.level, scale.override) if part]
    if own:
        yield from (
            f"`{code}` is a county's own and starts with `{LOCAL}`"
            for code in (form.id, *codes, *(category.code for category in form.own_categories))
            if not code.startswith(LOCAL)
        )
    for code, use in _loinc(form):
        objection = pinned.objection(code, frozenset({use}))
        if objection:
            yield objection
    yield from (f"answer `{code}` is not pinned" for code in form.answers if code not in pinned.answers)


def _loinc(form: InstrumentForm) -> Iterator[tuple[str, str]]:
    yield from ((code, "panel") for code in form.panels)
    yield from ((code, "item") for code in (*form.items, *(form.scoring.loinc if form.scoring else ())))
    for scale in form.scales:
        if scale.score and scale.score.loinc:
            yield scale.score.loinc, "score"
        if scale.level and scale.level.loinc:
            yield scale.level.loinc, "level"


def _instrument(form: InstrumentForm) -> Instrument:
    own = tuple(Category(code=c.code, display=c.display, risk=c.risk) for c in form.own_categories)
    words = {category: category for category in (*CATEGORIES, *(c.code for c in own))}
    words.update({word(category.display): category.code for category in (*CATEGORIES.values(), *own)})
    words.update(WORDS)
    words.update({word(alias): category for alias, category in form.aliases.items()})
    return Instrument(
        id=form.id,
        name=form.name,
        title=form.title,
        domain=form.domain,
        labels=tuple(form.labels),
        licence=form.licence,
        limit=form.limit,
        rule=form.rule,
        panels=tuple(form.panels),
        items=tuple(form.items),
        questionnaires=tuple(form.questionnaires),
        scales=tuple(_scale(form, scale) for scale in form.scales),
        own_categories=own,
        words=words,
        answers={**ANSWERS, **form.answers},
        scoring=_scoring(form.scoring) if form.scoring else None,
        urgent=form.urgent,
        urgent_items=frozenset(form.urgent_items),
        called=tuple(form.called),
    )


def _scale(form: InstrumentForm, scale: ScaleForm) -> Scale:
    score, level = scale.score, scale.level
    low, high = score.range if score and score.range else (None, None)
    name = scale.name or form.name
    caveat = scale.caveat
    return Scale(
        key=scale.key or form.id,
        score=_code("score", score, f"{name} score", "{score}") if score else None,
        level=_code("level", level, f"{name} {level.local.rpartition('-')[2]}", "") if level else None,
        override=scale.override.local if scale.override else None,
        carries=scale.carries or form.carries,
        low=low,
        high=high,
        lower_is_worse=score.lower_is_worse if score else False,
        bands=tuple(scale.bands.items()),
        bands_by_sex={sex: tuple(bands.items()) for sex, bands in scale.bands_by_sex.items()},
        sex_unknown=scale.sex_unknown,
        caveat=Caveat(low=caveat.from_, high=caveat.to, says=caveat.says) if caveat else None,
        seen=scale.seen,
        compute=scale.compute,
        yes=level.yes if level else "",
        no=level.no if level else "",
        source=form.rule,
    )


def _code(kind: str, form: ScoreForm | LevelForm, text: str, unit: str) -> ResultCode:
    loinc = ((LOINC, form.loinc),) if form.loinc else ()
    return ResultCode(
        kind="score" if kind == "score" else "level",
        codings=(*loinc, (RESULT_CODE, form.local)),
        text=text,
        unit=unit,
    )


def _scoring(form: ScoringForm) -> Scoring:
    return Scoring(
        kind=form.kind,
        items=tuple(form.items),
        low=form.answers[0],
        high=form.answers[1],
        reversed=frozenset(form.reversed),
        together=tuple(frozenset(group) for group in form.together),
        optional=frozenset(form.optional),
        conditions=tuple((frozenset(condition.of), condition.least) for condition in form.conditions),
        met=form.met or "",
        unmet=form.unmet or "",
        loinc=dict(form.loinc),
    )


def _adjust(instruments: dict[str, Instrument], name: str, form: AdjustForm) -> Iterator[str]:
    instrument = instruments.get(name)
    if instrument is None:
        yield f"no instrument `{name}`"
        return
    scales = [_adjusted(scale, form) for scale in instrument.scales]
    if (form.bands or form.bands_by_sex) and (len(scales) > 1 or scales[0].level is None or scales[0].low is None):
        yield "cut-offs need an instrument with one score, its range and a level"
    if form.carries not in {None, "level", "never"} and instrument.limit == "level-only":
        yield "an instrument that is level-only carries its level or nothing"
    used = {*form.bands.values(), *form.aliases.values()}
    used.update(band for bands in form.bands_by_sex.values() for band in bands.values())
    unknown = sorted(used - set(instrument.words.values()))
    if unknown:
        yield f"unknown result categories: {', '.join(unknown)}"
    instruments[name] = replace(
        instrument,
        scales=tuple(scales),
        labels=tuple(dict.fromkeys((*instrument.labels, *form.labels))),
        words={**instrument.words, **{word(alias): category for alias, category in form.aliases.items()}},
    )


def _adjusted(scale: Scale, form: AdjustForm) -> Scale:
    if form.carries:
        scale = replace(scale, carries=form.carries)
    if not (form.bands or form.bands_by_sex):
        return scale
    return replace(
        scale,
        bands=tuple(form.bands.items()),
        bands_by_sex={sex: tuple(bands.items()) for sex, bands in form.bands_by_sex.items()},
        sex_unknown="cut-off used because sex is not known" if form.bands_by_sex else None,
        caveat=None,
        seen=True,
        compute=True,
        source=form.source or scale.source,
    )


def _shared(instruments: Iterable[Instrument]) -> Iterator[str]:
    rows = list(instruments)
    panels = [panel for row in rows for panel in row.panels]
    codes = [coding for row in rows for code in row.result_codes for coding in code.codings]
    overrides = [(RESULT_CODE, scale.override) for row in rows for scale in row.scales if scale.override]
    own = [category.code for row in rows for category in row.own_categories]
    for kind, values in (
        ("panel code", panels),
        ("result code", [code for _, code in (*codes, *overrides)]),
        ("scale key", [scale.key for row in rows for scale in row.scales]),
        ("result category", [*own, *CATEGORIES]),
    ):
        yield from (f"{kind} `{value}` is used twice" for value, count in Counter(values).items() if count > 1)
