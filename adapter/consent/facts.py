"""What one evaluation knows: the request, and the resource or only its segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.consent.vocabulary import READS, WRITES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo
    from typing import Any

    from adapter.consent.content import Content
    from adapter.consent.recipient import RecipientContext
    from adapter.consent.sensitivity import Sensitivity

READ = "read"


def action_kind(action: object) -> str | None:
    """What an action code asks for: reading in any form, `collect`, `correct`, or None where nobody knows."""
    if isinstance(action, str):
        return READ if action in READS else action if action in WRITES else None
    return None


class Facts:
    """Everything a criterion may ask. Without ``content`` a rule is compiled: what needs it is DEFERRED.

    ``at`` is an instant in epoch microseconds; a compiled policy has no periods left and needs none.
    ``action`` is an action kind.
    """

    __slots__ = (
        "action",
        "actors",
        "at",
        "content",
        "labels",
        "profiles",
        "purposes",
        "recipient",
        "type",
        "zone",
    )

    def __init__(
        self,
        *,
        recipient: RecipientContext,
        kind: str,
        profiles: tuple[str, ...],
        labels: Sensitivity,
        content: Content | None,
        zone: tzinfo,
        at: int = 0,
        action: str | None = READ,
    ) -> None:
        self.recipient = recipient
        self.actors = recipient.actors
        self.purposes = recipient.asked
        self.type = kind
        self.profiles = profiles
        self.labels = labels
        self.content = content
        self.zone = zone
        self.at = at
        self.action = action


def claimed_profiles(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """The profiles a resource claims, sorted."""
    meta = resource.get("meta")
    stated = meta.get("profile") if isinstance(meta, dict) else None
    if not isinstance(stated, list):
        return ()
    return tuple(sorted({profile for profile in stated if isinstance(profile, str)}))
