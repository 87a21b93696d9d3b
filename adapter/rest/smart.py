"""`/fhir/.well-known/smart-configuration`: where and how a client gets access tokens, for discovery by machines.

UDAP metadata (`/fhir/.well-known/udap`) is not served: it would promise dynamic registration and trust by certificates,
which this server does not offer. Registration is an agreement with the county.

https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#using-well-known
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from adapter.auth.keys import ALGORITHMS
from adapter.fhir.search import PARAMETERS
from adapter.rest.answer import GUARDED, Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

ADDRESS: Final = ".well-known"
NAME: Final = "/smart-configuration"
ENDPOINTS: Final[Mapping[str, str]] = {
    "token": "/auth/token",
    "introspect": "/auth/introspect",
    "revoke": "/auth/revoke",
}
"""The address of each endpoint below the base of the site."""
_OAUTH: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


def addresses(base_url: str) -> dict[str, str]:
    """The endpoints; ``base_url`` is the FHIR base."""
    root = base_url.removesuffix("/fhir")
    return {name: root + path for name, path in ENDPOINTS.items()}


def configuration(base_url: str) -> Answer:
    """The document, built once at the start. ``base_url`` is the FHIR base."""
    where = addresses(base_url)
    signing = {
        f"{name}_auth_signing_alg_values_supported": [*ALGORITHMS]
        for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint")
    }
    methods = {
        f"{name}_auth_methods_supported": ["private_key_jwt"]
        for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint")
    }
    document = {
        "issuer": base_url,
        "token_endpoint": where["token"],
        "introspection_endpoint": where["introspect"],
        "revocation_endpoint": where["revoke"],
        "grant_types_supported": ["client_credentials"],
        # Required by SMART of every server; there is no authorization endpoint here at which it could be used.
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": [*(f"system/{kind}.rs" for kind in sorted(PARAMETERS)), "system/Group.crud"],
        "capabilities": ["client-confidential-asymmetric", "permission-v2"],
        **methods,
        **signing,
    }
    return Answer(200, orjson.dumps(document), ((b"content-type", b"application/json"), *GUARDED))


def security(base_url: str, description: str) -> dict[str, Any]:
    """The security section of the CapabilityStatement.

    https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#declaring-support-for-oauth2-endpoints
    """
    service = {
        "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
        "code": "SMART-on-FHIR",
        "display": "SMART-on-FHIR",
    }
    return {
        "extension": [
            {
                "url": _OAUTH,
                "extension": [{"url": name, "valueUri": where} for name, where in addresses(base_url).items()],
            }
        ],
        "cors": False,
        "service": [{"coding": [service], "text": "OAuth 2.0 client credentials with private_key_jwt (SMART)"}],
        "description": description,
    }
