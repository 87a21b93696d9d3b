"""The channels of subscriptions: what each carries, and how a Subscription of R4 names one.

`Subscription.channel.type` knows no HL7 v2 and no files. The backport guide names other channels by an extension on it;
the code itself is then `message`, the closest that R4 has.

https://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition-backport-channel-type.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from adapter.errors import NotSupported
from adapter.listening import ALERTS, MLLP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.subscription.topic import Topic

REST_HOOK: Final = "rest-hook"
MESSAGE: Final = "message"
SYSTEM: Final = "https://sallyport.example/fhir/CodeSystem/notification-channel"
CHANNEL: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-channel-type"
MAX_EVENTS: Final = 100
"""Events of the largest notification."""
CUSTODY: Final[Mapping[str, str]] = {"booked": "A01", "released": "A03", "moved": "A02"}
"""Topics that HL7 v2 has an event for, table 0003."""

Content = Literal["empty", "id-only", "full-resource"]
_PATH: Final = "Subscription.channel.type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What a channel carries: its payload's media type, contents, most events in one go and how many if unsaid.

    ``kinds`` are the resource types it has a shape for in full; None: every one. ``unfit`` are topics it cannot tell.
    """

    code: str
    payload: str
    contents: tuple[Content, ...]
    most: int
    usual: int
    kinds: frozenset[str] | None = None
    unfit: frozenset[str] = frozenset()

    def fits(self, topic: Topic, content: Content) -> None:
        """`NotSupported` where the channel has no honest shape for what a topic tells."""
        if topic.spec.topic in self.unfit:
            raise NotSupported(f"`{self.code}` has no place for what this topic tells", expression=_PATH)
        if content == "full-resource" and self.kinds is not None and not self.kinds.issuperset(topic.kinds):
            expected = ", ".join(sorted(self.kinds))
            told = f"`{self.code}` has a shape for {expected} only; expected `id-only` or another channel"
            raise NotSupported(told, expression=_PATH)


CHANNELS: Final = {
    one.code: one
    for one in (
        Channel(
            code=REST_HOOK,
            payload="application/fhir+json",
            contents=("empty", "id-only", "full-resource"),
            most=MAX_EVENTS,
            usual=10,
        ),
        # A message is acknowledged by itself, so it tells one event, decided right before it leaves.
        Channel(
            code=MLLP,
            payload="application/hl7-v2",
            contents=("empty", "id-only", "full-resource"),
            most=1,
            usual=1,
            kinds=frozenset({"Observation", "Encounter", "Consent"}),
        ),
        # A row is about somebody by the receiver's own number: it cannot tell less, nor where somebody was moved.
        Channel(
            code=ALERTS,
            payload="text/csv",
            contents=("full-resource",),
            most=MAX_EVENTS,
            usual=1,
            kinds=frozenset({"Observation", "Encounter", "Consent"}),
            unfit=frozenset({"moved"}),
        ),
    )
}


def read_channel(channel: Mapping[str, Any]) -> Channel:
    """The channel that a Subscription names; `NotSupported` for every other."""
    known = ", ".join(sorted(CHANNELS.keys() - {REST_HOOK}))
    expected = f"expected `{REST_HOOK}`, or `{MESSAGE}` with `{CHANNEL}` of {known}"
    if "_type" not in channel:
        if channel.get("type") != REST_HOOK:
            raise NotSupported(f"this channel is not offered; {expected}", expression=_PATH)
        return CHANNELS[REST_HOOK]
    beside = channel["_type"]
    listed = beside.get("extension") if isinstance(beside, dict) and {*beside} <= {"extension"} else None
    one = listed[0] if isinstance(listed, list) and len(listed) == 1 and isinstance(listed[0], dict) else {}
    coding = one.get("valueCoding") if one.get("url") == CHANNEL else None
    code = coding.get("code") if isinstance(coding, dict) and coding.get("system") == SYSTEM else None
    if (
        channel.get("type", MESSAGE) != MESSAGE
        or not isinstance(code, str)
        or code not in CHANNELS.keys() - {REST_HOOK}
    ):
        raise NotSupported(f"this channel is not offered; {expected}", expression=_PATH)
    return CHANNELS[code]


def written_channel(code: str) -> dict[str, Any]:
    """How a Subscription names a channel."""
    if code == REST_HOOK:
        return {"type": REST_HOOK}
    coding = {"system": SYSTEM, "code": code}
    return {"type": MESSAGE, "_type": {"extension": [{"url": CHANNEL, "valueCoding": coding}]}}
