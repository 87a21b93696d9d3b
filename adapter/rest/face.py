"""The FHIR face: from a request below ``/fhir/`` to the interaction it means.

A raw ASGI callable with a router of two cuts and two comparisons, because a read spends more time in a
general router than in the gate. The order of what is checked is fixed: address, method, token, purpose,
format, parameters, gate; so whatever is refused before the gate says nothing about any resource.

https://hl7.org/fhir/R4/http.html#summary
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from adapter.fhir.search import PARAMETERS
from adapter.rest import parameters
from adapter.rest.answer import send_answer
from adapter.rest.assert_basis import OPERATION as ASSERT_BASIS
from adapter.rest.audit import TYPE as AUDIT
from adapter.rest.errors import NO_ROUTE, UNKNOWN_TYPE, Refused, answer_to, wrong_method
from adapter.rest.formats import negotiate
from adapter.rest.match import OPERATION as MATCH
from adapter.rest.metadata import metadata
from adapter.rest.operations import OPERATION
from adapter.rest.parameters import Disconnected
from adapter.rest.read import read
from adapter.rest.refusals import Reading
from adapter.rest.rendering import FORMAT
from adapter.rest.smart import ADDRESS, NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Receive, Scope, Send

    from adapter.auth.requester import Requester
    from adapter.rest.answer import Answer
    from adapter.rest.assert_basis import AssertBasis
    from adapter.rest.audit import AuditFace
    from adapter.rest.match import MatchOperation
    from adapter.rest.operations import ExplainOperation
    from adapter.rest.rendering import Rendering
    from adapter.rest.search import Search
    from adapter.rest.subscription import SubscriptionFace, TopicFace
    from adapter.services.disclose import Disclosure

PREFIX = "/fhir/"
_LETTERS = {ASSERT_BASIS: "u", MATCH: "s"}
"""What a scope has to hold of Patient: an assertion changes what is known of a person, a match searches."""

HUNG_UP = 499
"""Counted for a caller that did not wait for the answer; never sent."""

_READING = frozenset({"GET", "HEAD"})
_ONLY_READING = wrong_method("GET", "HEAD")
_ONLY_POSTING = wrong_method("POST")


class Prepared(NamedTuple):
    """The answers of ``metadata`` and ``.well-known/smart-configuration``, the two addresses that need no token."""

    capabilities: Answer
    discovery: Answer


class FhirFace:
    """Every interaction offered below ``/fhir/``.

    ``of_patient`` are the operations on Patient by their names, ``beside`` types that are no records of people.
    ``new_id`` makes the request ids: ASCII, unguessable, never repeated. ``prepared`` are the answers of ``metadata``
    and ``.well-known/smart-configuration``, the two addresses that need no token.
    """

    def __init__(  # noqa: PLR0913 - one for each interaction
        self,
        *,
        disclosure: Disclosure,
        requester: Requester,
        search: Search,
        explain: ExplainOperation,
        of_patient: Mapping[str, AssertBasis | MatchOperation],
        audit: AuditFace,
        beside: Mapping[str, SubscriptionFace | TopicFace],
        prepared: Prepared,
        rendering: Rendering,
        new_id: Callable[[], str],
    ) -> None:
        self._disclosure = disclosure
        self._requester = requester
        self._search = search
        self._explain = explain
        self._of_patient = of_patient
        self._audit = audit
        self._beside = beside
        self._prepared = prepared
        self._rendering = rendering
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer one request; every error becomes an OperationOutcome with the request id.

        Gives the status that was sent, 499 where the caller had hung up.
        """
        request_id = self._new_id()
        asked, body = self._rendering.incoming(scope, receive)
        try:
            answer = await self._answer(asked, body, request_id)
        except Disconnected:
            return HUNG_UP
        except Exception as error:  # noqa: BLE001 - the last line: a defect is logged and answered with a constant
            answer = answer_to(error, request_id)
        try:
            answer = await self._rendering.outgoing(asked, answer)
        except Exception as error:  # noqa: BLE001 - the same: what cannot be written is a defect
            answer = answer_to(error, request_id)
        await send_answer(send, answer, request_id, without_body=scope["method"] == "HEAD")
        return answer.status

    async def _answer(self, scope: Scope, receive: Receive, request_id: str) -> Answer:
        kind, slash, ident = scope["path"][len(PREFIX) :].partition("/")
        if kind not in PARAMETERS:
            return await self._without_type(scope, receive, kind, tail=slash + ident, request_id=request_id)
        if "/" in ident or (slash and not ident):
            raise Refused(NO_ROUTE)
        if ident == "_search":
            return await self._search_by_form(scope, receive, kind, request_id)
        if ident in self._of_patient and kind == "Patient":
            if scope["method"] != "POST":
                raise Refused(_ONLY_POSTING)
            caller = await self._requester.caller(scope["headers"], request_id)
            async with Reading(self._disclosure, caller, ident, kind):
                caller.require(kind, _LETTERS[ident])
            return await self._of_patient[ident](caller, scope, receive)
        if scope["method"] not in _READING:
            raise Refused(_ONLY_READING)
        headers = scope["headers"]
        caller = await self._requester.caller(headers, request_id)
        query = scope["query_string"]
        if ident:
            return await read(self._disclosure, caller=caller, kind=kind, ident=ident, query=query, headers=headers)
        async with Reading(self._disclosure, caller, "search-type", kind):
            pairs = parameters.of_query(query)
            scope[FORMAT] = negotiate(headers, pairs)
        return await self._search(caller, kind, pairs)

    async def _search_by_form(self, scope: Scope, receive: Receive, kind: str, request_id: str) -> Answer:
        if scope["method"] != "POST":
            raise Refused(_ONLY_POSTING)
        caller = await self._requester.caller(scope["headers"], request_id)
        async with Reading(self._disclosure, caller, "search-type", kind):
            of_url = parameters.of_query(scope["query_string"])
            of_body = await parameters.of_form(scope["headers"], receive, caller.longest_body)
            pairs = parameters.merge(of_url, of_body)
            scope[FORMAT] = negotiate(scope["headers"], pairs)
        return await self._search(caller, kind, pairs)

    async def _without_type(self, scope: Scope, receive: Receive, kind: str, *, tail: str, request_id: str) -> Answer:
        if kind == OPERATION and not tail:
            if scope["method"] != "POST":
                raise Refused(_ONLY_POSTING)
            caller = await self._requester.caller(scope["headers"], request_id)
            return await self._explain(caller, scope, receive)
        if kind == ADDRESS and tail == NAME:
            if scope["method"] not in _READING:
                raise Refused(_ONLY_READING)
            return self._prepared.discovery
        if kind == AUDIT and "/" not in tail[1:] and tail != "/":
            return await self._audit(scope, receive, tail[1:], request_id)
        if kind in self._beside and tail != "/":
            return await self._beside[kind](scope, receive, tail[1:], request_id)
        if kind != "metadata" or tail:
            raise Refused(UNKNOWN_TYPE)
        if scope["method"] not in _READING:
            raise Refused(_ONLY_READING)
        return metadata(self._prepared.capabilities, query=scope["query_string"], headers=scope["headers"])
