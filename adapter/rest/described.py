"""What the OpenAPI document says of the addresses beside ``/fhir/``: bodies, answers, and which need a token.

An answer that is not described here is one the server never gives, and what is described has the shape it says;
`make fuzz-openapi` asks for all of them. FastAPI adds an answer 422 of its own to whatever takes a parameter, which
this server never gives: a parameter that it cannot read it answers with 400.

OpenAPI: https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from adapter.services.panel_csv import COLUMNS

if TYPE_CHECKING:
    from fastapi import FastAPI

Described: TypeAlias = dict[int | str, dict[str, Any]]

TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": "integer", "minimum": 0}
_INSTANT: Final = {"type": "string", "format": "date-time"}
_DIGEST: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
BEARER: Final[dict[str, Any]] = {"security": [{"token": []}]}
"""The address takes an access token and nothing else."""
ASKER: Final[dict[str, Any]] = {"security": [{"token": []}, {}]}
"""Who asks proves itself by an access token, or by the assertion in the form."""


def shape(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """A JSON object of these properties and no others."""
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": sorted(required),
        "additionalProperties": False,
    }


def listed(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON array."""
    return {"type": "array", "items": schema}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


_COUNTS: Final = {"type": "object", "additionalProperties": NUMBER}
_ISSUE: Final = shape(
    {"severity": {"type": "string", "enum": ["error"]}, "code": TEXT, "diagnostics": TEXT},
    {"expression": listed(TEXT)},
)
OUTCOME: Final = {
    "application/fhir+json": {
        "schema": shape(
            {"resourceType": {"type": "string", "const": "OperationOutcome"}, "issue": listed(_ISSUE) | {"minItems": 1}}
        )
    }
}
_RETRY: Final = {"Retry-After": {"description": "Seconds to wait.", "required": True, "schema": {"type": "string"}}}
_SCHEME: Final = {"WWW-Authenticate": {"description": "Bearer.", "required": True, "schema": TEXT}}


def refused(description: str, *, more: dict[str, Any] | None = None, headers: dict[str, Any] | None = None) -> Any:
    """An answer that is an OperationOutcome; ``more`` are other media types it may have."""
    return {"description": description, "content": OUTCOME | (more or {})} | ({"headers": headers} if headers else {})


_NO_TOKEN: Final = refused("No access token, or none that holds.", headers=_SCHEME)
_TOO_OFTEN: Final = refused("Too many requests within a minute.", headers=_RETRY)

LIVE: Final[Described] = {
    200: {"description": "It runs."} | _json(shape({"status": {"type": "string", "const": "live"}}))
}
_ENDING: Final = shape(
    {"agreement": TEXT, "days_left": {"type": "integer"}, "last_day": TEXT, "closes_feeds": listed(TEXT)}
)
READY: Final[Described] = {
    200: {"description": "It takes requests."}
    | _json(shape({"status": {"type": "string", "const": "ready"}}, {"agreements_ending": listed(_ENDING)})),
    503: refused("Not now; try again in a few seconds.", headers=_RETRY),
}
METRICS: Final[Described] = {
    200: {"description": "The counts.", "content": {"text/plain": {"schema": TEXT}}},
    404: refused("There is no such token: to everyone else there is no such address."),
    429: _TOO_OFTEN,
}

_HL7: Final = {name: {"schema": TEXT} for name in ("application/hl7-v2", "x-application/hl7-v2+er7")}
_NOT_COVERED: Final = refused("The token does not cover this feed, or there is no such feed.")
_OF_FEEDS: Final[Described] = {401: _NO_TOKEN, 403: _NOT_COVERED, 429: _TOO_OFTEN}
BYTES: Final = {
    **BEARER,
    "requestBody": {
        "description": "An extract as its sender makes it, or HL7 v2 messages; not compressed.",
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 1}}}
        | {name: {"schema": {"type": "string", "minLength": 1}} for name in (*_HL7, "text/csv", "text/plain")},
    },
}
_RECEIPT: Final = shape({"receipt": TEXT, "feed": TEXT, "bytes": NUMBER, "sha256": _DIGEST, "report": TEXT})
PUSHED: Final[Described] = {
    200: {"description": "The acknowledgement of each message, AA or AE, as HL7 v2.", "content": _HL7},
    202: {
        "description": "Kept; `report` tells where to see what becomes of it.",
        "headers": {"Location": {"description": "The same as `report`.", "required": True, "schema": TEXT}},
        **_json(_RECEIPT),
    },
    400: refused("The body is empty or ended early; or, as HL7 v2, a message was kept and rejected (AR).", more=_HL7),
    413: refused("Larger than this feed takes."),
    415: refused("The body is compressed."),
    503: refused(
        "The feed takes nothing in now: keep it and send it later. As HL7 v2 the acknowledgement AE.",
        more=_HL7,
        headers=_RETRY,
    ),
    **_OF_FEEDS,
}
_WAITS: Final = shape({"line": NUMBER, "part": TEXT, "code": TEXT, "element": TEXT, "expected": TEXT})
_COUNTED: Final = ("records", "unchanged", "held", "links", "inferred", "absent", "bytes")
_BY_NAME: Final = ("written", "leaves", "quarantined", "unmapped", "warnings")
_REPORT: Final = shape(
    {"feed": TEXT, "receipt": TEXT, "sha256": _DIGEST, "state": {"type": "string", "enum": ["waiting", "processed"]}}
    | dict.fromkeys(_COUNTED, NUMBER)
    | dict.fromkeys(_BY_NAME, _COUNTS)
    | {"waiting": listed(_WAITS), "alerts": listed({"type": "object"})}
)
REPORTED: Final[Described] = {
    200: {"description": "Counts, and where what waits stands in it."} | _json(_REPORT),
    404: refused("No such receipt of this feed."),
    **_OF_FEEDS,
}
_MESSAGE: Final = shape(
    {"receipt": TEXT, "report": TEXT, "received": _INSTANT, "sha256": _DIGEST, "line": NUMBER}
    | {"acknowledged": TEXT, "fault": TEXT, "waiting": listed(_WAITS), "warnings": listed(TEXT)}
    | {"state": {"type": "string", "enum": ["received", "quarantined", "processed"]}}
)
CONTROL_ID: Final = {
    **BEARER,
    "parameters": [
        {
            "name": "control-id",
            "in": "query",
            "required": True,
            "description": "MSH-10 of a message.",
            "schema": {"type": "string", "minLength": 1},
        }
    ],
}
FATES: Final[Described] = {
    200: {"description": "The messages of that control id which the asker sent."}
    | _json(shape({"feed": TEXT, "control_id": TEXT, "messages": listed(_MESSAGE)})),
    400: refused("No control id, or more than one."),
    **_OF_FEEDS,
}

PEOPLE: Final = {
    **BEARER,
    "requestBody": {
        "required": True,
        "description": f"A first row with names of columns ({', '.join(COLUMNS)}), then people; not compressed.",
        "content": {
            "text/csv": {
                "schema": TEXT,
                "example": "key,family,given,birth_date,sex\r\nFF-0017,Marsh,Ada,1980-04-02,female\r\n",
            }
        },
    },
    "parameters": [
        {"name": "name", "in": "query", "required": False, "schema": {"type": "string", "maxLength": 200}},
    ],
}
_KEPT: Final = {"description": "Kept; the same answer whoever is on it."} | _json(
    shape({"group": TEXT, "version": TEXT, "rows": NUMBER})
)
_OF_LISTS: Final[Described] = {
    400: refused("The body is no CSV by its type or ended early, or a parameter is not known."),
    401: _NO_TOKEN,
    403: refused("No scope for Group, or people are described without the right `patient-match`."),
    413: refused("Longer than 4 MB."),
    422: refused("Each fault by line and column. Nothing was kept."),
    429: _TOO_OFTEN,
}
LISTED: Final[Described] = {
    201: _KEPT | {"headers": {"Location": {"description": "The Group.", "required": True, "schema": TEXT}}},
    **_OF_LISTS,
}
LISTED_ANEW: Final[Described] = {
    200: _KEPT,
    404: refused("There is no such Group of this organisation."),
    **_OF_LISTS,
}

ERRORS: Final = ("invalid_request", "invalid_client", "invalid_grant", "invalid_scope", "unsupported_grant_type")
_OAUTH: Final = shape({"error": {"type": "string", "enum": [*ERRORS]}, "error_description": TEXT})
_OF_FORMS: Final[Described] = {
    400: {"description": "An error of RFC 6749, the same whatever of it was wrong."} | _json(_OAUTH),
    401: {"description": "`invalid_client`: the asker did not prove who it is.", "headers": _SCHEME} | _json(_OAUTH),
    413: {"description": "The form is larger than 64 kB."} | _json(_OAUTH),
    415: {"description": "The body is no form in UTF-8."} | _json(_OAUTH),
    429: {"description": "Too many within a minute.", "headers": _RETRY}
    | _json(shape({"error": {"type": "string", "const": "temporarily_unavailable"}})),
}
_GRANTED: Final = shape(
    {"access_token": TEXT, "token_type": {"type": "string", "const": "bearer"}, "expires_in": NUMBER, "scope": TEXT}
)
_ALIVE: Final = shape(
    {"active": {"type": "boolean"}},
    dict.fromkeys(("scope", "client_id", "sub", "iss", "aud", "token_type"), TEXT)
    | {"iat": NUMBER, "exp": NUMBER, "extensions": {"type": "object"}},
)
TOKEN: Final[Described] = {200: {"description": "The access token."} | _json(_GRANTED), **_OF_FORMS}
INTROSPECTED: Final[Described] = {200: {"description": "What the token grants."} | _json(_ALIVE), **_OF_FORMS}
REVOKED: Final[Described] = {
    200: {"description": "The token is no token any more, whatever it was."} | _json(shape({})),
    **_OF_FORMS,
}
_PROOF: Final = {
    "client_assertion_type": {
        "type": "string",
        "const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    },
    "client_assertion": {"type": "string", "minLength": 1},
    "client_id": TEXT,
}


def form(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """A form body with these parameters; others are left unread."""
    schema = {"type": "object", "properties": required | (optional or {}), "required": sorted(required)}
    return {"requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}}


GRANT: Final = form(
    {"grant_type": {"type": "string", "const": "client_credentials"}}
    | {name: _PROOF[name] for name in ("client_assertion_type", "client_assertion")},
    {"scope": TEXT, "client_id": TEXT},
)
ABOUT: Final = ASKER | form({"token": {"type": "string", "minLength": 1}}, {"token_type_hint": TEXT} | _PROOF)


def complete(app: FastAPI) -> None:
    """Finish the document of an application: the token that some addresses take, and no answer that is never given."""
    document = app.openapi()
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["token"] = {"type": "http", "scheme": "bearer", "description": "An access token of `/auth/token`."}
    document["components"].pop("schemas", None)
    for path in document["paths"].values():
        for operation in path.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
