"""The states of a subscription."""

from __future__ import annotations

from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.subscription.status import Happening, Status, after

STATES, HAPPENINGS = get_args(Status), get_args(Happening)


@settings(max_examples=200, deadline=None)
@given(happened=st.lists(st.sampled_from(HAPPENINGS), max_size=12))
def test_nothing_is_active_before_a_handshake_and_off_stays_off_unless_asked_anew(happened):
    status, accepted = "requested", False
    for one in happened:
        before, status = status, after(status, one)
        accepted = one != "changed" and (accepted or one == "accepted")
        assert status in STATES
        if status == "active":
            assert accepted
        if before == "off":
            assert status == ("requested" if one == "changed" else "off")
        if one in {"ended", "barred"}:
            assert status == "off"
