"""What is refused while a request is read is in the ledger before the caller hears of it.

A partner quotes the `X-Request-Id` of a refusal on the phone like that of any other answer. The entry holds the
interaction, the resource type, the status and, where it is a parameter that FHIR or this server defines, its name;
nothing else of what was sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.errors import RequestError, status_of
from adapter.fhir.results import RESULT_PARAMETERS
from adapter.fhir.search import PARAMETERS
from adapter.rest.errors import Refused

if TYPE_CHECKING:
    from types import TracebackType

    from adapter.services.disclose import Caller, Disclosure

MALFORMED_ID = "malformed-id"
"""Outcome of a read whose id no resource can have."""


class Reading:
    """``async with`` around everything that understands a request and has not asked the gate yet."""

    __slots__ = ("_caller", "_gate", "_interaction", "_kind")

    def __init__(self, gate: Disclosure, caller: Caller, interaction: str, kind: str) -> None:
        self._gate = gate
        self._caller = caller
        self._interaction = interaction
        self._kind = kind

    async def __aenter__(self) -> None:
        """Nothing to prepare: an answer costs no more for it."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, RequestError | Refused):
            await self._gate.refuse(self._caller, self._interaction, self._kind, outcome_of(error, self._kind))


def outcome_of(error: RequestError | Refused, kind: str) -> str:
    """How a refusal stands in the ledger: status, word, and the parameter where its name is no text of the caller."""
    if isinstance(error, Refused):
        return f"{error.answer.status} refused"
    status, code = status_of(error)
    known = PARAMETERS.get(kind, {}).keys() | set(RESULT_PARAMETERS)
    return f"{status} {code} {error.expression}" if error.expression in known else f"{status} {code}"
