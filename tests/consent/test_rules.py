"""The compiled form: rule and exception over the timeline say what decide says."""

import itertools
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from compiled import Compiled
from consent_builders import DENVER, LOCAL, X, consent, deny, observation, part2_consent, permit
from consent_strategies import by_seed, lines
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.consent import cases
from adapter.consent.decide import Case, decide, record
from adapter.consent.directive import applicable, read
from adapter.consent.evaluate import Effect
from adapter.consent.force import Combination
from adapter.consent.names import AtHand
from adapter.consent.policy import Policy, timeline
from adapter.consent.provision import body_of
from adapter.consent.recipient import close
from adapter.consent.rules import exception, rule
from adapter.consent.segment import segment_of
from adapter.fhir.dates import MAX, MIN, interval

SEEDS = 800
PERSON = frozenset({"Patient/a"})
NOBODY = AtHand()


def policies(directives, stated=(), combination=Combination.DENY_OVERRIDES, at_hand=NOBODY):
    theirs = [one for one in (applicable(each, PERSON, at_hand) for each in directives) if one is not None]
    return timeline(theirs, DENVER, stated=stated, combination=combination)


def assert_compiled_agrees(line, combination):
    case = replace(cases.case_of(line), combination=combination)
    compiled = Compiled()
    said = compiled.verdicts(case)
    if said is None:
        return None
    assert compiled.disagrees(case, decide(case)) == ""
    (spans,) = compiled.timelines.values()
    assert (spans[0].start, spans[-1].stop) == (MIN, MAX)
    assert all(left.stop == right.start for left, right in itertools.pairwise(spans))
    assert all(len(span.sources) == len(span.policy.directives) for span in spans)
    return said[0].effect


def single(line):
    """The same line about one patient only; a person's policies know no other."""
    for one in line["consents"]:
        one["patient"] = {"reference": "Patient/a"}
    line["resource"].pop("focus", None)
    line["resource"]["subject"] = {"reference": "Patient/a"}
    line["labeller"] = "on"
    return line


@settings(max_examples=50, deadline=None)
@given(lines(), st.sampled_from(Combination))
def test_the_compiled_form_agrees_with_decide(line, combination):
    assert_compiled_agrees(single(line), combination)


@settings(max_examples=1, deadline=None)
@given(st.integers(0, 2**32).map(lambda start: start * SEEDS))
def test_the_compiled_form_agrees_on_many_seeds(start):
    seen = dict.fromkeys([*Effect, None], 0)
    for seed in range(start, start + SEEDS):
        line = single(by_seed(seed).line())
        seen[assert_compiled_agrees(line, list(Combination)[seed % 2])] += 1
    assert min(seen[effect] for effect in Effect) > SEEDS // 100


SUMMARY = segment_of(observation("MH"), tier="summary", regime="justice", unit="Organization/jail")
TREAT = close([X], AtHand([{"resourceType": "Organization", "id": "x"}]), purposes=[(LOCAL, "diversion")])


def current(*consents):
    at = interval("2026-11-22", DENVER)[0]
    return next(row[2:4] for row in policies(map(read, consents)) if row[0] <= at < row[1])


def signed(identity, patient, start, end):
    return consent(
        deny(
            permit(deny(labels=["42CFRPart2"]), actors=[X], purposes=["diversion"], labels=["MH"]),
            period={"start": start, "end": end},
        ),
        id=identity,
        patient={"reference": patient},
        dateTime=start,
        identifier=[{"system": "https://example.org/forms", "value": identity}],
    )


def test_the_same_form_with_the_same_choices_is_the_same_policy():
    first = signed("one", "Patient/a", "2026-01-01", "2027-01-01")
    second = signed("two", "Patient/b", "2026-05-05T10:00:00-06:00", "2027-06-06")
    policy, sources = current(first)
    other = next(
        row[2] for row in timeline([read(second)], DENVER) if row[0] <= interval("2026-11-22", DENVER)[0] < row[1]
    )
    assert policy.canonical() == other.canonical()
    assert sources == (("Consent/one",),)
    for word in (b"one", b"2026", b"Patient", b"2027"):
        assert word not in policy.canonical()


def test_equal_directives_are_said_once_and_name_every_consent():
    policy, sources = current(consent(permit(), id="one"), consent(permit(), id="two"), consent(deny(), id="three"))
    assert len(policy.directives) == 2
    assert sorted(sources) == [("Consent/one", "Consent/two"), ("Consent/three",)]


def test_the_order_of_consents_leaves_the_policy_alone():
    made = [consent(permit(), id="one"), consent(deny(labels=["SUD"]), id="two")]
    assert current(*made) == current(*reversed(made))


def test_the_timeline_turns_at_local_midnight_after_the_last_day():
    rows = policies([read(consent(permit(period={"start": "2026-03-01", "end": "2026-11-01"})))])
    assert [(row[0], row[1]) for row in rows] == [
        (MIN, interval("2026-03-01T00:00:00-07:00", DENVER)[0]),
        (interval("2026-03-01T00:00:00-07:00", DENVER)[0], interval("2026-11-02T00:00:00-07:00", DENVER)[0]),
        (interval("2026-11-02T00:00:00-07:00", DENVER)[0], MAX),
    ]
    assert rows[1][1] - rows[1][0] == (timedelta(days=246) + timedelta(hours=0)) // timedelta(microseconds=1)


def test_neighbouring_intervals_with_one_policy_are_one_row():
    rows = policies([read(consent(permit(deny(period={"start": "2030"}, labels=["SUD"]), period={"end": "2020"})))])
    assert len(rows) == 2


def test_no_consent_is_one_empty_policy_that_denies():
    ((start, stop, policy, sources, _),) = policies([])
    assert (start, stop, policy.directives, sources) == (MIN, MAX, (), ())
    assert rule(policy, TREAT, SUMMARY).effect is Effect.DENY


@pytest.mark.parametrize(
    "elements",
    [
        {"codes": ["718-7"]},
        {"dataPeriod": {"start": "2022"}},
        {"data": [("authoredby", "Practitioner/z")]},
    ],
)
def test_what_only_the_resource_can_tell_makes_an_exception(elements):
    policy, _ = current(consent(permit(deny(**elements))))
    assert rule(policy, TREAT, SUMMARY).effect is Effect.EXCEPTION


def test_a_deferred_criterion_that_changes_nothing_makes_no_exception():
    policy, _ = current(consent(deny(deny(codes=["718-7"]))))
    assert rule(policy, TREAT, SUMMARY).effect is Effect.DENY


def test_a_part2_unit_needs_a_part2_consent_even_without_the_label():
    segment = replace(SUMMARY, regime="part2")
    policy, _ = current(consent(permit(actors=[X])))
    assert rule(policy, TREAT, segment).effect is Effect.DENY
    policy, _ = current(part2_consent(permit(actors=[X])))
    verdict = rule(policy, TREAT, segment)
    assert verdict.effect is Effect.PERMIT
    assert verdict.obligations[0].code == "42CFRPart2"


def test_which_part2_consent_permits_may_depend_on_the_resource():
    segment = replace(SUMMARY, regime="part2")
    exceptional = deny(permit(actors=[X], codes=["718-7"]))
    policy, _ = current(consent(permit()), part2_consent(exceptional, id="d"))
    assert rule(policy, TREAT, segment).effect is Effect.EXCEPTION
    policy, _ = current(part2_consent(permit(deny(permit(actors=[X]), codes=["718-7"]))))
    assert rule(policy, TREAT, segment).effect is Effect.EXCEPTION


def test_a_part2_consent_that_permits_leaves_what_another_denies_to_the_resource():
    segment = replace(SUMMARY, regime="part2")
    named = part2_consent(permit(actors=[X]))
    policy, _ = current(named, consent(deny(codes=["718-7"]), id="d"))
    assert rule(policy, TREAT, segment).effect is Effect.EXCEPTION
    policy, _ = current(named, consent(deny(codes=["718-7"], labels=["SUD"]), id="d"))
    assert rule(policy, TREAT, segment).effect is Effect.PERMIT


def test_the_scope_of_a_consent_stays_the_same_however_often_it_is_asked_for():
    segment = replace(SUMMARY, regime="part2")
    inner = permit(deny(permit(actors=[X], purposes=["diversion"]), purposes=["diversion"]), purposes=["diversion"])
    policy, _ = current(part2_consent(inner))
    scopes = {rule(policy, TREAT, segment).obligations[-1] for _ in range(3)}
    assert [(one.text, one.path) for one in scopes] == [
        ("disclosure to this recipient only; purposes: diversion", "provision[0].provision[0].provision[0]")
    ]


def test_the_reasons_of_a_rule_name_directives_by_index():
    policy, _ = current(consent(permit(deny(labels=["SUD"]))))
    sources = [reason.source for reason in rule(policy, TREAT, SUMMARY).reasons]
    assert sources == ["0#provision[0].provision[0]", "0#provision[0]", "0"]


def test_a_case_with_two_patients_is_both_their_policies():
    directives = (read(consent(permit())),)
    resource = observation(focus=[{"reference": "Patient/b"}])
    asked = Case(
        directives=directives,
        recipient=TREAT,
        at=interval("2026-11-22", DENVER)[0],
        zone=DENVER,
        record=record(resource, NOBODY),
    )
    assert decide(asked).effect is Effect.DENY


def test_a_period_nobody_can_tell_stays_unknown_and_names_no_date():
    evening = {"start": "2026-11-22T20:00:00-07:00", "end": "2026-11-22"}
    ((_, _, policy, *_),) = timeline([read(consent(permit(period=evening)))], UTC)
    assert b"2026" not in policy.canonical()
    assert rule(Policy.parse(policy.canonical()), TREAT, SUMMARY).effect is Effect.DENY


EVERY_ELEMENT = {
    "period": {"end": "2030"},
    "actors": [X],
    "actions": ["access"],
    "labels": ["SUD", "R", "42CFRPart2"],
    "purposes": ["TREAT"],
    "classes": ["Observation"],
    "codes": ["718-7"],
    "dataPeriod": {"start": "2020"},
    "data": [("instance", "Observation/o")],
    "novel": 1,
}


def test_a_body_with_every_criterion_survives_its_canonical_form():
    body = read(part2_consent(permit(deny(**EVERY_ELEMENT), **EVERY_ELEMENT))).body
    assert len(body.provisions[0].criteria) == len(EVERY_ELEMENT)
    assert body_of(body.canonical()) == body


def test_an_exception_for_something_that_is_no_resource():
    policy, _ = current(consent(permit(deny(codes=["718-7"], dataPeriod={"start": "2000"}))))
    assert exception(policy, TREAT, SUMMARY, {"id": "o"}, NOBODY, zone=DENVER).effect is Effect.DENY
