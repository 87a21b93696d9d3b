"""Topics: which resources are events, and what makes two states of one resource two events.

A topic does not describe changes. Each of its triggers says when a resource as it stands now is an event, and which of
its elements tell one event from the next: an Encounter is booked once, moved whenever its location differs from the one
last told. So it does not matter whether a state became true by a change of the record, of a consent, or by time.

https://hl7.org/fhir/uv/subscriptions-backport/components.html#subscription-topics
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from adapter.errors import RequestError
from adapter.fhir.dates import interval
from adapter.fhir.index import index_rows, satisfies
from adapter.fhir.parameters import PARAMETERS
from adapter.fhir.paths import values
from adapter.fhir.search import parse_query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from adapter.fhir.search import Filter, IndexRow

CANONICAL: Final = "https://sallyport.example/fhir"
OWN_FILTERS: Final = ("_in", "agency", "facility", "result")
"""Filters that are no search parameters here: a Group that the person is on (R5, http://hl7.org/fhir/R5/search.html#_in),
the agency a justice record is from, the facility a person is in, the category of a result."""
_DAY: Final = 86_400_000_000
_NEVER: Final = frozenset({"entered-in-error"})


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ahead(_Section):
    """An event of time: it is due some days before the end of the day, or the instant, that an element names."""

    element: str = Field(pattern=r"^[a-zA-Z]+(\.[a-zA-Z]+)*$")
    days: int = Field(ge=1, le=366)


class TriggerSpec(_Section):
    """When a resource is an event of a topic.

    ``where`` are search parameters that must all hold; ``key`` the elements whose values tell one event from the next,
    ``meta.versionId`` for every version, none for once. With ``first: known`` the first state met is no event.
    """

    resource: str
    profile: str | None = None
    where: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    first: Literal["event", "known"] = "event"
    ahead: Ahead | None = None

    @field_validator("resource")
    @classmethod
    def _searched(cls, name: str) -> str:
        if name not in PARAMETERS or name == "Patient":
            offered = ", ".join(sorted({*PARAMETERS} - {"Patient"}))
            raise PydanticCustomError("resource", "no such resource type", {"expected": offered})
        return name


class TopicSpec(_Section):
    """`profiles/topics/*.yaml`, and `topics/*.yaml` of a site: one topic."""

    topic: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    version: str = "1"
    title: str = Field(min_length=1)
    description: str = Field(min_length=1)
    triggers: tuple[TriggerSpec, ...] = Field(min_length=1)
    filters: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _readable(self) -> TopicSpec:
        faults = []
        for place, trigger in enumerate(self.triggers):
            for number, text in enumerate(trigger.where):
                try:
                    _where(trigger.resource, text, None)
                except (RequestError, ValueError):
                    path = f"triggers[{place}].where[{number}]"
                    faults.append((path, "no search that can be read", f"parameters of {trigger.resource}"))
        offered = {name for trigger in self.triggers for name in PARAMETERS[trigger.resource]} | {*OWN_FILTERS}
        for place, name in enumerate(self.filters):
            if name not in offered:
                faults.append((f"filters[{place}]", f"`{name}` is no filter", ", ".join(sorted(offered))))
        if faults:
            told = "; ".join(f"{path}: {message}, expected {expected}" for path, message, expected in faults)
            raise PydanticCustomError("inconsistent", "{told}", {"told": told, "faults": faults})
        return self


class State(NamedTuple):
    """What a resource as it stands is to a topic.

    ``key`` tells it from other events of this resource; None: it is none now. ``due`` is when it will be one by time
    alone, ``first`` tells whether the first state met is an event, ``error`` whether it says of itself that it never
    should have been.
    """

    key: bytes | None
    due: int | None = None
    first: bool = True
    error: bool = False


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger that is ready to judge."""

    spec: TriggerSpec
    where: tuple[Filter, ...]

    def fits(self, resource: Mapping[str, Any]) -> bool:
        """Whether a resource is of its type and profile."""
        if resource["resourceType"] != self.spec.resource:
            return False
        return self.spec.profile is None or self.spec.profile in values(resource.get("meta", {}), ("profile",))

    def state(self, resource: Mapping[str, Any], rows: Sequence[IndexRow], *, at: int, zone: tzinfo) -> State:
        """What a resource that fits is now; ``rows`` are its index rows."""
        if resource.get("status") in _NEVER:
            return State(None, error=True)
        if not all(satisfies(resource.get("id", ""), rows, one) for one in self.where):
            return State(None)
        told = [values(resource.get(head), below) for head, *below in (path.split(".") for path in self.spec.key)]
        if self.spec.ahead is not None:
            due = _due(resource, self.spec.ahead, zone)
            if due is None:
                return State(None)
            if at < due:
                return State(None, due=due)
            told.append([due])
        key = blake2b(orjson.dumps(told), digest_size=12).digest()
        return State(key, first=self.spec.first == "event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic that is ready to judge."""

    spec: TopicSpec
    triggers: tuple[Trigger, ...]

    @property
    def url(self) -> str:
        """Its canonical address."""
        return f"{CANONICAL}/SubscriptionTopic/{self.spec.topic}"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The resource types that it tells of."""
        return tuple(dict.fromkeys(one.spec.resource for one in self.triggers))

    def state(self, resource: Mapping[str, Any], *, at: int, zone: tzinfo) -> State | None:
        """What a resource is to this topic now; None if it never tells of such."""
        for trigger in self.triggers:
            if trigger.fits(resource):
                return trigger.state(resource, index_rows(resource, zone), at=at, zone=zone)
        return None


def ready(spec: TopicSpec, zone: tzinfo) -> Topic:
    """A topic made ready; ``zone`` places dates without a time."""
    triggers = tuple(
        Trigger(one, tuple(item for text in one.where for item in _where(one.resource, text, zone)))
        for one in spec.triggers
    )
    return Topic(spec=spec, triggers=triggers)


def _where(kind: str, text: str, zone: Any) -> tuple[Filter, ...]:
    # A long list of values may be written over several lines.
    pairs = parse_qsl(text.replace(", ", ","), keep_blank_values=True, strict_parsing=True)
    return parse_query(kind, pairs, base_url="", zone=zone).filters


def _due(resource: Mapping[str, Any], ahead: Ahead, zone: tzinfo) -> int | None:
    head, *below = ahead.element.split(".")
    found = [one for one in values(resource.get(head), below) if isinstance(one, str)]
    return interval(found[0], zone)[1] - ahead.days * _DAY if found else None
