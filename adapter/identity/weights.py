"""Fellegi-Sunter weights: how much each level of agreement speaks for one person, in bits, and where the bands begin.

The weight of a level is log2(m/u): how often records of one person show it against how often those of two people do. A
surname or given name that many carry says less than a rare one. The numbers are data, in a document with its origin.

Fellegi and Sunter, A Theory for Record Linkage, JASA 64, 1969.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING, Any, Final

from adapter.identity.levels import EXACT, LEVELS, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FREQUENT: Final = ("family", "given")
_BANDS: Final = ("link", "link_unnumbered", "review")
_KEYS: Final = frozenset({"origin", "people", *_BANDS, "comparisons", "frequent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights in bits. ``prior`` is that of any two records, ``link`` and ``review`` are where the bands begin.

    ``link_unnumbered`` is where the link band begins if one of the two carries no number. ``frequent`` holds, for
    names more common than the rest, the weight of agreeing on them.
    """

    prior: float
    link: float
    link_unnumbered: float
    review: float
    bits: Mapping[str, Mapping[str, float]]
    frequent: Mapping[str, Mapping[str, float]]
    origin: str = ""

    def agreeing(self, comparison: str, value: str) -> float:
        """The weight of agreeing on this very name."""
        common = self.frequent.get(comparison, {}).get(value)
        return self.bits[comparison][EXACT] if common is None else common


def faults(document: Any) -> Iterator[tuple[str, str, str]]:
    """Everything that is wrong with a document of weights: key path, what is wrong, what was expected."""
    if not isinstance(document, dict):
        yield "", "it is no mapping", ", ".join(sorted(_KEYS))
        return
    for key in sorted(document.keys() ^ _KEYS):
        known = key in _KEYS
        yield str(key), "is missing" if known else "is not known", ", ".join(sorted(_KEYS))
    for key in ("people", *_BANDS):
        if key in document and (not _number(document[key]) or (key == "people" and document[key] < 1)):
            yield key, "is no number of its kind", "a number above 1" if key == "people" else "bits, such as 10.5"
    if all(_number(document.get(key)) for key in ("link", "review")) and document["review"] > document["link"]:
        yield "review", "begins above the link band", f"at most {document['link']}"
    yield from _wrong_levels(document.get("comparisons"))
    for name, shares in (document.get("frequent") or {}).items():
        if name not in _FREQUENT or not isinstance(shares, dict):
            yield f"frequent.{name}", "is no table of names with their shares", " or ".join(_FREQUENT)
            continue
        yield from (
            (f"frequent.{name}.{value}", "is no share", "a number above 0 and at most 1")
            for value, share in shares.items()
            if not _share(share)
        )


def _wrong_levels(comparisons: Any) -> Iterator[tuple[str, str, str]]:
    if not isinstance(comparisons, dict):
        yield "comparisons", "is no mapping", ", ".join(LEVELS)
        return
    for name in sorted(comparisons.keys() ^ LEVELS.keys()):
        yield f"comparisons.{name}", "is missing" if name in LEVELS else "is not known", ", ".join(LEVELS)
    for name, levels in LEVELS.items():
        told = comparisons.get(name, {})
        for level in levels:
            pair = told.get(level) if isinstance(told, dict) else None
            good = isinstance(pair, dict) and pair.keys() == {"m", "u"} and all(map(_share, pair.values()))
            if name in comparisons and not good:
                expected = "{m: share, u: share}, each above 0 and at most 1"
                yield f"comparisons.{name}.{level}", "is no pair of probabilities", expected


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _share(value: Any) -> bool:
    return _number(value) and 0 < value <= 1


def weights_of(document: Mapping[str, Any]) -> Weights:
    """The weights of a document without faults."""
    bits = {
        name: {UNKNOWN: 0.0}
        | {level: log2(pair["m"] / pair["u"]) for level, pair in document["comparisons"][name].items()}
        for name in LEVELS
    }
    frequent = {
        name: {
            value: min(log2(document["comparisons"][name][EXACT]["m"] / share), bits[name][EXACT])
            for value, share in (document["frequent"].get(name) or {}).items()
        }
        for name in _FREQUENT
    }
    return Weights(
        prior=-log2(document["people"]),
        link=float(document["link"]),
        link_unnumbered=float(document["link_unnumbered"]),
        review=float(document["review"]),
        bits=bits,
        frequent=frequent,
        origin=str(document["origin"]),
    )
