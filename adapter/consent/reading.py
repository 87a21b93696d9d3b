"""From the elements of a provision to its criteria.

Anything an element cannot be decided by makes its criterion unclear; an element of a wrong shape becomes
`Opaque` and is reported as a fault, which caps the consent.

https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta, timezone
from typing import Any, Final, cast

from adapter.consent.criteria import (
    UNREADABLE_ELEMENT,
    ActionCriterion,
    ActorCriterion,
    Criterion,
    DeniedPurposes,
    Opaque,
    PeriodCriterion,
    PermittedPurposes,
)
from adapter.consent.criteria_resource import (
    ClassCriterion,
    CodeCriterion,
    DataCriterion,
    DataPeriodCriterion,
    DeniedLabels,
    PermittedLabels,
)
from adapter.consent.facts import action_kind
from adapter.consent.instants import bounds
from adapter.consent.names import identifier_keys, reference_key
from adapter.consent.outcome import DENY
from adapter.consent.sensitivity import BEYOND_ALL_LEVELS, NO_LEVEL, Label, codings, known_as
from adapter.consent.shape import PROVISION, examine, examine_extension
from adapter.consent.vocabulary import (
    ACT_CODE,
    ACT_REASON,
    CONFIDENTIALITY,
    CONSENT_ACTION,
    EXPLICIT_PURPOSES,
    LEVELS,
    MARKS,
    OBSERVATION_VALUE,
    PURPOSES,
    RECIPIENT_ROLES,
    RESOURCE_TYPES,
    ROLE_SYSTEMS,
    SENSITIVE,
    STRICT,
)

_MEANINGS: Final = frozenset({"instance", "related", "dependents", "authoredby"})
_ABSTRACT: Final = frozenset({"Resource", "DomainResource"})
_URI_SYSTEM: Final = "urn:ietf:rfc:3986"
_PROFILE_SYSTEM: Final = "/StructureDefinition"

Contained = Mapping[str, Mapping[str, Any]]


def _labels(values: Sequence[Any]) -> tuple[set[Label], bool]:
    """The (system, code) pairs of an array of Coding, and whether one has not both."""
    pairs = set()
    unclear = False
    for coding in values:
        system, code = coding.get("system"), coding.get("code")
        if system is None or code is None:
            unclear = True
        else:
            pairs.add((system, code))
    return pairs, unclear


def _period(_kind: int, value: Mapping[str, Any], _contained: Contained) -> Criterion:
    return PeriodCriterion(value.get("start"), value.get("end"))


def _data_period(kind: int, value: Mapping[str, Any], _contained: Contained) -> Criterion:
    return DataPeriodCriterion(kind == DENY, value.get("start"), value.get("end"))


def resolved_key(reference: Mapping[str, Any], contained: Contained) -> str | None:
    """The key of a Reference; a contained resource is known by its identifier, if it has exactly one."""
    literal = reference.get("reference")
    if isinstance(literal, str) and literal.startswith("#"):
        keys = identifier_keys(contained.get(literal[1:], {}))
        return keys.pop() if len(keys) == 1 else None
    return reference_key(reference)


def _actor(_kind: int, value: Sequence[Any], contained: Contained) -> Criterion:
    names: set[str] = set()
    unclear = others = roleless = False
    for actor in value:
        roles = codings(actor.get("role"))
        if not RECIPIENT_ROLES.isdisjoint(roles):
            key = resolved_key(actor.get("reference", {}), contained)
            if key is None:
                unclear = True
            else:
                names.add(key)
        elif any(system in ROLE_SYSTEMS for system, _ in roles):
            others = True
        else:
            roleless = True
    return ActorCriterion(frozenset(names), unclear, others, roleless)


def _action(_kind: int, value: Sequence[Any], _contained: Contained) -> Criterion:
    kinds: set[str] = set()
    unclear = False
    for concept in value:
        known = {action_kind(code) for system, code in codings(concept) if system == CONSENT_ACTION} - {None}
        unclear = unclear or not known
        kinds |= {kind for kind in known if kind}
    return ActionCriterion(frozenset(kinds), unclear)


def _security_label(kind: int, value: Sequence[Any], _contained: Contained) -> Criterion:
    pairs, unclear = _labels(value)
    levels, codes, marks = [], set(), set()
    for label in map(known_as, pairs):
        system, code = label
        if system == CONFIDENTIALITY and code in LEVELS:
            levels.append(LEVELS[code])
        elif system == ACT_CODE and code in SENSITIVE:
            codes.add(code)
        elif (system == ACT_CODE and code in MARKS) or system in {ACT_REASON, OBSERVATION_VALUE}:
            marks.add(label)
        else:
            unclear = True
    if kind == DENY:
        level = min(levels, default=BEYOND_ALL_LEVELS + 1)
        return DeniedLabels(level, frozenset(codes), frozenset(marks), unclear)
    covered = frozenset().union(*(STRICT[code] for code in codes))
    return PermittedLabels(max(levels, default=NO_LEVEL), covered, unclear)


def _purpose(kind: int, value: Sequence[Any], _contained: Contained) -> Criterion:
    pairs, unclear = _labels(value)
    covers = set(pairs)
    for system, code in pairs:
        if system == ACT_REASON:
            below = PURPOSES.get(code)
            unclear = unclear or below is None
            covers |= {(system, one) for one in below or () if kind == DENY or one not in EXPLICIT_PURPOSES}
    return (DeniedPurposes if kind == DENY else PermittedPurposes)(frozenset(covers), unclear)


def _class(_kind: int, value: Sequence[Any], _contained: Contained) -> Criterion:
    pairs, unclear = _labels(value)
    types, profiles = set(), set()
    for system, code in pairs:
        if system == RESOURCE_TYPES and code not in _ABSTRACT:
            types.add(code)
        elif system == _URI_SYSTEM or (system.endswith(_PROFILE_SYSTEM) and "://" in code):
            profiles.add(code)
        elif system.endswith(_PROFILE_SYSTEM):
            profiles.add(f"{system}/{code}")
        else:
            unclear = True
    return ClassCriterion(frozenset(types), frozenset(profiles), unclear)


def _code(kind: int, value: Sequence[Any], _contained: Contained) -> Criterion:
    pairs: set[Label] = set()
    unclear = False
    for concept in value:
        found, bare = _labels(concept.get("coding", ()))
        unclear = unclear or bare or not found
        pairs |= found
    return CodeCriterion(kind == DENY, frozenset(pairs), unclear)


def _data(kind: int, value: Sequence[Any], contained: Contained) -> Criterion:
    entries = set()
    unclear = False
    for entry in value:
        meaning = entry.get("meaning")
        key = resolved_key(entry.get("reference", {}), contained)
        if meaning in _MEANINGS and key is not None:
            entries.add((meaning, key))
        else:
            unclear = True
    return DataCriterion(kind == DENY, frozenset(entries), unclear)


_READERS: Final[Mapping[str, Callable[[int, Any, Contained], Criterion]]] = {
    "period": _period,
    "purpose": _purpose,
    "action": _action,
    "class": _class,
    "securityLabel": _security_label,
    "actor": _actor,
    "code": _code,
    "dataPeriod": _data_period,
    "data": _data,
}
"""In the order they are asked: what is cheap to answer first, what needs the resource last."""


_EARLIEST: Final = timezone(timedelta(hours=14))
_LATEST: Final = timezone(timedelta(hours=-12))


def _misdated(value: Mapping[str, Any]) -> bool:
    """Whether a Period has no readable dates, or ends before it starts in every time zone there is."""
    start, end = value.get("start"), value.get("end")
    return all(bounds(start, end, zone) is None for zone in (_EARLIEST, _LATEST))


def _element(kind: int, element: str, value: object, path: str, contained: Contained) -> tuple[list[Criterion], str]:
    """The criteria of one element and its fault, if any."""
    found = examine(PROVISION[element], value, f"{path}.{element}")
    if found.fault:
        return [Opaque(element, UNREADABLE_ELEMENT)], found.fault
    if element in {"period", "dataPeriod"} and _misdated(cast("Mapping[str, Any]", value)):
        return [Opaque(element, UNREADABLE_ELEMENT)], f"{path}.{element}: expected dates, the end after the start"
    if found.strange:
        return [Opaque(element, UNREADABLE_ELEMENT)], ""
    criteria = [_READERS[element](kind, value, contained)]
    if found.extension and kind != DENY:
        criteria.append(Opaque(element, "it carries an extension that is not understood"))
    return criteria, ""


def criteria(kind: int, provision: Mapping[str, Any], path: str, contained: Contained) -> tuple[list[Criterion], str]:
    """The criteria of one provision of type ``kind`` and the first fault found in them, if any.

    Unknown elements, modifiers and (in a permit) extensions of the provision itself are UNKNOWN criteria too.
    """
    found: list[Criterion] = []
    fault = ""
    for element in _READERS:
        if element in provision:
            read, wrong = _element(kind, element, provision[element], path, contained)
            found += read
            fault = fault or wrong
    for name in provision:
        if name in PROVISION or name == "id":
            continue
        if name == "extension" or name.startswith("_"):
            part = examine_extension(name, provision[name], PROVISION)
            if part.strange or (part.extension and kind != DENY):
                found.append(Opaque(name, "an extension that is not understood"))
        else:
            found.append(Opaque(name, "an element that is not understood"))
    return found, fault
