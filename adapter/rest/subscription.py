"""Subscription: create, read, search, update, delete, `$status` and `$events`; and the topics, as Basic.

Only the subscriptions of the caller's own organisation exist for it. Everything that is asked is in the disclosure
ledger before it is answered.

https://hl7.org/fhir/uv/subscriptions-backport/ (R4) and https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import InvalidResource, NotFound, NotSupported, RequestError
from adapter.fhir.bundle import searchset
from adapter.fhir.codec import dump, parse
from adapter.fhir.instants import instant_text
from adapter.rest import parameters
from adapter.rest.answer import FHIR, Answer, http_date
from adapter.rest.errors import Refused, wrong_method
from adapter.rest.formats import negotiate
from adapter.rest.refusals import Reading
from adapter.rest.rendering import FORMAT
from adapter.services.subscriptions import KIND, Asking
from adapter.subscription.wish import CONTENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from starlette.types import Receive, Scope

    from adapter.auth.requester import Requester
    from adapter.rest.parameters import Pair
    from adapter.services.disclose import Caller, Disclosure
    from adapter.services.subscribed import SubscriptionRow
    from adapter.services.subscriptions import Subscriptions

STATUS: Final = "$status"
EVENTS: Final = "$events"
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_READING: Final = frozenset({"GET", "HEAD"})
_OF_TYPE: Final = wrong_method("GET", "HEAD", "POST")
_OF_ONE: Final = wrong_method("DELETE", "GET", "HEAD", "PUT")
_OF_OPERATION: Final = wrong_method("GET", "HEAD", "POST")
_ONLY_READING: Final = wrong_method("GET", "HEAD")
_ONLY_POSTING: Final = wrong_method("POST")
_SEARCH: Final = ("_id", "status", "criteria", "url", "type", "payload")
_STATES: Final = ("requested", "active", "error", "off")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")


class SubscriptionFace:
    """Every interaction with Subscription."""

    def __init__(self, subscriptions: Subscriptions, gate: Disclosure, requester: Requester, *, base_url: str) -> None:
        self._subscriptions = subscriptions
        self._gate = gate
        self._requester = requester
        self._base_url = base_url

    async def __call__(self, scope: Scope, receive: Receive, tail: str, request_id: str) -> Answer:
        """The answer to one request; ``tail`` is what follows the type and a slash in the address."""
        headers, method = scope["headers"], scope["method"]
        caller, token = await self._requester.held(headers, request_id)
        asking = Asking(caller=caller, client=token.client, user=token.user, scopes=token.scopes, rights=token.rights)
        ident, _, operation = tail.partition("/")
        if ident == STATUS:
            ident, operation = "", STATUS
        if not operation and ident in {"", "_search"}:
            if method == "POST" and not ident:
                return await self._create(asking, scope, receive)
            return await self._search(caller, scope, receive, form=bool(ident))
        if operation in {STATUS, EVENTS}:
            pairs = await self._asked(caller, operation, scope, receive)
            return await (self._status if operation == STATUS else self._events)(caller, ident, pairs)
        if operation or _ID.fullmatch(ident) is None:
            await self._gate.refuse(caller, "read", KIND, "404 malformed-id")
            raise NotFound("no id has this form")
        if method == "PUT":
            return await self._update(asking, ident, scope, receive)
        if method == "DELETE":
            async with self._reading(caller, "delete", "d", scope):
                pass
            await self._gate.note(caller, "delete", f"{KIND}/{ident}")
            await self._subscriptions.delete(caller, ident)
            return Answer(204, b"")
        if method not in _READING:
            raise Refused(_OF_ONE)
        async with self._reading(caller, "read", "r", scope):
            pass
        await self._gate.note(caller, "read", f"{KIND}/{ident}")
        return self._one(200, await self._subscriptions.own(caller, ident))

    def _reading(self, caller: Caller, interaction: str, letter: str, scope: Scope) -> _Within:
        return _Within(self._gate, caller, interaction, letter, scope)

    def _one(self, status: int, row: SubscriptionRow) -> Answer:
        headers = (
            *FHIR,
            (b"etag", b'W/"%d"' % row.revision),
            (b"last-modified", http_date(instant_text(row.updated))),
        )
        if status == 201:  # noqa: PLR2004 - created: say where
            headers += ((b"location", f"{self._base_url}/{KIND}/{row.id}/_history/{row.revision}".encode()),)
        return Answer(status, dump(self._subscriptions.told(row)), headers)

    async def _create(self, asking: Asking, scope: Scope, receive: Receive) -> Answer:
        async with _Within(self._gate, asking.caller, "create", "c", scope):
            row = await self._subscriptions.create(asking, await self._body(asking.caller, scope, receive))
        await self._gate.note(asking.caller, "create", f"{KIND}/{row.id}")
        return self._one(201, row)

    async def _update(self, asking: Asking, ident: str, scope: Scope, receive: Receive) -> Answer:
        async with _Within(self._gate, asking.caller, "update", "u", scope):
            row = await self._subscriptions.update(asking, ident, await self._body(asking.caller, scope, receive))
        await self._gate.note(asking.caller, "update", f"{KIND}/{row.id}")
        return self._one(200, row)

    @staticmethod
    async def _body(caller: Caller, scope: Scope, receive: Receive) -> Mapping[str, Any]:
        body = await parameters.of_json(scope["headers"], receive, caller.longest_body)
        try:
            return parse(body)
        except InvalidResource as error:
            raise RequestError(f"the body is no JSON resource: {error.issues[0].message}") from None

    async def _search(self, caller: Caller, scope: Scope, receive: Receive, *, form: bool) -> Answer:
        if form is not (scope["method"] == "POST") or (not form and scope["method"] not in _READING):
            raise Refused(_ONLY_POSTING if form else _OF_TYPE)
        async with Reading(self._gate, caller, "search-type", KIND):
            caller.require(KIND, "s")
            pairs = parameters.of_query(scope["query_string"])
            if form:
                pairs = parameters.merge(
                    pairs, await parameters.of_form(scope["headers"], receive, caller.longest_body)
                )
            scope[FORMAT] = negotiate(scope["headers"], pairs)
            for name, value in pairs:
                if name not in (*_SEARCH, "_format"):
                    raise NotSupported(f"expected one of {', '.join(_SEARCH)}", expression=name)
                if name == "status" and not {*value.split(",")} <= {*_STATES}:
                    raise RequestError(f"expected {', '.join(_STATES)}", expression=name)
        await self._gate.note(caller, "search-type", KIND)
        told = [self._subscriptions.told(row) for row in await self._subscriptions.of(caller)]
        found = [one for one in told if all(_matches(one, name, value) for name, value in pairs if name != "_format")]
        entries = [(f"{self._base_url}/{KIND}/{one['id']}", dump(one)) for one in found]
        return Answer(200, searchset(total=len(found), links=[("self", f"{self._base_url}/{KIND}")], entries=entries))

    async def _asked(self, caller: Caller, operation: str, scope: Scope, receive: Receive) -> Sequence[Pair]:
        """The parameters of an operation, from the query or from Parameters."""
        method = scope["method"]
        if method not in {*_READING, "POST"}:
            raise Refused(_OF_OPERATION)
        async with self._reading(caller, operation, "r", scope):
            pairs = [pair for pair in parameters.of_query(scope["query_string"]) if pair[0] != "_format"]
            if method == "POST":
                listed = (await self._body(caller, scope, receive)).get("parameter", [])
                pairs += [_pair(one) for one in listed if isinstance(one, dict)]
            allowed = ("id", "status") if operation == STATUS else ("eventsSinceNumber", "eventsUntilNumber", "content")
            for name, _ in pairs:
                if name not in allowed:
                    raise NotSupported(f"expected {', '.join(allowed)}", expression=name)
        return pairs

    async def _status(self, caller: Caller, ident: str, pairs: Sequence[Pair]) -> Answer:
        await self._gate.note(caller, STATUS, f"{KIND}/{ident}" if _ID.fullmatch(ident) else KIND)
        if ident:
            rows = [await self._subscriptions.own(caller, ident)]
        else:
            ids = {one for name, value in pairs if name == "id" for one in value.split(",")}
            states = {one for name, value in pairs if name == "status" for one in value.split(",")}
            rows = [
                row
                for row in await self._subscriptions.of(caller)
                if (not ids or row.id in ids) and (not states or row.status in states)
            ]
        links = [("self", f"{self._base_url}/{KIND}/{f'{ident}/' if ident else ''}{STATUS}")]
        entries = [
            (f"{self._base_url}/{KIND}/{row.id}/{STATUS}", dump(self._subscriptions.status(row))) for row in rows
        ]
        return Answer(200, searchset(total=len(rows), links=links, entries=entries))

    async def _events(self, caller: Caller, ident: str, pairs: Sequence[Pair]) -> Answer:
        async with Reading(self._gate, caller, EVENTS, KIND):
            given = dict(pairs)
            for name in ("eventsSinceNumber", "eventsUntilNumber"):
                if name in given and _NUMBER.fullmatch(given[name]) is None:
                    raise RequestError("expected an event number", expression=name)
            if given.get("content", CONTENTS[0]) not in CONTENTS:
                raise NotSupported(f"expected {', '.join(CONTENTS)}", expression="content")
        if _ID.fullmatch(ident) is None:
            await self._gate.refuse(caller, EVENTS, KIND, "404 malformed-id")
            raise NotFound("no id has this form")
        await self._gate.note(caller, EVENTS, f"{KIND}/{ident}")
        until = given.get("eventsUntilNumber")
        body = await self._subscriptions.events(
            caller,
            ident,
            since=int(given.get("eventsSinceNumber", "1")),
            until=None if until is None else int(until),
            content=given.get("content"),
        )
        return Answer(200, body)


class TopicFace:
    """The topics that may be subscribed to, as Basic: read and search. They are the same for every caller."""

    def __init__(
        self, topics: Mapping[str, Mapping[str, Any]], gate: Disclosure, requester: Requester, *, base_url: str
    ) -> None:
        self._topics = topics
        self._gate = gate
        self._requester = requester
        self._base_url = base_url

    async def __call__(self, scope: Scope, _: Receive, tail: str, request_id: str) -> Answer:
        """A topic by its id, or all of them."""
        caller = await self._requester.caller(scope["headers"], request_id)
        if scope["method"] not in _READING:
            raise Refused(_ONLY_READING)
        async with Reading(self._gate, caller, "read" if tail else "search-type", "Basic"):
            caller.require("Basic", "r" if tail else "s")
            pairs = parameters.of_query(scope["query_string"])
            scope[FORMAT] = negotiate(scope["headers"], pairs)
            for name, _value in pairs:
                if name != "_format" and (tail or name != "code"):
                    raise NotSupported("expected `code`" if not tail else "expected no parameter", expression=name)
        await self._gate.note(caller, "read" if tail else "search-type", "Basic")
        if tail:
            if tail not in self._topics:
                raise NotFound("there is nothing here")
            return Answer(200, dump(self._topics[tail]))
        wanted = [value.rpartition("|")[2] for name, value in pairs if name == "code"]
        found = self._topics if all(code == "SubscriptionTopic" for code in wanted) else {}
        entries = [(f"{self._base_url}/Basic/{key}", dump(topic)) for key, topic in found.items()]
        return Answer(200, searchset(total=len(found), links=[("self", f"{self._base_url}/Basic")], entries=entries))


class _Within:
    """Around reading a request: refused where no scope holds it, and in the ledger either way."""

    def __init__(self, gate: Disclosure, caller: Caller, interaction: str, letter: str, scope: Scope) -> None:
        self._inner = Reading(gate, caller, interaction, KIND)
        self._caller = caller
        self._letter = letter
        self._scope = scope

    async def __aenter__(self) -> None:
        try:
            self._caller.require(KIND, self._letter)
            pairs = parameters.of_query(self._scope["query_string"])
            self._scope[FORMAT] = negotiate(self._scope["headers"], pairs)
        except (RequestError, Refused) as error:
            await self._inner.__aexit__(type(error), error, None)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._inner.__aexit__(kind, error, trace)


def _matches(told: Mapping[str, Any], name: str, value: str) -> bool:
    """Whether a subscription is one that is searched for."""
    channel = told["channel"]
    held = {
        "_id": told["id"],
        "status": told["status"],
        "criteria": told["criteria"],
        "url": channel["endpoint"],
        "type": channel["type"],
        "payload": channel["payload"],
    }
    return held[name] in value.split(",")


def _pair(part: Mapping[str, Any]) -> Pair:
    values = [value for key, value in part.items() if key.startswith("value") and isinstance(value, str)]
    name = part.get("name")
    if not isinstance(name, str) or len(values) != 1:
        raise RequestError("expected parameters with a name and a value")
    return name, values[0]
