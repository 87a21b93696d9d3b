"""batch and transaction: `POST /fhir`. A transaction is carried out whole or not at all; a batch entry by entry.

What writes in a transaction is one change; what reads in either passes the gate like any other request, afterwards and
in the order it was sent. Nothing is decided before the Bundle is understood.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from adapter.rest import parameters
from adapter.rest.answer import Answer
from adapter.rest.bundle_entries import TRANSACTION, bundle_of
from adapter.rest.errors import answer_to
from adapter.rest.preferences import MINIMAL, OUTCOME, REPRESENTATION, refused, wanted
from adapter.rest.refusals import Reading
from adapter.rest.writing import CREATED, address, outcome_of, without_parameters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.types import Receive, Scope

    from adapter.rest.bundle_entries import Request, Sent
    from adapter.services.asked import Done
    from adapter.services.disclose import Caller, Disclosure
    from adapter.services.writing import Writing

    Reader = Callable[[Caller, str, str, str, Sequence[tuple[bytes, bytes]]], Awaitable[Answer]]

_START: Final = b'{"resourceType":"Bundle","type":"%b-response","entry":['
_LARGE: Final = 64 * 1024
"""Bytes from which reading a Bundle takes long enough to go to a thread."""
_PLAIN: Final[tuple[tuple[bytes, bytes], ...]] = ((b"accept", b"application/fhir+json"),)


class Transaction:
    """Both interactions. ``read`` answers the reading entries: caller, method, path and query, headers."""

    def __init__(self, gate: Disclosure, writing: Writing, read: Reader) -> None:
        self._gate = gate
        self._writing = writing
        self._read = read

    async def __call__(self, caller: Caller, scope: Scope, receive: Receive) -> Answer:
        """The response Bundle; in a transaction any error is the answer of all of it."""
        headers = scope["headers"]
        without_parameters(scope)
        refused(headers, (b"if-match", b"if-none-match", b"if-none-exist"))
        answer = wanted(headers, MINIMAL)
        data = await parameters.of_json(headers, receive, caller.longest_body)
        understand = partial(bundle_of, data, most=caller.most_entries, base_url=self._writing.base_url)
        request = await asyncio.to_thread(understand) if len(data) > _LARGE else understand()
        if request.kind == TRANSACTION:
            entries = await self._together(caller, request, answer)
        else:
            entries = [await self._alone(caller, sent, answer) for sent in request.entries]
        return Answer(200, _START % request.kind.encode("ascii") + b",".join(entries) + b"]}")

    async def _together(self, caller: Caller, request: Request, answer: str) -> list[bytes]:
        writes = [sent.asked for sent in request.entries if sent.asked is not None]
        done = iter(await self._writing.write(caller, writes) if writes else ())
        found = [self._entry(next(done), answer) if sent.asked is not None else b"" for sent in request.entries]
        for place, sent in enumerate(request.entries):
            if sent.asked is None:
                found[place] = await self._reading(caller, sent)
        return found

    async def _alone(self, caller: Caller, sent: Sent, answer: str) -> bytes:
        if sent.error is not None:
            return _failed(answer_to(sent.error, caller.request_id))
        if sent.asked is None:
            return await self._reading(caller, sent)
        try:
            async with Reading(self._gate, caller, sent.asked.interaction, sent.asked.kind):
                (done,) = await self._writing.write(caller, [replace(sent.asked, full_url="")])
            return self._entry(done, answer)
        except Exception as error:  # noqa: BLE001 - one entry must not keep the others from being answered
            return _failed(answer_to(error, caller.request_id))

    async def _reading(self, caller: Caller, sent: Sent) -> bytes:
        path, _, query = sent.url.partition("?")
        try:
            answered = await self._read(caller, sent.method, path, query, _PLAIN)
        except Exception as error:  # noqa: BLE001 - what cannot be read is answered in its place
            return _failed(answer_to(error, caller.request_id))
        response: dict[str, Any] = {"status": _status(answered.status)}
        for name, value in answered.headers:
            if name == b"etag":
                response["etag"] = value.decode("ascii")
        body = b'"resource":' + answered.body + b"," if sent.method == "GET" else b""
        return b"{" + body + b'"response":' + orjson.dumps(response) + b"}"

    def _entry(self, done: Done, answer: str) -> bytes:
        if done.what == "deleted":
            return b'{"response":{"status":"204 No Content"}}'
        response: dict[str, Any] = {
            "status": _status(201 if done.what in CREATED else 200),
            "location": address(done, self._writing.base_url),
            "etag": f'W/"{done.version}"',
            "lastModified": done.updated,
        }
        text = orjson.dumps(response)
        if answer == OUTCOME:
            text = text[:-1] + b',"outcome":' + outcome_of(done) + b"}"
        url = orjson.dumps(f"{self._writing.base_url}/{done.kind}/{done.id}")
        whole = b'"resource":' + done.body + b"," if answer == REPRESENTATION and done.body else b""
        body = b'"fullUrl":' + url + b"," + whole
        return b"{" + body + b'"response":' + text + b"}"


def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}"


def _failed(answer: Answer) -> bytes:
    return b'{"response":{"status":"%b","outcome":%b}}' % (_status(answer.status).encode("ascii"), answer.body)
