"""Topics as Basic, which stands in for SubscriptionTopic in R4, and how the CapabilityStatement tells of them.

https://hl7.org/fhir/uv/subscriptions-backport/components.html#subscriptiontopic-in-fhir-r4
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.subscription.channel import CHANNEL, CHANNELS, REST_HOOK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from adapter.subscription.topic import Topic, TriggerSpec

R5: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic"
GUIDE: Final = "http://hl7.org/fhir/uv/subscriptions-backport"
ADVERTISED: Final = f"{GUIDE}/StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
_TYPES: Final = "http://hl7.org/fhir/fhir-types"
_PARAMETERS: Final = {
    "_id": "token",
    "criteria": "string",
    "payload": "token",
    "status": "token",
    "type": "token",
    "url": "uri",
}


def topics(known: Mapping[str, Topic]) -> dict[str, dict[str, Any]]:
    """The topics as resources, by id."""
    return {topic.spec.topic: _basic(topic) for _, topic in sorted(known.items())}


def _basic(topic: Topic) -> dict[str, Any]:
    spec = topic.spec
    extensions: list[dict[str, Any]] = [
        {"url": f"{R5}.url", "valueUri": topic.url},
        {"url": f"{R5}.version", "valueString": spec.version},
        {"url": f"{R5}.title", "valueString": spec.title},
        {"url": f"{R5}.description", "valueMarkdown": " ".join(spec.description.split())},
    ]
    extensions += [{"url": f"{R5}.resourceTrigger", "extension": list(_trigger(trigger))} for trigger in spec.triggers]
    extensions += [
        {
            "url": f"{R5}.canFilterBy",
            "extension": [
                {"url": "resource", "valueUri": f"http://hl7.org/fhir/StructureDefinition/{kind}"},
                {"url": "filterParameter", "valueString": name},
            ],
        }
        for kind in topic.kinds
        for name in spec.filters
    ]
    extensions += [
        {
            "url": f"{R5}.notificationShape",
            "extension": [{"url": "resource", "valueUri": f"http://hl7.org/fhir/StructureDefinition/{kind}"}],
        }
        for kind in topic.kinds
    ]
    return {
        "resourceType": "Basic",
        "id": spec.topic,
        "extension": extensions,
        "modifierExtension": [{"url": f"{R5}.status", "valueCode": "active"}],
        "code": {"coding": [{"system": _TYPES, "code": "SubscriptionTopic"}]},
    }


def _trigger(trigger: TriggerSpec) -> Iterator[dict[str, Any]]:
    yield {"url": "resource", "valueUri": f"http://hl7.org/fhir/StructureDefinition/{trigger.resource}"}
    yield {"url": "supportedInteraction", "valueCode": "create"}
    yield {"url": "supportedInteraction", "valueCode": "update"}
    if trigger.where:
        current = "&".join(one.replace(", ", ",") for one in trigger.where)
        yield {"url": "queryCriteria", "extension": [{"url": "current", "valueString": current}]}


def advertised(urls: Sequence[str]) -> list[dict[str, Any]]:
    """Subscription and Basic as the CapabilityStatement lists them."""
    return [
        {
            "type": "Basic",
            "documentation": "The topics that may be subscribed to.",
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchParam": [{"name": "code", "type": "token"}],
        },
        {
            **({"extension": [{"url": ADVERTISED, "valueCanonical": url} for url in urls]} if urls else {}),
            "type": "Subscription",
            "supportedProfile": [f"{GUIDE}/StructureDefinition/backport-subscription"],
            "documentation": "Only the subscriptions of the caller's own organisation exist for it. Channels: "
            + "; ".join(f"`{one.code}` as `{one.payload}` with {', '.join(one.contents)}" for one in CHANNELS.values())
            + f". Those but `{REST_HOOK}` are named by the extension {CHANNEL}.",
            "interaction": [{"code": code} for code in ("create", "read", "update", "delete", "search-type")],
            "operation": [
                {"name": name, "definition": f"{GUIDE}/OperationDefinition/backport-subscription-{name}"}
                for name in ("status", "events")
            ],
            "searchParam": [{"name": name, "type": kind} for name, kind in _PARAMETERS.items()],
        },
    ]
