"""What has to be recorded to assert a basis: every fact that is missing or wrong is named, and none is repeated."""

import pytest
from law_builders import LAW, LEGAL, PROGRAM, SUMMARY, asked_by, asserted, county_of, law_of, org, permitted, shipped

from adapter.consent.law.facts import assertion_value, check_assertion, required_facts
from adapter.consent.law.matter import matter_of

HOUR = 3_600_000_000
NOON = 1_795_348_800_000_000
"""2026-11-22T12:00:00Z in epoch microseconds."""
COMPLETE = {
    "K": {"official": "Sgt. A. Example", "representation": "needed for housing", "purpose_letter": "B"},
    "J": {"facts": "said so", "imminence": "tonight", "ability": "is on the scene", "supervisor": "Lt. B. Example"},
    "E": {
        "recipient_name": "Dr. C. Example",
        "recipient_facility": "Alder Hospital",
        "discloser": "D. Example",
        "disclosed_at": "2026-11-22T12:00:00Z",
        "nature": "overdose",
    },
    "O": {
        "court": "District Court",
        "order": "D-1-2026",
        "scope": "the screening result of March",
        "authority": ["2.64", "hipaa"],
        "notes": False,
        "mandate": True,
        "expires": "2026-11-23T12:00:00+00:00",
        "reviewer": "E. Example",
    },
    "X": {
        "proceeding": "CR-1",
        "scope": "the screening result of March",
        "counsel_consulted": True,
        "consent_date": "2026-11-22",
    },
}
RECIPIENTS = {"K": "custody", "J": "custody", "E": "clinic", "O": "court", "X": "court"}


def found(basis, facts, *, start=NOON, stop=NOON + HOUR, law=LAW, fact=None):
    return {
        issue.path: (issue.code, issue.message)
        for issue in check_assertion(basis, facts, start=start, stop=stop, law=law, fact=fact)
    }


def without(basis, *names):
    return {name: value for name, value in COMPLETE[basis].items() if name not in names}


@pytest.mark.parametrize("basis", COMPLETE)
def test_complete_facts_have_no_issues(basis):
    fact = asserted(basis, RECIPIENTS[basis], units=["clinic"])
    assert found(basis, COMPLETE[basis], fact=fact) == {}
    assert found(basis, COMPLETE[basis]) == {}
    assert {fact.name for fact in required_facts(LAW, basis)} == COMPLETE[basis].keys()


@pytest.mark.parametrize(("basis", "name"), [(basis, name) for basis in COMPLETE for name in COMPLETE[basis]])
def test_each_missing_fact_is_named_with_its_place_in_the_law(basis, name):
    ((path, (code, message)),) = found(basis, without(basis, name)).items()
    assert (path, code) == (f"facts.{name}", "required")
    assert "CFR" in message or "county policy" in message


WRONG = [
    ("K", "official", ["", "  ", 7, None]),
    ("K", "purpose_letter", ["G", "b", 1, ["A"]]),
    ("E", "disclosed_at", ["2026-11-22", "2026-11-22T12:00:00", "noon", 7, "2026-11-22 12:00:00+00:00"]),
    ("O", "authority", ["2.64", [], ["2.66"], [["2.64"]], None]),
    ("O", "mandate", ["yes", 1, None]),
    ("X", "consent_date", ["2026-11", "22.11.2026", "2026-13-01", "2026-1-01T", 7]),
]


@pytest.mark.parametrize(
    ("basis", "name", "value"), [(basis, name, value) for basis, name, values in WRONG for value in values]
)
def test_each_wrong_fact_is_named_and_not_repeated(basis, name, value):
    ((path, (code, message)),) = found(basis, COMPLETE[basis] | {name: value}).items()
    assert (path, code) == (f"facts.{name}", "value")
    assert "noon" not in message


def test_a_fact_that_nobody_asked_for_is_refused():
    assert found("J", COMPLETE["J"] | {"ssn": "123-45-6789"}) == {
        "facts.ssn": ("not-supported", "expected facts, imminence, ability, supervisor")
    }


@pytest.mark.parametrize("basis", ["T", "Q", "U", "Z", ""])
def test_only_some_bases_are_asserted(basis):
    assert found(basis, {}) == {"basis": ("value", "expected one of E, J, K, O, X")}
    assert required_facts(LAW, basis) == ()


LONGEST = {"K": (72, "72 hours"), "J": (24, "24 hours"), "E": (24, "24 hours"), "X": (90 * 24, "90 days")}


@pytest.mark.parametrize("basis", LONGEST)
def test_an_assertion_ends_soon_enough(basis):
    hours, text = LONGEST[basis]
    assert found(basis, COMPLETE[basis], stop=NOON + hours * HOUR) == {}
    assert text in found(basis, COMPLETE[basis], stop=NOON + hours * HOUR + 1)["stop"][1]
    assert "after the start" in found(basis, COMPLETE[basis], stop=NOON)["stop"][1]


def test_an_order_ends_no_later_than_it_expires():
    assert found("O", COMPLETE["O"], stop=NOON + 24 * HOUR) == {}
    assert "expires" in found("O", COMPLETE["O"], stop=NOON + 24 * HOUR + 1)["stop"][1]


def test_a_consent_for_a_proceeding_starts_no_earlier_than_it_was_signed():
    assert found("X", COMPLETE["X"] | {"consent_date": "2026-11-23"}) == {}
    assert "signed" in found("X", COMPLETE["X"] | {"consent_date": "2026-11-24"})["start"][1]


def test_kansas_asks_for_the_reasons_of_the_head_of_the_facility():
    law = law_of(county_of([shipped()["ks"]]))
    assert set(found("E", COMPLETE["E"], law=law)) == {"facts.head_of_facility", "facts.written_reasons"}
    reasons = {"head_of_facility": "F. Example", "written_reasons": "no other way"}
    assert found("E", COMPLETE["E"] | reasons, law=law) == {}
    assert found("K", COMPLETE["K"], law=law) == {}
    assert "facts.written_reasons" in found("E", COMPLETE["E"] | reasons)


@pytest.mark.parametrize(
    ("fact", "path", "code"),
    [
        (asserted("E", "nobody"), "recipient", "not-found"),
        (asserted("E", "custody"), "recipient", "business-rule"),
        (asserted("E", "clinic", purpose=""), "purpose", "required"),
        (asserted("E", "clinic", classes=()), "classes", "required"),
        (asserted("E", "clinic", classes=["gossip"]), "classes", "value"),
        (asserted("E", "clinic", units=["nowhere"]), "units", "not-found"),
    ],
)
def test_what_could_never_match_a_request_is_refused(fact, path, code):
    ((where, (kind, _)),) = found("E", COMPLETE["E"], fact=fact).items()
    assert (where, kind) == (path, code)


def test_the_value_of_an_order_is_the_words_of_its_authority():
    assert assertion_value("O", COMPLETE["O"]) == "2.64 hipaa"
    assert assertion_value("O", COMPLETE["O"] | {"authority": ("2.65",), "notes": True}) == "2.65 notes"
    assert assertion_value("O", COMPLETE["O"] | {"authority": "2.65"}) == ""
    assert assertion_value("E", COMPLETE["E"]) == ""
    order = asserted("O", "court", "HLEGAL", assertion_value("O", COMPLETE["O"]))
    for segment in (SUMMARY, PROGRAM):
        assert permitted(LAW, [order], asked_by("court", LEGAL), segment) == {"order"}


def test_what_can_be_asserted_is_a_class_that_records_have():
    matter = matter_of(
        asked_by("court"), SUMMARY, partners=LAW.partners, matrix=LAW.matrix, jurisdiction=LAW.jurisdiction
    )
    assert matter.data_class in asserted("E", "clinic").classes
    assert org("court") in matter.within
