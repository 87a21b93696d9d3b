"""What pairs are once everything that touches them is known; the order in which it came does not matter."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st
from told import ADA, BARE, MATCHER, traits

from adapter.identity.match import Band
from adapter.identity.names import Name
from adapter.identity.settle import DIFFERENT, LIKELY, SAME, Decision, Graph, Record, pair_of


def graph(records, decided=None):
    bands = {
        (one, other): MATCHER.band(
            records[one].traits,
            records[other].traits,
            MATCHER.compare(records[one].traits, records[other].traits),
        )
        for one, other in combinations(sorted(records), 2)
        if records[one].source != records[other].source
    }
    made = Graph(MATCHER, records, bands, decided or {})
    return {pair: made.state(*pair, band) for pair, band in bands.items()}


def people(*told, sources="abcdefgh"):
    return {place: Record(sources[place], one) for place, one in enumerate(told)}


NAMESAKE = ADA._replace(ssn="218449031", ssn_last4="9031", state_id="CO2", numbers=("jail|J9",))


def test_who_could_be_either_of_two_persons_is_neithers_without_a_person_who_decides():
    assert graph(people(ADA, BARE))[0, 1] is Band.LINK
    found = graph(people(ADA, BARE, NAMESAKE))
    assert found[0, 1] is found[1, 2] is Band.REVIEW
    assert found[0, 2] <= Band.REVIEW


def test_a_namesake_does_not_take_back_what_a_number_confirms():
    twice = BARE._replace(numbers=("jail|J1",))
    found = graph(people(ADA, twice, NAMESAKE._replace(ssn="", ssn_last4="")))
    assert found[0, 1] is Band.CONFIRMED
    assert found[1, 2] <= Band.REVIEW


def test_two_numbers_that_lead_to_different_persons_confirm_neither():
    between = ADA._replace(state_id="CO2", ssn="433276001")
    one = ADA._replace(state_id="", numbers=())
    other = NAMESAKE._replace(ssn="218449031")
    found = graph(people(one, between._replace(numbers=()), other._replace(numbers=())))
    assert found[1, 2] <= Band.REVIEW


def test_a_record_without_a_number_is_not_linked_beside_another_of_its_source():
    plain = BARE._replace(names=(Name("marsh", "ada"),))
    assert graph(people(ADA, plain))[0, 1] is Band.LINK
    beside = graph(people(ADA, plain, plain._replace(numbers=("jail|J1",)), sources="abb"))
    assert beside[0, 1] is Band.REVIEW
    assert beside[0, 2] is Band.CONFIRMED


def test_a_middle_name_is_known_of_confirmed_records_too():
    jail = BARE._replace(names=(Name("marsh", "ada"),), numbers=("jail|J1",))
    other_middle = BARE._replace(names=(Name("marsh", "ada", "ann"),), ssn_last4="")
    assert graph(people(jail, other_middle))[0, 1] is Band.LINK
    assert graph(people(jail, other_middle, ADA._replace(ssn="", ssn_last4="", state_id="")))[0, 1] is Band.REVIEW


def test_what_somebody_decided_comes_first():
    pair = (0, 1)
    assert graph(people(ADA, ADA), {pair: Decision(DIFFERENT, frozenset())})[pair] is Band.NONE
    assert graph(people(ADA, BARE), {pair: Decision(SAME, frozenset())})[pair] is Band.CONFIRMED
    knowing = frozenset({"ssn", "state_id"})
    assert graph(people(ADA, NAMESAKE), {pair: Decision(SAME, knowing)})[pair] is Band.CONFIRMED
    assert graph(people(ADA, NAMESAKE), {pair: Decision(SAME, frozenset({"ssn"}))})[pair] is Band.REVIEW


def test_two_records_that_are_decided_to_differ_stand_against_each_others_partners():
    found = graph(people(ADA, ADA._replace(state_id=""), ADA), {(0, 2): Decision(DIFFERENT, frozenset())})
    assert found[0, 1] is found[1, 2] is Band.REVIEW
    assert found[0, 2] is Band.NONE


def test_a_doubted_record_links_to_nobody():
    records = people(ADA, ADA)
    assert graph(records | {1: records[1]._replace(doubted=True)})[0, 1] is Band.REVIEW


@settings(deadline=None, max_examples=60)
@given(st.lists(traits(), min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_names_of_records_and_their_order_change_nothing(told, random):
    records = people(*told, sources="abab") if len(told) < 5 else people(*told, sources="ababc")
    renamed = list(range(100, 100 + len(told)))
    random.shuffle(renamed)
    found = graph(records)
    again = graph({renamed[place]: record for place, record in records.items()})
    assert {pair_of(renamed[one], renamed[other]): state for (one, other), state in found.items()} == again


@settings(deadline=None, max_examples=80)
@given(st.lists(traits(), min_size=2, max_size=5))
def test_nothing_that_contradicts_is_linked_by_itself(told):
    records = people(*told)
    for (one, other), state in graph(records).items():
        if MATCHER.compare(records[one].traits, records[other].traits).contradicting:
            assert state <= Band.REVIEW


def test_what_a_source_says_of_its_own_records_makes_a_likely_pair_and_no_more():
    pair, said = (0, 1), {(0, 1): Decision(LIKELY, frozenset())}
    other = BARE._replace(names=(Name("oak", "ada"),))
    assert graph(people(BARE, other), said)[pair] is Band.LINK
    assert graph(people(ADA, ADA._replace(names=other.names)), said)[pair] is Band.CONFIRMED


def test_whatever_speaks_against_a_merge_it_stays_a_likely_pair_until_somebody_decides():
    pair = (0, 1)
    for said in (Decision(LIKELY, frozenset()), Decision(SAME, frozenset(), merged=True)):
        assert graph(people(ADA, NAMESAKE), {pair: said})[pair] is Band.LINK
    doubted = {0: people(ADA)[0]._replace(doubted=True), 1: people(ADA, BARE)[1]}
    assert graph(doubted, {pair: Decision(LIKELY, frozenset())})[pair] is Band.LINK
    assert graph(people(ADA, ADA), {pair: Decision(DIFFERENT, frozenset(), merged=True)})[pair] is Band.NONE
