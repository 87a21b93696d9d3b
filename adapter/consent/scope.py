"""The clear explanation of the scope of a consent that goes with what is disclosed under it.

It names who disclosed, this recipient, what the permitting provision and those around it cover for it, and the end. It
never names another recipient. Who receives and who disclosed is put in for each disclosure, the end for each person:
the rest is the same for everyone who signed the same.

42 CFR 2.32(b).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapter.consent.criteria import PermittedPurposes
from adapter.consent.criteria_resource import (
    ClassCriterion,
    CodeCriterion,
    DataPeriodCriterion,
    PermittedLabels,
)
from adapter.consent.vocabulary import ACT_REASON, EXPLICIT_PURPOSES, LEVELS, PURPOSES, STRICT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapter.consent.criteria import Criterion
    from adapter.consent.provision import Provision

_LEVEL_CODES: Final = tuple(LEVELS)
_TO_THIS: Final = "disclosure to this recipient only"


def _topmost(codes: frozenset[str], below: Mapping[str, frozenset[str]]) -> list[str]:
    """The codes that no other of them contains."""
    return sorted(code for code in codes if not any(code in below.get(other, ()) for other in codes if other != code))


def _said(criterion: Criterion) -> str:
    match criterion:
        case PermittedPurposes(covers):
            health = frozenset(code for system, code in covers if system == ACT_REASON)
            stated = {*_topmost(health - EXPLICIT_PURPOSES, PURPOSES), *(health & EXPLICIT_PURPOSES)}
            local = sorted(code for system, code in covers if system != ACT_REASON)
            return f"purposes: {', '.join([*sorted(stated), *local])}"
        case PermittedLabels(level, codes):
            levels = [f"confidentiality up to {_LEVEL_CODES[level]}"] if level >= 0 else []
            return f"sensitivity: {', '.join([*levels, *_topmost(codes, STRICT)])}"
        case ClassCriterion(types, profiles):
            names = [*types, *(profile.rpartition("/")[2] for profile in profiles)]
            return f"information: {', '.join(sorted(names))}"
        case CodeCriterion(_, codes):
            return f"codes: {', '.join(sorted(code for _, code in codes))}"
        case DataPeriodCriterion(_, start, end):
            return f"dated: {start or 'any time'} to {end or 'any time'}"
    return ""


def scope_text(chain: Sequence[Provision]) -> str:
    """The scope along ``chain``, from the root to the provision that permitted."""
    parts = [said for provision in chain for criterion in provision.criteria if (said := _said(criterion))]
    return "; ".join([_TO_THIS, *dict.fromkeys(parts)])


def parties(text: str, *, discloser: str, recipient: str) -> str:
    """A scope with the names of who disclosed and who receives."""
    return f"disclosed by {discloser} to {recipient} only{text.removeprefix(_TO_THIS)}"


def until(text: str, day: str | None) -> str:
    """A scope with its last day, YYYY-MM-DD, or None where the consent has none."""
    return f"{text}; until the end of {day}" if day else f"{text}; no last day"
