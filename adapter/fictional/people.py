"""The people of Alder County: who they are before any clerk has written them down.

All people are fictional. Social security numbers are synthetic: drawn from areas 100 to 665 by a seeded
one-to-one scatter, never 000, 666 or 9xx (https://www.ssa.gov/employer/randomization.html), never one of the
numbers that became known by being printed on sample cards. A drawn number may by chance have been issued to
somebody; nothing links it to them.

Nobody shares a number, or a name together with a birth date, by accident. A look-alike does so on purpose:
every so many people one takes the name and birth date of the person before (a namesake; a twin shares the
surname and birth date alone), always with another social security number, and the truth table keeps the two
apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from adapter.fictional.draws import below, chance, keys, pick, scatter, weighted
from adapter.fictional.names import FEMALE, LAST, MALE, SUFFIXES
from adapter.fictional.partners import FEEDS

if TYPE_CHECKING:
    from random import Random

YOUNGEST = 18
"""Everybody is an adult but for a few: no law of this county says who may sign for a minor, so nobody can."""

MINOR_EVERY = 60
"""One of so many people is 16 or 17."""

NAMESAKES = 0.012
TWINS = 0.006
FAINT = 0.4
"""Share of look-alikes whose record in one system lacks every number that tells them from their like."""

_DAYS = 21_000  # birth dates span 57 years
_FIRST = MALE + FEMALE
_AREAS, _GROUPS, _SERIALS = 566, 99, 9_998
_RACES = (("W", 0.55), ("B", 0.14), ("I", 0.08), ("A", 0.04), ("P", 0.01), ("O", 0.12), ("U", 0.06))
_SEXES_OTHER = 0.01

PRINTED_SAMPLES = frozenset({
    "123456789", "128036045", "135016629", "141186941", "165167999", "165187999",
    "165207999", "165227999", "165247999", "189092294", "212097694", "212099999",
    "219099999", "306302348", "308125070", "457555462", "468288779", "549241889",
})  # fmt: skip
"""Numbers above area 099 that were printed on sample cards or in advertisements; nobody here gets one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person.

    ``ssn`` is nine digits. ``look_alike`` is whose look-alike this one is, and ``faint`` the feed in which
    their record lacks the numbers that would tell the two apart (empty for nearly everybody).
    """

    number: int
    id: str
    first: str
    middle: str
    last: str
    suffix: str
    alias: tuple[str, str] | None
    born: date
    sex: str
    race: str
    hispanic: bool
    ssn: str
    state_id: str
    look_alike: str | None
    faint: str


def person_id(number: int) -> str:
    """The id of person ``number`` in the truth table; numbers start at 1."""
    return f"p{number:07d}"


def local_number(seed: int, purpose: str, index: int) -> str:
    """An eight-digit number that one source system gives out; no two indexes below 100 million share one."""
    first, second = keys(seed, purpose)
    # One-to-one, because a number ending in 1 shares no factor with a power of ten.
    return f"{(index * (first * 10 + 1) + second) % 100_000_000:08d}"


def person(seed: int, number: int, rng: Random, today: date) -> Person:
    """Person ``number`` of the county of ``seed``; ``today`` fixes the ages, ``rng`` is their stream."""
    kind = weighted(rng, (("namesake", NAMESAKES), ("twin", TWINS), ("self", 1.0)))
    # The person before must be one who copies nobody, or likenesses would chain: only even numbers copy.
    if number % 2:
        kind = "self"
    first, last, born = _identity(seed, number, today)
    if kind != "self":
        model_first, last, born = _identity(seed, number - 1, today)
        first = model_first if kind == "namesake" else _sibling(first, model_first)
    male = first in MALE
    other = chance(rng, _SEXES_OTHER)
    return Person(
        number=number,
        id=person_id(number),
        first=first,
        middle=pick(rng, MALE if male else FEMALE) if chance(rng, 0.7) else "",
        last=last,
        suffix=pick(rng, SUFFIXES) if male and chance(rng, 0.06) else "",
        alias=_alias(rng, first, last),
        born=born,
        sex="X" if other else ("M" if male else "F"),
        race=weighted(rng, _RACES),
        hispanic=chance(rng, 0.35),
        ssn=social_security_number(seed, number),
        state_id="CO" + local_number(seed, "state-id", number),
        look_alike=None if kind == "self" else person_id(number - 1),
        faint=pick(rng, FEEDS) if kind != "self" and chance(rng, FAINT) else "",
    )


def social_security_number(seed: int, number: int) -> str:
    """The synthetic number of person ``number``: unique in the county, area 100 to 665, no printed sample."""
    left, serial = scatter(number, _AREAS * _GROUPS, _SERIALS, keys(seed, "ssn"))
    text = f"{100 + left // _GROUPS:03d}{1 + left % _GROUPS:02d}{1 + serial:04d}"
    if text in PRINTED_SAMPLES or len(set(text)) == 1:
        # Serial 9999 is left out of the scatter, so that it is free for these few.
        return text[:5] + "9999" if text[:5] + "9999" not in PRINTED_SAMPLES else "665989999"
    return text


def _identity(seed: int, number: int, today: date) -> tuple[str, str, date]:
    names, day = scatter(number, len(_FIRST) * len(LAST), _DAYS, keys(seed, "identity"))
    youngest = date(today.year - YOUNGEST, today.month, min(today.day, 28))
    if number % MINOR_EVERY == MINOR_EVERY - 29:
        return _FIRST[names // len(LAST)], LAST[names % len(LAST)], youngest + timedelta(days=1 + day % 700)
    return _FIRST[names // len(LAST)], LAST[names % len(LAST)], youngest - timedelta(days=day)


def _sibling(first: str, model: str) -> str:
    """The twin's own given name, which must differ from the model's."""
    return first if first != model else _FIRST[(_FIRST.index(model) + 1) % len(_FIRST)]


def _alias(rng: Random, first: str, last: str) -> tuple[str, str] | None:
    if not chance(rng, 0.05):
        return None
    if chance(rng, 0.5):
        return first, LAST[below(rng, len(LAST))]
    return _FIRST[below(rng, len(_FIRST))], last
