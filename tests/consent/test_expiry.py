"""Events that end a consent: once known it has ended, and until then its last day counts."""

import pytest
from signed_forms import CASE, CONDITION, DENVER, authored, instant, permits

from adapter.consent.directive import read
from adapter.consent.expiry import EVENTS, EXPIRY_EVENT, Expiry, Known, end, ended, expiries
from adapter.consent.policy import timeline

NUMBER = (CASE["system"], CASE["value"])


def known(event, at, *numbers, days=0):
    start = instant(at)
    return Known(event=event, start=start, stop=start + 1 + days * 86_400_000_000, identifiers=frozenset(numbers))


SIGNED = instant("2026-03-02T10:00:00-07:00")


def test_an_event_without_a_number_counts_after_the_signature():
    expiry = Expiry(event="release")
    assert end(expiry, SIGNED, []) is None
    assert end(expiry, SIGNED, [known("release", "2026-02-01")]) is None
    assert end(expiry, SIGNED, [known("discharge", "2026-04-01")]) is None
    after = [known("release", "2026-05-01"), known("release", "2026-04-01"), known("release", "2026-02-01")]
    assert end(expiry, SIGNED, after) == instant("2026-04-01")


def test_a_day_on_which_it_was_signed_ends_it_at_the_signature():
    assert end(Expiry(event="disposition"), SIGNED, [known("disposition", "2026-03-02", days=1)]) == SIGNED


def test_an_event_of_a_case_counts_whenever_it_was_and_for_that_case_alone():
    expiry = Expiry(event="disposition", system=NUMBER[0], value=NUMBER[1])
    assert end(expiry, SIGNED, [known("disposition", "2026-01-01", NUMBER)]) == instant("2026-01-01")
    assert end(expiry, SIGNED, [known("disposition", "2026-05-01", (NUMBER[0], "2026CR2"))]) is None


def test_what_events_close_for_some_stays_open_for_others():
    for_one = Expiry(event="release", recipients=("Organization/pretrial",))
    events = [known("release", "2026-04-01")]
    assert ended([for_one], SIGNED, events, instant("2026-03-31")) == ()
    (denial,) = ended([for_one], SIGNED, events, instant("2026-04-01"))
    assert denial.criteria[0].names == {"Organization/pretrial"}
    assert ended([for_one, Expiry(event="release")], SIGNED, events, instant("2026-04-01")) is None


def test_an_extension_is_what_it_says():
    expiry = Expiry(event="disposition", system=NUMBER[0], value=NUMBER[1], recipients=("Organization/a",))
    assert expiries({"extension": [expiry.extension(), {"url": "https://other.example"}]}) == ((expiry,), False)
    assert expiries({}) == ((), False)


@pytest.mark.parametrize(
    "parts",
    [
        None,
        [],
        [{"url": "event", "valueCode": "eclipse"}],
        [{"url": "event"}],
        [{"url": "event", "valueCode": "release"}, {"url": "weather", "valueCode": "rain"}],
        [{"url": "event", "valueCode": "release"}, {"url": "identifier", "valueIdentifier": {"value": "1"}}],
        [{"url": "event", "valueCode": "release"}, {"url": "recipient", "valueReference": {"reference": "them"}}],
        [{"url": "identifier", "valueIdentifier": CASE}],
    ],
)
def test_an_event_that_cannot_be_read_ends_every_permit(parts):
    made = authored()
    assert permits([made], "cottonwood", "TREAT", "MH")
    made["extension"].append({"url": EXPIRY_EVENT, **({} if parts is None else {"extension": parts})})
    assert expiries(made) == ((), True)
    assert not permits([made], "cottonwood", "TREAT", "MH")


def test_a_consent_ends_with_its_event():
    made = authored(expires_on={"event": "release"})
    gone = [known("release", "2026-04-01T08:00:00-06:00")]
    for events, day, expected in (((), "2026-05-01", True), (gone, "2026-03-31", True), (gone, "2026-05-01", False)):
        assert permits([made], "cottonwood", "TREAT", "MH", at=instant(day), events=events) is expected
    assert not permits([made], "cottonwood", "TREAT", "MH", at=instant("2027-03-03"))


def test_a_timeline_is_cut_at_the_event():
    directive = read(authored(CONDITION) | {"id": "c"})
    decided = known("disposition", "2026-05-05", NUMBER)
    spans = timeline([directive], DENVER, events=[decided])
    assert [span.start for span in spans][1:] == [SIGNED, decided.start]
    assert [bool(span.policy.directives) for span in spans] == [False, True, False]


def test_a_consent_without_a_date_ends_with_whatever_event_is_known():
    undated = authored(expires_on={"event": "release"})
    del undated["dateTime"]
    assert not permits([undated], "cottonwood", "TREAT", "MH", events=[known("release", "2020-01-01")])


def test_every_event_has_words():
    assert set(EVENTS) == {"release", "discharge", "disposition", "end-of-treatment", "none"}
    assert all(EVENTS.values())
