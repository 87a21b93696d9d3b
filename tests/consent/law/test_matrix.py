"""The decision matrix: every row as the reference has it, and each cell as it decides."""

from dataclasses import replace

import pytest
import reference_matrix
import reference_record
from law_builders import (
    CONTRACTS,
    DETAIL,
    HELP,
    LAW,
    LEGAL,
    NOTES,
    PROGRAM,
    SUMMARY,
    TREAT,
    asked_by,
    asserted,
    checked,
    county_of,
    custody_of,
    documents,
    labels,
    law_of,
    org,
    paper,
    permitted,
    treats,
)

from adapter.consent.law.columns import COLUMNS, columns, content
from adapter.consent.law.matrix_spec import Matrix
from adapter.consent.law.partners import ENTITIES
from adapter.errors import ConfigurationError

OFFERS = checked().matrix.offers()
EXAMPLES = {
    "identity": replace(SUMMARY, tier="identity", type="Patient", labels=labels("R")),
    "mh-summary": SUMMARY,
    "mh-detail": DETAIL,
    "sud": replace(SUMMARY, domain="sud", labels=labels("SUD", "R")),
    "part2": PROGRAM,
    "notes": NOTES,
    "clinical": replace(DETAIL, type="Condition"),
    "risk": replace(SUMMARY, domain="risk", labels=labels("N")),
    "criminal-history": replace(DETAIL, domain="court", labels=labels("N")),
}
"""One record of each column, all but one of a covered source."""
RULES = {"T": "treatment", "K": "custody", "J": "threat", "E": "emergency", "O": "order", "Q": "contract"}
RULES["X"] = "proceeding"
PURPOSES = {"T": TREAT, "O": LEGAL, "X": LEGAL}


def data_class(segment):
    return reference_record.data_class(segment)


def facts_for(entity, segment):
    """Everything that could be on record for a recipient and a record."""
    classes = [data_class(segment)]
    for code in RULES:
        purpose = PURPOSES.get(code, HELP)[1]
        yield asserted(code, entity, purpose, "2.64 hipaa notes", classes)
    yield treats(entity)
    yield custody_of(entity)


@pytest.mark.parametrize("entity", ENTITIES)
def test_a_row_is_that_of_the_reference(entity):
    for column in COLUMNS:
        assert OFFERS[entity, column] == reference_matrix.cell(entity, column), column


@pytest.mark.parametrize("entity", ENTITIES)
def test_a_row_decides_as_it_stands(entity):
    contracts = [(segment.unit, org(entity)) for segment in EXAMPLES.values()]
    law = law_of(county_of(contracts=contracts))
    for column, segment in EXAMPLES.items():
        facts = list(facts_for(entity, segment))
        found = set()
        for code, rule in RULES.items():
            recipient = asked_by(entity, PURPOSES.get(code, HELP))
            if rule in permitted(law, facts, recipient, segment):
                found.add(code)
        # A recorded consent for a proceeding is about Part 2 records, and the reverse is said by the cell.
        assert found == OFFERS[entity, column].bases & RULES.keys(), column


@pytest.mark.parametrize("entity", ENTITIES)
def test_a_row_lets_a_release_speak_where_it_offers_one(entity):
    # An intermediary receives on a consent that names a participant.
    body = paper(names=[org(entity), org("member")])
    for column, segment in EXAMPLES.items():
        offered = bool({"U", "S", "own"} & OFFERS[entity, column].bases)
        spoke = LAW.silences(body, [], asked_by(entity, HELP), segment) is None
        assert spoke is (offered and column != "notes"), column


@pytest.mark.parametrize(
    ("instrument", "code", "segment", "purpose"),
    [
        ("criminal-justice", "C", PROGRAM, HELP),
        ("proceedings", "X", PROGRAM, LEGAL),
        ("psychotherapy-notes", "NC", NOTES, HELP),
        ("counseling-notes", "NC", replace(PROGRAM, tier="detail", labels=labels("PSYTHPN", "42CFRPart2")), HELP),
    ],
)
def test_the_other_papers_speak_where_their_code_stands(instrument, code, segment, purpose):
    column = "notes" if code == "NC" else "part2"
    spoke = {
        entity for entity in ENTITIES if LAW.silences(paper(instrument), [], asked_by(entity, purpose), segment) is None
    }
    assert spoke == {entity for entity in ENTITIES if code in OFFERS[entity, column].bases}


def test_each_example_is_in_its_column_alone():
    for column, segment in EXAMPLES.items():
        assert columns(segment, treatment_hidden=False) == {column}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"domain": "mh+sud", "labels": labels("MH", "SUD")}, {"mh-summary", "sud"}),
        ({"domain": "sud", "labels": labels("ETH")}, {"sud"}),
        ({"domain": "social", "labels": labels("N")}, {"mh-summary"}),
        ({"domain": "risk", "labels": labels("MH", "SUD")}, {"risk", "mh-summary", "sud"}),
        ({"domain": "court", "labels": labels("N")}, {"criminal-history"}),
        ({"domain": "court"}, {"criminal-history", "mh-summary"}),
        ({"labels": labels("BH")}, {"mh-summary", "sud"}),
        ({"labels": (("urn:x", "secret"),)}, {"mh-summary", "sud"}),
        ({"labels": (("", "x"),)}, {"mh-summary", "sud", "part2"}),
        ({"tier": "detail", "labels": labels("SUD")}, {"mh-detail", "sud"}),
        ({"tier": "detail", "domain": "risk", "labels": labels("N")}, {"mh-detail", "risk"}),
        ({"tier": "detail", "type": "Encounter"}, {"clinical"}),
        ({"tier": "detail", "type": "Encounter", "regime": "justice"}, {"identity"}),
        ({"tier": "detail", "domain": "booking"}, {"identity"}),
        ({"tier": "detail", "type": "MedicationStatement", "labels": labels("OPIOIDUD")}, {"clinical", "sud"}),
        ({"regime": "part2", "domain": "mh+sud"}, {"part2"}),
        ({"labels": labels("MH", "42CFRPart2")}, {"part2"}),
        ({"tier": "identity", "regime": "part2"}, {"part2"}),
        ({"labels": labels("HIPAAPsyNotes")}, {"notes"}),
        ({"regime": "part2", "labels": labels("PSYTHPN")}, {"notes"}),
    ],
)
def test_the_columns_of_a_record(changes, expected):
    assert columns(replace(SUMMARY, **changes), treatment_hidden=False) == expected


def test_where_the_fact_of_treatment_is_protected_a_health_sources_patient_is_as_protected_as_a_result():
    known = EXAMPLES["identity"]
    assert content(known, treatment_hidden=True) == {"identity", "mh-summary"}
    assert content(replace(known, regime="justice"), treatment_hidden=True) == {"identity"}


def test_a_record_in_two_columns_needs_its_basis_in_both():
    both = replace(SUMMARY, domain="mh+sud", labels=labels("MH", "SUD"))
    police = asked_by("law-enforcement")
    assert LAW.silences(paper(), [], police, SUMMARY) is None
    assert "sud" in LAW.silences(paper(), [], police, both)
    assert permitted(LAW, [asserted("J", "law-enforcement")], police, SUMMARY) == {"threat"}
    assert permitted(LAW, [asserted("J", "law-enforcement")], police, both) == set()


def test_details_of_a_part_2_record_go_on_a_consent_only_where_other_details_do():
    details = replace(PROGRAM, tier="detail")
    diagnosis = replace(details, type="Condition")
    assert LAW.silences(paper(), [], asked_by("clinic", TREAT), details) is None
    assert LAW.silences(paper("proceedings"), [], asked_by("court", LEGAL), PROGRAM) is None
    assert "no details" in LAW.silences(paper("proceedings"), [], asked_by("court", LEGAL), details)
    assert "no details" in LAW.silences(paper(), [], asked_by("social-services"), diagnosis)
    assert permitted(
        LAW, [asserted("O", "court", "HLEGAL", "2.64", ["screening-detail"])], asked_by("court", LEGAL), details
    )


def test_part_2_under_a_release_is_for_counsel_to_enable_partner_by_partner():
    for entity in ("pretrial", "supervision"):
        assert "part2" in LAW.silences(paper(), [], asked_by(entity), PROGRAM)
        enabled = law_of(county_of(enabled=[org(entity)]))
        assert enabled.silences(paper(), [], asked_by(entity), PROGRAM) is None
    assert enabled.silences(paper(), [], asked_by("pretrial"), PROGRAM) is not None
    nobody = law_of(county_of(enabled=[org("court"), org("prosecution")]))
    assert nobody.silences(paper(), [], asked_by("court"), PROGRAM) is not None


def test_what_counsel_enables_is_in_use_and_nothing_else():
    matrix = checked().matrix.enabling(["pretrial/mh-detail/U", "custody/clinical/K"], where="site.toml")
    assert matrix.offers()["pretrial", "mh-detail"] == ({"O", "U"}, set())
    law = law_of(county_of(), matrix=matrix)
    assert LAW.silences(paper(), [], asked_by("pretrial"), DETAIL) is not None
    assert law.silences(paper(), [], asked_by("pretrial"), DETAIL) is None
    assert checked().matrix.enabling([], where="site.toml") == checked().matrix


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("court/mh-detail/U", "it has none"),
        ("pretrial/clinical/K", "one of `disabled` in that cell: U"),
        ("pretrial/clinic/U", "recipient/column/basis"),
        ("nobody/clinical/U", "recipient/column/basis"),
        ("pretrial/title/U", "recipient/column/basis"),
        ("pretrial", "recipient/column/basis"),
    ],
)
def test_what_is_not_marked_cannot_be_enabled(choice, expected):
    with pytest.raises(ConfigurationError) as caught:
        checked().matrix.enabling([choice, "pretrial/mh-detail/U"], where="site.toml")
    (problem,) = caught.value.problems
    assert (problem.where, problem.path) == ("site.toml", "enabled")
    assert expected in problem.expected


def test_the_matrix_can_call_diversion_a_proceeding():
    matrix = Matrix.model_validate(
        documents()["matrix"] | {"purposes": {"proceedings": ["diversion"], "help": ["discharge-planning"]}}
    )
    law = law_of(county_of(contracts=CONTRACTS), matrix=matrix)
    assert LAW.silences(paper(), [], asked_by("defense", HELP), PROGRAM) is None
    assert "2.12(d)" in law.silences(paper(), [], asked_by("defense", HELP), PROGRAM)
    assert law.silences(paper("proceedings"), [], asked_by("defense", HELP), PROGRAM) is None
    planning = (HELP[0], "discharge-planning")
    assert law.silences(paper(), [], asked_by("defense", planning), PROGRAM) is None
