"""Truth values, outcome sets, and how provisions combine them.

A criterion is TRUE, FALSE or UNKNOWN; DEFERRED stands for "any of these, the resource will tell" and occurs
only while a rule is compiled for a segment. A provision yields the *set* of outcomes it could have over all
truth values of its UNKNOWN criteria, as a mask of `NA`, `PERMIT`, `DENY`. Where something is DEFERRED it
yields a *family*: the set of the masks it could yield, bit ``1 << mask`` for each. Families with one member
are the ordinary case, so one evaluator serves a whole resource and a segment alike.

Provision semantics: https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision
"""

from __future__ import annotations

from typing import Final

TRUE: Final = 0
UNKNOWN: Final = 1
DEFERRED: Final = 2
FALSE: Final = 3
"""Ordered so that the guard of a provision is the largest of its criteria."""

NA: Final = 1
PERMIT: Final = 2
DENY: Final = 4

NOTHING: Final = 1 << NA
"""The family of a provision that does not apply: it changes nothing it is joined with."""

_MASKS: Final = range(1, 8)


def join(left: int, right: int) -> int:
    """The outcomes two siblings can have together, deny overriding permit and both overriding NA."""
    mask = left & right & NA | (left | right) & DENY
    if (left & PERMIT and right & (NA | PERMIT)) or (right & PERMIT and left & (NA | PERMIT)):
        mask |= PERMIT
    return mask


def masks(family: int) -> list[int]:
    """The outcome sets in ``family``."""
    return [mask for mask in _MASKS if family >> mask & 1]


def _join_families(left: int, right: int) -> int:
    family = 0
    for one in masks(left):
        for other in masks(right):
            family |= 1 << join(one, other)
    return family


def _settle(kind: int, guard: int, children: int) -> int:
    """The family of a provision of type ``kind`` from its guard and its joined children."""
    family = 0
    for mask in masks(children):
        inner = (mask & ~NA) | (kind if mask & NA else 0)
        if guard != UNKNOWN:
            family |= 1 << inner
        if guard != TRUE:
            family |= 1 << (inner | NA)
    return family | NOTHING if guard == DEFERRED else family


def _verdicts(family: int) -> int:
    verdicts = 0
    for mask in masks(family):
        verdicts |= DENY if mask & DENY else PERMIT if mask == PERMIT else NA
    return verdicts


_joined: dict[int, int] = {}
_settled: dict[int, int] = {}
_decided: dict[int, int] = {}


def join_families(left: int, right: int) -> int:
    """Join every outcome set of one family with every one of the other."""
    key = left << 8 | right
    family = _joined.get(key)
    if family is None:
        family = _joined[key] = _join_families(left, right)
    return family


def settle(kind: int, guard: int, children: int) -> int:
    """The family of a provision: its type `PERMIT` or `DENY`, truth of its guard, family of its children.

    TRUE guard: what the children say, and its own type where all of them may be silent. UNKNOWN: the same, and that
    it does not apply. DEFERRED: either of them, or `NOTHING`. With a FALSE guard it is `NOTHING` and not asked for.
    """
    key = (children << 2 | guard) << 3 | kind
    family = _settled.get(key)
    if family is None:
        family = _settled[key] = _settle(kind, guard, children)
    return family


def verdicts(family: int) -> int:
    """The verdicts a consent can have: DENY for a set with DENY, PERMIT for exactly {PERMIT}, else NA."""
    verdict = _decided.get(family)
    if verdict is None:
        verdict = _decided[family] = _verdicts(family)
    return verdict
