"""References in what is written: to other entries of a transaction, to what its writer wrote, to the directory.

Whatever else a reference names is answered like what does not exist. Every literal reference is looked at, wherever it
stands, whether it is searched by or not.

https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from adapter.errors import Issue, Rejected, RequestError
from adapter.fhir.holders import holders, place_of
from adapter.fhir.reference import parse_reference
from adapter.fhir.results import DIRECTORY
from adapter.services.write import SUBJECT
from adapter.store.shapes import TYPES, row_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapter.services.asked import Target
    from adapter.services.writing_own import OwnRecords

NOTHING: Final = (
    "names nothing that this client wrote about this person, nothing in this transaction and nothing of the directory"
)
NO_PATIENT: Final = (
    "expected a reference to the Patient, one that this client registered or creates in this transaction"
)
_HISTORY: Final = "/_history/"
_ADDRESSES: Final = frozenset({"url", "uri", "valueUri", "valueUrl", "valueUuid", "valueOid"})
"""Elements besides references in which an entry of the transaction may be named."""
_PAUSE: Final = 32
"""Resources after which other answers may pass."""
_NARRATIVE: Final = "div"
_URN: Final = re.compile(r'"(urn:(?:uuid|oid):[^"\s]{1,128})"')


class Addresses:
    """What the resources of one transaction are called, before and after they have ids here."""

    def __init__(self, targets: Sequence[Target], base_url: str) -> None:
        self._base = f"{base_url}/"
        self._names: dict[str, Target] = {}
        for one in targets:
            url = one.asked.full_url
            if not url or one.is_deleted:
                continue
            self._names[url] = one
            told = parse_reference(url) if url.startswith("http") else None
            if told is not None and one.before is None:
                # A reference without an address is read at the address of who refers: the one they share.
                self._names.setdefault(f"{told.type}/{told.id}", one)

    def find(self, text: str) -> Target | None:
        """The entry of a transaction that a reference names."""
        return self._names.get(text)

    def local(self, text: str) -> tuple[str, str, str] | None:
        """Type, id and what follows of a reference to this server; None for anything else."""
        told = parse_reference(text)
        if told is None or told.base not in {"", self._base}:
            return None
        _, mark, version = text.partition(_HISTORY)
        return told.type, told.id, mark + version

    def rename(self, value: Any) -> None:
        """Put the new names in place of those of the transaction where resources are named by address."""
        if not self._names:
            return
        waiting = [value]
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict):
                for name, inner in one.items():
                    if isinstance(inner, dict | list):
                        waiting.append(inner)
                    elif name in _ADDRESSES and isinstance(inner, str) and (found := self._names.get(inner)):
                        one[name] = f"{found.kind}/{found.id}"
                    elif name == _NARRATIVE and isinstance(inner, str) and _URN.search(inner):
                        one[name] = _URN.sub(self._renamed, inner)
            else:
                waiting += [inner for inner in one if isinstance(inner, dict | list)]

    def _renamed(self, match: re.Match[str]) -> str:
        found = self._names.get(match[1])
        return match[0] if found is None else f'"{found.kind}/{found.id}"'


class References:
    """Resolves the references of all targets of one change together."""

    def __init__(self, own: OwnRecords, targets: Sequence[Target], base_url: str) -> None:
        self._own = own
        self._targets = [one for one in targets if one.body is not None]
        self._addresses = Addresses(targets, base_url)
        self._entries = {one.rid: one for one in targets if not one.existing}

    async def resolve(self) -> None:
        """Rewrite every reference to what it names here, and tell every target whose it is.

        ``Rejected`` lists each that names nothing.
        """
        named: list[tuple[Target, list[tuple[dict[str, Any], str, str]]]] = []
        issues: list[Issue] = []
        for number, target in enumerate(self._targets):
            if number % _PAUSE == 0:
                await asyncio.sleep(0)
            body = target.body or {}
            self._addresses.rename(body)
            found = []
            for holder in holders(body):
                told = await self._told(holder["reference"], body, issues, target, holder)
                if told is not None:
                    found.append((holder, *told))
            named.append((target, found))
        await self._own.look_up({row_key(kind, ident) for _, found in named for _, kind, ident in found})
        for target, _ in named:
            issues += self._patient(target)
        for target, found in named:
            issues += [
                Issue(
                    path=place_of(target.body or {}, holder, target.place) + ".reference",
                    code="not-found",
                    message=NOTHING,
                )
                for holder, kind, ident in found
                if target.patient and not await self._names_something(target, kind, ident)
            ]
            target.refers = frozenset(row_key(kind, ident) for _, kind, ident in found)
        if issues:
            raise Rejected(issues)

    async def _told(
        self, text: str, body: Mapping[str, Any], issues: list[Issue], target: Target, holder: dict[str, Any]
    ) -> tuple[str, str] | None:
        """Type and id of what a reference names; None where it is inside the resource, or an issue was found."""
        if text[:1] == "#":
            inside = {one.get("id") for one in body.get("contained", ()) if isinstance(one, dict)}
            if text == "#" or text[1:] in inside:
                return None
        elif (entry := self._addresses.find(text)) is not None:
            holder["reference"] = f"{entry.kind}/{entry.id}"
            return entry.kind, entry.id
        elif "?" in text:
            matched = await self._conditional(text)
            if matched is not None:
                holder["reference"] = "/".join(matched)
                return matched
        elif (local := self._addresses.local(text)) is not None:
            holder["reference"] = f"{local[0]}/{local[1]}{local[2]}"
            return local[:2]
        path = place_of(body, holder, target.place) + ".reference"
        issues.append(Issue(path=path, code="not-found", message=NOTHING))
        return None

    async def _conditional(self, text: str) -> tuple[str, str] | None:
        kind, _, query = text.partition("?")
        if kind not in TYPES:
            return None
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, max_num_fields=16)
            matched = await self._own.matching(kind, pairs)
        except (ValueError, RequestError):
            return None
        return (kind, matched[0].id) if len(matched) == 1 else None

    def _patient(self, target: Target) -> list[Issue]:
        """Find out whose a resource is."""
        body = target.body or {}
        kind, element = target.kind, SUBJECT.get(target.kind)
        if kind == "Patient":
            target.patient = target.id
            return []
        if kind == "Provenance":
            return self._of_targets(target)
        subject = body.get(element or "")
        told = subject.get("reference") if isinstance(subject, dict) else None
        local = self._addresses.local(told) if isinstance(told, str) else None
        if local is not None and local[0] == "Patient":
            target.patient = local[1]
            return []
        if isinstance(told, str) and local is None:
            return []  # it names nothing, and that was said
        return [Issue(path=f"{target.place}.{element}", code="required", message=NO_PATIENT)]

    def _of_targets(self, target: Target) -> list[Issue]:
        """A Provenance is about the person of what it names first."""
        first = next(iter((target.body or {}).get("target") or ()), None)
        text = first.get("reference") if isinstance(first, dict) else None
        local = self._addresses.local(text) if isinstance(text, str) else None
        rid = row_key(*local[:2]) if local is not None else 0
        entry = self._entries.get(rid)
        if entry is not None and entry is not target and entry.body is not None and entry.kind != "Provenance":
            self._patient(entry)
            target.patient = entry.patient
        elif (record := self._own.known(rid)) is not None:
            subject = self._own.body(record).get(SUBJECT.get(record.type, ""), {})
            target.patient = record.id if record.type == "Patient" else subject["reference"].partition("/")[2]
        else:
            return [Issue(path=f"{target.place}.target[0]", code="not-found", message=NOTHING)]
        return []

    async def _names_something(self, target: Target, kind: str, ident: str) -> bool:
        rid = row_key(kind, ident)
        if kind in DIRECTORY:
            return await self._own.is_public(kind, ident)
        entry = self._entries.get(rid)
        if entry is not None:
            if entry.is_deleted:
                return False
            if entry.body is not None:
                return entry.patient == target.patient
        record = await self._own.of_key(rid)
        return record is not None and record.patient == row_key("Patient", target.patient)
