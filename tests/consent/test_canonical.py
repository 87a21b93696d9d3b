"""What is stored by its canonical bytes comes back whole, every field with a value of its own."""

from dataclasses import fields, replace

import pytest
from consent_builders import ACT, DENVER, LEVEL, observation

from adapter.consent.policy import Policy
from adapter.consent.provision import PATIENT, Body, Provision, body_of
from adapter.consent.recipient import RecipientContext
from adapter.consent.segment import Segment, segment_of

BODY = Body((Provision(2, "provision[0]"),), True, True, 3, "release", "parent", ("Organization/program",))  # noqa: FBT003
SEGMENT = Segment(
    type="Observation",
    profiles=("p", "q"),
    tier="summary",
    labels=((ACT, "SUD"), (LEVEL, "R")),
    regime="hipaa",
    domain="sud",
    unit="Organization/u",
    audience="Organization/a",
    writer="Organization/w",
)
RECIPIENT = RecipientContext(
    actors=frozenset({"Organization/x", "Group/g"}),
    purposes=(("s", "a"), ("s", "b")),
    organisation="Organization/x",
    outside=frozenset({"Group/h"}),
    beyond=frozenset({"Organization"}),
)


@pytest.mark.parametrize("whole", [SEGMENT, RECIPIENT], ids=["segment", "recipient"])
def test_it_comes_back_whole(whole):
    assert type(whole).parse(whole.canonical()) == whole
    stated = [one.name for one in fields(whole) if one.init]
    assert all(getattr(whole, name) for name in stated)


def test_a_body_comes_back_whole():
    assert body_of(BODY.canonical()) == BODY
    assert all(getattr(BODY, one.name) for one in fields(Body) if one.init)
    assert Policy.parse(Policy(directives=(BODY,)).canonical()).directives == (BODY,)
    assert replace(BODY, rank=4).canonical() != BODY.canonical()


def test_a_body_that_states_little_is_the_patients():
    plain = Body((Provision(2, "provision[0]"),))
    assert (plain.signer, plain.instrument, plain.rank, plain.fault) == (PATIENT, "", 0, "")
    assert body_of(plain.canonical()) == plain


def test_what_nobody_wrote_here_has_the_bytes_it_always_had():
    before = replace(SEGMENT, writer="")
    assert before.canonical() == (
        b'["Observation",["p","q"],"summary",[["%b","SUD"],["%b","R"]],"hipaa","sud","Organization/u","Organization/a"]'
        % (ACT.encode(), LEVEL.encode())
    )
    assert Segment.parse(before.canonical()) == before


def test_the_order_in_which_facets_are_stated_is_nothing():
    other = replace(SEGMENT, profiles=("q", "p", "p"), labels=SEGMENT.labels[::-1])
    assert other.canonical() == SEGMENT.canonical()


def test_a_segment_says_what_its_source_knows():
    resource = {**observation("SUD", "R"), "meta": {**observation("SUD", "R")["meta"], "profile": ["q", "p", "q"]}}
    made = segment_of(
        resource,
        tier="summary",
        regime="hipaa",
        domain="sud",
        unit="Organization/u",
        audience="Organization/a",
        writer="Organization/w",
    )
    assert made == SEGMENT
    bare = segment_of({"resourceType": 5}, tier="detail", regime="justice")
    assert bare == Segment(type="", tier="detail", regime="justice")
    assert DENVER.key == "America/Denver"
