"""What every store does about alerts and the outbox."""

from __future__ import annotations

import pytest

from adapter.store.alerts import ALERTS, Alert

NOW = 1_700_000_000_000_000
pytestmark = pytest.mark.anyio


def alert(ordinal, receipt="r"):
    return Alert(feed="f", receipt=receipt, ordinal=ordinal, line=ordinal + 1, part="entry 2")


class AlertsContract:
    """Give a ``store`` fixture: a migrated, empty store."""

    async def test_an_alert_is_raised_once_and_put_into_the_outbox(self, store):
        for _ in range(2):
            async with store.transaction() as change:
                await change.raise_alerts([alert(0), alert(1)], at=NOW)
        found = await store.alerts("r")
        assert [(one.ordinal, one.line, one.part, one.since, one.told) for one in found] == [
            (0, 1, "entry 2", NOW, 0),
            (1, 2, "entry 2", NOW, 0),
        ]
        # Nothing waits under these numbers.
        assert [one.waits for one in found] == [False, False]
        assert await store.alerts("other") == []
        async with store.transaction() as change:
            assert len(await change.claim(ALERTS, at=NOW, lease=NOW + 1, most=9)) == 2

    async def test_what_is_claimed_is_nobody_elses_until_the_lease_ends(self, store):
        async with store.transaction() as change:
            await change.enqueue("x", [(NOW + 5, b"late"), (NOW, b"a"), (NOW, b"b"), (NOW, b"c")])
        async with store.transaction() as change:
            first = await change.claim("x", at=NOW, lease=NOW + 10, most=2)
            assert [(one.body, one.attempts) for one in first] == [(b"a", 1), (b"b", 1)]
            assert [one.body for one in await change.claim("x", at=NOW + 5, lease=NOW + 20, most=9)] == [b"late", b"c"]
            assert await change.claim("x", at=NOW + 9, lease=NOW + 20, most=9) == []
            again = await change.claim("x", at=NOW + 10, lease=NOW + 20, most=9)
            assert [(one.body, one.attempts) for one in again] == [(b"a", 2), (b"b", 2)]
            await change.settle(again)
            assert [one.body for one in await change.claim("x", at=NOW + 30, lease=NOW + 40, most=9)] == [b"late", b"c"]
            assert await change.claim("y", at=NOW + 30, lease=NOW + 40, most=9) == []

    async def test_when_it_was_told_is_remembered(self, store):
        async with store.transaction() as change:
            await change.raise_alerts([alert(0), alert(0, "s")], at=NOW)
            await change.told_alerts([alert(0)], at=NOW + 7)
        assert [(one.receipt, one.told) for one in await store.alerts()] == [("r", NOW + 7), ("s", 0)]
