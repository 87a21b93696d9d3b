"""`POST /fhir/$explain`: why an answer was what it was, for privacy officers only.

A caller without the right gets one constant answer before a byte of the body is read, so it learns nothing, whatever
exists. Each question is in the disclosure ledger before it is answered. Nothing of an explanation ever reaches a
requester, 42 CFR 2.13(c)(2).

Parameters in: `request-id`, or `recipient` (partner key), `purpose` (code) and `resource` (`Type/id`).
Parameters out: one `decision` for each, with its question, effect and findings.

https://hl7.org/fhir/R4/operations.html and https://hl7.org/fhir/R4/parameters.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from adapter.errors import InvalidResource, NotAllowed, NotFound, RequestError
from adapter.fhir.codec import dump, parse
from adapter.rest import parameters
from adapter.rest.answer import Answer
from adapter.rest.errors import Refused, refusal
from adapter.rest.formats import negotiate
from adapter.rest.refusals import Reading
from adapter.services.explain import PRIVACY_OFFICER, Question

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from adapter.services.disclose import Caller, Disclosure
    from adapter.services.explain import Explain

OPERATION = "$explain"

_VALUES = ("valueString", "valueCode", "valueId", "valueUri")
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PURPOSE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_RESOURCE = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}")
_REQUEST = re.compile(r"[A-Za-z0-9\-]{1,64}")
_SHAPES = {"request-id": _REQUEST, "recipient": _KEY, "purpose": _PURPOSE, "resource": _RESOURCE}
_EXPECTED = "expected `request-id`, or `recipient`, `purpose` and `resource`, each once as a valueString"
_NO_REQUEST = refusal(
    404,
    "not-found",
    "the ledger has no request with this id; compare it with the X-Request-Id of the answer it is about",
)


class ExplainOperation:
    """The operation over one gate, in whose ledger it stands."""

    def __init__(self, gate: Disclosure, explain: Explain) -> None:
        self._gate = gate
        self._explain = explain

    async def __call__(self, caller: Caller, scope: Scope, receive: Receive) -> Answer:
        """The trace as Parameters; ``NotAllowed`` without the right, whatever was asked."""
        async with Reading(self._gate, caller, OPERATION, ""):
            caller.require("AuditEvent", "r")
            if PRIVACY_OFFICER not in caller.rights:
                raise NotAllowed(f"this access token does not carry the right `{PRIVACY_OFFICER}`")
            pairs = parameters.of_query(scope["query_string"])
            negotiate(scope["headers"], pairs)
            question = question_of(await parameters.of_json(scope["headers"], receive, caller.longest_body))
        try:
            found = await self._explain.ask(self._gate, caller, question)
        except NotFound:
            raise Refused(_NO_REQUEST) from None
        told = [_decision(one.as_dict()) for one in found]
        return Answer(200, dump({"resourceType": "Parameters", "parameter": told}))


def question_of(body: bytes) -> Question:
    """What is asked; ``RequestError`` names the parameter that is wrong."""
    try:
        resource = parse(body)
    except InvalidResource as error:
        raise RequestError(f"the body is no JSON resource: {error.issues[0].message}") from None
    if resource.get("resourceType") != "Parameters" or not isinstance(resource.get("parameter"), list):
        raise RequestError(f"the body is no Parameters resource with parameters; {_EXPECTED}")
    asked: dict[str, str] = {}
    for part in resource["parameter"]:
        name, value = _named(part)
        if name in asked:
            raise RequestError(f"a parameter is given twice; {_EXPECTED}", expression=name)
        if _SHAPES[name].fullmatch(value) is None:
            raise RequestError(f"a parameter is not of its form; {_EXPECTED}", expression=name)
        asked[name] = value
    if asked.keys() == {"request-id"}:
        return Question(request=asked["request-id"])
    if asked.keys() == {"recipient", "purpose", "resource"}:
        return Question(recipient=asked["recipient"], purpose=asked["purpose"], resource=asked["resource"])
    raise RequestError(f"too few or too many parameters; {_EXPECTED}")


def _named(part: Any) -> tuple[str, str]:
    name = part.get("name") if isinstance(part, dict) else None
    if not isinstance(name, str) or name not in _SHAPES:
        raise RequestError(f"a parameter is not known; {_EXPECTED}")
    values = [part[key] for key in _VALUES if key in part]
    if len(part) != 1 + len(values) or len(values) != 1 or not isinstance(values[0], str):
        raise RequestError(f"a parameter has no value that can be read; {_EXPECTED}", expression=name)
    return name, values[0]


def _decision(told: dict[str, Any], name: str = "decision") -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"name": "question", "valueString": told["question"]},
        {"name": "effect", "valueCode": told["effect"]},
        *({"name": "resource", "valueString": target} for target in told["resources"]),
        *({"name": "finding", "part": _finding(finding)} for finding in told["findings"]),
    ]
    if told["now"] is not None:
        parts.append(_decision(told["now"], "now"))
    return {"name": name, "part": parts}


def _finding(told: dict[str, str]) -> list[dict[str, Any]]:
    """A finding part by part; what it does not tell is left out."""
    kinds = {"topic": "valueCode", "outcome": "valueCode"}
    return [{"name": name, kinds.get(name, "valueString"): value} for name, value in told.items() if value]
