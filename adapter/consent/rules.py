"""The compiled form of the decision: what a policy says to a recipient about a segment or a resource.

Three layers in one trace: what is settled without asking (own records, the directory); consents, as far as the law
lets each of them speak; and the bases that stand without a consent. Agreements bound the result elsewhere.

Both run the evaluator of `decide`. A rule is EXCEPTION when a criterion that only the single resource can
answer (code, dataPeriod, data) could change the effect or the obligations; `exception` then decides that
resource.

https://hl7.org/fhir/R4/consent.html; 42 CFR part 2; 45 CFR part 164
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from adapter.consent.bases import CONSENT
from adapter.consent.basis import basis
from adapter.consent.content import Content
from adapter.consent.evaluate import Effect, Note, Verdict, weigh
from adapter.consent.facts import Facts
from adapter.consent.grounds import CONSENT_ALONE
from adapter.consent.names import literal_key
from adapter.consent.outcome import FALSE, TRUE
from adapter.consent.sensitivity import sensitivity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from adapter.consent.grounds import Ground, Law
    from adapter.consent.names import AtHand
    from adapter.consent.obligations import Obligation
    from adapter.consent.policy import Policy
    from adapter.consent.provision import Body
    from adapter.consent.recipient import RecipientContext
    from adapter.consent.segment import Segment

Rule = Verdict
"""What a policy, a recipient and a segment amount to; its trace names directives by index."""


def _answer(
    policy: Policy,
    recipient: RecipientContext,
    segment: Segment,
    content: Content | None,
    zone: tzinfo,
    law: Law,
) -> Rule:
    settled = basis(recipient, segment)
    if settled is not None:
        return settled
    stopped = law.stops(policy.facts, recipient, segment)
    if stopped is not None:
        return Verdict(effect=Effect.DENY, notes=((-1, "", "law", "deny", stopped),))
    facts = Facts(
        recipient=recipient,
        kind=segment.type,
        profiles=segment.profiles,
        labels=sensitivity(segment.labels),
        content=content,
        zone=zone,
    )
    trace: list[Note] = []
    part2 = TRUE if segment.regime == "part2" else facts.labels.part2
    silent = {
        index: why
        for index, body in enumerate(policy.directives)
        if (why := _undisclosed(body, segment, part2) or law.silences(body, policy.facts, recipient, segment))
        is not None
    }
    effect, obligations, refused = weigh(enumerate(policy.directives), facts, trace, part2=part2, silent=silent)
    grounds = law.standing(policy.facts, recipient, segment, refused=refused)
    if effect is Effect.PERMIT:
        obligations = (*obligations, *law.with_consent(recipient, segment))
    return _joined(effect, obligations, grounds, trace)


def _undisclosed(body: Body, segment: Segment, part2: int) -> str | None:
    """Why a consent that names the program which may disclose does not reach another's record, 42 CFR 2.31(a)(2)."""
    if part2 == FALSE or not body.disclosers or literal_key(segment.unit) in body.disclosers:
        return None
    return "it names another program as the one that may disclose"


def _joined(effect: Effect, obligations: Sequence[Obligation], grounds: Sequence[Ground], trace: list[Note]) -> Rule:
    """Consents or a basis that stands by itself; what each asks for travels with what either permits."""
    trace += [
        (-1, "", ground.rule, "permit" if ground.permits else "not-applicable", ground.because) for ground in grounds
    ]
    if effect is Effect.EXCEPTION or any(ground.deferred for ground in grounds):
        return Verdict(effect=Effect.EXCEPTION, notes=tuple(trace))
    due = dict.fromkeys(obligations)
    bases = CONSENT if effect is Effect.PERMIT else 0
    for ground in grounds:
        if ground.permits:
            bases |= ground.basis
            due.update(dict.fromkeys(ground.obligations))
    return Verdict(
        effect=Effect.PERMIT if bases else Effect.DENY, obligations=tuple(due), notes=tuple(trace), bases=bases
    )


def rule(policy: Policy, recipient: RecipientContext, segment: Segment, law: Law = CONSENT_ALONE) -> Rule:
    """The rule of ``policy`` for ``recipient`` and all of ``segment``: PERMIT, DENY or EXCEPTION."""
    return _answer(policy, recipient, segment, None, UTC, law)


def exception(
    policy: Policy,
    recipient: RecipientContext,
    segment: Segment,
    resource: Mapping[str, Any],
    related: AtHand,
    *,
    zone: tzinfo,
    law: Law = CONSENT_ALONE,
) -> Rule:
    """The verdict of ``policy`` for ``recipient`` and one ``resource`` of ``segment``: PERMIT or DENY.

    ``related`` holds what the resource refers to and what refers to it; ``zone`` reads its partial dates.
    """
    return _answer(policy, recipient, segment, Content(resource, related), zone, law)
