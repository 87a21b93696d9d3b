"""A county's own weights: pairs drawn from its store, compared, and learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import yaml

from adapter.assets import identity
from adapter.errors import RequestError
from adapter.identity.training import train
from adapter.services.identity_rules import OWN
from adapter.settings import read_document

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adapter.identity.training import Trained
    from adapter.identity.traits import Traits
    from adapter.services.pairing import Pairing
    from adapter.store.port import Store

RECORDS: Final = 50_000
"""Records drawn, in the order of their keys, which are hashes and have nothing to do with who they are."""
_BATCH: Final = 2_000
_STEPS: Final = (1, 7, 101)
"""How far two records drawn at random stand apart in that order."""


class Drawn(NamedTuple):
    """The levels of pairs that share a block, of pairs drawn at random, and the names of everyone drawn."""

    records: int
    near: list[dict[str, str]]
    random: list[dict[str, str]]
    families: list[str]
    givens: list[str]


async def draw(store: Store, pairing: Pairing, progress: Callable[[int], None], *, most: int = RECORDS) -> Drawn:
    """Pairs to learn from. ``progress`` is told how many records were drawn."""
    drawn = Drawn(0, [], [], [], [])
    after, records = -1, 0
    while records < most:
        async with store.transaction() as change:
            batch = await change.sample(after, min(_BATCH, most - records))
            traits: list[Traits] = []
            for portrait in batch:
                own = pairing.opened(portrait)
                traits.append(own)
                for other in await change.neighbours(portrait.patient, portrait.source, portrait.blocks):
                    if other.patient > portrait.patient:
                        compared = pairing.matcher.compare(own, pairing.opened(other))
                        if not compared.contradicting:
                            drawn.near.append(dict(compared.levels))
        if not batch:
            break
        after, records = batch[-1].patient, records + len(batch)
        drawn.families.extend(name.family for one in traits for name in one.names[:1])
        drawn.givens.extend(name.given for one in traits for name in one.names[:1])
        for step in _STEPS:
            drawn.random.extend(
                dict(pairing.matcher.compare(one, other).levels)
                for one, other in zip(traits, traits[step:], strict=False)
            )
        progress(records)
    return drawn._replace(records=records)


async def trained(
    store: Store, pairing: Pairing, folder: Path, *, day: str, progress: Callable[[int], None]
) -> Trained:
    """Weights learned from the store of a site, on top of those it has. ``RequestError`` where there is too little."""
    path = folder / OWN
    present = read_document(path) if path.exists() else identity()["weights"]
    drawn = await draw(store, pairing, progress)
    origin = (
        f"Trained {day} on {drawn.records} records and {len(drawn.near)} pairs of this site, by expectation "
        "maximisation on top of the weights before. No truth was known, so nothing is said of precision or recall: "
        "look at pairs first."
    )
    names = {"family": drawn.families, "given": drawn.givens}
    try:
        return train(present, near=drawn.near, random=drawn.random, names=names, origin=origin)
    except ValueError as error:
        raise RequestError(str(error), expression="site") from None


def written(document: dict[str, object]) -> str:
    """A document of weights as it stands in the site folder."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
