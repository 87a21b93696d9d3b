"""Group: create, read, update and delete of the groups that an organisation keeps for itself, and their export.

A Group is of type `person`, actual, and has a name and members that are Patients; any other element is refused by name.

https://hl7.org/fhir/R4/group.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import InvalidResource, NotFound, NotSupported, RequestError
from adapter.fhir.codec import dump, parse
from adapter.fhir.instants import instant_text
from adapter.fhir.reference import parse_reference
from adapter.rest import parameters
from adapter.rest.answer import FHIR, GUARDED, Answer, http_date
from adapter.rest.bulk import OPERATION as EXPORT
from adapter.rest.errors import NO_ROUTE, Refused, wrong_method
from adapter.rest.formats import negotiate
from adapter.rest.read import ID
from adapter.rest.refusals import MALFORMED_ID, Reading
from adapter.services.groups import TYPE

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from adapter.auth.requester import Requester
    from adapter.rest.bulk import BulkFace
    from adapter.services.disclose import Caller
    from adapter.services.groups import Group, Groups

_INTERACTIONS: Final = {"POST": "create", "PUT": "update", "DELETE": "delete", "GET": "read", "HEAD": "read"}
_ELEMENTS: Final = frozenset({"resourceType", "id", "meta", "active", "type", "actual", "name", "quantity", "member"})
NAME: Final = re.compile(r"[^\x00-\x1f\x7f]{0,200}")
MOST_MEMBERS: Final = 10_000


class GroupFace:
    """Groups over one gate."""

    def __init__(self, groups: Groups, bulk: BulkFace, requester: Requester, *, base_url: str) -> None:
        self._groups = groups
        self._bulk = bulk
        self._requester = requester
        self._base_url = base_url

    async def __call__(self, scope: Scope, receive: Receive, path: str, request_id: str) -> Answer:
        """The answer to a request below `Group`."""
        ident, slash, operation = path.partition("/")
        if slash:
            if not ident or operation != EXPORT:
                raise Refused(NO_ROUTE)
            return await self._bulk.kick_off(scope, ident, request_id)
        offered = ("GET", "HEAD", "PUT", "DELETE") if ident else ("POST",)
        method = scope["method"]
        if method not in offered:
            raise Refused(wrong_method(*offered))
        caller = await self._requester.caller(scope["headers"], request_id)
        interaction = _INTERACTIONS[method]
        async with Reading(self._groups, caller, interaction, TYPE):
            pairs = parameters.of_query(scope["query_string"])
            negotiate(scope["headers"], pairs)
            for name, _ in pairs:
                if name != "_format":
                    raise NotSupported("a Group takes no parameter but `_format`", expression=name)
            told = await self._told(scope, receive, caller) if method in {"POST", "PUT"} else ("", [])
        if ident and ID.fullmatch(ident) is None:
            await self._groups.refuse(caller, interaction, TYPE, f"404 {MALFORMED_ID}")
            raise NotFound("no id has this form")
        return await self._answer(caller, interaction, ident, *told)

    async def _answer(self, caller: Caller, interaction: str, ident: str, name: str, members: list[str]) -> Answer:
        if interaction == "delete":
            await self._groups.delete(caller, ident)
            return Answer(204, b"", GUARDED)
        if interaction == "create":
            group = await self._groups.create(caller, name, members)
            place = f"{self._base_url}/{TYPE}/{group.id}/_history/{group.version}"
            return self._served(group, 201, (b"location", place.encode("ascii")))
        if interaction == "update":
            return self._served(await self._groups.update(caller, ident, name, members), 200)
        return self._served(await self._groups.group(caller, ident), 200)

    @staticmethod
    async def _told(scope: Scope, receive: Receive, caller: Caller) -> tuple[str, list[str]]:
        body = await parameters.of_json(scope["headers"], receive, caller.longest_body)
        try:
            return read_group(parse(body))
        except InvalidResource as error:
            raise RequestError(f"the body is no JSON resource: {error.issues[0].message}") from None

    def _member(self, group: Group, member: str) -> dict[str, Any]:
        entity: dict[str, Any] = {"reference": f"Patient/{member}"}
        if member in group.keys:
            # What its owner calls the person, so that it knows whom of its own list this is.
            entity["identifier"] = {"system": f"{self._base_url}/{TYPE}/{group.id}", "value": group.keys[member]}
        return {"entity": entity}

    def _served(self, group: Group, status: int, *headers: tuple[bytes, bytes]) -> Answer:
        changed = instant_text(group.updated)
        resource: dict[str, Any] = {
            "resourceType": TYPE,
            "id": group.id,
            "meta": {"versionId": group.version, "lastUpdated": changed},
            "type": "person",
            "actual": True,
        }
        resource |= {"name": group.name} if group.name else {}
        members = [self._member(group, member) for member in group.members]
        resource |= {"member": members} if members else {}
        tag = (b"etag", b'W/"%b"' % group.version.encode("ascii"))
        return Answer(status, dump(resource), (*FHIR, tag, (b"last-modified", http_date(changed)), *headers))


def read_group(resource: dict[str, Any]) -> tuple[str, list[str]]:
    """The name and the members, ids of Patients; ``RequestError`` names the element that is not as expected."""
    if resource.get("resourceType") != TYPE:
        raise RequestError("expected a Group", expression="resourceType")
    for element in resource:
        if element not in _ELEMENTS:
            raise NotSupported(f"a Group is kept with {', '.join(sorted(_ELEMENTS))}", expression=f"{TYPE}.{element}")
    if resource.get("type") != "person" or resource.get("actual") is not True:
        raise RequestError("expected an actual Group of type `person`", expression=f"{TYPE}.type")
    name, listed = resource.get("name", ""), resource.get("member", [])
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        raise RequestError("expected a name of up to 200 characters", expression=f"{TYPE}.name")
    if not isinstance(listed, list) or len(listed) > MOST_MEMBERS:
        raise RequestError(f"expected up to {MOST_MEMBERS} members", expression=f"{TYPE}.member")
    return name, [_member(one) for one in listed]


def _member(one: Any) -> str:
    entity = one.get("entity") if isinstance(one, dict) and one.keys() == {"entity"} else None
    text = entity.get("reference") if isinstance(entity, dict) else None
    reference = parse_reference(text) if isinstance(text, str) else None
    if reference is None or reference.type != "Patient" or reference.base or not ID.fullmatch(reference.id):
        told = "expected members as `{entity: {reference: Patient/id}}`"
        raise RequestError(told, expression=f"{TYPE}.member.entity")
    return reference.id
