"""Invariants of R4 that a JSON Schema cannot say.

Each rule takes a resource whose structure is sound and returns what it breaks. The rules that only relate
the presence of sibling elements (obs-6, pat-1, ppc-1, qty-3, ext-1 and their like) are part of the facts
and checked there. Rule keys are those of the specification, at the foot of each resource's page, e.g.
https://hl7.org/fhir/R4/observation.html#invs
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import Issue
from adapter.fhir.dates import surely_after
from adapter.fhir.paths import values
from adapter.fhir.xhtml import narrative

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Resource = Mapping[str, Any]
    Rule = Callable[[Resource], list[Issue]]

CONSENT_SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
CONDITION_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CONDITION_VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"

_SCOPES: Final = (
    ("ppc-2", "patient-privacy"),
    ("ppc-3", "research"),
    ("ppc-4", "adr"),
    ("ppc-5", "treatment"),
)
"""The expressions of these invariants test for the system `something`; their wording is followed instead."""

_ACTIVE_TAG: Final = re.compile("<(?:script|iframe|object|embed|form|base|link|style|meta|input|head|body)")
_HANDLER: Final = re.compile(r"\son[a-z]+\Z")
"""An attribute like ``onclick``, just before its equals sign."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

_VALUE_TYPES: Final = "Quantity CodeableConcept String Boolean Integer Range Ratio SampledData Time DateTime Period"
OBSERVATION_VALUES: Final = frozenset(
    f"{prefix}{kind}" for kind in _VALUE_TYPES.split(" ") for prefix in ("value", "_value")
)
"""The JSON names of ``Observation.value[x]``, primitive extensions included."""

PERIODS: Final[Mapping[str, tuple[str, ...]]] = {
    "AuditEvent": ("period",),
    "CareTeam": ("period", "participant.period"),
    "Condition": ("onsetPeriod", "abatementPeriod"),
    "DocumentReference": ("context.period",),
    "Encounter": ("period", "participant.period", "location.period", "statusHistory.period"),
    "Group": ("member.period",),
    "Observation": ("effectivePeriod", "valuePeriod"),
    "Patient": ("identifier.period", "name.period", "telecom.period", "address.period"),
    "PractitionerRole": ("period",),
    "Provenance": ("occurredPeriod",),
    "RelatedPerson": ("period",),
}
"""Where a Period is read by an index or a decision; there it must not end before it starts (per-1)."""

_PERIOD_PATHS: Final = {
    kind: [(f"{kind}.{path}", first, below) for path in paths for first, *below in (path.split("."),)]
    for kind, paths in PERIODS.items()
}


def invariant(path: str, key: str, message: str) -> Issue:
    """A broken invariant: its key, and what was expected instead."""
    return Issue(path=path, code="invariant", message=f"{key}: {message}")


def has_coding(concept: Resource | None, system: str, *codes: str) -> bool:
    """Whether a CodeableConcept holds one of ``codes`` in ``system``."""
    codings = concept.get("coding", ()) if concept else ()
    return any(coding.get("system") == system and coding.get("code") in codes for coding in codings)


def _contained(resource: Resource) -> list[Issue]:
    """dom-2 to dom-5: what a contained resource may not carry; each has an id of its own that something refers to."""
    found: list[Issue] = []
    if "contained" not in resource:
        return found
    idents = [inner.get("id") for inner in resource["contained"]]
    named = _texts(resource)
    for index, inner in enumerate(resource["contained"]):
        path = f"{resource['resourceType']}.contained[{index}]"
        meta = inner.get("meta", {})
        if inner.get("contained"):
            found.append(invariant(path, "dom-2", "a contained resource contains others; expected one level"))
        if "versionId" in meta or "lastUpdated" in meta:
            found.append(invariant(path, "dom-4", "expected no `versionId` or `lastUpdated` here"))
        if "security" in meta:
            found.append(invariant(path, "dom-5", "expected security labels on the outer resource only"))
        ident = inner.get("id")
        if idents.count(ident) > 1:
            found.append(
                Issue(path=path, code="structure", message="expected an id that no other contained resource has")
            )
        elif f"#{ident}" not in named and "#" not in _texts(inner):
            found.append(invariant(path, "dom-3", "expected a reference to it, or from it to the outer resource"))
    return found


def _texts(value: Any) -> set[str]:
    """Every text in a value that starts with a number sign: what may name something contained."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and one.startswith("#"):
            found.add(one)
    return found


def _narrative(resource: Resource) -> list[Issue]:
    """txt-1: a narrative is formatted text, nothing that runs or loads, and well-formed, so that XML can carry it."""
    if "text" not in resource:
        return []
    written = resource["text"].get("div", "")
    try:
        narrative(written)
    except ValueError as error:
        return [invariant(f"{resource['resourceType']}.text.div", "txt-1", str(error))] if written else []
    div = written.lower()
    active = "javascript:" in div or _ACTIVE_TAG.search(div) is not None
    if active or any(_HANDLER.search(before.rstrip()[-40:]) for before in div.split("=")[:-1]):
        path = f"{resource['resourceType']}.text.div"
        return [invariant(path, "txt-1", "expected formatting elements only, no scripts, forms or styles")]
    return []


def _periods(resource: Resource) -> list[Issue]:
    """per-1: a period does not end before it starts."""
    found: list[Issue] = []
    for path, first, below in _PERIOD_PATHS.get(resource["resourceType"], ()):
        content = resource.get(first)
        if content is not None:
            for period in values(content, below):
                if _reversed(period):
                    found.append(_per_1(path))  # noqa: PERF401 - hardly ever is there one
    return found


_OFFSET = len("YYYY-MM-DDThh:mm:ss")


def _reversed(period: Resource) -> bool:
    start, end = period.get("start"), period.get("end")
    if not (start and end) or (start <= end and start[_OFFSET:] == end[_OFFSET:]):
        # Written alike and in order: no calendar is needed to see it.
        return False
    return surely_after(str(start), str(end))


def _per_1(path: str) -> Issue:
    return invariant(path, "per-1", "expected `start` not later than `end`")


def _obs_7(resource: Resource) -> list[Issue]:
    """obs-7: a component with the code of the whole takes the place of its value."""
    if "component" not in resource or OBSERVATION_VALUES.isdisjoint(resource):
        return []
    own = _codings(resource.get("code"))
    if any(own & _codings(component.get("code")) for component in resource["component"]):
        message = "a component repeats `code`; expected no `value[x]` beside it"
        return [invariant("Observation", "obs-7", message)]
    return []


def _codings(concept: Resource | None) -> set[tuple[object, object]]:
    codings = concept.get("coding", ()) if concept else ()
    return {(coding.get("system"), coding.get("code")) for coding in codings if "code" in coding}


def _consent(resource: Resource) -> list[Issue]:
    """ppc-2 to ppc-5 as worded: a consent of these scopes is somebody's."""
    return [
        invariant("Consent.patient", key, f"expected a patient for a consent of scope {code}")
        for key, code in _SCOPES
        if "patient" not in resource and has_coding(resource.get("scope"), CONSENT_SCOPE, code)
    ]


def _provisions(resource: Resource) -> list[Issue]:
    """per-1 in every provision of a consent, however deep."""
    found = []
    waiting = [("Consent.provision", resource.get("provision", {}))]
    while waiting:
        path, provision = waiting.pop()
        found += [_per_1(f"{path}.{name}") for name in ("period", "dataPeriod") if _reversed(provision.get(name, {}))]
        nested = enumerate(provision.get("provision", ()))
        waiting += [(f"{path}.provision[{index}]", inner) for index, inner in nested]
    return found


def _condition(resource: Resource) -> list[Issue]:
    """con-4, con-5: clinical status agrees with abatement and with being entered in error."""
    found = []
    abated = any(name.startswith("abatement") for name in resource)
    ended = has_coding(resource.get("clinicalStatus"), CONDITION_CLINICAL, "resolved", "remission", "inactive")
    if abated and not ended:
        message = "expected clinical status inactive, resolved or remission where there is an abatement"
        found.append(invariant("Condition.clinicalStatus", "con-4", message))
    mistaken = has_coding(resource.get("verificationStatus"), CONDITION_VERIFICATION, "entered-in-error")
    if mistaken and "clinicalStatus" in resource:
        message = "expected no clinical status where verification status is entered-in-error"
        found.append(invariant("Condition.clinicalStatus", "con-5", message))
    return found


def _organization(resource: Resource) -> list[Issue]:
    """org-1 to org-3: an organisation is named, and has no home."""
    found = []
    if not resource.get("identifier") and "name" not in resource and "_name" not in resource:
        found.append(invariant("Organization", "org-1", "expected an identifier or a name"))
    for key, element in (("org-2", "address"), ("org-3", "telecom")):
        if any(entry.get("use") == "home" for entry in resource.get(element, ())):
            found.append(invariant(f"Organization.{element}", key, "expected no use `home`"))
    return found


def _group(resource: Resource) -> list[Issue]:
    """grp-1: only a group of actual things has members."""
    if resource.get("member") and resource.get("actual") is not True:
        return [invariant("Group.member", "grp-1", "expected `actual` true where there are members")]
    return []


def _parameter(resource: Resource) -> list[Issue]:
    """inv-1: a parameter is a value, a resource or parts."""
    found = []
    for path, parameter in parameters(resource):
        value = any(name.lstrip("_").startswith("value") for name in parameter)
        if [value, "resource" in parameter, "part" in parameter].count(True) != 1:
            found.append(invariant(path, "inv-1", "expected exactly one of a value, a resource or parts"))
    return found


def parameters(resource: Resource) -> Iterator[tuple[str, Resource]]:
    """Every parameter of a Parameters resource with its path, parts of parts included."""
    waiting = [("Parameters.parameter", resource.get("parameter", ()))]
    while waiting:
        path, siblings = waiting.pop()
        for index, parameter in enumerate(siblings):
            yield f"{path}[{index}]", parameter
            waiting.append((f"{path}[{index}].part", parameter.get("part", ())))


def _bundle(resource: Resource) -> list[Issue]:
    """bdl-1 to bdl-4, bdl-7, bdl-8: what each type of Bundle carries."""
    kind, entries = resource.get("type"), resource.get("entry", ())
    found = []
    if "total" in resource and kind not in {"searchset", "history"}:
        found.append(invariant("Bundle.total", "bdl-1", "expected in searchset and history only"))
    rules = (
        ("bdl-2", "search", {"searchset"}, False),
        ("bdl-3", "request", {"batch", "transaction", "history"}, True),
        ("bdl-4", "response", {"batch-response", "transaction-response", "history"}, True),
    )
    for index, entry in enumerate(entries):
        for key, element, kinds, demanded in rules:
            if (element in entry and kind not in kinds) or (demanded and kind in kinds and element not in entry):
                message = f"expected `{element}` in {', '.join(sorted(kinds))}, nowhere else"
                found.append(invariant(f"Bundle.entry[{index}]", key, message))
        if "fullUrl" in entry and _SCHEME.match(entry["fullUrl"]) is None:
            path = f"Bundle.entry[{index}].fullUrl"
            found.append(
                Issue(path=path, code="value", message="expected an absolute address, or urn:uuid: and a UUID")
            )
        if "/_history/" in entry.get("fullUrl", ""):
            found.append(invariant(f"Bundle.entry[{index}].fullUrl", "bdl-8", "expected no version in it"))
    if kind != "history":
        named = Counter((e["fullUrl"], _version(e)) for e in entries if "fullUrl" in e)
        if any(count > 1 for count in named.values()):
            found.append(invariant("Bundle.entry", "bdl-7", "expected each `fullUrl` once, or other versions"))
    return found


def _version(entry: Resource) -> object:
    return entry.get("resource", {}).get("meta", {}).get("versionId")


_COMMON: Final[tuple[Rule, ...]] = (_contained, _narrative, _periods)
_SPECIFIC: Final[Mapping[str, tuple[Rule, ...]]] = {
    "Bundle": (_bundle,),
    "Condition": (_condition,),
    "Consent": (_consent, _provisions),
    "Group": (_group,),
    "Observation": (_obs_7,),
    "Organization": (_organization,),
    "Parameters": (_parameter,),
}


def rules_for(kind: str) -> tuple[Rule, ...]:
    """The rules of resource type ``kind``."""
    return (*_SPECIFIC.get(kind, ()), *_COMMON)
