"""The curated directory: one public Organization for each partner of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter.services.write import Facets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapter.services.write import Writer
    from adapter.settings import Partner
    from adapter.store.port import Store

US_CORE_ORGANIZATION = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-organization"
UNRESTRICTED = ("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "U")
NOBODY = 0
"""The patient key of what is about no one."""


def organizations(partners: Mapping[str, Partner]) -> list[dict[str, Any]]:
    """The partners as Organization resources (US Core: active and name)."""
    return [
        {
            "resourceType": "Organization",
            "id": key,
            "meta": {"profile": [US_CORE_ORGANIZATION]},
            "active": True,
            "name": partner.name,
            **({"partOf": {"reference": f"Organization/{partner.part_of}"}} if partner.part_of else {}),
        }
        for key, partner in partners.items()
    ]


async def publish(
    store: Store, writer: Writer, resources: Sequence[Mapping[str, Any]], empty: bytes, *, at: int
) -> None:
    """Write the directory; what did not change makes no new version."""
    facets = Facets(tier="directory", labels=(UNRESTRICTED,), regime="justice", domain="", unit="")
    writes = [await writer.prepare(body, facets, ident=body["id"], patient="") for body in resources]
    async with store.transaction() as change:
        await change.put(writes, at=at, origin=None)
        await change.admit([NOBODY], await change.intern("policy", empty))
