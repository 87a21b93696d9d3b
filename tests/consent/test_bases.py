"""Grounds as bits: every one its own, custody one for each feed."""

import pytest

from adapter.consent import bases


def test_every_ground_is_a_bit_of_its_own():
    bits = [*bases.CODES.values(), bases.OWN, *map(bases.custody, range(bases.CUSTODY_FEEDS))]
    assert sum(bits) == bases.ALL
    assert all(bit.bit_count() == 1 for bit in bits)
    assert not bases.ALL & bases.EXCEPTION
    assert bases.ALL < 2**62


def test_custody_has_a_bit_for_each_feed():
    assert bases.mask("K") == bases.CUSTODY == sum(map(bases.custody, range(bases.CUSTODY_FEEDS)))
    for number in (-1, bases.CUSTODY_FEEDS):
        with pytest.raises(ValueError, match="feeds that tell custody"):
            bases.custody(number)


def test_codes_and_masks_are_each_other():
    for code in (*bases.CODES, "K"):
        assert bases.codes(bases.mask(code)) == [code]
    assert bases.codes(bases.custody(3) | bases.CONSENT) == ["consent", "K"]
    assert bases.codes(0) == []
    with pytest.raises(KeyError):
        bases.mask("Z")
