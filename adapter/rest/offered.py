"""What is offered below ``/fhir/``, as tables: interactions by type, operations, profiles, and the roles that use them.

The statement of the server and those of the roles are made of nothing else. An operation is one line of
``OPERATIONS``; its definition is ours where `profiles/` has one under that name, else that of HL7.

https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapter.fhir.parameters import PARAMETERS
from adapter.services.writing_rules import NEEDED as WRITTEN

if TYPE_CHECKING:
    from collections.abc import Mapping

CANONICAL: Final = "https://sallyport.example/fhir"
READER: Final = "ehr-reader"
WRITER: Final = "ehr-writer"
EXCHANGE: Final = "exchange-subscriber"
OFFICER: Final = "privacy-officer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Who uses this server for what: its statement says what such software has to do."""

    name: str
    title: str
    about: str


ROLES: Final[Mapping[str, Role]] = {
    READER: Role(
        name="SallyportEhrReader",
        title="EHR vendor that reads",
        about="Software of a provider that reads and searches what consent, law and agreement permit it to see.",
    ),
    WRITER: Role(
        name="SallyportEhrWriter",
        title="EHR vendor that writes",
        about="Software of a provider that sends what its agreement covers, and checks it before.",
    ),
    EXCHANGE: Role(
        name="SallyportExchangeSubscriber",
        title="Health information exchange",
        about="Software of an exchange that fetches, for its participants, what it is permitted to pass on.",
    ),
    OFFICER: Role(
        name="SallyportPrivacyOfficer",
        title="Privacy officer",
        about="Software of the county's privacy officers, who answer for every disclosure.",
    ),
}
READING: Final = frozenset({"read", "vread", "history-instance", "search-type"})
WRITING: Final = frozenset({"create", "update", "patch", "delete"})
_READ: Final = ("read", "vread", "history-instance", "search-type")
INTERACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    kind: (
        *_READ,
        *(("create", "update", "patch") if kind in WRITTEN else ()),
        # A Consent decides what may be released, and the law has it kept.
        *(("delete",) if kind in WRITTEN and kind != "Consent" else ()),
    )
    for kind in PARAMETERS
}
"""For each type of record the interactions on offer, by their codes."""
CONFORMANCE: Final = (
    "CapabilityStatement",
    "CodeSystem",
    "ConceptMap",
    "OperationDefinition",
    "SearchParameter",
    "StructureDefinition",
    "ValueSet",
)
"""Types that describe this server; they are public and need no token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation: on which types (none: on the system), on whose behalf, and where it may be called.

    ``everywhere`` offers it for every type whose structure is known.
    """

    name: str
    on: tuple[str, ...] = ()
    documentation: str
    roles: frozenset[str]
    everywhere: bool = False
    hl7: str = ""

    @property
    def definition(self) -> str:
        """The address of its definition."""
        return self.hl7 or f"{CANONICAL}/OperationDefinition/{self.name}"


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        name="match",
        on=("Patient",),
        documentation="Needs the right `patient-match`. Candidates are Patients that the caller may see, scored by "
        "what they show; social security and fingerprint numbers are not compared.",
        roles=frozenset({READER, EXCHANGE}),
    ),
    Operation(
        name="everything",
        on=("Patient",),
        documentation="Takes `_type`, `_since` and `_count`; over the records that the caller sees to be one person.",
        roles=frozenset({READER, EXCHANGE}),
        hl7="http://hl7.org/fhir/OperationDefinition/Patient-everything",
    ),
    Operation(
        name="export",
        on=("Patient",),
        documentation="Needs the right `population-search`. Takes `_type`, `_since` and `_outputFormat`; "
        "`_typeFilter` is refused.",
        roles=frozenset({READER, EXCHANGE}),
        hl7="http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export",
    ),
    Operation(
        name="export",
        on=("Group",),
        documentation="Of its owner's own group. Takes `_type`, `_since` and `_outputFormat`.",
        roles=frozenset({READER, EXCHANGE}),
        hl7="http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export",
    ),
    Operation(
        name="assert-basis",
        on=("Patient",),
        documentation="For clients that the county names for a basis. The answer is the same for every person, "
        "whether anything is held of them or not.",
        roles=frozenset({READER, WRITER}),
    ),
    Operation(
        name="validate",
        documentation="At a type or at one resource that the caller may read: what is wrong with a resource, by "
        "FHIRPath. Nothing is stored, and no stored record is looked at but the one that is named.",
        roles=frozenset({READER, WRITER, EXCHANGE}),
        everywhere=True,
    ),
    Operation(
        name="explain",
        documentation="For the privacy officers of this server only: why an answer was what it was. Any other token "
        "gets 403, whatever it asks.",
        roles=frozenset({OFFICER}),
    ),
)

PROFILES: Final[Mapping[str, tuple[str, ...]]] = {
    "Patient": ("source-patient", "minimal-patient"),
    "Encounter": ("booking-encounter", "care-encounter"),
    "Observation": ("screening-summary", "screening-detail", "screening-panel"),
    "Consent": ("consent-share", "release-of-information"),
    "Condition": ("diagnosis",),
    "QuestionnaireResponse": ("screening-response",),
    "Provenance": ("ingest-provenance",),
    "RelatedPerson": ("relative", "contact-details"),
    "DocumentReference": ("document",),
    "Organization": ("directory-organization",),
    "Location": ("directory-location",),
    "Practitioner": ("directory-practitioner",),
    "PractitionerRole": ("directory-role",),
    "AuditEvent": ("disclosure-event",),
    "Group": ("patient-list",),
}
"""For each type the profiles that what is served conforms to."""


def profiles_of(kind: str) -> list[str]:
    """The addresses of the profiles of a type."""
    return [f"{CANONICAL}/StructureDefinition/{name}" for name in PROFILES.get(kind, ())]


def operations_on(kind: str, role: str = "") -> list[dict[str, str]]:
    """The operations on a type, or on the system where there is none, as a statement lists them."""
    return [
        {"name": one.name, "definition": one.definition, "documentation": one.documentation}
        for one in OPERATIONS
        if ((one.everywhere or kind in one.on) if kind else not (one.on or one.everywhere))
        and (not role or role in one.roles)
    ]
