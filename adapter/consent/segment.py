"""The segment of a resource: the facets of it that rules can test without reading it, interned.

https://hl7.org/fhir/R4/security-labels.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from adapter.consent.facts import claimed_profiles
from adapter.consent.labels import labels_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.consent.sensitivity import Label

TIERS: Final = ("detail", "summary", "identity", "directory", "share", "contact")
REGIMES: Final = ("justice", "hipaa", "part2", "education", "undeclared")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Type, claimed profiles, tier, labels, regime of the source unit, instrument domain, source unit.

    ``unit`` is the Organization reference of the unit that made the record. ``audience`` is that of the one recipient
    for whom it was made, where there is one; ``writer`` that of the organisation whose software wrote it here itself.
    Labels and profiles are sorted.
    """

    type: str
    profiles: tuple[str, ...] = ()
    tier: str
    labels: tuple[Label, ...] = ()
    regime: str
    domain: str = ""
    unit: str = ""
    audience: str = ""
    writer: str = ""

    def canonical(self) -> bytes:
        """The same bytes for the same facets."""
        labels = sorted(set(self.labels))
        profiles = sorted(set(self.profiles))
        facets = [self.type, profiles, self.tier, labels, self.regime, self.domain, self.unit, self.audience]
        # What nobody wrote here has the bytes it had before there were writers.
        return orjson.dumps([*facets, self.writer] if self.writer else facets)

    @classmethod
    def parse(cls, data: bytes) -> Segment:
        """The segment whose canonical bytes are ``data``."""
        kind, profiles, tier, labels, regime, domain, unit, audience, *written = orjson.loads(data)
        return cls(
            type=kind,
            profiles=tuple(profiles),
            tier=tier,
            labels=tuple((system, code) for system, code in labels),
            regime=regime,
            domain=domain,
            unit=unit,
            audience=audience,
            writer="".join(written),
        )


def segment_of(
    resource: Mapping[str, Any],
    *,
    tier: str,
    regime: str,
    domain: str = "",
    unit: str = "",
    audience: str = "",
    writer: str = "",
) -> Segment:
    """The segment of a labelled resource; what only its source knows is passed in."""
    kind = resource.get("resourceType")
    return Segment(
        type=kind if isinstance(kind, str) else "",
        profiles=claimed_profiles(resource),
        tier=tier,
        labels=labels_of(resource),
        regime=regime,
        domain=domain,
        unit=unit,
        audience=audience,
        writer=writer,
    )
