"""When whom is looked at: at once of whom something changed, and everybody when the rules did.

Agreements, law and topics that are others than at the last start, an agreement that begins or ends, and a custody feed
that is told of again after its data was too old: each may permit anybody's records, so everybody is marked to be looked
at, piece by piece, and a stop in between goes on where it was.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapter.services.notify import Notifications
    from adapter.services.reconcile import Reconciler
    from adapter.store.port import Store
    from adapter.subscription.topic import Topic

SETTING: Final = "subscriptions"
EVERY: Final = 10_000_000
"""Microseconds between two looks at what time alone changes for everybody."""
TIDY: Final = 3_600_000_000
SHARES: Final = 256
"""Everybody is marked share by share. The shares are fixed parts of the keys, which are hashes: how many people stand
in one, hidden ones among them, does not move who is told of with whom."""
PIECE: Final = 500
"""Patients that are read together."""
_SHARE: Final = 2**63 // SHARES
_RULES: Final = ("decisions", "policies")
"""Settings that tell by which agreements, law and facts it was decided what is permitted."""


class Announcements:
    """Drives the reconciler."""

    def __init__(
        self,
        store: Store,
        reconciler: Reconciler,
        notifications: Notifications,
        topics: Mapping[str, Topic],
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._reconciler = reconciler
        self._notifications = notifications
        self._clock = clock
        self._topics = [topic.spec.model_dump(mode="json") for _, topic in sorted(topics.items())]
        self._looked: int | None = None
        self._tidied = 0
        self._marking = False

    async def step(self) -> bool:
        """Do what is to be done now; whether there is more."""
        at = self._clock()
        if self._looked is None or at >= self._looked + EVERY:
            self._marking = await self._rules(at)
            self._looked = at
        if at >= self._tidied + TIDY:
            await self._notifications.tidy()
            self._tidied = at
        if not await self._store.stirring(at=at):
            return self._marking and await self._mark()
        await self._reconciler.spread()
        learning = await self._reconciler.learn()
        looked = await self._reconciler.look()
        if self._marking and not looked:
            await self._mark()
        return learning or bool(looked) or self._marking

    async def anything_due(self) -> bool:
        """Whether something may be due to be sent."""
        return await self._store.anything_due(at=self._clock())

    async def _rules(self, at: int) -> bool:
        """Compare what decides with what decided at the last look; whether everybody is to be marked."""
        if not any(row.status != "off" for row in await self._store.subscriptions()):
            return False
        digest = sha256(
            orjson.dumps([self._topics, *[(await self._setting(name)).hex() for name in _RULES]])
        ).hexdigest()
        stale = await self._store.stale(at)
        kept = await self._setting(SETTING)
        before: dict[str, Any] = (
            orjson.loads(kept) if kept else {"digest": digest, "stale": stale, "at": at, "after": None}
        )
        bounds = await self._store.bounds_between(before["at"], at)
        changed = before["digest"] != digest or before["stale"] != stale or bounds
        after = -1 if changed else before["after"]
        await self._keep({"digest": digest, "stale": stale, "at": at, "after": after})
        return after is not None

    async def _mark(self) -> bool:
        """Mark the next piece of everybody; whether there are more."""
        state = orjson.loads(await self._setting(SETTING))
        if state["after"] is None:
            self._marking = False
            return False
        patients, state["after"] = await self._share(state["after"])
        async with self._store.transaction() as change:
            await change.stir(patients)
            await change.set_setting(SETTING, orjson.dumps(state))
        self._marking = state["after"] is not None
        return True

    async def _share(self, after: int) -> tuple[list[int], int | None]:
        """The patients of the next share in which there is anybody, and behind which key the one after it begins."""
        patients = await self._store.patients_after(after, PIECE)
        if not patients:
            return [], None
        last = (patients[0] // _SHARE + 1) * _SHARE - 1
        while patients[-1] <= last:
            more = await self._store.patients_after(patients[-1], PIECE)
            if not more:
                return patients, None
            patients += more
        return [one for one in patients if one <= last], last

    async def _setting(self, name: str) -> bytes:
        return await self._store.setting(name) or b""

    async def _keep(self, state: dict[str, Any]) -> None:
        async with self._store.transaction() as change:
            await change.set_setting(SETTING, orjson.dumps(state))
