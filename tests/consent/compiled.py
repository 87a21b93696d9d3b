"""The decision tables against the decision: what `rule` and `exception` say over a timeline, and what `decide` says."""

from adapter.consent.directive import applicable
from adapter.consent.evaluate import Effect
from adapter.consent.facts import READ
from adapter.consent.policy import Policy, timeline
from adapter.consent.recipient import RecipientContext
from adapter.consent.rules import exception, rule
from adapter.consent.segment import Segment, segment_of


def spoken(verdict):
    """Effect and obligations, the names of consents aside."""
    return verdict.effect, [(one.code, one.text, one.path) for one in verdict.obligations]


def segment_for(record):
    """The segment of a resource as the store interns it."""
    made = segment_of(record.content.resource, tier="detail", regime="justice")
    return Segment.parse(made.canonical())


class Compiled:
    """One set of consents and revisions, compiled for every patient and zone that is asked for."""

    def __init__(self):
        self.timelines = {}
        self.policies = {}
        self.rules = {}

    def timeline(self, case, patient):
        key = (patient, str(case.zone), case.combination)
        if key not in self.timelines:
            persons, at_hand = frozenset((patient,)), case.record.content.at_hand
            theirs = [one for one in (applicable(each, persons, at_hand) for each in case.directives) if one]
            own = {one.source for one in theirs}
            strangers = {one.source for one in case.directives} - own
            stated = [one for one in case.revisions if one.new not in strangers]
            self.timelines[key] = timeline(theirs, case.zone, stated=stated, combination=case.combination)
        return self.timelines[key]

    def policy(self, case, patient):
        """The policy in force at the instant of a case, as it comes out of the store."""
        span = next(one for one in self.timeline(case, patient) if one.start <= case.at < one.stop)
        written = span.policy.canonical()
        if written not in self.policies:
            self.policies[written] = Policy.parse(written)
        return written, self.policies[written]

    def verdicts(self, case, segment=None):
        """(rule, exception) for a case that tables answer: one patient, labelled, read. Else None."""
        if len(case.record.patients) != 1 or case.record.unread or not case.labelled or case.action != READ:
            return None
        (patient,) = case.record.patients
        written, policy = self.policy(case, patient)
        segment = segment or segment_for(case.record)
        key = (written, case.recipient, segment)
        if key not in self.rules:
            recipient = RecipientContext.parse(case.recipient.canonical())
            self.rules[key] = rule(policy, recipient, segment)
        content = case.record.content
        single = exception(policy, case.recipient, segment, content.resource, content.at_hand, zone=case.zone)
        return self.rules[key], single

    def disagrees(self, case, decided, segment=None):
        """What the tables say that `decide` does not, or nothing."""
        said = self.verdicts(case, segment)
        if said is None:
            return ""
        compiled, single = said
        if spoken(single) != spoken(decided):
            return f"exception says {single.effect.value}, decide says {decided.effect.value}"
        if compiled.effect is not Effect.EXCEPTION and spoken(compiled) != spoken(decided):
            return f"rule says {compiled.effect.value}, decide says {decided.effect.value}"
        return ""
