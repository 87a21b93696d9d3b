"""delete: `DELETE /fhir/{type}/{id}`; what was derived from the record goes with it.

A record that is gone is like one that never was, for its writer too: 404. So a delete tells nothing of what others
hold.

https://hl7.org/fhir/R4/http.html#delete
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.rest.preferences import MINIMAL, if_match, refused, wanted
from adapter.rest.writing import told, without_parameters
from adapter.services.asked import Asked, only

if TYPE_CHECKING:
    from starlette.types import Scope

    from adapter.rest.answer import Answer
    from adapter.services.disclose import Caller
    from adapter.services.writing import Writing


async def delete(writing: Writing, caller: Caller, kind: str, ident: str, scope: Scope) -> Answer:
    """204; 404 where there is nothing to delete, 409 where other records of the writer refer to it."""
    headers = scope["headers"]
    without_parameters(scope)
    writing.allow(caller, [("delete", kind)])
    refused(headers, (b"if-none-match", b"if-none-exist"))
    version, answer = if_match(headers), wanted(headers, MINIMAL)
    asked = Asked(interaction="delete", kind=kind, id=ident, if_match=version)
    return told(only(await writing.write(caller, [asked])), wanted=answer, base_url=writing.base_url)
