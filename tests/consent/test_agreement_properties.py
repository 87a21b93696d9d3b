"""Agreements against a plain reading, day by day, and what adding, ending and signing may change."""

from datetime import date, timedelta
from functools import reduce
from itertools import pairwise
from operator import or_

from agreement_builders import bounds, contract, first, grant, memorandum, recipient, segment, signatory
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.consent.bases import ALL, CONTRACT, UNBOUND, mask
from adapter.fhir.dates import MAX, MIN

PARTIES = ("jail-medical", "pretrial", "probation")
PURPOSES = ("pretrial-release", "supervision")
CLASSES = ("screening-summary", "screening-detail")
BEGIN = date(2026, 1, 1)
SPAN = 10
"""Days in which everything of these tests happens; small, so that dates meet."""

days = st.integers(0, SPAN).map(lambda number: BEGIN + timedelta(days=number))
some = lambda values: st.lists(st.sampled_from(values), min_size=1, unique=True)  # noqa: E731 - a strategy
signatures = st.lists(st.builds(signatory, st.sampled_from(PARTIES), days), max_size=5)


@st.composite
def grants(draw, name=None):
    found = grant(
        draw(st.sampled_from(PARTIES)),
        purposes=draw(some(PURPOSES)),
        classes=draw(some(CLASSES)),
        bases=draw(some(("consent", "T", "K", "Q", "X"))),
    )
    return found if name is None else found | {"grant": name}


@st.composite
def directions(draw):
    return {"senders": draw(some(PARTIES)), "recipients": draw(some(PARTIES)), "classes": draw(some(CLASSES))}


@st.composite
def amendments(draw, directed):
    dates = sorted(draw(st.lists(days, max_size=2)))
    names, found = ["g0", "g1"], []
    for number, day in enumerate(dates, 1):
        added = [draw(grants(f"a{number}"))] if draw(st.booleans()) else []
        found.append(
            {
                "number": number,
                "date": str(day),
                "summary": "a change",
                "ends": draw(st.lists(st.sampled_from(names), max_size=2, unique=True)),
                "adds": added,
                "withdraws": draw(st.lists(st.sampled_from(PARTIES), max_size=1)),
                "signatories": draw(signatures),
                "directions": draw(st.lists(directions(), max_size=1)) if directed else [],
            }
        )
        names += [one["grant"] for one in added]
    return found


@st.composite
def agreements(draw, name="mou"):
    start = draw(days)
    directed = draw(st.lists(directions(), max_size=2))
    ends = draw(st.none() | st.integers(0, SPAN).map(lambda number: start + timedelta(days=number)))
    return memorandum(
        draw(grants("g0")),
        draw(grants("g1")),
        agreement=name,
        parties=list(PARTIES),
        start=str(start),
        end=None if ends is None else str(ends),
        signatories=draw(signatures),
        directions=directed,
        amendments=draw(amendments(bool(directed))),
    )


who = st.builds(recipient, st.sampled_from(PARTIES), st.sampled_from(PURPOSES))
what = st.builds(segment, st.sampled_from((*PARTIES, "stranger")), tier=st.sampled_from(("summary", "detail")))


def plain(agreement, day, asks, sent):
    """What one agreement allows on a day, read clause by clause as a person reads it."""
    to, (_, purpose) = asks.organisation.removeprefix("Organization/"), asks.purposes[0]
    sender = sent.unit.removeprefix("Organization/")
    kind = "screening-summary" if sent.tier == "summary" else "screening-detail"
    made = [item for item in agreement.amendments if item.date <= day]
    over = day < agreement.start or (agreement.end is not None and day > agreement.end)
    left = any(party in item.withdraws for item in made for party in (to, sender))
    routes = [*agreement.directions, *(one for item in made for one in item.directions)]
    sends = any(sender in one.senders and to in one.recipients and kind in one.classes for one in routes)
    if over or left or not (sends if agreement.directions else sender in agreement.parties):
        return 0

    def signed(party, papers):
        return any(one.organisation == party and one.date <= day for paper in papers for one in paper.signatories)

    allowed = 0
    for place, listed in enumerate([agreement.grants, *(item.adds for item in made)]):
        papers = [agreement, *agreement.amendments][place:]
        for one in listed if signed(to, papers) and signed(sender, papers) else ():
            ended = any(one.grant in item.ends for item in made)
            if one.recipient == to and purpose in one.purposes and kind in one.classes and not ended:
                allowed |= reduce(or_, (mask(code) for code in one.bases)) & ~CONTRACT
    return allowed


def at(rows, instant):
    (row,) = [row for row in rows if row.start <= instant < row.stop]
    return row.bases


@settings(max_examples=200, deadline=None)
@given(agreements(), who, what)
def test_bounds_are_what_a_plain_reading_finds_on_each_day(agreement, asks, sent):
    rows = bounds([agreement], asks, sent, floor=1 << 60)
    if asks.organisation == sent.unit:
        return
    for number in range(-1, 2 * SPAN + 2):
        day = BEGIN + timedelta(days=number)
        expected = plain(agreement, day, asks, sent)
        for instant in (first(day), first(day + timedelta(days=1)) - 1):
            assert at(rows, instant) & ~(1 << 60) == expected, day


@settings(max_examples=80, deadline=None)
@given(st.lists(agreements(), max_size=3), who, what)
def test_bounds_are_disjoint_and_cover_all_time(found, asks, sent):
    rows = bounds(found, asks, sent, floor=UNBOUND)
    if asks.organisation != sent.unit:
        assert (rows[0].start, rows[-1].stop) == (MIN, MAX)
        assert all(earlier.stop == later.start for earlier, later in pairwise(rows))
        assert all(row.start < row.stop and row.bases & UNBOUND == UNBOUND for row in rows)
        assert all(row.bases & ~ALL == 0 for row in rows)


def every_edge(*bounds_of):
    return sorted({row.start for rows in bounds_of for row in rows})


@settings(max_examples=80, deadline=None)
@given(st.lists(agreements(), max_size=3), who, what)
def test_several_agreements_allow_exactly_what_one_of_them_allows(found, asks, sent):
    together = bounds(found, asks, sent, floor=UNBOUND)
    apart = [bounds([one], asks, sent, floor=UNBOUND) for one in found]
    for instant in every_edge(together, *apart):
        union = reduce(or_, (at(rows, instant) for rows in apart), at(bounds([], asks, sent, floor=UNBOUND), instant))
        assert at(together, instant) == union


@settings(max_examples=80, deadline=None)
@given(st.lists(agreements(), max_size=2), agreements("other"), who, what)
def test_adding_an_agreement_removes_nothing_and_order_changes_nothing(found, other, asks, sent):
    before, later = bounds(found, asks, sent, floor=UNBOUND), bounds([*found, other], asks, sent, floor=UNBOUND)
    for instant in every_edge(before, later):
        assert at(before, instant) & ~at(later, instant) == 0
    assert bounds([other, *reversed(found)], asks, sent, floor=UNBOUND) == later


@settings(max_examples=80, deadline=None)
@given(agreements(), days, who, what)
def test_ending_a_grant_removes_exactly_its_share_from_that_date(agreement, day, asks, sent):
    """An amendment after all others that ends the first grant changes nothing before its date."""
    last = max([item.date for item in agreement.amendments], default=day)
    cut = max(day, last)
    ending = {"number": len(agreement.amendments) + 1, "date": str(cut), "summary": "ends", "ends": ["g0"]}
    written = agreement.model_dump(mode="json")
    ended = type(agreement).model_validate(written | {"amendments": [*written["amendments"], ending]})
    without = type(agreement).model_validate(
        written | {"grants": [*written["grants"][1:], written["grants"][0] | {"purposes": ["nothing"]}]}
    )
    before, now, rest = (bounds([one], asks, sent, floor=UNBOUND) for one in (agreement, ended, without))
    for instant in every_edge(before, now, rest):
        assert at(now, instant) == (at(before, instant) if instant < first(cut) else at(rest, instant))


@settings(max_examples=100, deadline=None)
@given(agreements(), st.sampled_from(PARTIES), who, what)
def test_without_a_signature_of_its_recipient_nothing_is_in_force(agreement, party, asks, sent):
    written = agreement.model_dump(mode="json")
    written["signatories"] = [one for one in written["signatories"] if one["organisation"] != party]
    for item in written["amendments"]:
        item["signatories"] = [one for one in item["signatories"] if one["organisation"] != party]
    unsigned = type(agreement).model_validate(written)
    if party in {asks.organisation.removeprefix("Organization/"), sent.unit.removeprefix("Organization/")}:
        if asks.organisation != sent.unit:
            assert bounds([unsigned], asks, sent) == []
    else:
        assert bounds([unsigned], asks, sent) == bounds([agreement], asks, sent)


@settings(max_examples=60, deadline=None)
@given(agreements(), days, days)
def test_the_contract_basis_comes_from_a_contract_alone_and_while_it_holds(agreement, start, signed):
    found = contract(start=str(start), end=None, signatories=[signatory("vendor", signed), signatory("jail-medical")])
    asks, sent = recipient("vendor", "HOPERAT"), segment("jail-medical")
    rows = bounds([agreement, found], asks, sent, floor=UNBOUND)
    begins = first(max(start, signed))
    for instant in (begins - 1, begins, begins + 10**15):
        assert bool(at(rows, instant) & CONTRACT) is (instant >= begins)
