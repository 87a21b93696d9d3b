"""The rest-hook: a notification posted to where the subscriber listens.

https://hl7.org/fhir/uv/subscriptions-backport/channels.html#rest-hook
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from adapter.delivery.ways import Received
from adapter.outbound import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adapter.outbound import Outbound
    from adapter.services.notify import Sending

_JSON: Final = "application/fhir+json; charset=utf-8"


class RestHook:
    """Posts notifications.

    ``outbound_of`` gives what may be reached for an address, ``certificate`` what this server proves itself with.
    """

    def __init__(self, outbound_of: Callable[[str], Outbound], certificate: Callable[[Sending], Path | None]) -> None:
        self._outbound_of = outbound_of
        self._certificate = certificate

    async def send(self, sending: Sending) -> Received:
        """Post once. Only an answer of 2xx takes a notification; nothing of the answer but its status is looked at."""
        headers = {"content-type": _JSON, "accept": "application/fhir+json", **dict(sending.headers)}
        try:
            told = await self._outbound_of(sending.endpoint).post(
                sending.endpoint,
                sending.body,
                headers=headers,
                seconds=float(sending.timeout),
                certificate=self._certificate(sending),
            )
        except Unreachable as error:
            return Received(taken=False, why=str(error))
        if HTTPStatus.OK <= told.status < HTTPStatus.MULTIPLE_CHOICES:
            return Received(taken=True)
        redirected = HTTPStatus.MULTIPLE_CHOICES <= told.status < HTTPStatus.BAD_REQUEST
        why = f"status {told.status}" + ("; a redirect is not followed" if redirected else "")
        return Received(taken=False, why=why, wait=told.retry_after)
