"""patch: `PATCH /fhir/{type}/{id}` with a JSON Patch of the resource as its writer is served it.

https://hl7.org/fhir/R4/http.html#patch and https://www.rfc-editor.org/rfc/rfc6902
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.errors import InvalidResource, RequestError
from adapter.fhir.codec import parse
from adapter.rest import parameters
from adapter.rest.errors import Refused, refusal
from adapter.rest.preferences import REPRESENTATION, header, if_match, refused, wanted
from adapter.rest.writing import told, without_parameters
from adapter.services.asked import Asked, only

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from adapter.rest.answer import Answer
    from adapter.services.disclose import Caller
    from adapter.services.writing import Writing

MEDIA_TYPE: Final = "application/json-patch+json"
NOT_A_PATCH: Final = refusal(415, "not-supported", f"expected a body of type `{MEDIA_TYPE}` in UTF-8, not compressed")


async def patch(writing: Writing, caller: Caller, kind: str, ident: str, scope: Scope, receive: Receive) -> Answer:
    """200 with the version in place afterwards; 412 where a `test` does not hold, 422 where the result is not valid."""
    headers = scope["headers"]
    without_parameters(scope)
    writing.allow(caller, [("patch", kind)])
    refused(headers, (b"if-none-match", b"if-none-exist"))
    version, answer = if_match(headers), wanted(headers, REPRESENTATION)
    media = (header(headers, b"content-type") or "").partition(";")[0].strip().lower()
    if media != MEDIA_TYPE or header(headers, b"content-encoding") is not None:
        raise Refused(NOT_A_PATCH)
    operations = operations_of(await parameters.whole(receive, caller.longest_body))
    asked = Asked(interaction="patch", kind=kind, id=ident, patch=operations, if_match=version)
    return told(only(await writing.write(caller, [asked])), wanted=answer, base_url=writing.base_url)


def operations_of(data: bytes) -> Any:
    """The operations of a JSON Patch, their numbers to the last digit."""
    try:
        # The parser reads one object, and refuses what is ambiguous in it.
        found = parse(b'{"patch":' + data + b"}")
    except InvalidResource as error:
        raise RequestError(f"the body is no JSON Patch: {error.issues[0].message}") from None
    if len(found) != 1:
        raise RequestError("the body is no JSON Patch: expected one array of operations")
    return found["patch"]
