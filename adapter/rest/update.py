"""update: `PUT /fhir/{type}/{id}`, or `PUT /fhir/{type}?criteria`; ids are given by the server alone.

https://hl7.org/fhir/R4/http.html#update and https://hl7.org/fhir/R4/http.html#cond-update
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.errors import RequestError
from adapter.rest.preferences import REPRESENTATION, if_match, refused, wanted
from adapter.rest.writing import body_of, criteria_of, told, without_parameters
from adapter.services.asked import Asked, only

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from adapter.rest.answer import Answer
    from adapter.services.disclose import Caller
    from adapter.services.writing import Writing


async def update(writing: Writing, caller: Caller, kind: str, ident: str, scope: Scope, receive: Receive) -> Answer:
    """200 with the version in place afterwards, the same one where nothing changed; 404 where there is nothing.

    With criteria in place of an id: 201 where nothing fits them.
    """
    headers = scope["headers"]
    criteria = None
    if ident:
        without_parameters(scope)
    else:
        criteria = tuple(criteria_of(scope))
    writing.allow(caller, [("update", kind)] if ident else [("update", kind), ("create", kind)])
    refused(headers, (b"if-none-match", b"if-none-exist"))
    version, answer = if_match(headers), wanted(headers, REPRESENTATION)
    body = await body_of(scope, receive, caller, kind)
    if ident and body.get("id") != ident:
        raise RequestError("the id of the resource is not the one in the address", expression="id")
    asked = Asked(interaction="update", kind=kind, id=ident, body=body, if_match=version, criteria=criteria)
    return told(only(await writing.write(caller, [asked])), wanted=answer, base_url=writing.base_url)
