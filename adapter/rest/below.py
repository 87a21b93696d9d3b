"""What lies below one resource or the type Patient: versions, and the operations that read.

https://hl7.org/fhir/R4/http.html#summary
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapter.rest.bulk import OPERATION as EXPORT
from adapter.rest.errors import NO_ROUTE, Refused, wrong_method
from adapter.rest.everything import OPERATION as EVERYTHING
from adapter.rest.history import NAME as HISTORY

if TYPE_CHECKING:
    from starlette.types import Scope

    from adapter.auth.requester import Requester
    from adapter.rest.answer import Answer
    from adapter.rest.bulk import BulkFace
    from adapter.rest.everything import EverythingFace
    from adapter.rest.history import HistoryFace

_READING: Final = frozenset({"GET", "HEAD"})
_ONLY_READING: Final = wrong_method("GET", "HEAD")


class Below:
    """Finds what `{id}/...` below a type and `$export` mean. Address, method, token: in this order, as everywhere."""

    def __init__(
        self, requester: Requester, *, history: HistoryFace, everything: EverythingFace, bulk: BulkFace
    ) -> None:
        self._requester = requester
        self._history = history
        self._everything = everything
        self._bulk = bulk

    async def __call__(self, scope: Scope, kind: str, path: str, request_id: str) -> Answer:
        """The answer to a request at ``path`` below a type; 404 where nothing is offered there."""
        if path == EXPORT:
            return await self._bulk.kick_off(scope, None, request_id)
        ident, name, *version = path.split("/")
        wanted = (name, len(version))
        offered = wanted in {(HISTORY, 0), (HISTORY, 1)} or (wanted == (EVERYTHING, 0) and kind == "Patient")
        if not ident or not offered or version == [""]:
            raise Refused(NO_ROUTE)
        if scope["method"] not in _READING:
            raise Refused(_ONLY_READING)
        caller = await self._requester.caller(scope["headers"], request_id)
        if name == EVERYTHING:
            return await self._everything(caller, scope, ident)
        if version:
            return await self._history.vread(caller, scope, kind, ident, version[0])
        return await self._history.history(caller, scope, kind, ident)
