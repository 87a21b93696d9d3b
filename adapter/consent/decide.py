"""The decision about one resource: the definition that every compiled rule has to agree with.

Default deny. Every patient the resource names has to permit; each is decided under every completion of what
is unknown, from the consents in force at the instant of the request.

https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapter.consent.bases import CONSENT
from adapter.consent.content import Content
from adapter.consent.directive import applicable
from adapter.consent.evaluate import Effect, Entry, Verdict, Weighed, weigh
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
    from adapter.consent.obligations import Obligation
    from adapter.consent.recipient import RecipientContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One resource, read for decisions: whom it names, what it is, how it is labelled.

    ``unread``: it names someone nobody can identify, or is no single resource. Make it with `record`.
    """

    patients: frozenset[str]
    unread: bool
    type: str
    profiles: tuple[str, ...]
    labels: Sensitivity
    content: Content


def record(resource: Mapping[str, Any], at_hand: AtHand) -> Record:
    """Read ``resource``, with what it refers to at hand. One record serves any number of decisions."""
    named, unread = patients(resource, at_hand)
    kind = resource.get("resourceType")
    return Record(
        patients=named,
        unread=unread or not named or not isinstance(kind, str) or kind in CONTAINERS,
        type=kind if isinstance(kind, str) else "",
        profiles=claimed_profiles(resource),
        labels=sensitivity(labels_of(resource)),
        content=Content(resource, at_hand),
    )


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


def _of_person(case: Case, patient: str, facts: Facts, trace: list[Entry]) -> Weighed:
    """The decision of one patient's consents."""
    persons = frozenset((patient,))
    theirs: list[tuple[int, Directive]] = []
    strangers = set()
    for index, directive in enumerate(case.directives):
        one = applicable(directive, persons, case.record.content.at_hand)
        if one is not None:
            theirs.append((index, one))
        else:
            strangers.add(directive.source)
    held = in_force(
        [directive for _, directive in theirs],
        case.zone,
        stated=[revision for revision in case.revisions if revision.new not in strangers],
        combination=case.combination,
    )
    bodies = [(theirs[one.index][0], one.body) for one in held]
    return weigh(bodies, facts, trace, part2=facts.labels.part2)


def decide(case: Case) -> Verdict:
    """Decide ``case``. Never raises for any JSON in consents or resource; what cannot be told is a deny."""
    trace: list[Entry] = []
    sources = tuple(directive.source for directive in case.directives)
    if case.record.unread:
        because = "expected a single resource in which every patient named can be identified"
        trace.append((-1, "", "patient", "deny", because))
        return Verdict(effect=Effect.DENY, trace=tuple(trace), sources=sources)
    facts = _facts(case)
    denied = False
    obligations: dict[Obligation, None] = {}
    for patient in sorted(case.record.patients):
        effect, due, _ = _of_person(case, patient, facts, trace)
        denied = denied or effect is not Effect.PERMIT
        obligations.update(dict.fromkeys(due))
    return Verdict(
        effect=Effect.DENY if denied else Effect.PERMIT,
        bases=0 if denied else CONSENT,
        obligations=() if denied else tuple(obligations),
        trace=tuple(trace),
        sources=sources,
    )
