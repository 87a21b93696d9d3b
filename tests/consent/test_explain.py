"""Notices byte for byte, scope explanations, and verdicts as sentences that say what was decided and why."""

import hashlib
from dataclasses import replace

import pytest
from consent_builders import DENVER, ORGANISATIONS, REASON, X, consent, deny, observation, part2_consent, permit

from adapter.consent.bases import EMERGENCY, TREATMENT
from adapter.consent.directive import read
from adapter.consent.evaluate import Effect, Verdict
from adapter.consent.explain import Finding, Spoken, due, explain, findings
from adapter.consent.grounds import CONSENT_ALONE, Ground
from adapter.consent.names import AtHand
from adapter.consent.obligations import NOTICE_LONG, NOTICE_SHORT, NOTICE_VERSION
from adapter.consent.policy import Policy, timeline
from adapter.consent.recipient import close
from adapter.consent.rules import exception, rule
from adapter.consent.scope import parties, scope_text, until
from adapter.consent.segment import Segment
from adapter.fhir.dates import interval

AT = interval("2026-11-22T12:00:00-07:00", DENVER)[0]
NAMES = {X: "Xenia Services", "Organization/y": "York Clinic", "Organization/unit": "Unit Nine"}
ASKING = close([X], AtHand(ORGANISATIONS), purposes=[(REASON, "TREAT")], organisation=X)
DETAIL = Segment(type="Observation", tier="detail", regime="hipaa", unit="Organization/unit")
PART2 = Segment(type="Observation", tier="summary", regime="part2", unit="Organization/unit")


def name(reference):
    return NAMES.get(reference, reference)


def policy_of(*consents, facts=()):
    return next(
        span.policy
        for span in timeline([read(one) for one in consents], DENVER, facts=facts)
        if span.start <= AT < span.stop
    )


def told(*consents, segment=DETAIL, law=CONSENT_ALONE, resource=None, called=True):
    """Every finding of a decision, as (topic, outcome, sentence)."""
    policy = policy_of(*consents)
    if resource is None:
        verdict = rule(policy, ASKING, segment, law)
    else:
        verdict = exception(policy, ASKING, segment, resource, AtHand([]), zone=DENVER, law=law)
    spoken = [Spoken(f"Consent/{n}", "the consent signed on 5 January 2026") for n in range(len(policy.directives))]
    found = findings(verdict, policy, recipient=X, spoken=spoken if called else (), name=name)
    return [(one.topic, one.outcome, one.says) for one in found], found


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


def test_a_permission_is_told_with_whom_it_names_and_the_refusal_around_it():
    says, found = told(consent(deny(permit(actors=[X]))))
    assert says == [
        ("consent", "permit", "The consent signed on 5 January 2026: its permission for Xenia Services permits this."),
        (
            "consent",
            "permit",
            (
                "The consent signed on 5 January 2026: its general refusal applies with an exception inside it, which "
                "permits this."
            ),
        ),
        ("consent", "permit", "The consent signed on 5 January 2026 as a whole permits this."),
    ]
    assert [one.source for one in found] == [
        "Consent/0#provision[0].provision[0]",
        "Consent/0#provision[0]",
        "Consent/0",
    ]
    assert str(found[0]).endswith("permits this. [Consent/0#provision[0].provision[0]]")


@pytest.mark.parametrize(
    ("inner", "part", "why"),
    [
        ({"actors": ["Organization/y"]}, "its permission for York Clinic", "it does not name Xenia Services"),
        ({"purposes": ["HPAYMT"]}, "a permission in it", "it is not for this purpose of use"),
        ({"classes": ["Condition"]}, "a permission in it", "it is about another kind of record"),
        ({"actions": ["collect"]}, "a permission in it", "it lets something else be done than reading"),
    ],
)
def test_a_losing_permission_says_what_it_lacks(inner, part, why):
    says, _ = told(consent(deny(permit(**inner))))
    assert says[0] == (
        "consent",
        "not-applicable",
        f"The consent signed on 5 January 2026: {part} does not apply, because {why}.",
    )
    assert says[1][1:] == ("deny", "The consent signed on 5 January 2026: its general refusal refuses this.")
    assert says[2][1:] == ("deny", "The consent signed on 5 January 2026 as a whole refuses this.")


def test_a_refusal_towards_a_partner_is_called_so():
    says, _ = told(consent(permit(deny(actors=[X]))))
    assert "its refusal towards Xenia Services refuses this." in says[0][2]


def test_what_depends_on_the_single_record_or_is_unknown_says_on_what():
    says, _ = told(consent(deny(permit(codes=["718-7"]))))
    assert says[0] == (
        "consent",
        "not-applicable",
        (
            "The consent signed on 5 January 2026: a permission in it may or may not apply; it depends on the code "
            "of the record: only the single record can tell."
        ),
    )
    says, _ = told(consent(permit(actors=["Group/g"])))
    assert (
        "may or may not apply; it depends on whom it names: a recipient or role it names cannot be resolved."
        in (says[0][2])
    )
    says, _ = told(consent(deny(actors=["Group/g"])))
    assert "may refuse this; it depends on whom it names" in says[0][2]
    says, _ = told(consent(permit(dataPeriod={"start": "2022-01-01"})), resource=observation(effectiveDateTime=None))
    assert "depends on the date of the record: the resource has no date" in says[0][2]


def test_an_element_nobody_knows_is_told_as_such():
    says, _ = told(consent(deny(oddity="odd")))
    assert "it depends on what nobody can tell: an element that is not understood." in says[0][2]


def test_nothing_in_force_is_a_denial_by_default():
    assert told()[0] == [
        ("consent", "deny", "No consent in force permits this, and nothing is released unless something permits it.")
    ]


def test_disagreeing_consents_say_that_a_refusal_wins():
    says, _ = told(consent(permit(actors=[X])), consent(deny(), id="d"))
    assert ("consent", "deny", "Consents in force disagree; a refusal overrides a permission.") in says


def test_a_consent_nobody_understands_asks_somebody_to_mend_it():
    says, _ = told(consent(permit(permit())))
    assert says[-1][1] == "cap"
    assert says[-1][2].startswith("The consent signed on 5 January 2026 cannot be understood (")
    assert says[-1][2].endswith("blocks what it might cover, until someone mends it.")


def test_part_2_cites_its_section_whether_it_permits_or_not():
    _, found = told(consent(permit(actors=[X])), segment=PART2)
    assert (found[-1].outcome, found[-1].citation) == ("deny", "42 CFR 2.31")
    assert "no written Part 2 consent in force permits it to this recipient by name" in found[-1].says
    assert str(found[-1]).endswith("by name (42 CFR 2.31).")
    _, found = told(part2_consent(permit(actors=[X])), segment=PART2)
    assert (found[-1].outcome, found[-1].citation, found[-1].source) == (
        "permit",
        "42 CFR 2.31",
        "Consent/0#provision[0]",
    )
    assert "is a written Part 2 consent that permits it to Xenia Services by name" in found[-1].says
    _, found = told(part2_consent(permit(actors=[X], codes=["718-7"])), segment=PART2)
    assert "depends on the single record" in found[-1].says


def test_what_is_settled_without_consents_is_told():
    own = Segment(type="Observation", tier="detail", regime="hipaa", unit=X)
    _, (one,) = told(segment=own)
    assert (one.topic, one.outcome, one.citation) == ("own", "permit", "45 CFR 164.501, 42 CFR 2.12(c)(3)")
    assert "made this record itself" in one.says
    _, (one,) = told(segment=Segment(type="Observation", tier="detail", regime="undeclared", unit="Organization/y"))
    assert (one.topic, one.outcome) == ("own", "deny")


def test_without_names_consents_are_numbered_and_parts_stay_vague():
    says, found = told(consent(permit(actors=[X])), called=False)
    assert says[0][2] == "Consent 1: its permission for Xenia Services permits this."
    assert found[0].source == "0#provision[0]"
    verdict = rule(policy_of(consent(permit(actors=[X]))), ASKING, DETAIL)
    vague = findings(verdict, Policy(), recipient=X)
    assert vague[0].says == "Consent 1: a part of it permits this."
    nested = rule(policy_of(consent(deny(permit(actors=[X])))), ASKING, DETAIL)
    other = findings(nested, policy_of(consent(deny())), recipient=X)
    assert other[0].says == "Consent 1: a part of it permits this."


class Stern:
    """A law that stops, silences and offers bases, for the words about them."""

    fingerprint = "stern"

    def __init__(self, *, stop=None, silence=None, grounds=()):
        self._stop, self._silence, self._grounds = stop, silence, grounds

    def stops(self, facts, recipient, segment):
        return self._stop

    def with_consent(self, recipient, segment):
        return ()

    def silences(self, body, facts, recipient, segment):
        return self._silence

    def standing(self, facts, recipient, segment, *, refused):
        return self._grounds


def test_the_law_is_told_where_it_stops_and_where_it_silences():
    says, _ = told(consent(permit()), law=Stern(stop="a hold is in force, 42 CFR 2.31(a)(6)"))
    assert says == [("law", "deny", "Nothing may pass: a hold is in force, 42 CFR 2.31(a)(6).")]
    says, found = told(consent(permit()), law=Stern(silence="it was signed for no proceeding (42 CFR 2.31(d))"))
    assert (found[2].topic, found[2].source) == ("law", "Consent/0")
    assert says[2][2] == (
        "The consent signed on 5 January 2026 cannot permit this by law: it was signed for no proceeding "
        "(42 CFR 2.31(d))."
    )


def test_bases_that_stand_alone_are_told_with_their_section_winning_or_losing():
    grounds = [
        Ground(basis=TREATMENT, permits=True, rule="treatment", because="an encounter of March is recorded"),
        Ground(basis=EMERGENCY, permits=False, rule="emergency", because="nobody recorded one"),
        Ground(basis=EMERGENCY, permits=False, rule="custody", because="none, see 45 CFR 164.512(k)(5)"),
        Ground(basis=EMERGENCY, permits=False, rule="local", because="it is not used here"),
    ]
    _, found = told(law=Stern(grounds=grounds))
    assert [str(one) for one in found[1:]] == [
        "A recorded treatment relationship permits this: an encounter of March is recorded (45 CFR 164.506(c)).",
        "A medical emergency does not permit this: nobody recorded one (42 CFR 2.51).",
        "Lawful custody does not permit this: none, see 45 CFR 164.512(k)(5).",
        "The basis `local` does not permit this: it is not used here.",
    ]
    assert {one.topic for one in found[1:]} == {"basis"}


def test_a_verdict_alone_is_explained_by_its_sources():
    verdict = rule(policy_of(consent(deny(permit(codes=["718-7"])))), ASKING, DETAIL)
    assert explain(verdict)[0].startswith("Not decided for the whole group")
    lines = explain(replace(rule(policy_of(consent(permit())), ASKING, DETAIL), sources=("Consent/k",)))
    assert lines == [
        "Permitted.",
        "Consent/k: a part of it permits this. [Consent/k#provision[0]]",
        "Consent/k as a whole permits this. [Consent/k]",
    ]


def test_what_travels_with_a_disclosure_is_told_word_for_word():
    verdict = rule(policy_of(part2_consent(permit(actors=[X]))), ASKING, PART2)
    assert verdict.effect is Effect.PERMIT
    says = [one.says for one in due(verdict)]
    assert "With it goes NORDSCLCD." in says
    assert f"With it goes 42CFR2.32 (89-FR-12472): {NOTICE_LONG}" in says
    assert due(Verdict(effect=Effect.DENY)) == []


def test_a_finding_reads_as_a_sentence_with_its_section_and_place():
    assert str(Finding(topic="law", outcome="deny", says="It stops.", source="x", citation="42 CFR 2.1")) == (
        "It stops (42 CFR 2.1). [x]"
    )
    assert str(Finding(topic="law", outcome="deny", says="It stops.")) == "It stops."


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
