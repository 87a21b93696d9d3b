"""The topics of a site: those that ship, and those of its own `topics/*.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter.assets import topics as shipped
from adapter.errors import ConfigurationError, Problem
from adapter.settings import check
from adapter.subscription.topic import TopicSpec, ready

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from adapter.subscription.topic import Topic


def read_topics(own: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Topic]:
    """The topics by their canonical addresses; ``ConfigurationError`` lists everything that is wrong with them."""
    problems: list[Problem] = []
    found: dict[str, Topic] = {}
    for where, document in {**shipped(), **own}.items():
        faults = check(TopicSpec, document, where)
        problems += faults
        if faults:
            continue
        topic = ready(TopicSpec.model_validate(document), zone)
        if topic.url in found:
            told = f"`{topic.spec.topic}` is the name of another topic too"
            problems.append(Problem(where=where, path="topic", message=told, expected="a name of its own"))
        found[topic.url] = topic
    if problems:
        raise ConfigurationError(problems)
    return found
