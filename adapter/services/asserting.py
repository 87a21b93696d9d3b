"""Assertions that partners make themselves: who may, for whom, how often.

The site names whose tokens may assert which basis; the token says for whom and for which purpose. What comes of it is
decided at each request and never told here, so that asserting tells nothing of anyone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapter.errors import NotAllowed, RequestError
from adapter.services.authorities import Author

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.services.authorities import Authorities, Whom
    from adapter.services.disclose import Caller
    from adapter.services.recordings import Assertion
    from adapter.settings import Asserters

_USER = " for "
"""What stands between client and user where a token was issued for a user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a partner sends: the key of its request, of whom, and what; its recipient and purpose come from its token.

    ``purpose`` is what the request says itself, if anything.
    """

    request: str
    whom: Whom
    assertion: Assertion
    purpose: str = ""


class PartnerAssertions:
    """The way in for partners."""

    def __init__(self, authorities: Authorities, asserters: Mapping[str, Asserters], *, hourly: int) -> None:
        self._authorities = authorities
        self._asserters = asserters
        self._hourly = hourly

    async def assert_basis(self, caller: Caller, asking: Asking) -> None:
        """Record the assertion. ``NotAllowed`` where the site does not let this caller assert this basis."""
        if not self._may(caller, asking.assertion.basis):
            raise NotAllowed("this site does not let the holder of this access token assert this basis")
        if asking.purpose not in {"", caller.purpose}:
            raise RequestError(
                "`purpose` is not the purpose of use of this request; leave it out, or choose the other purpose with "
                "the header X-Purpose-Of-Use",
                expression="purpose",
            )
        asked = replace(asking.assertion, recipient=caller.organisation, purpose=caller.purpose)
        client, _, user = caller.client.partition(_USER)
        bounded = f"{client} of {caller.organisation}"
        by = Author(
            name=f"{bounded}{_USER}{user}" if user else bounded,
            request=asking.request,
            request_id=caller.request_id,
            context=caller.context,
            purpose=caller.purpose,
            bounded=bounded,
            hourly=self._hourly,
        )
        await self._authorities.assert_basis(asked, asking.whom, by)

    def _may(self, caller: Caller, basis: str) -> bool:
        named = self._asserters.get(basis)
        if named is None:
            return False
        client = caller.client.partition(_USER)[0]
        return caller.organisation.partition("/")[2] in named.partners or client in named.clients
