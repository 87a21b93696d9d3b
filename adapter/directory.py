"""`directory.yaml`: places, clinicians and their roles, public to everyone who may ask at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from adapter.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Collection

Key = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Address(_Entry):
    """An address in the United States."""

    line: str
    city: str
    state: str = Field(pattern=r"^[A-Z]{2}$")
    postal_code: str = Field(pattern=r"^[0-9]{5}(-[0-9]{4})?$")


class Contact(_Entry):
    """Whom everyone who may ask at all is told to call."""

    office: str = Field(min_length=1)
    phone: str = Field(min_length=1)


class Place(_Entry):
    """A place of a partner; the key is its Location id."""

    name: str
    organization: Key
    address: Address


class Clinician(_Entry):
    """A person who works for partners; the key is the Practitioner id."""

    family: str
    given: str
    npi: str = Field(pattern=r"^[0-9]{10}$")


class Role(_Entry):
    """What a clinician does for a partner; the key is the PractitionerRole id."""

    practitioner: Key
    organization: Key
    location: Key | None = None
    specialty: str = Field(pattern=r"^[0-9A-Z]{9}X$")
    phone: str


class DirectorySection(_Entry):
    """`directory.yaml`: what everyone may see beside the organisations."""

    addresses: dict[Key, Address] = {}
    contacts: dict[Key, Contact] = {}
    locations: dict[Key, Place] = {}
    practitioners: dict[Key, Clinician] = {}
    roles: dict[Key, Role] = {}

    def unknown(self, partners: Collection[str]) -> list[Problem]:
        """What is named and is not there; ``partners`` are the keys of `partners.yaml`."""
        named = [(f"addresses.{key}", key, "partner") for key in self.addresses]
        named += [(f"contacts.{key}", key, "partner") for key in self.contacts]
        named += [
            (f"locations.{key}.organization", place.organization, "partner") for key, place in self.locations.items()
        ]
        for key, role in self.roles.items():
            named += [
                (f"roles.{key}.practitioner", role.practitioner, "practitioner"),
                (f"roles.{key}.organization", role.organization, "partner"),
            ]
            named += [(f"roles.{key}.location", role.location, "location")] if role.location else []
        known = {
            "partner": partners,
            "practitioner": self.practitioners.keys(),
            "location": self.locations.keys(),
        }
        return [
            Problem(
                where="directory.yaml",
                path=path,
                message=f"`{name}` is no {kind}",
                expected=", ".join(sorted(known[kind])),
            )
            for path, name, kind in named
            if name not in known[kind]
        ]
