"""An HTTP answer as it leaves: status, headers and body, given to the ASGI server in two messages.

Every answer is ``no-store``: what a caller may see can change with the next revocation, and an answer that
carries obligations must never be replaced by a 304.

HTTP in FHIR: https://hl7.org/fhir/R4/http.html
ASGI: https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.types import Send

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

FHIR_JSON = (b"content-type", b"application/fhir+json")
GUARDED: Headers = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
"""Headers of every answer, whatever its content."""
FHIR: Headers = (FHIR_JSON, *GUARDED)
"""Headers of every answer that carries a resource."""

_NOT_MODIFIED = 304
_DAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers without request id and length, and body. ``public``: it says nothing of any person.

    ``stream`` makes the body while it is sent, in place of ``body``.
    """

    status: int
    body: bytes
    headers: Headers = FHIR
    public: bool = False
    stream: AsyncGenerator[bytes] | None = None


async def send_answer(send: Send, answer: Answer, request_id: str, *, without_body: bool = False) -> None:
    """Send one answer; ``without_body`` for HEAD, whose headers are those of the GET."""
    body = answer.body
    # The length of a 304 would be that of the answer it stands for.
    length = () if answer.status == _NOT_MODIFIED else ((b"content-length", b"%d" % len(body)),)
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [*answer.headers, *length, (b"x-request-id", request_id.encode("ascii"))],
        }
    )
    await send({"type": "http.response.body", "body": b"" if without_body else body})


@lru_cache(maxsize=4096)
def http_date(instant: str) -> bytes:
    """A FHIR instant as an HTTP date in GMT, whole seconds.

    The names of days and months are written out because ``strftime`` follows the locale of the process.
    ``ValueError`` when the text is no instant. https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
    """
    at = datetime.fromisoformat(instant).astimezone(UTC)
    return b"%b, %02d %b %04d %02d:%02d:%02d GMT" % (
        _DAYS[at.weekday()],
        at.day,
        _MONTHS[at.month - 1],
        at.year,
        at.hour,
        at.minute,
        at.second,
    )
