"""What a subscriber asks for: a Subscription of R4 with the extensions of the backport guide, read strictly.

Whatever is not understood is refused with its path: a filter that is passed over would tell more than was asked for.

https://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition-backport-subscription.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from adapter.errors import NotSupported, RequestError
from adapter.fhir.dates import interval
from adapter.subscription.channel import CHANNELS, REST_HOOK, Content, read_channel
from adapter.subscription.topic import OWN_FILTERS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from adapter.subscription.channel import Channel
    from adapter.subscription.topic import Topic

GUIDE: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
FILTER: Final = f"{GUIDE}/backport-filter-criteria"
CONTENT: Final = f"{GUIDE}/backport-payload-content"
HEARTBEAT: Final = f"{GUIDE}/backport-heartbeat-period"
TIMEOUT: Final = f"{GUIDE}/backport-timeout"
MOST: Final = f"{GUIDE}/backport-max-count"
END_RECIPIENT: Final = "https://sallyport.example/fhir/StructureDefinition/subscription-end-recipient"
"""On `Subscription`: an organisation to which an intermediary hands on what it is told."""
PROFILE: Final = f"{GUIDE}/backport-subscription"
CONTENTS: Final = ("empty", "id-only", "full-resource")
DEFAULT_EVENTS: Final = CHANNELS[REST_HOOK].usual
MAX_SECONDS: Final = 60
"""Seconds that a receiver may take at most."""
DEFAULT_SECONDS: Final = 10
MIN_HEARTBEAT: Final = 10
MAX_FILTERS: Final = 20

_KNOWN: Final = frozenset(
    {"resourceType", "id", "meta", "text", "extension", "status", "contact", "end", "reason", "criteria"}
    | {"_criteria", "error", "channel"}
)
_CHANNEL: Final = frozenset({"extension", "type", "_type", "endpoint", "payload", "_payload", "header"})
_AUTHORIZATION: Final = "authorization"
_PLAIN_HEADERS: Final = frozenset({"x-correlation-id", "x-subscriber", "x-api-version"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A subscription as asked for.

    ``filters`` are groups that must all hold, each of a resource type with its pairs of name and value. ``headers`` are
    sent with each notification and never told again. ``heartbeat`` (0: none) and ``timeout`` are in seconds, ``until``
    an instant in epoch microseconds. ``recipients`` are those to whom an intermediary hands on.
    """

    topic: str
    filters: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    endpoint: str
    content: Content
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    heartbeat: int = 0
    timeout: int = DEFAULT_SECONDS
    most: int = DEFAULT_EVENTS
    until: int | None = None
    contact: tuple[Any, ...] = ()
    recipients: tuple[str, ...] = ()
    channel: str = REST_HOOK


def read_wish(resource: Mapping[str, Any], topics: Mapping[str, Topic], zone: tzinfo) -> Wish:
    """What a Subscription asks for; `RequestError` says what cannot be had, and its path."""
    _only(resource, _KNOWN, "Subscription")
    if resource.get("status") not in {"requested", "off", "active", "error", None}:
        raise RequestError("expected `requested`", expression="Subscription.status")
    url = _text(resource, "criteria", "Subscription.criteria")
    topic = topics.get(url)
    if topic is None:
        raise NotSupported(
            f"no such topic; expected one of {', '.join(sorted(topics))}", expression="Subscription.criteria"
        )
    channel = resource.get("channel")
    if not isinstance(channel, dict):
        raise RequestError("a channel is missing", expression="Subscription.channel")
    _only(channel, _CHANNEL, "Subscription.channel")
    kind = read_channel(channel)
    numbers, content = _numbers(channel, kind), _content(channel, kind)
    kind.fits(topic, content)
    until = resource.get("end")
    return Wish(
        topic=topic.spec.topic,
        filters=_filters(resource.get("_criteria"), topic),
        endpoint=_endpoint(channel) if kind.code == REST_HOOK else _registered(channel),
        content=content,
        reason=_text(resource, "reason", "Subscription.reason"),
        headers=_headers(channel, kind),
        heartbeat=numbers[HEARTBEAT],
        timeout=numbers[TIMEOUT],
        most=numbers[MOST],
        until=None if until is None else _instant(until, zone),
        contact=tuple(_contact(resource.get("contact"))),
        recipients=_recipients(resource),
        channel=kind.code,
    )


def _only(element: Mapping[str, Any], known: frozenset[str], path: str) -> None:
    for name in element:
        if name not in known:
            raise NotSupported(f"this element is not taken; expected {', '.join(sorted(known))}", expression=path)


def _text(element: Mapping[str, Any], name: str, path: str) -> str:
    value = element.get(name)
    if not isinstance(value, str) or not value.strip():
        raise RequestError("a text is missing", expression=path)
    return value


def _instant(text: Any, zone: tzinfo) -> int:
    try:
        return interval(text if isinstance(text, str) else "", zone)[0]
    except ValueError:
        raise RequestError("expected an instant", expression="Subscription.end") from None


def _contact(told: Any) -> list[Any]:
    """Telecoms of whom to call, kept as sent."""
    if told is None:
        return []
    if not isinstance(told, list) or not all(
        isinstance(one, dict) and {*one} <= {"system", "value", "use"} and all(isinstance(v, str) for v in one.values())
        for one in told
    ):
        raise RequestError("expected telecoms with system, value and use", expression="Subscription.contact")
    return told


def _endpoint(channel: Mapping[str, Any]) -> str:
    path = "Subscription.channel.endpoint"
    endpoint = _text(channel, "endpoint", path)
    try:
        where = urlsplit(endpoint)
        port = where.port
    except ValueError:
        raise RequestError("expected an address", expression=path) from None
    plain = where.scheme in {"https", "http"} and bool(where.hostname) and port != 0
    if not plain or where.username is not None or where.fragment or not endpoint.isprintable() or " " in endpoint:
        raise RequestError("expected an https address without user and fragment", expression=path)
    return endpoint


def _registered(channel: Mapping[str, Any]) -> str:
    """An address that is compared with those that are registered, and with nothing else."""
    endpoint = _text(channel, "endpoint", "Subscription.channel.endpoint")
    if not endpoint.isprintable() or " " in endpoint:
        raise RequestError("expected an address", expression="Subscription.channel.endpoint")
    return endpoint


def _content(channel: Mapping[str, Any], kind: Channel) -> Content:
    path = "Subscription.channel.payload"
    if channel.get("payload") != kind.payload:
        raise NotSupported(f"this payload is not offered; expected `{kind.payload}`", expression=path)
    found = [one.get("valueCode") for one in _extensions(channel.get("_payload"), path) if one.get("url") == CONTENT]
    for code in kind.contents:
        if found == [code]:
            return code
    expected = ", ".join(kind.contents)
    raise NotSupported(f"say how much is to be sent, once, in `{CONTENT}`; expected {expected}", expression=path)


def _extensions(element: Any, path: str) -> list[dict[str, Any]]:
    found = element.get("extension", []) if isinstance(element, dict) else [] if element is None else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise RequestError("expected extensions", expression=path)
    return found


def _numbers(channel: Mapping[str, Any], kind: Channel) -> dict[str, int]:
    """Heartbeat, timeout and most events, within what is offered."""
    path = "Subscription.channel.extension"
    told = {HEARTBEAT: 0, TIMEOUT: DEFAULT_SECONDS, MOST: kind.usual}
    bounds = {HEARTBEAT: (MIN_HEARTBEAT, 7 * 86_400), TIMEOUT: (1, MAX_SECONDS), MOST: (1, kind.most)}
    for one in _extensions(channel, path):
        url = one.get("url")
        if url not in bounds:
            raise NotSupported(f"this extension is not taken; expected {', '.join(bounds)}", expression=path)
        value = one.get("valueUnsignedInt", one.get("valuePositiveInt"))
        low, high = bounds[url]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise NotSupported(f"expected a number from {low} to {high} for `{url}`", expression=path)
        told[url] = value
    return told


def _headers(channel: Mapping[str, Any], kind: Channel) -> tuple[tuple[str, str], ...]:
    path = "Subscription.channel.header"
    listed = channel.get("header", [])
    if listed and kind.code != REST_HOOK:
        raise NotSupported(f"only `{REST_HOOK}` has headers; expected none", expression=path)
    if not isinstance(listed, list) or len(listed) > 8:  # noqa: PLR2004 - more than anybody needs
        raise RequestError("expected at most 8 headers", expression=path)
    found = []
    for line in listed:
        name, colon, value = line.partition(":") if isinstance(line, str) else ("", "", "")
        value = value.strip()
        if not colon or name.lower() not in {_AUTHORIZATION, *_PLAIN_HEADERS}:
            offered = ", ".join(["Authorization", *sorted(_PLAIN_HEADERS)])
            raise NotSupported(f"this header is not sent; expected {offered}", expression=path)
        if not value or not value.isascii() or not value.isprintable():
            raise RequestError("expected a value of printable ASCII", expression=path)
        found.append((name.lower(), value))
    if len({name for name, _ in found}) != len(found):
        raise RequestError("a header is given twice", expression=path)
    return tuple(found)


def _recipients(resource: Mapping[str, Any]) -> tuple[str, ...]:
    path = "Subscription.extension"
    found = []
    for one in _extensions(resource, path):
        reference = one.get("valueReference")
        name = reference.get("reference") if isinstance(reference, dict) else None
        if one.get("url") != END_RECIPIENT or not isinstance(name, str) or not name.startswith("Organization/"):
            raise NotSupported(f"expected `{END_RECIPIENT}` with an Organization only", expression=path)
        found.append(name)
    return tuple(dict.fromkeys(found))


def _filters(element: Any, topic: Topic) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    path = "Subscription.criteria"
    found = []
    listed = _extensions(element, path)
    if len(listed) > MAX_FILTERS:
        raise NotSupported(f"expected at most {MAX_FILTERS} filters", expression=path)
    for one in listed:
        text = one.get("valueString")
        if one.get("url") != FILTER or not isinstance(text, str):
            raise NotSupported(f"expected `{FILTER}` with a string only", expression=path)
        kind, mark, query = text.partition("?")
        if mark and kind not in topic.kinds:
            raise NotSupported(f"a filter is on {', '.join(topic.kinds)} for this topic", expression=path)
        try:
            pairs = parse_qsl(query if mark else kind, keep_blank_values=True, strict_parsing=True, max_num_fields=16)
        except ValueError:
            raise RequestError("a filter is no search such as `Observation?code=…`", expression=path) from None
        for name, _ in pairs:
            if name.partition(":")[0] not in topic.spec.filters or (":" in name and name in OWN_FILTERS):
                offered = ", ".join(topic.spec.filters)
                raise NotSupported(f"this filter is not offered for this topic; expected {offered}", expression=path)
        found.append((kind if mark else "", tuple(pairs)))
    return tuple(found)
