"""Training: it finds the shares that made the pairs, keeps what it has not met, and says where there is too little."""

from __future__ import annotations

from random import Random

import pytest
from told import DOCUMENTS

from adapter.identity.levels import LEVELS, UNKNOWN
from adapter.identity.training import train
from adapter.identity.weights import faults

SHIPPED = DOCUMENTS["weights"]
NAMES = {"family": ["marsh"] * 10 + [f"n{n}" for n in range(900)], "given": ["ada"] * 50 + ["bo"] * 50}


def drawn(random, shares, side, count):
    """Pairs whose levels are drawn independently from these shares."""
    return [
        {
            name: random.choices(list(levels), [pair[side] for pair in levels.values()])[0]
            for name, levels in shares.items()
        }
        for _ in range(count)
    ]


def test_the_shares_that_made_the_pairs_are_found_again():
    random = Random(7)  # noqa: S311 - a seeded draw
    truth = {name: {level: dict(pair) for level, pair in SHIPPED["comparisons"][name].items()} for name in LEVELS}
    truth["given"] |= {
        "nickname": {"m": 0.30, "u": 0.001},
        "exact": {"m": 0.60, "u": 0.006},
        "different": {"m": 0.08, "u": 0.976},
    }
    near = drawn(random, truth, "m", 3000) + drawn(random, truth, "u", 3000)
    found = train(SHIPPED, near=near, random=drawn(random, truth, "u", 20_000), names=NAMES, origin="here")
    assert list(faults(found.document)) == []
    assert found.document["comparisons"]["given"]["nickname"]["m"] == pytest.approx(0.30, abs=0.03)
    assert found.document["comparisons"]["given"]["exact"]["m"] == pytest.approx(0.60, abs=0.03)
    assert found.likely == pytest.approx(3000, rel=0.02)
    assert found.document["origin"] == "here"
    assert found.document["link"] == SHIPPED["link"]


def test_a_level_that_nobody_met_keeps_its_weight():
    plain = [dict.fromkeys(LEVELS, UNKNOWN)] * 10
    found = train(SHIPPED, near=plain, random=plain, names=NAMES, origin="here").document["comparisons"]
    for level, pair in SHIPPED["comparisons"]["birth_date"].items():
        assert found["birth_date"][level]["m"] == pytest.approx(pair["m"], rel=0.05)
        assert found["birth_date"][level]["u"] == pytest.approx(pair["u"], rel=0.05)


def test_names_that_many_bear_are_listed_with_their_share():
    plain = [dict.fromkeys(LEVELS, UNKNOWN)]
    found = train(SHIPPED, near=plain, random=plain, names=NAMES, origin="here").document["frequent"]
    assert found == {"family": {"marsh": 0.01099}, "given": {"ada": 0.5, "bo": 0.5}}


def test_nothing_is_learned_from_nothing():
    with pytest.raises(ValueError, match="too few records"):
        train(SHIPPED, near=[], random=[], names=NAMES, origin="here")
