"""`POST /fhir/Patient/$assert-basis`: a partner asserts custody, a threat, an emergency, an order or a proceeding.

The answer is one constant, 202, whoever the person is and whatever is held: what the assertion permits is decided at
each request that follows. It says what was sent and never what is known.

Parameters in: `request` (a key of the client's own, new for each assertion), `patient` (reference) or `person` (a
Patient with what is known), `basis`, `purpose`, `class`, `source`, `start`, `stop`, and `fact` with `name` and `value`.

https://hl7.org/fhir/R4/operations.html and https://hl7.org/fhir/R4/parameters.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import InvalidResource, Issue, RequestError
from adapter.fhir.codec import parse
from adapter.fhir.dates import interval
from adapter.fhir.outcome import outcome
from adapter.rest import parameters
from adapter.rest.answer import Answer
from adapter.rest.formats import negotiate
from adapter.rest.person import person_of
from adapter.services.asserting import Asking
from adapter.services.authorities import Whom
from adapter.services.recordings import Assertion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from starlette.types import Receive, Scope

    from adapter.services.asserting import PartnerAssertions
    from adapter.services.disclose import Caller

OPERATION: Final = "$assert-basis"
ACCEPTED: Final = Answer(
    202,
    outcome(
        [
            Issue(
                path="",
                code="informational",
                message="The assertion is kept. What it permits is decided at each request, and this says nothing of "
                "whether there is anything to permit.",
            )
        ],
        severity="information",
    ),
)
_CODES: Final = ("valueCode", "valueString")
_VALUES: Final = {
    "request": ("valueString", "valueId", "valueUuid"),
    "basis": _CODES,
    "purpose": _CODES,
    "class": _CODES,
    "start": ("valueDateTime", "valueInstant"),
    "stop": ("valueDateTime", "valueInstant"),
    "patient": ("valueReference",),
    "source": ("valueReference",),
    "person": ("resource",),
    "fact": ("part",),
}
"""The parameters, each with the elements that may hold its value."""
_SEVERAL: Final = frozenset({"class", "source", "fact"})
_FACT_VALUES: Final = ("valueString", "valueCode", "valueBoolean", "valueDateTime", "valueInstant", "valueDate")
_KEY: Final = re.compile(r"[A-Za-z0-9\-._:]{1,128}")
_PATIENT: Final = re.compile(r"Patient/([A-Za-z0-9\-.]{1,64})")
_ORGANIZATION: Final = re.compile(r"Organization/[A-Za-z0-9\-.]{1,64}")
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_FACT: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")


class AssertBasis:
    """The operation; ``zone`` reads dates without a time, ``base_url`` is the public FHIR base."""

    def __init__(self, assertions: PartnerAssertions, *, base_url: str, zone: ZoneInfo) -> None:
        self._assertions = assertions
        self._base = f"{base_url}/"
        self._zone = zone

    async def __call__(self, caller: Caller, scope: Scope, receive: Receive) -> Answer:
        """The constant answer, once the assertion is on disk."""
        pairs = parameters.of_query(scope["query_string"])
        negotiate(scope["headers"], pairs)
        for name, _ in pairs:
            if name != "_format":
                raise RequestError("send the parameters of this operation in its body", expression=name)
        asking = self.read(await parameters.of_json(scope["headers"], receive, caller.longest_body))
        await self._assertions.assert_basis(caller, asking)
        return ACCEPTED

    def read(self, body: bytes) -> Asking:
        """What is asserted; ``RequestError`` names the parameter that is wrong."""
        given = _parameters(body)
        assertion = Assertion(
            basis=_one(given, "basis", _CODE),
            recipient="",
            purpose="",
            classes=tuple(_text("class", value, _CODE) for value in given.get("class", ())),
            units=tuple(self._reference("source", value, _ORGANIZATION) for value in given.get("source", ())),
            facts=tuple(_fact(part) for part in given.get("fact", ())),
            start=self._instant(given, "start"),
            stop=self._instant(given, "stop"),
        )
        purpose = _one(given, "purpose", _CODE) if "purpose" in given else ""
        return Asking(
            request=_one(given, "request", _KEY), whom=self._whom(given), assertion=assertion, purpose=purpose
        )

    def _whom(self, given: dict[str, list[Any]]) -> Whom:
        if ("patient" in given) is ("person" in given):
            raise RequestError("name the person by `patient` or by `person`, one of them", expression="patient")
        if "patient" in given:
            reference = self._reference("patient", given["patient"][0], _PATIENT)
            return Whom(patient=reference.partition("/")[2])
        return Whom(person=person_of(given["person"][0], "person"))

    def _reference(self, name: str, value: Any, form: re.Pattern[str]) -> str:
        reference = value.get("reference") if isinstance(value, dict) else None
        if isinstance(reference, str) and form.fullmatch(local := reference.removeprefix(self._base)):
            return local
        raise RequestError(
            f"`{name}` is no reference of its kind, such as `{form.pattern.partition('/')[0]}/x1`", expression=name
        )

    def _instant(self, given: dict[str, list[Any]], name: str) -> int | None:
        if name not in given:
            return None
        value = given[name][0]
        try:
            return interval(value if isinstance(value, str) else "", self._zone)[0]
        except ValueError:
            raise RequestError(f"`{name}` is no date and time with an offset", expression=name) from None


def _parameters(body: bytes) -> dict[str, list[Any]]:
    """The values of a Parameters resource by name, each known and as often as it may be there."""
    try:
        resource = parse(body)
    except InvalidResource as error:
        raise RequestError(f"the body is no JSON resource: {error.issues[0].message}") from None
    listed = resource.get("parameter")
    if resource.get("resourceType") != "Parameters" or not isinstance(listed, list):
        raise RequestError("the body is no Parameters resource with parameters")
    given: dict[str, list[Any]] = {}
    for part in listed:
        name = part.get("name") if isinstance(part, dict) else None
        if not isinstance(name, str) or name not in _VALUES:
            raise RequestError(f"a parameter is not known; expected {', '.join(_VALUES)}")
        if name in given and name not in _SEVERAL:
            raise RequestError(f"`{name}` is given twice; give it once", expression=name)
        given.setdefault(name, []).append(_value(name, part, _VALUES[name]))
    return given


def _value(name: str, part: dict[str, Any], elements: Sequence[str]) -> Any:
    found = [part[element] for element in elements if element in part]
    if len(found) != 1 or len(part) != 2:  # noqa: PLR2004 - its name and its value
        raise RequestError(f"`{name}` has no value that can be read; expected {' or '.join(elements)}", expression=name)
    return found[0]


def _one(given: dict[str, list[Any]], name: str, form: re.Pattern[str]) -> str:
    if name not in given:
        raise RequestError(f"`{name}` is missing", expression=name)
    return _text(name, given[name][0], form)


def _text(name: str, value: Any, form: re.Pattern[str]) -> str:
    if not isinstance(value, str) or form.fullmatch(value) is None:
        raise RequestError(f"`{name}` is not of its form", expression=name)
    return value


def _fact(parts: Any) -> tuple[str, str | bool]:
    named = {part.get("name"): part for part in parts if isinstance(part, dict)} if isinstance(parts, list) else {}
    if named.keys() != {"name", "value"} or len(parts) != 2:  # noqa: PLR2004 - name and value
        raise RequestError("a `fact` has the parts `name` and `value`", expression="fact")
    name = _text("fact", _value("fact", named["name"], _CODES), _FACT)
    value = _value("fact", named["value"], _FACT_VALUES)
    if not isinstance(value, str | bool):
        raise RequestError("the value of a `fact` is text, a code, a date or true or false", expression="fact")
    return name, value
