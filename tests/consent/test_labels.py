"""Labels: given by content, source and sender, and read by criteria."""

import pytest
from consent_builders import ACT, LEVEL, LOINC, concept, consent, deny, effect, observation, permit

from adapter.consent.labels import CONTENT, ICD10, content_labels, labels_for, labels_of
from adapter.consent.segment import Segment, segment_of

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SECURITY = "https://example.org/labels"


def labelled(**keywords):
    return [code for _, code in labels_for(**keywords)]


@pytest.mark.parametrize(
    ("keywords", "codes"),
    [
        ({}, ["N"]),
        ({"instrument_labels": ["MH"]}, ["MH", "R"]),
        ({"instrument_labels": ["SDV", "V"]}, ["SDV", "V"]),
        ({"codes": [(LOINC, "75624-7")]}, ["SUD", "R"]),
        ({"codes": [(ICD, "F11.20")]}, ["SUD", "R"]),
        ({"codes": [(ICD, "f20")]}, ["MH", "R"]),
        ({"codes": [(ICD, "F99")]}, ["MH", "R"]),
        ({"codes": [(ICD, "F09"), (ICD, "E10"), (ICD, "G10")]}, ["N"]),
        ({"codes": [(LOINC, "82813-7")]}, ["MH", "SDV", "R"]),
        ({"codes": [(LOINC, "718-7")]}, ["N"]),
        ({"regime": "part2"}, ["42CFRPart2", "R"]),
        ({"regime": "part2", "instrument_labels": ["MH"]}, ["42CFRPart2", "MH", "R"]),
        ({"regime": "hipaa", "instrument_labels": ["SUD"]}, ["SUD", "R"]),
        ({"inbound": [(ACT, "42CFRPart2")]}, ["42CFRPart2", "R"]),
        ({"inbound": [(LEVEL, "L")]}, ["L"]),
        ({"inbound": [(LEVEL, "N"), (LEVEL, "V")], "instrument_labels": ["MH"]}, ["MH", "V"]),
        ({"inbound": [(LEVEL, "L")], "instrument_labels": ["MH"]}, ["MH", "R"]),
        ({"inbound": [(ACT, "NORDSLCD")]}, ["NORDSCLCD", "N"]),
        ({"inbound": [(SECURITY, "secret")]}, ["N", "secret"]),
        ({"inbound": [(LEVEL, "X")]}, ["N", "X"]),
    ],
)
def test_labels_for(keywords, codes):
    assert labelled(**keywords) == codes


def test_labels_of_another_sender_stay_and_come_out_sorted():
    found = labels_for(inbound=[(SECURITY, "b"), (SECURITY, "a")], instrument_labels=["MH"])
    assert list(found) == sorted(found)
    assert labels_for(inbound=found) == found


def test_every_content_code_has_a_sensitivity():
    assert all(sensitivities <= {"SUD", "MH", "SDV"} for sensitivities in CONTENT.values())
    assert content_labels([(system, "F10") for system in ICD10]) == {"SUD"}


def test_loinc_codes_carry_their_check_digit():
    def digit(number):
        doubled = [int(one) * (2 if place % 2 == 0 else 1) for place, one in enumerate(reversed(number))]
        return -sum(value - 9 if value > 9 else value for value in doubled) % 10

    codes = [code for system, code in CONTENT if system == LOINC]
    assert len(codes) > 50
    for code in codes:
        number, _, check = code.partition("-")
        assert digit(number) == int(check), code


def test_a_resource_without_labels_is_labelled_by_its_codes():
    found = labels_of(observation(meta=None, code=concept(LOINC, "44261-6")))
    assert [code for _, code in found] == ["MH", "R"]
    assert labels_of(observation(meta=None)) == ()
    assert labels_of(observation("L", code=concept(LOINC, "44261-6"))) == ((LEVEL, "L"),)


UNREADABLE = [
    {"security": "R"},
    {"security": []},
    {"security": ["R"]},
    {"security": [{"system": ACT}]},
    {"security": [{"system": 5, "code": "R"}]},
    5,
]


@pytest.mark.parametrize("meta", UNREADABLE)
def test_labels_nobody_can_read_may_be_anything(meta):
    """A plain permit would do for any other label; this one may say Part 2."""
    assert effect(consent(permit()), resource=observation(meta=meta)) == "DENY"


def test_a_label_without_a_system_may_be_any():
    unsystemed = observation(meta={"security": [{"code": "42CFRPart2"}]})
    assert effect(consent(permit()), resource=unsystemed) == "DENY"
    assert effect(consent(permit(labels=["V"])), resource=unsystemed) == "DENY"


def test_labels_of_contained_resources_count():
    inside = observation(
        contained=[{"resourceType": "Condition", "meta": {"security": [{"system": ACT, "code": "SUD"}]}}]
    )
    assert effect(consent(permit(deny(labels=["SUD"]))), resource=inside) == "DENY"
    assert effect(consent(permit()), resource=observation(contained=["x"])) == "DENY"


@pytest.mark.parametrize(
    ("provision", "expected"),
    [
        (permit(labels=["N"]), "DENY"),
        (permit(labels=["R"]), "PERMIT"),
        (permit(labels=["MH"]), "DENY"),
        (permit(deny(labels=["MH"])), "DENY"),
        (permit(deny(labels=["V"])), "DENY"),
        (permit(), "PERMIT"),
    ],
)
def test_a_label_of_an_unknown_system_may_be_a_sensitivity(provision, expected):
    strange = observation(meta={"security": [{"system": SECURITY, "code": "secret"}, {"system": LEVEL, "code": "N"}]})
    assert effect(consent(provision), resource=strange) == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [(["N"], "DENY"), (["R"], "DENY"), (["V"], "PERMIT"), (["L"], "DENY")],
)
def test_a_level_of_an_unknown_code_may_be_any_up_to_v(labels, expected):
    odd = observation(meta={"security": [{"system": LEVEL, "code": "X"}]})
    assert effect(consent(permit(labels=labels)), resource=odd) == expected


def test_profiles_that_are_no_list_are_none():
    assert segment_of(observation(meta={"profile": "x"}), tier="detail", regime="hipaa").profiles == ()
    assert segment_of({}, tier="detail", regime="hipaa").type == ""


def test_a_segment_survives_its_canonical_form():
    made = segment_of(observation("MH"), tier="summary", regime="justice", domain="mh", unit="Organization/jail")
    assert Segment.parse(made.canonical()) == made
