"""create: `POST /fhir/{type}`, also with If-None-Exist; a copy of a record that its writer has is not made.

https://hl7.org/fhir/R4/http.html#create and https://hl7.org/fhir/R4/http.html#ccreate
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.rest.preferences import REPRESENTATION, header, if_none_exist, refused, wanted
from adapter.rest.writing import body_of, told, without_parameters
from adapter.services.asked import Asked, only

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from adapter.rest.answer import Answer
    from adapter.services.disclose import Caller
    from adapter.services.writing import Writing


async def create(writing: Writing, caller: Caller, kind: str, scope: Scope, receive: Receive) -> Answer:
    """201 with the new resource; 200 with the one that is there where If-None-Exist finds it."""
    headers = scope["headers"]
    without_parameters(scope)
    writing.allow(caller, [("create", kind)])
    refused(headers, (b"if-match", b"if-none-match"))
    criteria = if_none_exist(header(headers, b"if-none-exist"))
    answer = wanted(headers, REPRESENTATION)
    body = await body_of(scope, receive, caller, kind)
    asked = Asked(interaction="create", kind=kind, body=body, criteria=criteria)
    return told(only(await writing.write(caller, [asked])), wanted=answer, base_url=writing.base_url)
