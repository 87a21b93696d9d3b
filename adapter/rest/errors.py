"""Every error as an OperationOutcome, with the one table of ``adapter.errors`` behind it.

What could tell something about a record is a constant: 404 has one body for absent, deleted and withheld, and
no answer repeats an id or a value of the request. A defect of the server is logged by its place in the code
and its class, never by its message, which might quote what it stumbled over.

OperationOutcome: https://hl7.org/fhir/R4/operationoutcome.html
Status codes: https://hl7.org/fhir/R4/http.html#Status-Codes
"""

from __future__ import annotations

import logging
import re
from traceback import extract_tb

from adapter.errors import (
    Issue,
    NotAuthenticated,
    NotFound,
    OutOfScope,
    Rejected,
    RequestError,
    SallyportError,
    Throttled,
    TooMany,
    Unavailable,
    status_of,
)
from adapter.fhir.outcome import outcome
from adapter.rest.answer import FHIR, Answer

_log = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:\-\[\]]{0,63}")
"""What may be repeated as the name of a parameter; anything else could be content in the wrong place."""


def refusal(status: int, code: str, message: str, *headers: tuple[bytes, bytes], path: str = "") -> Answer:
    """An answer with one issue; ``path`` names the parameter it concerns."""
    return Answer(status, outcome([Issue(path=path, code=code, message=message)]), (*FHIR, *headers))


NO_TOKEN = refusal(
    401,
    "login",
    "send a valid access token: Authorization: Bearer; ask for a new one if it has expired",
    (b"www-authenticate", b"Bearer"),
)
NOT_FOUND = refusal(404, "not-found", "there is nothing here that this caller may see")
UNKNOWN_TYPE = refusal(
    404, "not-supported", "this resource type is not offered; see the CapabilityStatement at `metadata`"
)
NO_ROUTE = refusal(404, "not-supported", "this address is not offered; see the CapabilityStatement at `metadata`")
URL_TOO_LONG = refusal(414, "too-long", "the query string is too long; send the search as a form to `_search`")
BODY_TOO_LARGE = refusal(413, "too-long", "the body is larger than this client may send")
NOT_A_FORM = refusal(
    415,
    "not-supported",
    "expected a body of type `application/x-www-form-urlencoded` in UTF-8, not compressed",
)
NOT_JSON = refusal(
    415,
    "not-supported",
    "expected a body of type `application/fhir+json` or `application/fhir+xml` in UTF-8, not compressed",
)
TOO_MANY = refusal(
    429,
    "throttled",
    "this client has sent too many of these within an hour; try again later",
    (b"retry-after", b"600"),
)
OUT_OF_SCOPE = refusal(
    403,
    "forbidden",
    "no scope of this access token holds this interaction with this resource type; ask for a token with another scope",
    (b"www-authenticate", b'Bearer error="insufficient_scope"'),
)
UNAVAILABLE = refusal(
    503, "transient", "the answer cannot be given now; try again in a few seconds", (b"retry-after", b"5")
)
DEFECT = refusal(
    500,
    "exception",
    "the server failed; report the X-Request-Id of this answer to the operator of this server",
)


def throttled(wait: int) -> Answer:
    """429 with the seconds to wait."""
    return refusal(
        429,
        "throttled",
        "this client asks too often; wait for the seconds in Retry-After",
        (b"retry-after", b"%d" % wait),
    )


def wrong_method(*allowed: str) -> Answer:
    """405 with the methods that the address takes."""
    methods = ", ".join(allowed)
    return refusal(
        405,
        "not-supported",
        f"this method is not offered here; offered: {methods}",
        (b"allow", methods.encode("ascii")),
    )


class Refused(SallyportError):
    """The request is refused for a reason of HTTP, not of FHIR; carries the whole answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(f"refused with status {answer.status}")


_CONSTANT: dict[type[BaseException], Answer] = {
    NotAuthenticated: NO_TOKEN,
    NotFound: NOT_FOUND,
    OutOfScope: OUT_OF_SCOPE,
    TooMany: TOO_MANY,
    Unavailable: UNAVAILABLE,
}
"""Errors whose words never reach a caller."""


def answer_to(error: Exception, request_id: str) -> Answer:
    """The answer to a request that ended in ``error``.

    Only a ``RequestError`` speaks in its own words, because it is about the request. Anything else that is
    not listed, an ``InvalidResource`` met while serving included, is a defect: logged and answered with a
    constant.
    """
    if isinstance(error, Refused):
        return error.answer
    if isinstance(error, Throttled):
        return throttled(error.wait)
    if isinstance(error, Rejected):
        return Answer(status_of(error)[0], outcome(error.issues))
    for kind in type(error).__mro__:
        if kind in _CONSTANT:
            return _CONSTANT[kind]
    if isinstance(error, RequestError):
        status, code = status_of(error)
        named = error.expression if _NAME.fullmatch(error.expression) else ""
        return refusal(status, code, str(error), path=named)
    log_defect(error, request_id)
    return DEFECT


def log_defect(error: BaseException, request_id: str) -> None:
    """Log where a defect happened and what class it is; the message is left out for what it might quote."""
    places = " < ".join(
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
        for frame in reversed(extract_tb(error.__traceback__))
    )
    _log.error("request %s failed: %s at %s", request_id, type(error).__qualname__, places)
