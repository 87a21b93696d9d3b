"""`POST /fhir/Patient/$match`: who of the Patients that the caller may see is the person described, with grades.

Parameters in: `resource` (a Patient), `onlyCertainMatches` (boolean, default false), `count` (1 to 50, default 10).
Out: a searchset whose entries carry a score and a match grade. It needs a right of its own in the agreement.

https://hl7.org/fhir/R4/patient-operation-match.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.errors import InvalidResource, RequestError
from adapter.fhir.bundle import matched
from adapter.fhir.codec import parse
from adapter.rest import parameters
from adapter.rest.answer import Answer
from adapter.rest.formats import negotiate
from adapter.rest.person import person_of
from adapter.rest.refusals import Reading

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from adapter.services.disclose import Caller, Disclosure
    from adapter.services.patient_match import PatientMatch

OPERATION: Final = "$match"
_USUAL: Final = 10
_MOST: Final = 50
_VALUES: Final = {
    "resource": ("resource",),
    "onlyCertainMatches": ("valueBoolean",),
    "count": ("valueInteger", "valuePositiveInt"),
}
"""The parameters, each with the elements that may hold its value."""


class MatchOperation:
    """The operation over one gate, in whose ledger it stands."""

    def __init__(self, gate: Disclosure, match: PatientMatch, *, base_url: str) -> None:
        self._gate = gate
        self._match = match
        self._base_url = base_url

    async def __call__(self, caller: Caller, scope: Scope, receive: Receive) -> Answer:
        """The candidates as a searchset; ``RequestError`` names the parameter that is wrong."""
        async with Reading(self._gate, caller, OPERATION, "Patient"):
            pairs = parameters.of_query(scope["query_string"])
            negotiate(scope["headers"], pairs)
            for name, _ in pairs:
                if name != "_format":
                    raise RequestError("send the parameters of this operation in its body", expression=name)
            person, certain, count = asked(await parameters.of_json(scope["headers"], receive, caller.longest_body))
        found = await self._match.match(caller, person, certain=certain, count=count)
        return Answer(
            200,
            matched(
                [(f"{self._base_url}/Patient/{one.served.id}", one.served.body, one.score, one.grade) for one in found]
            ),
        )


def asked(body: bytes) -> tuple[dict[str, Any], bool, int]:
    """The person described, whether only certain matches are wanted, and how many."""
    try:
        resource = parse(body)
    except InvalidResource as error:
        raise RequestError(f"the body is no JSON resource: {error.issues[0].message}") from None
    listed = resource.get("parameter")
    if resource.get("resourceType") != "Parameters" or not isinstance(listed, list):
        raise RequestError("the body is no Parameters resource with parameters")
    given: dict[str, Any] = {}
    for part in listed:
        name = part.get("name") if isinstance(part, dict) else None
        if not isinstance(name, str) or name not in _VALUES:
            raise RequestError(f"a parameter is not known; expected {', '.join(_VALUES)}")
        values = [part[element] for element in _VALUES[name] if element in part]
        if name in given or len(values) != 1 or len(part) != 2:  # noqa: PLR2004 - its name and its value
            raise RequestError(f"give `{name}` once, as {' or '.join(_VALUES[name])}", expression=name)
        given[name] = values[0]
    if "resource" not in given:
        raise RequestError("`resource` is missing: a Patient with what is known", expression="resource")
    certain, count = given.get("onlyCertainMatches", False), given.get("count", _USUAL)
    if not isinstance(certain, bool):
        raise RequestError("`onlyCertainMatches` is true or false", expression="onlyCertainMatches")
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= _MOST:
        raise RequestError(f"`count` is a number from 1 to {_MOST}", expression="count")
    return person_of(given["resource"], "resource"), certain, count
