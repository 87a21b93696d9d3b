"""Labels of a resource that amending records restrict and lift: which still stand, after any order of arrival.

A label that stands for a sender's code stays until the same sender lifts that code, for a time no earlier than it was
told. Labels that stand for no code only ever grow. Nothing else that a record says, or leaves unsaid, lifts any.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapter.consent.labels import labels_for
from adapter.consent.vocabulary import CONFIDENTIALITY, LEVELS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from adapter.consent.sensitivity import Label
    from adapter.services.origin import Restraint

Times = dict[str, dict[str, int]]
PLAIN, BECAUSE, LIFTED = "plain", "because", "lifted"
_BETWEEN = "\n"
"""Between the parts of a key; codes of senders have no line ends left."""
_NEVER = -(2**63)


@dataclass(slots=True)
class Restrained:
    """The labels of one resource by what they stand for.

    ``plain`` are those that stand for no code of the sender, ``because`` those that do, by (code, system, label), with
    the time of the event that told them; ``lifted`` is when a code was last lifted.
    """

    plain: tuple[Label, ...]
    because: dict[tuple[str, str, str], int] = field(default_factory=dict)
    lifted: dict[str, int] = field(default_factory=dict)

    def after(self, told: Restraint, at: int) -> None:
        """Take up what a record restricts and lifts; of one that does both, a code stays restricted."""
        for code in told.lifts:
            self.lifted[code] = max(at, self.lifted.get(code, _NEVER))
            self.because = {key: since for key, since in self.because.items() if key[0] != code or since > at}
        for key in told.because:
            if at >= self.lifted.get(key[0], _NEVER):
                self.because[key] = max(at, self.because.get(key, _NEVER))
        self.grow(told.plain)

    def grow(self, labels: Collection[Label]) -> None:
        """Take up labels that stand for no code."""
        self.plain = labels_for(inbound=(*self.plain, *labels))

    def labels(self) -> tuple[Label, ...]:
        """The labels that stand now."""
        return labels_for(inbound=(*self.plain, *((system, label) for _, system, label in self.because)))

    def times(self) -> Times:
        """What has to be remembered of it."""
        return {
            PLAIN: {_BETWEEN.join(label): 0 for label in self.plain},
            BECAUSE: {_BETWEEN.join(key): at for key, at in self.because.items()},
            LIFTED: dict(self.lifted),
        }


def restrained(times: Mapping[str, Mapping[str, int]]) -> Restrained | None:
    """What was remembered; None where no record ever restricted or lifted anything of the resource."""
    if BECAUSE not in times and LIFTED not in times:
        return None
    plain = [key.split(_BETWEEN) for key in times.get(PLAIN, ())]
    because = [(key.split(_BETWEEN), at) for key, at in times.get(BECAUSE, {}).items()]
    return Restrained(
        plain=tuple((system, code) for system, code in plain),
        because={(code, system, label): at for (code, system, label), at in because},
        lifted=dict(times.get(LIFTED, {})),
    )


def relabelled(
    times: Mapping[str, Mapping[str, int]], labels: Collection[Label]
) -> Mapping[str, Mapping[str, int]] | None:
    """What to remember once a person decided which labels stand; None where nothing has to be remembered."""
    known = restrained(times)
    if known is None:
        return None
    level = max((LEVELS[code] for system, code in labels if system == CONFIDENTIALITY and code in LEVELS), default=0)
    stays = {
        key: at
        for key, at in known.because.items()
        if (LEVELS[key[2]] <= level if key[1] == CONFIDENTIALITY and key[2] in LEVELS else key[1:] in labels)
    }
    # What a person put back stands for no code any more, so no message lifts it.
    kept = {(system, label) for _, system, label in stays}
    known.plain = labels_for(inbound=[label for label in labels if label not in kept])
    known.because = stays
    return {**{name: dict(found) for name, found in times.items()}, **known.times()}
