"""A document of weights, and what it weighs."""

from __future__ import annotations

from copy import deepcopy
from math import log2

import pytest
from told import DOCUMENTS

from adapter.identity.levels import LEVELS
from adapter.identity.weights import faults, weights_of

SHIPPED = DOCUMENTS["weights"]


def test_the_shipped_document_is_sound_and_says_what_it_was_measured_on():
    assert list(faults(SHIPPED)) == []
    assert "synthetic people alone" in weights_of(SHIPPED).origin


def test_agreement_speaks_for_one_person_and_disagreement_against():
    weights = weights_of(SHIPPED)
    for name, levels in LEVELS.items():
        bits = [weights.bits[name][level] for level in levels]
        assert bits[0] == max(bits) > 0
        assert weights.bits[name]["unknown"] == 0
        assert "different" not in levels or weights.bits[name]["different"] < 0
    assert weights.prior == -log2(SHIPPED["people"])


@pytest.mark.parametrize(
    ("edit", "path"),
    [
        (lambda d: d.pop("link"), "link"),
        (lambda d: d.update(more=1), "more"),
        (lambda d: d.update(people=0), "people"),
        (lambda d: d.update(review=99), "review"),
        (lambda d: d["comparisons"].pop("ssn"), "comparisons.ssn"),
        (lambda d: d["comparisons"]["ssn"].pop("exact"), "comparisons.ssn.exact"),
        (lambda d: d["comparisons"]["ssn"]["exact"].update(m=0), "comparisons.ssn.exact"),
        (lambda d: d["comparisons"]["ssn"]["exact"].update(u=1.5), "comparisons.ssn.exact"),
        (lambda d: d.update(comparisons=[]), "comparisons"),
        (lambda d: d["frequent"].update(middle={}), "frequent.middle"),
        (lambda d: d["frequent"]["family"].update(smith=2), "frequent.family.smith"),
    ],
)
def test_every_mistake_is_named_by_its_path(edit, path):
    document = deepcopy(SHIPPED)
    edit(document)
    assert path in [at for at, _, _ in faults(document)]


def test_what_is_no_mapping_is_refused():
    assert [what for _, what, _ in faults([1])] == ["it is no mapping"]
