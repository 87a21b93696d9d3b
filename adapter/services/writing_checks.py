"""What a written resource has to be besides valid R4: nothing that cannot be honoured is taken in.

https://hl7.org/fhir/R4/extensibility.html#modifierExtension, https://hl7.org/fhir/R4/resource.html#implicitRules
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from adapter.consent.vocabulary import CANONICAL
from adapter.errors import Conflict, Issue, Rejected
from adapter.fhir.codec import dump_value
from adapter.identity.traits import MATCH_ONLY
from adapter.services.origin import PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from adapter.fhir.validate import Validator
    from adapter.services.asked import Target
    from adapter.store.port import Snapshot

DERIVED: Final = frozenset(
    PROFILES + name
    for name in (
        "screening-summary",
        "consent-share",
        "release-of-information",
        "ingest-provenance",
        "booking-encounter",
    )
)
"""Profiles of what is made here: rules release by them, so nobody claims them for something else."""
_OURS: Final = f"{CANONICAL}/identifier/"
_MODIFIER: Final = "modifierExtension"
SEE_ALSO: Final = "seealso"


def cleaned(body: dict[str, Any]) -> dict[str, Any]:
    """A body without what is ours to say: the version, and links between records of one person."""
    meta = body.get("meta")
    if isinstance(meta, dict):
        body["meta"] = {name: value for name, value in meta.items() if name not in {"versionId", "lastUpdated"}}
    if body.get("resourceType") == "Patient" and isinstance(body.get("link"), list):
        # A Patient that was read is sent back with the links that were found here.
        kept = [one for one in body["link"] if not isinstance(one, dict) or one.get("type") != SEE_ALSO]
        body = {name: value for name, value in body.items() if name != "link"} | ({"link": kept} if kept else {})
    return body


def checked(target: Target, resource: Mapping[str, Any], validator: Validator) -> None:
    """``Rejected`` with everything that is wrong with a resource, by FHIRPath in what was sent."""
    kind = target.kind
    issues = [] if validator.valid(resource) else validator.issues(resource)
    if not issues:
        issues = list(_not_honoured(kind, resource))
    if issues:
        raise Rejected([_placed(one, kind, target.place) for one in issues])


def _placed(issue: Issue, kind: str, place: str) -> Issue:
    rest = issue.path.removeprefix(kind).removeprefix("Resource")
    return Issue(path=place + rest if rest[:1] in {"", ".", "["} else place, code=issue.code, message=issue.message)


def _not_honoured(kind: str, resource: Mapping[str, Any]) -> Iterator[Issue]:
    if "implicitRules" in resource:
        yield Issue(
            path=f"{kind}.implicitRules", code="not-supported", message="rules of the sender are not understood"
        )
    if _MODIFIER.encode() in dump_value(resource):
        for path in _named(resource, kind):
            yield Issue(path=path, code="not-supported", message="no modifier extension is understood; leave it out")
    for index, profile in enumerate(resource.get("meta", {}).get("profile", ())):
        if profile.partition("|")[0] in DERIVED:
            told = "this profile is for what is made here; claim it for nothing that is written"
            yield Issue(path=f"{kind}.meta.profile[{index}]", code="business-rule", message=told)
    for index, one in enumerate(resource.get("identifier", ()) if kind == "Consent" else ()):
        if str(one.get("system", "")).startswith(_OURS):
            told = "numbers of this kind say which release takes the place of which; they are given here"
            yield Issue(path=f"{kind}.identifier[{index}].system", code="business-rule", message=told)
    if kind == "Patient" and "link" in resource:
        told = "links between records of one person are found here; leave them out"
        yield Issue(path="Patient.link", code="not-supported", message=told)


def _named(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == _MODIFIER:
                yield f"{path}.{name}"
            elif isinstance(inner, dict | list):
                yield from _named(inner, f"{path}.{name}")
    else:
        for index, inner in enumerate(value):
            if isinstance(inner, dict | list):
                yield from _named(inner, f"{path}[{index}]")


def identifiers(resource: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The business identifiers of a resource as (system, value), each once."""
    told = resource.get("identifier", ())
    listed = told if isinstance(told, list) else [told]
    found = ((one.get("system", ""), one.get("value", "")) for one in listed if isinstance(one, dict))
    return list(dict.fromkeys(pair for pair in found if pair[1]))


async def unique(
    view: Snapshot, source: str, numbers: Mapping[int, Sequence[tuple[str, str]]], places: Mapping[int, str]
) -> None:
    """``Conflict`` where two Patients of one writer would have the same number.

    ``numbers`` are those of every Patient that a change is about, none of one that it deletes. Numbers by which a
    person is only recognised may be shared: an error in one of them must not keep anyone out.
    """
    counted = Counter(pair for told in numbers.values() for pair in told)
    for rid, told in numbers.items():
        for system, value in told:
            if not system or system in MATCH_ONLY:
                continue
            stored = await view.written_as(source, "Patient", system, value)
            if counted[system, value] > 1 or any(other not in numbers for other in stored):
                raise Conflict(
                    "another Patient of this client has one of these identifiers: update it, or create with "
                    "If-None-Exist",
                    expression=f"{places[rid]}.identifier",
                )
