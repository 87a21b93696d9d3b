"""The decision about one resource: the definition that every compiled rule has to agree with.

Default deny. Every patient the resource names has to permit; each is decided under every completion of what
is unknown, from the consents in force at the instant of the request.

https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from adapter.consent.bases import CONSENT
from adapter.consent.content import Content
from adapter.consent.directive import applicable
from adapter.consent.evaluate import Effect, Note, Verdict, weigh
from adapter.consent.facts import READ, Facts, claimed_profiles
from adapter.consent.force import Combination, Revision, in_force
from adapter.consent.labels import labels_of
from adapter.consent.patients import CONTAINERS, patients
from adapter.consent.sensitivity import UNLABELLED, Sensitivity, sensitivity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from adapter.consent.directive import Directive
    from adapter.consent.names import AtHand
    from adapter.consent.provision import Body
    from adapter.consent.recipient import RecipientContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One resource, read for decisions: whom it names, what it is, how it is labelled.

    ``unread`` says, empty for a record that can be decided, where it names someone nobody can identify or why it is
    no single resource. Make it with `record`.
    """

    patients: frozenset[str]
    unread: str
    type: str
    profiles: tuple[str, ...]
    labels: Sensitivity
    content: Content


def record(resource: Mapping[str, Any], at_hand: AtHand) -> Record:
    """Read ``resource``, with what it refers to at hand. One record serves any number of decisions."""
    named, lost = patients(resource, at_hand)
    kind = resource.get("resourceType")
    return Record(
        patients=named,
        unread=_unread(kind, named, lost),
        type=kind if isinstance(kind, str) else "",
        profiles=claimed_profiles(resource),
        labels=sensitivity(labels_of(resource)),
        content=Content(resource, at_hand),
    )


def _unread(kind: object, named: frozenset[str], lost: str | None) -> str:
    if not isinstance(kind, str) or kind in CONTAINERS:
        return "resourceType: expected the type of a single resource"
    if lost is not None:
        return f"{lost}: expected a reference to patients who can be identified"
    return "" if named else "subject: expected a resource that names a patient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question: may this recipient have this resource now?

    ``directives`` are the consents at hand, of anybody. ``at`` is the instant of the request in epoch
    microseconds, ``zone`` the custodian's time zone, ``action`` an action kind (`READ`). ``labelled`` is
    False when the labeller is unavailable.
    """

    directives: tuple[Directive, ...]
    recipient: RecipientContext
    at: int
    zone: tzinfo
    record: Record
    action: str | None = READ
    labelled: bool = True
    revisions: tuple[Revision, ...] = ()
    combination: Combination = Combination.DENY_OVERRIDES


def _facts(case: Case) -> Facts:
    about = case.record
    return Facts(
        recipient=case.recipient,
        kind=about.type,
        profiles=about.profiles,
        labels=about.labels if case.labelled else UNLABELLED,
        content=about.content,
        zone=case.zone,
        at=case.at,
        action=case.action,
    )


def _held(case: Case, patient: str) -> list[tuple[int, Body]]:
    """The consents of one patient in force, each with its place among the directives."""
    if len(case.directives) == 1 and case.directives[0].patient == patient and not case.revisions:
        body = case.directives[0].alone
        return [] if body is None else [(0, body)]
    persons = frozenset((patient,))
    theirs: list[tuple[int, Directive]] = []
    strangers = set()
    for index, directive in enumerate(case.directives):
        one = applicable(directive, persons, case.record.content.at_hand)
        if one is not None:
            theirs.append((index, one))
        else:
            strangers.add(directive.source)
    strangers -= {directive.source for _, directive in theirs}
    held = in_force(
        [directive for _, directive in theirs],
        case.zone,
        stated=[revision for revision in case.revisions if revision.new not in strangers],
        combination=case.combination,
    )
    return [(theirs[one.index][0], one.body) for one in held]


def decide(case: Case) -> Verdict:
    """Decide ``case``. Never raises for any JSON in consents or resource; what cannot be told is a deny."""
    sources = tuple([directive.source for directive in case.directives])
    if case.record.unread:
        unread = (-1, "", "patient", "deny", case.record.unread)
        return Verdict(effect=Effect.DENY, notes=(unread,), sources=sources)
    facts = _facts(case)
    trace: list[Note] = []
    patients = sorted(case.record.patients)
    weighed = [weigh(_held(case, patient), facts, trace, part2=facts.labels.part2) for patient in patients]
    if any(one.effect is not Effect.PERMIT for one in weighed):
        return Verdict(effect=Effect.DENY, notes=tuple(trace), sources=sources)
    due = weighed[0].obligations
    if len(weighed) > 1:
        due = tuple(dict.fromkeys(chain.from_iterable(one.obligations for one in weighed)))
    return Verdict(effect=Effect.PERMIT, bases=CONSENT, obligations=due, notes=tuple(trace), sources=sources)
