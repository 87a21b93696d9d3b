"""A jurisdiction that limits how long a consent may permit: it permits no more, and denies as before."""

from consent_builders import DENVER, LOCAL, consent, deny, permit

from adapter.consent.directive import read
from adapter.consent.evaluate import Effect
from adapter.consent.names import AtHand
from adapter.consent.policy import timeline
from adapter.consent.recipient import close
from adapter.consent.rules import rule
from adapter.consent.segment import Segment
from adapter.fhir.dates import interval

SUMMARY = Segment(type="Observation", tier="summary", regime="hipaa", unit="Organization/jail")
CLINIC = close(["Organization/clinic"], AtHand([]), purposes=[(LOCAL, "diversion")], organisation="Organization/clinic")
DAY = 86_400_000_000


def effect(spans, day):
    at = interval(day, DENVER)[0]
    span = next(span for span in spans if span.start <= at < span.stop)
    return rule(span.policy, CLINIC, SUMMARY).effect, span


def test_a_consent_permits_until_the_longest_time_and_no_longer():
    spans = timeline([read(consent(permit(), dateTime="2026-01-01"))], DENVER, longest=365)
    assert effect(spans, "2027-01-01")[0] is Effect.PERMIT
    last, span = effect(spans, "2027-01-02")
    assert (last, span.ends) == (Effect.DENY, spans[-1].ends)
    assert effect(spans, "2026-06-01")[1].ends == interval("2026-01-01", DENVER)[1] + 365 * DAY


def test_what_it_denies_stays_denied():
    other = consent(permit(), id="new", dateTime="2026-12-01")
    spans = timeline([read(consent(deny(), dateTime="2020-01-01")), read(other)], DENVER, longest=365)
    assert effect(spans, "2027-01-02")[0] is Effect.DENY


def test_one_without_a_date_permits_nothing_where_time_is_limited():
    undated = consent(permit())
    undated.pop("dateTime", None)
    assert effect(timeline([read(undated)], DENVER, longest=30), "2026-06-01")[0] is Effect.DENY
    assert effect(timeline([read(undated)], DENVER), "2026-06-01")[0] is Effect.PERMIT
