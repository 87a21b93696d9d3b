"""What the interactions that write share: the body that is read, and the answer that tells what came of it.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.errors import InvalidResource, Issue, NotSupported, RequestError
from adapter.fhir.codec import parse
from adapter.fhir.outcome import outcome
from adapter.rest import parameters
from adapter.rest.answer import FHIR, Answer, http_date
from adapter.rest.formats import negotiate
from adapter.rest.preferences import MINIMAL, OUTCOME

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from adapter.rest.parameters import Pair
    from adapter.services.asked import Done
    from adapter.services.disclose import Caller

CREATED: Final = frozenset({"created"})
_TOLD: Final = {
    "created": "The resource was created.",
    "updated": "The resource was updated.",
    "unchanged": "The resource says nothing new; its version stays.",
    "existing": "A resource that fits the criteria was there; nothing was written.",
    "deleted": "The resource was deleted, with what was derived from it.",
}


async def body_of(scope: Scope, receive: Receive, caller: Caller, kind: str) -> dict[str, Any]:
    """The resource of a request; ``RequestError`` where it is none of its type."""
    return resource_of(await parameters.of_json(scope["headers"], receive, caller.longest_body), kind)


def resource_of(data: bytes, kind: str) -> dict[str, Any]:
    """A resource of a type, parsed to the last digit."""
    try:
        resource = parse(data)
    except InvalidResource as error:
        raise RequestError(f"the body is no JSON resource: {error.issues[0].message}") from None
    if resource.get("resourceType") != kind:
        raise RequestError("the body is no resource of the type in the address", expression="resourceType")
    return resource


def without_parameters(scope: Scope) -> None:
    """``NotSupported`` for any parameter but ``_format``; ``NotAcceptable`` for a format that is not offered."""
    if criteria_of(scope):
        raise NotSupported("this interaction takes no parameter but `_format` here", expression="")


def criteria_of(scope: Scope) -> list[Pair]:
    """The parameters of a request but ``_format``."""
    pairs = parameters.of_query(scope["query_string"])
    negotiate(scope["headers"], pairs)
    return [pair for pair in pairs if pair[0] != "_format"]


def told(done: Done, *, wanted: str, base_url: str) -> Answer:
    """The answer to one interaction."""
    status = 201 if done.what in CREATED else 200
    if done.what == "deleted":
        if wanted == OUTCOME:
            return Answer(200, _outcome(done))
        return Answer(204, b"", tuple(pair for pair in FHIR if pair[0] != b"content-type"))
    headers = (
        *FHIR,
        (b"etag", b'W/"%b"' % done.version.encode("ascii")),
        (b"last-modified", http_date(done.updated)),
        (b"location", address(done, base_url).encode("ascii")),
    )
    body = b"" if wanted == MINIMAL else _outcome(done) if wanted == OUTCOME else done.body
    return Answer(status, body, headers)


def address(done: Done, base_url: str) -> str:
    """Where a version is: absolute."""
    return f"{base_url}/{done.kind}/{done.id}/_history/{done.version}"


def _outcome(done: Done) -> bytes:
    return outcome([Issue(path="", code="informational", message=_TOLD[done.what])], "information")


def outcome_of(done: Done) -> bytes:
    """What came of it, in words."""
    return _outcome(done)
