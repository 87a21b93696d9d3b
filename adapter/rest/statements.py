"""The CapabilityStatements: what this server offers, and what software in each role has to do.

All are made of the tables of ``offered`` and of those that the search reads.
https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.fhir.criteria import modifiers
from adapter.fhir.parameters import PARAMETERS
from adapter.fhir.results import MAX_COUNT, offered_includes, offered_revincludes
from adapter.rest.catalog import FILTERS
from adapter.rest.offered import (
    CANONICAL,
    CONFORMANCE,
    INTERACTIONS,
    OFFICER,
    READING,
    ROLES,
    WRITER,
    WRITING,
    operations_on,
    profiles_of,
)
from adapter.rest.patch import MEDIA_TYPE as PATCHED
from adapter.rest.smart import security
from adapter.rest.subscription_topics import advertised
from adapter.services.conformance import RELEASED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapter.fhir.parameters import SearchParameter

_KINDS: Final = {"id": "token", "instant": "date"}
"""Search parameter kinds of ours that FHIR calls otherwise."""
_DOCUMENTED: Final = (
    "A parameter, modifier or value that is not listed is refused with its name, never ignored, whatever "
    "`Prefer: handling` asks for; so are chains, `_has`, `:iterate` and `_filter`. Searches also take `_count` (up to "
    f"{MAX_COUNT}; 0 for the total alone), `_sort`, `_summary`, `_elements`, `_total` and `_format`. The absence of a "
    "result is not a negative screen."
)
_COMBINATIONS: Final = {
    "Patient": (("birthdate", "name"), ("gender", "name"), ("birthdate", "family"), ("death-date", "family")),
    "Observation": (
        ("patient", "category"),
        ("patient", "code"),
        ("patient", "category", "date"),
        ("patient", "category", "status"),
        ("patient", "category", "_lastUpdated"),
        ("patient", "code", "date"),
    ),
    "Encounter": (
        ("patient", "date"),
        ("patient", "class"),
        ("patient", "type"),
        ("patient", "status"),
        ("patient", "location"),
        ("patient", "discharge-disposition"),
        ("patient", "_lastUpdated"),
    ),
    "Condition": (
        ("patient", "category"),
        ("patient", "category", "clinical-status"),
        ("patient", "category", "encounter"),
        ("patient", "clinical-status"),
        ("patient", "code"),
        ("patient", "onset-date"),
        ("patient", "abatement-date"),
        ("patient", "recorded-date"),
        ("patient", "_lastUpdated"),
    ),
    "QuestionnaireResponse": (("patient", "authored"), ("patient", "status"), ("patient", "questionnaire")),
}
"""The combinations that US Core names; any other of the parameters of a type goes as well."""
_COMBINATION: Final = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-search-parameter-combination"
_SECURITY: Final = (
    "Every request but this one, the discovery of addresses and the resources that describe this server carries an "
    "access token (Authorization: Bearer), given to software that proves itself with a registered key (SMART Backend "
    "Services). The token says who asks and for which purposes of use; the header X-Purpose-Of-Use chooses one of them "
    "when several are granted. What consent, law and agreement do not permit is absent: a read answers 404, a search "
    "leaves it out of results and total. Scopes narrow this further and never widen it."
)
_DESCRIBES: Final = (
    "Public: it describes this server and no person. Search takes the parameters listed, `_count`, `_offset` and "
    "`_format`."
)
_TRANSACTION: Final = (
    "Whole or not at all, up to the entries and bytes that a client is registered with. References by `urn:uuid`, by "
    "`fullUrl` and by criteria are rewritten; what they name has to be of the same writer and person, or of the "
    "directory."
)
_WRITING: Final = (
    "For clients with a feed of their own. A resource is kept whole for its writer; others are given what was agreed "
    "on. Ids are given here, references lead to records of the same writer and person or to the directory, and "
    "whatever else they name is answered like what does not exist. Conditional writes find a writer's own records, "
    "by `identifier`, `_id` or `patient`, narrowed by search parameters. A deleted resource answers 404."
)
_CONSENT: Final = (
    "A Consent that permits arrives with the signed form it is authored from, in one transaction; by itself it may "
    "only deny. It is not deleted."
)
_GROUP: Final = (
    "A group of Patients that an organisation keeps for itself; to everyone else it is not there. It is read back with "
    "the members that its owner may see."
)
_BULK: Final = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"
_AUDIT: Final = (("patient", "reference"), ("entity", "reference"), ("date", "date"))
"""What a search of AuditEvent takes."""
_FORMATS: Final = ("application/fhir+json", "json", "application/fhir+xml", "xml")


def capabilities(*, base_url: str, version: str, topics: Sequence[str] = ()) -> dict[str, Any]:
    """The statement of this server.

    ``version`` is that of the software, ``topics`` are the addresses of what may be subscribed to.
    """
    return _statement("sallyport", "Sallyport", "Sallyport consented screening summaries", version) | {
        "description": "Read and search what consent, law and agreement permit the caller to see; write what an "
        "agreement lets its organisation send.",
        "kind": "instance",
        "instantiates": [*(f"{CANONICAL}/CapabilityStatement/{role}" for role in ROLES), _BULK],
        "software": {"name": "Sallyport", "version": version},
        "implementation": {"description": "Sallyport FHIR R4 endpoint", "url": base_url},
        "fhirVersion": "4.0.1",
        "format": list(_FORMATS),
        "patchFormat": [PATCHED],
        "rest": [
            {
                "mode": "server",
                "documentation": _DOCUMENTED,
                "security": security(base_url, _SECURITY),
                "resource": [
                    *(_resource(kind, INTERACTIONS[kind]) for kind in sorted(PARAMETERS)),
                    _group(),
                    *advertised(topics),
                    *(_describing(kind) for kind in CONFORMANCE),
                ],
                "interaction": [
                    {"code": "transaction", "documentation": _TRANSACTION},
                    {"code": "batch", "documentation": "Entry by entry, in the order sent."},
                ],
                "operation": operations_on(""),
            }
        ],
    }


def of_roles(version: str) -> list[dict[str, Any]]:
    """The statements of the roles: requirements on software, made of what this server offers."""
    return [_of_role(role, version) for role in ROLES]


def _of_role(role: str, version: str) -> dict[str, Any]:
    told = ROLES[role]
    wanted = WRITING | READING if role == WRITER else READING
    offered = {kind: [code for code in codes if code in wanted] for kind, codes in INTERACTIONS.items()}
    if role == OFFICER:
        resources: list[dict[str, Any]] = [_audit()]
    else:
        # Whoever writes needs the types that can be written, and Patient, by which everything is found.
        kept = [k for k, codes in offered.items() if role != WRITER or k == "Patient" or not WRITING.isdisjoint(codes)]
        resources = [_resource(kind, offered[kind], role) for kind in sorted(kept)]
    operations = operations_on("", role)
    return _statement(role, told.name, told.title, version) | {
        "description": told.about,
        "kind": "requirements",
        "fhirVersion": "4.0.1",
        "format": list(_FORMATS),
        "rest": [{"mode": "server", "resource": resources} | ({"operation": operations} if operations else {})],
    }


def _statement(ident: str, name: str, title: str, version: str) -> dict[str, Any]:
    return {
        "resourceType": "CapabilityStatement",
        "id": ident,
        "url": f"{CANONICAL}/CapabilityStatement/{ident}",
        "version": version,
        "name": name,
        "title": title,
        "status": "active",
        "date": RELEASED,
        "publisher": "Sallyport",
    }


def _resource(kind: str, interactions: Iterable[str], role: str = "") -> dict[str, Any]:
    resource: dict[str, Any] = {"type": kind}
    if profiles := profiles_of(kind):
        resource["supportedProfile"] = profiles
    if operations := operations_on(kind, role):
        resource["operation"] = operations
    if combinations := _COMBINATIONS.get(kind):
        resource["extension"] = [
            {
                "url": _COMBINATION,
                "extension": [
                    {"url": "expectation", "valueCode": "SHALL"},
                    *({"url": "required", "valueString": name} for name in names),
                ],
            }
            for names in combinations
        ]
    codes = tuple(interactions)
    written = not WRITING.isdisjoint(codes)
    if written:
        resource["documentation"] = f"{_WRITING} {_CONSENT}" if kind == "Consent" else _WRITING
    return resource | {
        "interaction": [{"code": code} for code in codes],
        "versioning": "versioned-update" if written else "versioned",
        "readHistory": True,
        "updateCreate": False,
        "conditionalCreate": written,
        "conditionalRead": "full-support",
        "conditionalUpdate": written,
        "conditionalDelete": "not-supported",
        **{
            name: offered
            for name, offered in (
                ("searchInclude", offered_includes(kind)),
                ("searchRevInclude", offered_revincludes(kind)),
            )
            if offered
        },
        "searchParam": [_parameter(kind, parameter) for _, parameter in sorted(PARAMETERS[kind].items())],
    }


def _parameter(kind: str, parameter: SearchParameter) -> dict[str, str]:
    told = {"name": parameter.name}
    if parameter.paths:
        told["definition"] = f"{CANONICAL}/SearchParameter/{kind}-{parameter.name}"
    taken = modifiers(parameter)
    return (
        told
        | {"type": _KINDS.get(parameter.kind, parameter.kind)}
        | ({"documentation": f"Modifiers: {', '.join(taken)}."} if taken else {})
    )


def _group() -> dict[str, Any]:
    return {
        "type": "Group",
        "supportedProfile": profiles_of("Group"),
        "documentation": _GROUP,
        "interaction": [{"code": code} for code in ("create", "read", "update", "delete")],
        "versioning": "versioned",
        "readHistory": False,
        "updateCreate": False,
        "operation": operations_on("Group"),
    }


def _describing(kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "documentation": _DESCRIBES,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": [{"name": name, "type": filter_.kind} for name, filter_ in sorted(FILTERS[kind].items())],
    }


def _audit() -> dict[str, Any]:
    return {
        "type": "AuditEvent",
        "supportedProfile": profiles_of("AuditEvent"),
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": [{"name": name, "type": kind} for name, kind in _AUDIT],
    }
