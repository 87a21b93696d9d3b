"""Notices byte for byte, scope explanations and plain words."""

import hashlib

from consent_builders import X, consent, deny, observation, part2_consent, permit
from consent_builders import case as line_of

from adapter.consent.cases import case_of
from adapter.consent.decide import decide
from adapter.consent.directive import read
from adapter.consent.evaluate import Effect, Verdict
from adapter.consent.explain import explain
from adapter.consent.obligations import NOTICE_LONG, NOTICE_SHORT, NOTICE_VERSION
from adapter.consent.scope import parties, scope_text, until


def decided(*consents, **keywords):
    return decide(case_of(line_of(*consents, **keywords)))


def test_the_statutory_notices_are_these_bytes():
    assert NOTICE_SHORT == "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
    assert NOTICE_LONG.startswith("This record which has been disclosed to you is protected by Federal")
    assert NOTICE_LONG.endswith(
        "the required elements of written consent to further use or redisclose the record (see 42 CFR 2.31)."
    )
    assert "(i) Further use" in NOTICE_LONG
    assert (len(NOTICE_LONG), hashlib.sha256(NOTICE_LONG.encode()).hexdigest()) == (
        1325,
        "d82205a18044f9f45776343d91e26d8ddb44bf13e136af169ec73d755facd9a8",
    )
    assert NOTICE_VERSION == "89-FR-12472"


def test_an_explanation_names_the_notice_and_the_provision():
    verdict = decided(part2_consent(permit(actors=[X])), resource=observation("SUD", "42CFRPart2"))
    lines = explain(verdict)
    assert lines[0] == "Permitted."
    assert lines[-6] == (
        "Consent/c#provision[0] permits, by federal substance-use confidentiality (42 CFR Part 2): "
        "a 42 CFR Part 2 consent names the recipient."
    )
    assert "With it goes NORDSCLCD." in lines
    assert f"With it goes 42CFR2.32 (89-FR-12472): {NOTICE_LONG}" in lines


def test_an_explanation_of_a_default_denial():
    assert explain(decided()) == [
        "Denied.",
        "The rule that nothing is released unasked denies: no consent in force permits this.",
    ]


def test_an_explanation_of_a_capped_consent_asks_somebody_to_mend_it():
    lines = explain(decided(consent(permit(permit()))))
    assert "someone has to mend it" in lines[1]


def test_an_exception_says_that_it_decides_nothing():
    assert explain(Verdict(effect=Effect.EXCEPTION))[0].startswith("Not decided for the whole group")


def scope_of(provision):
    return scope_text(read(consent(provision)).body.provisions)


def test_the_scope_names_who_disclosed_who_receives_and_the_end():
    text = scope_of(permit(actors=[X], purposes=["TREAT"]))
    named = parties(text, discloser="the program", recipient="the clinic")
    assert until(named, "2027-03-01") == (
        "disclosed by the program to the clinic only; purposes: TREAT; until the end of 2027-03-01"
    )
    assert until(text, None).endswith("purposes: TREAT; no last day")


def test_the_scope_names_what_is_covered_and_no_other_partner():
    inner = permit(
        actors=[X, "Organization/somebody-else"],
        purposes=["TREAT", "diversion"],
        labels=["SUD", "R"],
        codes=["718-7"],
        dataPeriod={"start": "2022"},
        **{
            "class": [
                {"system": "http://hl7.org/fhir/resource-types", "code": "Observation"},
                {"system": "urn:ietf:rfc:3986", "code": "https://county.example/StructureDefinition/summary"},
            ]
        },
    )
    text = scope_of(deny(inner))
    assert text == (
        "disclosure to this recipient only; purposes: TREAT, diversion; information: Observation, summary; "
        "sensitivity: confidentiality up to R, SUD; codes: 718-7; dated: 2022 to any time"
    )
    assert "somebody-else" not in text
