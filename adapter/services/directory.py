"""The curated directory: a public Organization for each partner of the site, its places, clinicians and their roles.

https://hl7.org/fhir/us/core/: Organization, Location, Practitioner, PractitionerRole
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter.directory import DirectorySection
from adapter.services.write import Facets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapter.directory import Address, Contact
    from adapter.services.write import Writer
    from adapter.settings import Partner
    from adapter.store.port import Store

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
NPI = "http://hl7.org/fhir/sid/us-npi"
SPECIALTY = "http://nucc.org/provider-taxonomy"
UNRESTRICTED = ("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "U")
NO_DIRECTORY = DirectorySection()
NOBODY = 0
"""The patient key of what is about no one."""


def organizations(partners: Mapping[str, Partner], directory: DirectorySection = NO_DIRECTORY) -> list[dict[str, Any]]:
    """The partners as Organization resources, with the contacts and addresses that the directory gives them."""
    return [
        {
            **_entry("Organization", key, "organization"),
            "active": True,
            "name": partner.name,
            **({"address": [_address(directory.addresses[key])]} if key in directory.addresses else {}),
            **({"partOf": _reference("Organization", partner.part_of)} if partner.part_of else {}),
            **({"telecom": [_phone(directory.contacts[key])]} if key in directory.contacts else {}),
            **({"contact": [_contact(directory.contacts[key])]} if key in directory.contacts else {}),
        }
        for key, partner in partners.items()
    ]


def entries(directory: DirectorySection) -> list[dict[str, Any]]:
    """The places, the clinicians and their roles."""
    places = [
        {
            **_entry("Location", key, "location"),
            "status": "active",
            "name": place.name,
            "address": _address(place.address),
            "managingOrganization": _reference("Organization", place.organization),
        }
        for key, place in directory.locations.items()
    ]
    people = [
        {
            **_entry("Practitioner", key, "practitioner"),
            "identifier": [{"system": NPI, "value": person.npi}],
            "active": True,
            "name": [{"family": person.family, "given": [person.given]}],
        }
        for key, person in directory.practitioners.items()
    ]
    roles = [
        {
            **_entry("PractitionerRole", key, "practitionerrole"),
            "active": True,
            "practitioner": _reference("Practitioner", role.practitioner),
            "organization": _reference("Organization", role.organization),
            "specialty": [{"coding": [{"system": SPECIALTY, "code": role.specialty}]}],
            **({"location": [_reference("Location", role.location)]} if role.location else {}),
            "telecom": [{"system": "phone", "value": role.phone}],
        }
        for key, role in directory.roles.items()
    ]
    return [*places, *people, *roles]


def _entry(kind: str, key: str, profile: str) -> dict[str, Any]:
    return {"resourceType": kind, "id": key, "meta": {"profile": [f"{US_CORE}{profile}"]}}


def _reference(kind: str, key: str) -> dict[str, str]:
    return {"reference": f"{kind}/{key}"}


def _phone(contact: Contact) -> dict[str, str]:
    return {"system": "phone", "value": contact.phone, "use": "work"}


def _contact(contact: Contact) -> dict[str, Any]:
    return {"name": {"text": contact.office}, "telecom": [_phone(contact)]}


def _address(address: Address) -> dict[str, Any]:
    return {
        "line": [address.line],
        "city": address.city,
        "state": address.state,
        "postalCode": address.postal_code,
        "country": "US",
    }


async def publish(
    store: Store, writer: Writer, resources: Sequence[Mapping[str, Any]], empty: bytes, *, at: int
) -> None:
    """Write the directory; what did not change makes no new version."""
    facets = Facets(tier="directory", labels=(UNRESTRICTED,), regime="justice", domain="", unit="")
    writes = [await writer.prepare(body, facets, ident=body["id"], patient="") for body in resources]
    async with store.transaction() as change:
        await change.put(writes, at=at, origin=None)
        await change.admit([NOBODY], await change.intern("policy", empty))
