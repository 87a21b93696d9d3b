"""capabilities: the CapabilityStatement of this server.

https://hl7.org/fhir/R4/http.html#capabilities
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.errors import NotSupported
from adapter.fhir.codec import dump
from adapter.rest import parameters
from adapter.rest.answer import Answer
from adapter.rest.formats import negotiate
from adapter.rest.statements import capabilities

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def statement(*, base_url: str, version: str, topics: Sequence[str] = ()) -> Answer:
    """The statement as it is served, built once at the start.

    ``version`` is that of the software, ``topics`` are the addresses of what may be subscribed to.
    """
    return Answer(200, dump(capabilities(base_url=base_url, version=version, topics=topics)), public=True)


def metadata(prepared: Answer, *, query: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Answer:
    """The prepared statement, unless another format, mode or an unknown parameter is asked for."""
    pairs = parameters.of_query(query)
    negotiate(headers, pairs)
    for name, value in pairs:
        if name == "mode" and value not in {"full", "normative"}:
            raise NotSupported("`mode` is not offered; use `full`", expression="mode")
        if name not in {"mode", "_format"}:
            raise NotSupported("`metadata` takes no parameters but `mode` and `_format`", expression=name)
    return prepared
