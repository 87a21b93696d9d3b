"""The shapes of who is who: sealed traits of records, pairs of records, and what people decided of them."""

from __future__ import annotations

from typing import NamedTuple


class Portrait(NamedTuple):
    """What comparison needs of one record, sealed: the store cannot read it.

    ``told`` is a keyed hash of what the record last told, ``blocks`` are the keys under which it is looked for.
    ``doubted``: it told otherwise of itself than before, and nobody has decided yet.
    """

    patient: int
    source: str
    told: bytes
    sealed: bytes
    blocks: tuple[int, ...]
    doubted: bool = False


class PairRow(NamedTuple):
    """Two records that may be one person, seen from ``patient``; bands as `adapter.identity.match` numbers them.

    ``score`` is in hundredths of a bit. ``band`` is what the two are by themselves, ``state`` what they are given all
    else, ``since`` when they came into it.
    """

    patient: int
    other: int
    score: int
    band: int
    state: int
    since: int


class PairDecision(NamedTuple):
    """What somebody decided of a pair (the smaller key first), or of a record by itself, named twice.

    ``verdict`` is "same", "different", "likely" where a source says so of two records of its own, or "accepted" for a
    record that told otherwise of itself; ``knowing`` are the traits that differed then.
    """

    patient: int
    other: int
    verdict: str
    knowing: tuple[str, ...]
    author: str
    why: str
    at: int
