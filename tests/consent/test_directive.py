"""Which consents apply, and which cannot be understood and are capped."""

import pytest
from consent_builders import (
    ACT,
    PCF,
    REASON,
    TYPES,
    X,
    answered,
    case,
    concept,
    consent,
    deny,
    effect,
    label,
    observation,
    permit,
)

from adapter.consent.directive import addressed, applicable, read
from adapter.consent.names import AtHand

P, D = "PERMIT", "DENY"
OTHER = consent(permit(), id="other")
FORM = {"system": "https://example.org/mrn", "value": "17"}
A_HAS_IT = {"resourceType": "Patient", "id": "a", "identifier": [FORM]}
B_HAS_IT = {"resourceType": "Patient", "id": "b", "identifier": [FORM]}
NAMED = {"patient": {"identifier": FORM}}


@pytest.mark.parametrize("status", ["draft", "proposed", "rejected", "inactive", "entered-in-error"])
def test_a_consent_that_is_not_active_says_nothing(status):
    assert effect(consent(deny(), status=status), OTHER) == P


@pytest.mark.parametrize(
    "broken",
    [
        {"status": None},
        {"status": "revoked"},
        {"status": 5},
        {"status": [5]},
        {"scope": None},
        {"scope": {}},
        {"patient": None},
        {"patient": "Patient/a"},
        {"patient": {"display": "A"}},
        {"patient": {"reference": "Organization/a"}},
        {"patient": {"reference": "https://elsewhere.example/Patient/a"}},
        {"patient": {"reference": "#p"}},
        {"patient": {"identifier": {"value": "17"}}},
        {"resourceType": "Contract"},
        {"implicitRules": "https://example.org/rules"},
        {"modifierExtension": [{"url": "https://example.org/not", "valueBoolean": True}]},
        {"decision": "permit"},
        {"subject": {"reference": "Patient/a"}},
        {"provision": [{"type": "permit"}]},
        {"provision": None, "policyRule": None},
        {"provision": {"type": "allow"}},
        {"provision": {"type": None}},
        {"provision": {"type": ["permit"]}},
        {"provision": {"type": "permit", "resourceType": [{"code": "Observation"}]}},
        {"provision": {"type": "permit", "provision": []}},
        {"provision": {"type": "permit", "provision": {"type": "deny"}}},
        {"provision": {"type": "permit", "provision": ["deny"]}},
        {"provision": {"type": "permit", "purpose": []}},
        {"provision": {"type": "permit", "purpose": [{}]}},
        {"provision": {"type": "permit", "purpose": [{"system": REASON, "code": 7}]}},
        {"provision": {"type": "permit", "purpose": [{"system": REASON, "code": " "}]}},
        {"provision": {"type": "permit", "actor": "Organization/x"}},
        {"provision": {"type": "permit", "period": {"start": "2022-02-30"}}},
        {"provision": {"type": "permit", "period": {"start": "2027", "end": "2025"}}},
        {"provision": {"type": "permit", "period": {"start": "2022", "id": 5}}},
        {"provision": {"type": "permit", "code": [{"coding": [{"userSelected": "yes"}]}]}},
        {"meta": 5},
        {"meta": {"profile": [None]}},
        {"novel": True},
        {"_novel": {"id": "x"}},
        {"_status": {"novel": 1}},
        {"_status": "x"},
        {"extension": {}},
        {"scope": {"coding": [{"code": "patient-privacy", "novel": 1}]}},
        {"text": None},
        {"id": 5},
    ],
    ids=str,
)
def test_what_cannot_be_understood_blocks_what_it_might_cover(broken):
    made = {**consent(permit()), **broken}
    made = {name: value for name, value in made.items() if value is not None or name == "text"}
    verdict = answered(case(made, OTHER))
    assert verdict["effect"] == D
    assert "cap" in {one["outcome"] for one in verdict["reasons"]}


def test_a_capped_consent_covers_no_more_than_its_root():
    assert effect(consent(permit(permit(), actors=["Practitioner/b"])), OTHER) == P
    assert effect(consent(permit(permit(), period={"end": "2020"})), OTHER) == P


def test_a_root_permit_is_read_as_a_deny_once_capped():
    """Every purpose asked has to be covered by a permit; of a deny one is enough."""
    capped = consent(permit(permit(), purposes=["TREAT"]))
    assert effect(capped, OTHER, purposes=("TREAT", "HMARKT")) == D


def test_a_capped_permit_keeps_closed_what_its_exceptions_closed():
    """A permit of level R reaches down to N, where a deny of level R would not."""
    inside = permit(deny(), securityLabel=[label("R")])
    assert effect(consent(inside), OTHER, resource=observation()) == D
    assert effect(consent(inside, unheardOf=1), OTHER, resource=observation()) == D
    assert effect(consent({**inside, "type": "deny"}, unheardOf=1), OTHER, resource=observation()) == P


def test_a_capped_consent_whose_permits_may_widen_it_is_limited_by_its_period_alone():
    elsewhere = permit(**{"class": [{"system": TYPES, "code": "Condition"}]})
    capped = {"meta": {"profile": [f"{PCF}|1.0"]}, "unheardOf": 1}
    assert effect(consent(elsewhere, **capped), OTHER) == D
    assert effect(consent(elsewhere, unheardOf=1), OTHER) == P
    assert effect(consent({**elsewhere, "type": "deny"}, **capped), OTHER) == P
    assert effect(consent(permit(period={"end": "2020"}), **capped), OTHER) == P


@pytest.mark.parametrize("meta", ["x", [PCF], {"profile": 5}, {"profile": [5, None]}])
def test_a_claim_that_cannot_be_read_is_no_claim(meta):
    capped = consent(permit(**{"class": [{"system": TYPES, "code": "Condition"}]}), meta=meta)
    assert read(capped).body.capped
    assert effect(capped, OTHER) == P


@pytest.mark.parametrize(
    "harmless",
    [
        {"_status": {"id": "s"}},
        {"_dateTime": {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/originalText"}]}},
        {"_language": None},
        {"language": "en"},
        {"text": {"status": "generated", "div": "<div>agreed</div>"}},
        {"verification": [{"verified": True}]},
        {"policy": [{"uri": "https://example.org/policy"}]},
        {"extension": [{"url": "https://example.org/note", "valueString": "x"}]},
        {"policyRule": {"text": "the county's rule"}},
    ],
    ids=str,
)
def test_what_is_r4_is_read(harmless):
    assert effect({**consent(permit()), **harmless}) == P


@pytest.mark.parametrize(
    ("scope", "alone", "denying"),
    [
        ({"text": "privacy"}, D, D),
        ({"coding": [{"system": "https://example.org/scopes", "code": "patient-privacy"}]}, D, D),
        ({"coding": [{"code": "patient-privacy"}]}, D, D),
        (concept("http://terminology.hl7.org/CodeSystem/consentscope", "research"), D, P),
        (concept("http://terminology.hl7.org/CodeSystem/consentscope", "research", "patient-privacy"), P, D),
    ],
)
def test_a_scope_in_other_words_may_deny_and_never_permits(scope, alone, denying):
    assert effect(consent(permit(), scope=scope)) == alone
    assert effect(consent(deny(), scope=scope), OTHER) == denying


def test_an_identifier_names_the_one_patient_who_carries_it():
    assert effect(consent(permit(), **NAMED), context=[A_HAS_IT]) == P
    assert effect(consent(permit(), **NAMED), context=[A_HAS_IT, B_HAS_IT]) == D
    assert effect(consent(permit(), **NAMED), context=[]) == D
    assert effect(consent(deny(), **NAMED), OTHER, context=[B_HAS_IT]) == P
    assert effect(consent(deny(), **NAMED), OTHER, context=[]) == D


def test_a_contained_patient_is_known_by_its_identifier():
    contained = {"contained": [{"resourceType": "Patient", "id": "p", "identifier": [FORM]}]}
    assert effect(consent(permit(), patient={"reference": "#p"}, **contained), context=[A_HAS_IT]) == P


def test_a_version_of_the_patient_is_the_patient():
    assert effect(consent(permit(), patient={"reference": "Patient/a/_history/3"})) == P


def test_linked_records_are_one_person():
    directive = read(consent(permit()))
    assert applicable(directive, frozenset({"Patient/a", "Patient/z"}), AtHand()) is directive
    assert applicable(directive, frozenset({"Patient/z"}), AtHand()) is None


def test_no_provision_and_no_rule_is_no_permit():
    assert effect(consent()) == D


def test_labels_nobody_knows_in_a_deny():
    assert effect(consent(permit(deny(securityLabel=[{"system": ACT, "code": "NEWCODE"}])))) == D
    assert effect(consent(permit(deny(securityLabel=[{"code": "SUD"}])))) == D
    reason = {"system": REASON, "code": "TREAT"}
    assert effect(consent(permit(deny(securityLabel=[reason])))) == P
    assert effect(consent(permit(deny(securityLabel=[reason]))), resource=observation(meta={"security": [reason]})) == D


def test_profiles_and_their_versions():
    profile = "https://sallyport.example/fhir/StructureDefinition/screening-summary"

    def classed(code, system="urn:ietf:rfc:3986"):
        return consent(deny(permit(**{"class": [{"system": system, "code": code}]})))

    claims = {"profile": [f"{profile}|1.0"], "security": [{"system": ACT, "code": "PERSISTLABEL"}]}
    summary = {"resource": observation(meta=claims)}
    assert effect(classed(profile), **summary) == P
    assert effect(classed(profile, "http://hl7.org/fhir/StructureDefinition"), **summary) == P
    assert effect(classed("screening-summary", profile.rpartition("/")[0]), **summary) == P
    assert effect(classed(f"{profile}|1.0"), **summary) == P
    assert effect(classed(f"{profile}|2.0"), **summary) == D
    assert effect(classed("https://example.org/other"), **summary) == D
    denied = consent(permit(deny(**{"class": [{"system": "urn:ietf:rfc:3986", "code": f"{profile}|2.0"}]})))
    assert effect(denied, **summary) == D
    assert effect(denied) == P


def test_a_contained_recipient_is_known_by_one_identifier():
    asked = [{"resourceType": "Organization", "id": "x", "identifier": [FORM]}]
    named = permit(actors=["#o"])
    contained = [{"resourceType": "Organization", "id": "o", "identifier": [FORM]}]

    def with_contained(made):
        line = case(consent(deny(named), contained=made), actors=(X,))
        line["context"] = asked
        return answered(line)["effect"]

    assert with_contained(contained) == P
    assert with_contained([{**contained[0], "identifier": [FORM, {**FORM, "value": "18"}]}]) == D
    assert with_contained(["o"]) == D


def test_a_directive_of_a_form_is_that_of_the_consent():
    """What a form says alike for everyone is read once; the rest is the consent's own."""
    own = {"identifier": [FORM], "patient": {"reference": "Patient/a"}, "dateTime": "2026-01-05", "id": "own"}
    others = {"identifier": [{"value": "18"}], "patient": {"reference": "Patient/b"}, "dateTime": "2020", "id": "form"}
    common = consent(deny(permit()), scope={"text": "privacy"}, contained=[{"id": "in"}])
    form, other = read({**common, **others}), read({**common, **own})
    one = addressed(form, {**common, **own}, form.body, form.provision)
    assert all(getattr(one, name) == getattr(other, name) for name in one.__slots__)
