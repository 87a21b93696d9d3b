"""read: the current version of one resource, or that it is the one the caller holds.

https://hl7.org/fhir/R4/http.html#read and https://hl7.org/fhir/R4/http.html#cread
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapter.errors import NotFound, NotSupported
from adapter.rest import parameters
from adapter.rest.answer import FHIR, GUARDED, Answer, http_date
from adapter.rest.conditional import unchanged
from adapter.rest.formats import negotiate
from adapter.rest.refusals import MALFORMED_ID, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.services.disclose import Caller, Disclosure

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""https://hl7.org/fhir/R4/datatypes.html#id"""


async def read(
    disclosure: Disclosure,
    *,
    caller: Caller,
    kind: str,
    ident: str,
    query: bytes,
    headers: Iterable[tuple[bytes, bytes]],
) -> Answer:
    """The resource with its version and time of change; ``NotFound`` if absent, deleted or withheld alike.

    Parameters other than ``_format`` are refused before the gate is asked, so that the refusal says nothing
    about the resource.
    """
    async with Reading(disclosure, caller, "read", kind):
        pairs = parameters.of_query(query) if query else ()
        negotiate(headers, pairs)
        for name, _ in pairs:
            if name != "_format":
                raise NotSupported("a read takes no parameter but `_format`", expression=name)
    if ID.fullmatch(ident) is None:
        # The same answer and the same entry in the ledger as for any id that leads nowhere.
        await disclosure.refuse(caller, "read", kind, f"404 {MALFORMED_ID}")
        raise NotFound("no id has this form")
    served = await disclosure.read(caller, kind, ident)
    told = (
        (b"etag", b'W/"%b"' % served.version.encode("ascii")),
        (b"last-modified", http_date(served.last_updated)),
    )
    if unchanged(headers, served):
        return Answer(304, b"", (*GUARDED, *told))
    return Answer(200, served.body, (*FHIR, *told))
