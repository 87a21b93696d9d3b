"""capabilities: the CapabilityStatement of this server, made from the same tables that the search reads.

https://hl7.org/fhir/R4/capabilitystatement.html and https://hl7.org/fhir/R4/http.html#capabilities
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter.errors import NotSupported
from adapter.fhir.codec import dump
from adapter.fhir.criteria import modifiers
from adapter.fhir.parameters import PARAMETERS
from adapter.fhir.results import MAX_COUNT, offered_includes, offered_revincludes
from adapter.rest import parameters
from adapter.rest.answer import Answer
from adapter.rest.formats import negotiate
from adapter.rest.smart import security
from adapter.rest.subscription_topics import advertised

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapter.fhir.parameters import SearchParameter

CANONICAL = "https://sallyport.example/fhir"
RELEASED = "2026-11-22"
"""Day on which what this statement says last changed; a constant, so that the statement holds no clock."""

_PROFILES = {
    "Patient": ("source-patient",),
    "Encounter": ("booking-encounter",),
    "Observation": ("screening-summary", "screening-detail"),
    "Consent": ("consent-share", "release-of-information"),
    "Provenance": ("ingest-provenance",),
}
_OPERATIONS = {
    "Patient": (
        {
            "name": "assert-basis",
            "definition": f"{CANONICAL}/OperationDefinition/assert-basis",
            "documentation": "For clients that the county names for a basis. The answer is the same for every person, "
            "whether anything is held of them or not.",
        },
        {
            "name": "match",
            "definition": "http://hl7.org/fhir/OperationDefinition/Patient-match",
            "documentation": "Needs the right `patient-match`. Candidates are Patients that the caller may see, scored "
            "by what they show; social security and fingerprint numbers are not compared.",
        },
    ),
}
_KINDS = {"id": "token", "instant": "date"}
"""Search parameter kinds of ours that FHIR calls otherwise."""
_DOCUMENTED = (
    "A parameter, modifier or value that is not listed is refused with its name, never ignored, whatever "
    "`Prefer: handling` asks for; so are chains, `_has`, `:iterate` and `_filter`. Searches also take `_count` (up to "
    f"{MAX_COUNT}; 0 for the total alone), `_sort`, `_summary`, `_elements`, `_total` and `_format`. The absence of a "
    "result is not a negative screen."
)
_COMBINATIONS = {
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
_COMBINATION = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-search-parameter-combination"
_SECURITY = (
    "Every request but this one and the discovery of addresses carries an access token (Authorization: Bearer), "
    "given to software that proves itself with a registered key (SMART Backend Services). The token says who "
    "asks and for which purposes of use; the header X-Purpose-Of-Use chooses one of them when several are "
    "granted. What consent, law and agreement do not permit is absent: a read answers 404, a "
    "search leaves it out of results and total. Scopes narrow this further and never widen it."
)


def statement(*, base_url: str, version: str, topics: Sequence[str] = ()) -> Answer:
    """The statement as it is served, built once at the start.

    ``version`` is that of the software, ``topics`` are the addresses of what may be subscribed to.
    """
    return Answer(
        200,
        dump(
            {
                "resourceType": "CapabilityStatement",
                "url": f"{CANONICAL}/CapabilityStatement/sallyport",
                "version": version,
                "name": "Sallyport",
                "title": "Sallyport consented screening summaries",
                "status": "active",
                "date": RELEASED,
                "description": "Read and search what consent, law and agreement permit the caller to see.",
                "kind": "instance",
                "software": {"name": "Sallyport", "version": version},
                "implementation": {"description": "Sallyport FHIR R4 endpoint", "url": base_url},
                "fhirVersion": "4.0.1",
                "format": ["application/fhir+json", "json", "application/fhir+xml", "xml"],
                "rest": [
                    {
                        "mode": "server",
                        "documentation": _DOCUMENTED,
                        "security": security(base_url, _SECURITY),
                        "resource": sorted(
                            [*(_resource(kind) for kind in PARAMETERS), *advertised(topics)],
                            key=lambda one: str(one["type"]),
                        ),
                        "operation": [
                            {
                                "name": "explain",
                                "definition": f"{CANONICAL}/OperationDefinition/explain",
                                "documentation": "For the privacy officers of this server only: why an answer was "
                                "what it was. Any other token gets 403, whatever it asks.",
                            }
                        ],
                    }
                ],
            }
        ),
        public=True,
    )


def metadata(prepared: Answer, *, query: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Answer:
    """The prepared statement, unless another format, mode or an unknown parameter is asked for."""
    pairs = parameters.of_query(query)
    negotiate(headers, pairs)
    for name, value in pairs:
        if name == "mode" and value not in {"full", "normative"}:
            raise NotSupported("`mode` is not offered; use `full`", expression="mode")
        if name not in {"mode", "_format"}:
            raise NotSupported("`metadata` takes no parameters but `mode` and `_format`", expression=name)
    return prepared


def _resource(kind: str) -> dict[str, Any]:
    resource: dict[str, Any] = {"type": kind}
    if profiles := _PROFILES.get(kind):
        resource["supportedProfile"] = [f"{CANONICAL}/StructureDefinition/{name}" for name in profiles]
    if operations := _OPERATIONS.get(kind):
        resource["operation"] = list(operations)
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
    return resource | {
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "versioned",
        "readHistory": False,
        "updateCreate": False,
        "conditionalCreate": False,
        "conditionalRead": "not-supported",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        **{
            name: offered
            for name, offered in (
                ("searchInclude", offered_includes(kind)),
                ("searchRevInclude", offered_revincludes(kind)),
            )
            if offered
        },
        "searchParam": [_parameter(parameter) for _, parameter in sorted(PARAMETERS[kind].items())],
    }


def _parameter(parameter: SearchParameter) -> dict[str, str]:
    told = {"name": parameter.name, "type": _KINDS.get(parameter.kind, parameter.kind)}
    taken = modifiers(parameter)
    return told | ({"documentation": f"Modifiers: {', '.join(taken)}."} if taken else {})
