"""What leaves in another form than it was made: FHIR XML for whoever asks for it, and gzip where it reveals nothing.

Everything inside works on JSON. A body sent as XML becomes JSON where it is first read, and an answer becomes XML last,
errors included, so that no interaction knows of formats.

Only answers that say nothing of any person are compressed. The length of a compressed answer tells whether what the
asker chose and what the answer holds repeat each other, and TLS hides no lengths: whoever can make a client ask (or
shape a value that is stored) and watch the wire could guess at what is in the answer (the attacks known as CRIME and
BREACH). A search repeats its question in its self link beside records of people, so it stays as it is.

https://hl7.org/fhir/R4/http.html#mime-type and https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
"""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from adapter.errors import InvalidResource, RequestError
from adapter.fhir.codec import dump, parse
from adapter.rest import parameters
from adapter.rest.answer import FHIR_JSON
from adapter.rest.errors import Refused
from adapter.rest.formats import JSON, MEDIA_TYPES, XML, XML_NAMES, negotiate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Message, Receive, Scope

    from adapter.fhir.xml_dump import XmlWriter
    from adapter.fhir.xml_parse import XmlReader
    from adapter.rest.answer import Answer

FORMAT: Final = "sallyport.format"
"""Where a request keeps the format that its form asked for."""
LONGEST: Final = "sallyport.longest"
"""Where a request keeps how many bytes its caller may send, once the caller is known."""
VARY: Final = (b"vary", b"accept, accept-encoding")
_CONTENT_TYPE: Final = b"content-type"
_LARGE: Final = 64 * 1024
"""Bytes from which writing XML takes long enough to go to a thread."""


class Rendering:
    """Turns XML into JSON on the way in and JSON into XML on the way out."""

    def __init__(self, writer: XmlWriter, reader: XmlReader) -> None:
        self._writer = writer
        self._reader = reader

    def incoming(self, scope: Scope, receive: Receive) -> tuple[Scope, Receive]:
        """The request as if its body were JSON. It is read and turned only when somebody asks for the body."""
        if scope["method"] not in {"POST", "PUT"} or not _is_xml(scope["headers"]):
            return scope, receive
        headers = [
            (_CONTENT_TYPE, MEDIA_TYPES[JSON]) if name == _CONTENT_TYPE else (name, value)
            for name, value in scope["headers"]
        ]

        asked = {**scope, "headers": headers}

        async def turned() -> Message:
            body = await parameters.whole(receive, asked.get(LONGEST, parameters.MAX_BODY))
            try:
                resource = self._reader.parse(body)
            except InvalidResource as error:
                issue = error.issues[0]
                raise RequestError(f"the body is no XML resource: {issue.message}", expression=issue.path) from None
            return {"type": "http.request", "body": dump(resource), "more_body": False}

        return asked, turned

    async def outgoing(self, scope: Scope, answer: Answer) -> Answer:
        """The answer in the format that is asked for, compressed if it may be and is asked for so."""
        form = scope.get(FORMAT) or _asked(scope)
        if form == XML and answer.body and FHIR_JSON in answer.headers:
            large = len(answer.body) > _LARGE
            body = await asyncio.to_thread(self._written, answer.body) if large else self._written(answer.body)
            headers = tuple(
                (name, MEDIA_TYPES[XML]) if name == _CONTENT_TYPE else (name, value) for name, value in answer.headers
            )
            answer = replace(answer, body=body, headers=headers)
        return _squeezed(answer, scope["headers"]) if answer.public else answer

    def _written(self, body: bytes) -> bytes:
        return self._writer.dump(parse(body))


def _asked(scope: Scope) -> str:
    """The format that is asked for as far as that can be told, else JSON: an error has to be told somehow."""
    query = scope["query_string"]
    try:
        return negotiate(scope["headers"], parameters.of_query(query) if b"_format" in query else ())
    except (RequestError, Refused):
        return JSON


def _is_xml(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    for name, value in headers:
        if name == _CONTENT_TYPE:
            media, _, rest = value.decode("latin-1").lower().partition(";")
            charset = rest.partition("charset=")[2].partition(";")[0].strip(' "')
            return media.strip() in XML_NAMES and charset in {"", "utf-8"}
    return False


def _squeezed(answer: Answer, headers: Iterable[tuple[bytes, bytes]]) -> Answer:
    answer = replace(answer, headers=(*answer.headers, VARY))
    if not _takes_gzip(b",".join(value for name, value in headers if name == b"accept-encoding")):
        return answer
    return replace(answer, body=_gzip(answer.body), headers=(*answer.headers, (b"content-encoding", b"gzip")))


def _takes_gzip(accepted: bytes) -> bool:
    taken: dict[str, bool] = {}
    for part in accepted.decode("latin-1").lower().split(","):
        coding, _, quality = part.partition(";")
        taken[coding.strip()] = quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return taken.get("gzip", taken.get("*", False))


@lru_cache(maxsize=16)
def _gzip(body: bytes) -> bytes:
    """Without a time in it, so that the same answer is the same bytes."""
    return gzip.compress(body, mtime=0)
