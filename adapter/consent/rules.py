"""The compiled form of the decision: what a policy says to a recipient about a segment or a resource.

Both run the evaluator of `decide`. A rule is EXCEPTION when a criterion that only the single resource can
answer (code, dataPeriod, data) could change the effect or the obligations; `exception` then decides that
resource.

https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from adapter.consent.basis import basis
from adapter.consent.content import Content
from adapter.consent.evaluate import Entry, Verdict, weigh
from adapter.consent.facts import Facts
from adapter.consent.outcome import TRUE
from adapter.consent.sensitivity import sensitivity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from adapter.consent.names import AtHand
    from adapter.consent.policy import Policy
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
) -> Rule:
    settled = basis(recipient, segment)
    if settled is not None:
        return settled
    facts = Facts(
        recipient=recipient,
        kind=segment.type,
        profiles=segment.profiles,
        labels=sensitivity(segment.labels),
        content=content,
        zone=zone,
    )
    trace: list[Entry] = []
    part2 = TRUE if segment.regime == "part2" else facts.labels.part2
    effect, obligations = weigh(enumerate(policy.directives), facts, trace, part2=part2)
    return Verdict(effect=effect, obligations=obligations, trace=tuple(trace))


def rule(policy: Policy, recipient: RecipientContext, segment: Segment) -> Rule:
    """The rule of ``policy`` for ``recipient`` and all of ``segment``: PERMIT, DENY or EXCEPTION."""
    return _answer(policy, recipient, segment, None, UTC)


def exception(
    policy: Policy,
    recipient: RecipientContext,
    segment: Segment,
    resource: Mapping[str, Any],
    related: AtHand,
    *,
    zone: tzinfo,
) -> Rule:
    """The verdict of ``policy`` for ``recipient`` and one ``resource`` of ``segment``: PERMIT or DENY.

    ``related`` holds what the resource refers to and what refers to it; ``zone`` reads its partial dates.
    """
    return _answer(policy, recipient, segment, Content(resource, related), zone)
