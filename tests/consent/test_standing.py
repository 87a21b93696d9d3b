"""Facts of a person: patient-neutral, cutting the timeline like consents do."""

from dataclasses import replace

import pytest
from consent_builders import DENVER, LOCAL, consent, deny, permit
from hypothesis import given
from hypothesis import strategies as st

from adapter.consent.bases import CONSENT, EMERGENCY
from adapter.consent.directive import read
from adapter.consent.evaluate import Effect
from adapter.consent.grounds import CONSENT_ALONE, Ground
from adapter.consent.names import AtHand
from adapter.consent.obligations import Obligation
from adapter.consent.outcome import DEFERRED, FALSE, TRUE
from adapter.consent.policy import Policy, timeline
from adapter.consent.recipient import close
from adapter.consent.rules import exception, rule
from adapter.consent.segment import Segment
from adapter.consent.standing import ASSERTION, HOLD, KINDS, Fact, fact_of, in_force
from adapter.fhir.dates import MAX, MIN

SUMMARY = Segment(type="Observation", tier="summary", regime="hipaa", unit="Organization/jail")
CLINIC = close(["Organization/clinic"], AtHand([]), purposes=[(LOCAL, "diversion")], organisation="Organization/clinic")
words = st.text("ab/", max_size=3)
facts = st.builds(
    Fact,
    kind=st.sampled_from(KINDS),
    basis=words,
    recipient=words,
    purpose=words,
    value=words,
    classes=st.lists(words, max_size=2, unique=True).map(sorted).map(tuple),
    units=st.lists(words, max_size=2, unique=True).map(sorted).map(tuple),
)


@given(facts)
def test_a_fact_comes_back_from_its_canonical_form(fact):
    assert fact_of(fact.canonical()) == fact


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), facts), max_size=4), st.integers(0, 9))
def test_the_timeline_holds_what_is_in_force_at_every_instant(timed, at):
    spans = timeline([], DENVER, facts=timed)
    assert (spans[0].start, spans[-1].stop) == (MIN, MAX)
    span = next(span for span in spans if span.start <= at < span.stop)
    assert span.policy.facts == in_force(timed, at)
    assert Policy.parse(span.policy.canonical()) == span.policy


def test_the_end_of_a_span_is_told_with_it():
    held = read(consent(deny(permit(), period={"start": "2026-01-01", "end": "2026-06-30"})))
    first, during, after = timeline([held], DENVER)
    assert (first.ends, after.ends) == (MAX, MAX)
    assert during.ends == during.stop


class Stern:
    """A law that says what it is told to."""

    fingerprint = "stern"

    def __init__(self, *, stopped=None, silent=None, grounds=()):
        self.stopped, self.silent, self.grounds, self.refused = stopped, silent, grounds, None

    def stops(self, facts, recipient, segment):
        return self.stopped

    def with_consent(self, recipient, segment):
        return ()

    def silences(self, body, facts, recipient, segment):
        return self.silent

    def standing(self, facts, recipient, segment, *, refused):
        self.refused = refused
        return self.grounds


def policy(*consents):
    return timeline([read(one) for one in consents], DENVER)[0].policy


def ground(*, permits=True, deferred=False):
    due = (Obligation(code="ask-no-further-use", system="urn:test"),)
    return Ground(basis=EMERGENCY, permits=permits, rule="E", because="asserted", deferred=deferred, obligations=due)


def test_what_law_stops_passes_on_no_ground():
    verdict = rule(policy(consent(permit())), CLINIC, SUMMARY, Stern(stopped="held", grounds=[ground()]))
    assert (verdict.effect, verdict.bases) == (Effect.DENY, 0)
    assert verdict.trace == ((-1, "", "law", "deny", "held"),)


def test_a_consent_that_law_silences_permits_nothing_and_still_denies():
    law = Stern(silent="not for this")
    assert rule(policy(consent(permit())), CLINIC, SUMMARY, law).effect is Effect.DENY
    assert law.refused == FALSE
    both = rule(policy(consent(permit()), consent(deny(), id="no")), CLINIC, SUMMARY, law)
    assert (both.effect, law.refused) == (Effect.DENY, TRUE)
    assert any(line[2:] == ("law", "not-applicable", "not for this") for line in both.trace)


def test_a_basis_permits_beside_a_refusal_and_brings_its_obligations():
    verdict = rule(policy(consent(deny())), CLINIC, SUMMARY, Stern(grounds=[ground()]))
    assert (verdict.effect, verdict.bases) == (Effect.PERMIT, EMERGENCY)
    assert [one.code for one in verdict.obligations] == ["ask-no-further-use"]
    losing = rule(policy(), CLINIC, SUMMARY, Stern(grounds=[ground(permits=False)]))
    assert (losing.effect, losing.obligations) == (Effect.DENY, ())
    assert any(line[2] == "E" for line in losing.trace)


def test_consent_and_basis_are_both_told():
    verdict = rule(policy(consent(permit())), CLINIC, SUMMARY, Stern(grounds=[ground()]))
    assert verdict.bases == CONSENT | EMERGENCY


def test_a_basis_that_depends_on_the_single_resource_asks_it():
    law = Stern(grounds=[ground(deferred=True)])
    held = policy(consent(deny(permit(), codes=["718-7"])))
    assert rule(held, CLINIC, SUMMARY, law).effect is Effect.EXCEPTION
    assert law.refused in {DEFERRED, FALSE}
    law.grounds = [ground()]
    resource = {"resourceType": "Observation", "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]}}
    single = exception(held, CLINIC, SUMMARY, resource, AtHand([]), zone=DENVER, law=law)
    assert single.effect is Effect.PERMIT


def test_a_share_is_for_its_audience_alone():
    share = replace(SUMMARY, type="Consent", tier="share", audience="Organization/clinic")
    assert rule(policy(), CLINIC, share).bases == CONSENT
    other = close(["Organization/court"], AtHand([]), organisation="Organization/court")
    assert rule(policy(consent(permit())), other, share).effect is Effect.DENY


def test_consents_alone_ask_nothing_of_the_law():
    body = policy(consent(permit())).directives[0]
    assert CONSENT_ALONE.stops((Fact(kind=HOLD),), CLINIC, SUMMARY) is None
    assert CONSENT_ALONE.silences(body, (), CLINIC, SUMMARY) is None
    assert CONSENT_ALONE.standing((Fact(kind=ASSERTION, basis="E"),), CLINIC, SUMMARY, refused=FALSE) == ()


SIGNER = "https://sallyport.example/fhir/StructureDefinition/consent-signer"
SIGNED_BY_PARENT = {"url": SIGNER, "valueCode": "parent"}
RELEASE = {"coding": [{"system": "https://sallyport.example/fhir/CodeSystem/consent-instrument", "code": "release"}]}


@pytest.mark.parametrize(
    ("elements", "instrument", "signer"),
    [
        ({}, "", "patient"),
        ({"category": [RELEASE]}, "release", "patient"),
        ({"extension": [SIGNED_BY_PARENT]}, "", "parent"),
        ({"extension": [{"url": SIGNER, "valueString": "x"}]}, "", "unknown"),
        ({"extension": [SIGNED_BY_PARENT, SIGNED_BY_PARENT]}, "", "unknown"),
    ],
)
def test_a_consent_says_its_instrument_and_signer(elements, instrument, signer):
    body = read(consent(permit(), **elements)).body
    assert (body.instrument, body.signer, body.capped) == (instrument, signer, False)


def test_merged_instruments_are_capped():
    system = "https://sallyport.example/fhir/CodeSystem/consent-instrument"
    merged = {"coding": [{"system": system, "code": "release"}, {"system": system, "code": "proceedings"}]}
    assert read(consent(permit(), category=[merged])).body.capped
