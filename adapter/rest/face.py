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
from adapter.rest.bulk import OPERATION as EXPORT
from adapter.rest.create import create
from adapter.rest.delete import delete
from adapter.rest.errors import NO_ROUTE, UNKNOWN_TYPE, Refused, answer_to, wrong_method
from adapter.rest.formats import negotiate
from adapter.rest.match import OPERATION as MATCH
from adapter.rest.metadata import metadata
from adapter.rest.offered import CONFORMANCE
from adapter.rest.operations import OPERATION
from adapter.rest.parameters import Disconnected
from adapter.rest.patch import patch
from adapter.rest.read import read
from adapter.rest.refusals import Reading
from adapter.rest.rendering import FORMAT, LONGEST
from adapter.rest.smart import ADDRESS, NAME
from adapter.rest.streaming import send_stream
from adapter.rest.transaction import Transaction
from adapter.rest.update import update
from adapter.rest.validate import OPERATION as VALIDATE
from adapter.services.writing_rules import NEEDED as WRITTEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.types import Receive, Scope, Send

    from adapter.auth.requester import Requester
    from adapter.rest.answer import Answer
    from adapter.rest.assert_basis import AssertBasis
    from adapter.rest.audit import AuditFace
    from adapter.rest.below import Below
    from adapter.rest.bulk import BulkFace
    from adapter.rest.catalog import Catalog
    from adapter.rest.groups import GroupFace
    from adapter.rest.match import MatchOperation
    from adapter.rest.operations import ExplainOperation
    from adapter.rest.rendering import Rendering
    from adapter.rest.search import Search
    from adapter.rest.subscription import SubscriptionFace, TopicFace
    from adapter.rest.validate import ValidateOperation
    from adapter.services.disclose import Caller, Disclosure
    from adapter.services.writing import Writing

PREFIX = "/fhir/"
ROOT = "/fhir"
_LETTERS = {ASSERT_BASIS: "u", MATCH: "s"}
"""What a scope has to hold of Patient: an assertion changes what is known of a person, a match searches."""

HUNG_UP = 499
"""Counted for a caller that did not wait for the answer; never sent."""

_READING = frozenset({"GET", "HEAD"})
_ONLY_READING = wrong_method("GET", "HEAD")
_ONLY_POSTING = wrong_method("POST")
_OF_TYPE = wrong_method("GET", "HEAD", "POST", "PUT")
_OF_INSTANCE = wrong_method("GET", "HEAD", "PUT", "PATCH", "DELETE")
_ON_TYPE = frozenset({"POST", "PUT"})
_ON_INSTANCE = frozenset({"PUT", "PATCH", "DELETE"})
_INTERACTION = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Prepared(NamedTuple):
    """The addresses that need no token: ``metadata``, ``.well-known/smart-configuration`` and what describes both."""

    capabilities: Answer
    discovery: Answer
    catalog: Catalog


class FhirFace:
    """Every interaction offered below ``/fhir/``.

    ``beside`` are addresses that are no searched type, ``of_patient`` the operations on Patient, by their names.
    ``new_id`` makes the request ids: ASCII, unguessable, never repeated. ``prepared`` is what needs no token.
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
        below: Below,
        beside: Mapping[str, BulkFace | GroupFace | SubscriptionFace | TopicFace],
        writing: Writing,
        validate: ValidateOperation,
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
        self._below = below
        self._beside = beside
        self._writing = writing
        self._transaction = Transaction(disclosure, writing, self._inside)
        self._validate = validate
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
        if answer.stream is not None:
            await send_stream(send, answer, answer.stream, request_id)
        else:
            await send_answer(send, answer, request_id, without_body=scope["method"] == "HEAD")
        return answer.status

    async def _answer(self, scope: Scope, receive: Receive, request_id: str) -> Answer:
        kind, slash, ident = scope["path"][len(PREFIX) :].partition("/")
        if ident.endswith(VALIDATE):
            return await self._validated(scope, receive, kind, ident, request_id)
        if (beside := self._beside.get(kind)) is not None:
            return await beside(scope, receive, ident, request_id)
        if kind not in PARAMETERS:
            return await self._without_type(scope, receive, kind, tail=slash + ident, request_id=request_id)
        if "/" in ident or (kind, ident) == ("Patient", EXPORT):
            return await self._below(scope, kind, ident, request_id)
        if slash and not ident:
            raise Refused(NO_ROUTE)
        return await self._of_type(scope, receive, kind, ident, request_id)

    async def _of_type(self, scope: Scope, receive: Receive, kind: str, ident: str, request_id: str) -> Answer:
        if ident == "_search":
            return await self._search_by_form(scope, receive, kind, request_id)
        if ident in self._of_patient and kind == "Patient":
            if scope["method"] != "POST":
                raise Refused(_ONLY_POSTING)
            caller = await self._requester.caller(scope["headers"], request_id)
            async with Reading(self._disclosure, caller, ident, kind):
                caller.require(kind, _LETTERS[ident])
            return await self._of_patient[ident](caller, scope, receive)
        method = scope["method"]
        if method not in _READING:
            return await self._write(scope, receive, kind, ident, request_id)
        caller = await self._requester.caller(scope["headers"], request_id)
        return await self._reading(caller, kind, ident, scope)

    async def _reading(self, caller: Caller, kind: str, ident: str, scope: Scope) -> Answer:
        headers, query = scope["headers"], scope["query_string"]
        if ident:
            return await read(self._disclosure, caller=caller, kind=kind, ident=ident, query=query, headers=headers)
        async with Reading(self._disclosure, caller, "search-type", kind):
            pairs = parameters.of_query(query)
            scope[FORMAT] = negotiate(headers, pairs)
        return await self._search(caller, kind, pairs)

    async def _inside(
        self, caller: Caller, method: str, path: str, query: str, headers: Sequence[tuple[bytes, bytes]]
    ) -> Answer:
        """A reading entry of a batch or transaction, answered as if it were a request of its own."""
        kind, slash, ident = path.partition("/")
        if kind not in PARAMETERS or "/" in ident or (slash and not ident) or ident[:1] in {"_", "$"}:
            raise Refused(NO_ROUTE)
        scope = {"method": method, "headers": headers, "query_string": query.encode()}
        return await self._reading(caller, kind, ident, scope)

    async def _write(self, scope: Scope, receive: Receive, kind: str, ident: str, request_id: str) -> Answer:
        method = scope["method"]
        if kind not in WRITTEN:
            raise Refused(_ONLY_READING)
        if method not in (_ON_INSTANCE if ident else _ON_TYPE):
            raise Refused(_OF_INSTANCE if ident else _OF_TYPE)
        caller = await self._requester.caller(scope["headers"], request_id)
        scope[LONGEST] = caller.longest_body
        async with Reading(self._disclosure, caller, _INTERACTION[method], kind):
            if method == "POST":
                return await create(self._writing, caller, kind, scope, receive)
            if method == "PUT":
                return await update(self._writing, caller, kind, ident, scope, receive)
            if method == "PATCH":
                return await patch(self._writing, caller, kind, ident, scope, receive)
            return await delete(self._writing, caller, kind, ident, scope)

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

    async def _bundle(self, scope: Scope, receive: Receive, request_id: str) -> Answer:
        if scope["method"] != "POST":
            raise Refused(_ONLY_POSTING)
        caller = await self._requester.caller(scope["headers"], request_id)
        scope[LONGEST] = caller.longest_body
        async with Reading(self._disclosure, caller, "transaction", "Bundle"):
            return await self._transaction(caller, scope, receive)

    async def _validated(self, scope: Scope, receive: Receive, kind: str, ident: str, request_id: str) -> Answer:
        """`Type/$validate` or `Type/id/$validate`."""
        named, slash, operation = ident.rpartition("/")
        if operation != VALIDATE or "/" in named or (slash and not named):
            raise Refused(NO_ROUTE)
        if scope["method"] != "POST":
            raise Refused(_ONLY_POSTING)
        caller = await self._requester.caller(scope["headers"], request_id)
        return await self._validate(caller, scope, receive, kind, named)

    async def _without_type(self, scope: Scope, receive: Receive, kind: str, *, tail: str, request_id: str) -> Answer:
        if not kind and not tail:
            return await self._bundle(scope, receive, request_id)
        if kind == OPERATION and not tail:
            if scope["method"] != "POST":
                raise Refused(_ONLY_POSTING)
            caller = await self._requester.caller(scope["headers"], request_id)
            return await self._explain(caller, scope, receive)
        if kind == ADDRESS and tail == NAME:
            if scope["method"] not in _READING:
                raise Refused(_ONLY_READING)
            return self._prepared.discovery
        if kind in CONFORMANCE and tail != "/":
            return await self._prepared.catalog(scope, receive, kind, tail[1:])
        if kind == AUDIT and "/" not in tail[1:] and tail != "/":
            return await self._audit(scope, receive, tail[1:], request_id)
        if kind != "metadata" or tail:
            raise Refused(UNKNOWN_TYPE)
        if scope["method"] not in _READING:
            raise Refused(_ONLY_READING)
        return metadata(self._prepared.capabilities, query=scope["query_string"], headers=scope["headers"])
