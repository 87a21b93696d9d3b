"""Page cursors: the position after the last resource of a page, sealed.

Sealing is deterministic (AES-SIV), so that the same page carries the same link whenever and however often it
is asked for, and holds no time. The client, its context and the query are bound as associated data: a cursor
of another client, purpose or search does not open. The position is one of a disclosed resource, and outsiders
cannot read even that.

AES-SIV: https://www.rfc-editor.org/rfc/rfc5297
Paging: https://hl7.org/fhir/R4/http.html#paging
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from adapter.errors import RequestError

if TYPE_CHECKING:
    from adapter.fhir.search import Filter, Query
    from adapter.services.disclose import Caller

PARAMETER = "_cursor"
LONGEST = 1024
"""Characters of the longest cursor looked at; a keyset position is far shorter."""

_FORM = b"\x01"
"""First byte of every sealed position; a new form of position takes the next number."""


class Cursors:
    """Seals and opens positions with one key of 64 bytes, kept across restarts by whoever injects it."""

    def __init__(self, key: bytes) -> None:
        self._siv = AESSIV(key)

    def seal(self, position: bytes, *, caller: Caller, query: Query) -> str:
        """The cursor of ``position`` for this caller and this query, URL-safe."""
        return self.seal_for(position, caller=caller, asked=normalised(query))

    def seal_for(self, position: bytes, *, caller: Caller, asked: bytes) -> str:
        """The cursor of ``position`` for this caller and what ``asked`` spells, URL-safe."""
        sealed = self._siv.encrypt(_FORM + position, _binding(caller, asked))
        return urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    def open(self, text: str, *, caller: Caller, query: Query) -> bytes:
        """The position in a cursor; ``RequestError`` when it was made for anything else or elsewhere."""
        return self.open_for(text, caller=caller, asked=normalised(query))

    def open_for(self, text: str, *, caller: Caller, asked: bytes) -> bytes:
        """The position in a cursor of what ``asked`` spells; ``RequestError`` when it was made for anything else."""
        if len(text) > LONGEST:
            raise _foreign()
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            opened = self._siv.decrypt(sealed, _binding(caller, asked))
        except (ValueError, InvalidTag):
            raise _foreign() from None
        if opened[:1] != _FORM:
            raise _foreign()
        return opened[1:]


def normalised(query: Query) -> bytes:
    """What a query asks for, in one spelling: type, filters and sort; not page size, format or cursor."""
    return repr((query.type, sorted(map(_spelling, query.filters)), query.sort)).encode("utf-8")


def _spelling(each: Filter) -> tuple[str, str, str, list[str]]:
    # The spelling of an alternative is its `repr`, which quotes: two alternatives never read as one another.
    alternatives = (repr((one.prefix, one.value, one.low, one.high, one.bounds)) for one in each.alternatives)
    return each.param, each.modifier, each.kind, sorted(alternatives)


def _binding(caller: Caller, asked: bytes) -> list[bytes]:
    return [caller.client.encode("utf-8"), b"%d" % caller.context, asked]


def _foreign() -> RequestError:
    return RequestError(
        "this cursor was not made for this search, client and purpose of use; start again at the first page",
        expression=PARAMETER,
    )
