"""`$validate`: what is wrong with a resource, each issue with its FHIRPath; nothing is stored.

`POST /fhir/{type}/$validate` looks at nothing but the body. `POST /fhir/{type}/{id}/$validate` is about a resource that
the caller may read: it is read through the gate first, so a hidden one answers as an absent one does. References are
never looked up. Every question is in the disclosure ledger.

The body is the resource itself, with `mode` and `profile` in the address, or Parameters that hold `resource`, `mode`
and `profile`. https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import InvalidResource, Issue, NotFound, NotSupported, RequestError
from adapter.fhir.codec import parse
from adapter.fhir.outcome import outcome
from adapter.rest import parameters
from adapter.rest.answer import Answer
from adapter.rest.errors import UNKNOWN_TYPE, Refused
from adapter.rest.formats import negotiate
from adapter.rest.offered import INTERACTIONS
from adapter.rest.refusals import MALFORMED_ID, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from starlette.types import Receive, Scope

    from adapter.fhir.validate import Validator
    from adapter.rest.parameters import Pair
    from adapter.services.disclose import Caller, Disclosure

OPERATION: Final = "$validate"
MODES: Final = ("create", "update", "delete", "profile")
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_PROFILE_VALUES: Final = ("valueUri", "valueCanonical", "valueUrl", "valueString")
_MODE_VALUES: Final = ("valueCode", "valueString")
_OF_QUERY: Final = frozenset({"mode", "profile", "_format"})
_WELL: Final = Issue(path="", code="informational", message="nothing is wrong with it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be checked: ``resource`` is None where the stored one is meant, or none at all."""

    resource: Mapping[str, Any] | None = None
    mode: str = ""
    profiles: tuple[str, ...] = ()


class ValidateOperation:
    """The operation over one gate, in whose ledger it stands."""

    def __init__(self, gate: Disclosure, validator: Validator) -> None:
        self._gate = gate
        self._validator = validator

    async def __call__(self, caller: Caller, scope: Scope, receive: Receive, kind: str, ident: str = "") -> Answer:
        """The outcome; ``ident`` where it is about one resource, ``NotFound`` unless the caller may read that."""
        if kind not in self._validator.facts.resources:
            raise Refused(UNKNOWN_TYPE)
        async with Reading(self._gate, caller, OPERATION, kind):
            pairs = parameters.of_query(scope["query_string"])
            negotiate(scope["headers"], pairs)
            body = await parameters.whole(receive, caller.longest_body)
            told = self._asked(pairs, body, scope["headers"], kind)
            self._understood(told, ident)
        await self._gate.note(caller, OPERATION, kind)
        if ident:
            told = await self._about(caller, told, kind, ident)
        return Answer(200, _told(list(self._found(told, kind, ident))))

    def _asked(self, pairs: Sequence[Pair], body: bytes, headers: Any, kind: str) -> Asked:
        for name, _ in pairs:
            if name not in _OF_QUERY:
                raise NotSupported("`$validate` takes `mode` and `profile` in its address", expression=name)
        told = Asked(
            mode=_once("mode", [value for name, value in pairs if name == "mode"]),
            profiles=tuple(value for name, value in pairs if name == "profile"),
        )
        if not body:
            return told
        parameters.is_json(headers)
        try:
            resource = parse(body)
        except InvalidResource as error:
            raise RequestError(f"the body is no JSON resource: {error.issues[0].message}") from None
        if resource.get("resourceType") == "Parameters" and kind != "Parameters":
            return _of_parameters(resource, told)
        return replace(told, resource=resource)

    def _understood(self, told: Asked, ident: str) -> None:
        """``RequestError`` where what is asked makes no sense or rests on what is not known."""
        if told.mode and told.mode not in MODES:
            raise RequestError(f"`mode` is {', '.join(MODES)}", expression="mode")
        if told.mode in {"update", "delete"} and not ident:
            raise RequestError(f"mode {told.mode} is asked of one resource: Type/id/$validate", expression="mode")
        if told.mode == "create" and ident:
            raise RequestError("mode create is asked of a type: Type/$validate", expression="mode")
        if told.mode == "profile" and not told.profiles:
            raise RequestError("mode profile needs `profile`", expression="profile")
        if told.resource is None and (told.mode in {"create", "update"} or not ident):
            raise RequestError("the resource to check is missing", expression="resource")
        known = self._validator.profiles
        for profile in told.profiles:
            if profile.partition("|")[0] not in known:
                raise NotSupported("this profile is not known here; see StructureDefinition", expression="profile")

    async def _about(self, caller: Caller, told: Asked, kind: str, ident: str) -> Asked:
        """What is asked about a stored resource, once the gate has let the caller read it."""
        if kind not in INTERACTIONS or _ID.fullmatch(ident) is None:
            await self._gate.refuse(caller, "read", kind, f"404 {MALFORMED_ID}")
            raise NotFound("no id has this form, or nothing of this type is kept")
        served = await self._gate.read(caller, kind, ident)
        if told.resource is None and told.mode != "delete":
            return replace(told, resource=parse(served.body))
        return told

    def _found(self, told: Asked, kind: str, ident: str) -> Iterator[Issue]:
        if told.mode in {"create", "update", "delete"} and told.mode not in INTERACTIONS.get(kind, ()):
            yield Issue(path="", code="not-supported", message=f"this server offers no {told.mode} of {kind}")
        if told.resource is None:
            return
        own = told.resource.get("resourceType")
        if own != kind:
            yield Issue(path="resourceType", code="structure", message=f"expected a resource of type {kind}")
        if told.mode == "update" and told.resource.get("id") != ident:
            yield Issue(path=f"{kind}.id", code="value", message="expected the id in the address")
        issues = self._validator.issues(told.resource)
        yield from issues
        if not issues:
            claimed = told.resource.get("meta", {}).get("profile", ())
            for profile in told.profiles:
                if profile not in claimed:
                    yield from self._validator.profiles.against(profile.partition("|")[0], told.resource)


def _told(issues: Sequence[Issue]) -> bytes:
    return outcome(issues) if issues else outcome([_WELL], "information")


def _of_parameters(resource: Mapping[str, Any], told: Asked) -> Asked:
    """What Parameters ask for, beside what the address says."""
    listed = resource.get("parameter")
    if not isinstance(listed, list):
        raise RequestError("the body is a Parameters resource without parameters", expression="resource")
    modes, profiles, resources = [told.mode] if told.mode else [], list(told.profiles), []
    for part in listed:
        name = part.get("name") if isinstance(part, dict) else None
        if name == "resource" and isinstance(part.get("resource"), dict):
            resources.append(part["resource"])
        elif name == "mode":
            modes.append(_value(part, name, _MODE_VALUES))
        elif name == "profile":
            profiles.append(_value(part, name, _PROFILE_VALUES))
        else:
            raise RequestError("expected the parameters resource, mode and profile")
    if len(resources) > 1:
        raise RequestError("give `resource` once", expression="resource")
    return Asked(
        resource=resources[0] if resources else None, mode=_once("mode", modes), profiles=tuple(dict.fromkeys(profiles))
    )


def _value(part: Mapping[str, Any], name: str, elements: Sequence[str]) -> str:
    values = [part[element] for element in elements if isinstance(part.get(element), str)]
    if len(values) != 1 or len(part) != 2:  # noqa: PLR2004 - its name and its value
        raise RequestError(f"give `{name}` as {' or '.join(elements)}", expression=name)
    return str(values[0])


def _once(name: str, given: Sequence[str]) -> str:
    if len(set(given)) > 1:
        raise RequestError(f"give `{name}` once", expression=name)
    return given[0] if given else ""
