"""The words of explanations: records, laws, grounds and what is known of a person, each with its section."""

import pytest
from consent_builders import ORGANISATIONS, REASON, X

from adapter.consent.bases import CONSENT, CUSTODY, TREATMENT
from adapter.consent.names import AtHand
from adapter.consent.recipient import close
from adapter.consent.segment import Segment
from adapter.consent.standing import AGE, ASSERTION, HOLD, RESTRICTION, Fact
from adapter.consent.standing import CUSTODY as IN_CUSTODY
from adapter.consent.standing import TREATMENT as TREATED
from adapter.consent.wording import (
    bases_told,
    basis_told,
    classes_told,
    fact_told,
    granted_told,
    record_told,
    regime_told,
    same_name,
)

NAMES = {X: "Xenia Services", "Organization/y": "York Clinic", "Organization/unit": "Unit Nine"}
ASKING = close([X], AtHand(ORGANISATIONS), purposes=[(REASON, "TREAT")], organisation=X)


def name(reference):
    return NAMES.get(reference, reference)


def test_a_record_and_its_law_are_told():
    labelled = Segment(
        type="Observation", tier="summary", regime="part2", unit="Organization/unit", labels=(("s", "MH"), ("s", "R"))
    )
    assert record_told(labelled, name) == (
        "The record is a screening summary (Observation) made by Unit Nine, labelled MH, R."
    )
    assert regime_told(labelled) == (
        "It stands under the rules for records of substance use disorder programs.",
        "42 CFR part 2",
    )
    bare = Segment(type="Encounter", tier="detail", regime="justice")
    assert "made by Organization/unit" in record_told(labelled, same_name)
    assert record_told(bare, same_name) == "The record is a record in full detail (Encounter)."
    assert granted_told("booking", bare) == "bookings under local law on justice records"
    assert granted_told("", bare) == "records of type Encounter under local law on justice records"


def test_grounds_and_classes_in_words():
    assert bases_told(CONSENT | TREATMENT | CUSTODY) == [
        "a written consent",
        "a recorded treatment relationship",
        "lawful custody",
    ]
    assert bases_told(0) == []
    assert basis_told("E") == ("a medical emergency", "42 CFR 2.51")
    assert basis_told("Z") == ("the basis Z", "")
    assert classes_told(()) == "any record"
    assert classes_told(("booking", "odd")) == "bookings and odd"


@pytest.mark.parametrize(
    ("fact", "outcome", "says", "citation"),
    [
        (Fact(kind=HOLD), "deny", "A hold stops everything to anyone.", ""),
        (Fact(kind=HOLD, recipient=X), "deny", "A hold stops everything to Xenia Services.", ""),
        (
            Fact(kind=RESTRICTION, recipient=X, classes=("booking",), units=("Organization/unit",)),
            "deny",
            "A source agreed with the person not to give bookings of Unit Nine to Xenia Services.",
            "45 CFR 164.522(a)",
        ),
        (
            Fact(kind=AGE, value="16"),
            "noted",
            "The person is 16 years old, so whose signature counts is for the law.",
            "42 CFR 2.14, 45 CFR 164.502(g)",
        ),
        (
            Fact(kind=AGE, value="unknown"),
            "noted",
            "No record tells when the person was born, so whose signature counts is for the law.",
            "42 CFR 2.14, 45 CFR 164.502(g)",
        ),
        (
            Fact(kind=IN_CUSTODY, recipient=X, value="0"),
            "noted",
            "Xenia Services has the person in custody.",
            "45 CFR 164.512(k)(5)",
        ),
        (
            Fact(kind=TREATED, recipient=X),
            "noted",
            "Xenia Services has a recorded treatment relationship with the person.",
            "45 CFR 164.506(c)",
        ),
        (
            Fact(kind=ASSERTION, basis="E", recipient=X, purpose="TREAT", units=("Organization/unit",)),
            "noted",
            "Recorded for Xenia Services for TREAT: a medical emergency, for any record of Unit Nine.",
            "42 CFR 2.51",
        ),
        (
            Fact(kind=ASSERTION, basis="J", recipient=X, purpose="diversion"),
            "not-applicable",
            (
                "Recorded for Xenia Services for diversion: a serious and imminent threat, for any record; not for "
                "this request."
            ),
            "45 CFR 164.512(j)(1)(i)",
        ),
        (
            Fact(kind=ASSERTION, basis="J", recipient="Organization/y"),
            "not-applicable",
            "Recorded for York Clinic: a serious and imminent threat, for any record; not for this request.",
            "45 CFR 164.512(j)(1)(i)",
        ),
    ],
)
def test_what_is_known_of_a_person_is_told_with_its_section(fact, outcome, says, citation):
    assert fact_told(fact, ASKING, name) == (outcome, says, citation)


@pytest.mark.parametrize("kind", [HOLD, RESTRICTION, IN_CUSTODY, TREATED])
def test_what_concerns_another_recipient_is_not_told(kind):
    assert fact_told(Fact(kind=kind, recipient="Organization/y"), ASKING, name) is None


def test_a_kind_of_fact_nobody_has_words_for_is_left_out():
    assert fact_told(Fact(kind="other"), ASKING, name) is None
