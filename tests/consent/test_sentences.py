"""The trace of a verdict to the word: which rules were asked, in which order, what came of each and why."""

import pytest
from consent_builders import (
    DENVER,
    PCF,
    REASON,
    X,
    answered,
    case,
    consent,
    deny,
    observation,
    part2_consent,
    permit,
    rule,
)

from adapter.consent.bases import EMERGENCY, TREATMENT
from adapter.consent.basis import basis
from adapter.consent.directive import read
from adapter.consent.evaluate import Effect
from adapter.consent.explain import explain
from adapter.consent.grounds import Ground
from adapter.consent.names import AtHand
from adapter.consent.outcome import DENY
from adapter.consent.policy import timeline
from adapter.consent.provision import Provision
from adapter.consent.recipient import close
from adapter.consent.rules import rule as compiled_rule
from adapter.consent.scope import scope_text
from adapter.consent.segment import Segment

MET = ("provision", "permit", "every criterion is met")
PERMITTED = ("Consent/c", "consent", "permit", "permitted for every value of what is unknown")
DENIED = ("Consent/c", "consent", "deny", "denied for some value of what is unknown, or for all")
SILENT = ("", "default-deny", "deny", "no consent in force permits this")
MISSED = ("not-applicable", "does not match")
SUD = observation("SUD")
PART2 = observation("SUD", "42CFRPart2")
NO_NAME = "no 42 CFR Part 2 consent permits this recipient by name"

UNREAD = "and it may be a Part 2 record: meta.security: expected labels with system and code, all read"


def at(*steps):
    return "Consent/c#" + ".".join(["provision[0]", *(f"provision[{step}]" for step in steps)])


WORDS = [
    ([consent(permit())], {}, [(at(), *MET), PERMITTED]),
    ([consent(deny())], {}, [(at(), "provision", "deny", "every criterion is met"), DENIED]),
    ([], {}, [SILENT]),
    ([consent(permit(purposes=["HMARKT"]))], {}, [(at(), "purpose", *MISSED), SILENT]),
    (
        [consent(permit(deny(labels=["SUD"]), deny(purposes=["HMARKT"])))],
        {"resource": SUD},
        [
            (at(0), "provision", "deny", "every criterion is met"),
            (at(1), "purpose", *MISSED),
            (at(), "provision", "deny", "every criterion is met, an exception inside it decides"),
            DENIED,
        ],
    ),
    (
        [consent(permit(deny(actors=["Group/g"])))],
        {},
        [
            (at(0), "actor", "deny", "a recipient or role it names cannot be resolved"),
            (at(), "provision", "deny", "every criterion is met, an exception inside it decides"),
            DENIED,
        ],
    ),
    (
        [consent(permit(novel=1))],
        {},
        [(at(), "novel", "not-applicable", "an element that is not understood"), SILENT],
    ),
    (
        [consent(permit(permit()))],
        {},
        [
            (
                at(),
                "shape",
                "cap",
                "provision[0].provision[0]: expected a deny, a permit inside a permit has no agreed meaning",
            )
        ],
    ),
    (
        [consent(permit(permit(labels=["PSY"]), labels=["N"]), meta={"profile": [PCF]})],
        {"resource": observation("PSY")},
        [(at(), "securityLabel", *MISSED), (at(0), *MET), PERMITTED],
    ),
    (
        [consent(permit()), consent(deny(), id="d")],
        {},
        [
            (at(), *MET),
            PERMITTED,
            ("Consent/d#provision[0]", "provision", "deny", "every criterion is met"),
            ("Consent/d", *DENIED[1:]),
            ("", "conflict", "deny", "consents in force disagree and deny overrides"),
        ],
    ),
    (
        [consent(permit())],
        {"resource": PART2},
        [(at(), *MET), PERMITTED, ("", "part2", "deny", NO_NAME)],
    ),
    (
        [part2_consent(deny(permit(actors=[X])))],
        {"resource": PART2},
        [
            (at(0), *MET),
            (at(), "provision", "permit", "every criterion is met, an exception inside it decides"),
            PERMITTED,
            (at(0), "part2", "permit", "a 42 CFR Part 2 consent names the recipient"),
        ],
    ),
    (
        [consent(permit())],
        {"labeller": "unavailable"},
        [
            (at(), *MET),
            PERMITTED,
            (
                "",
                "part2",
                "deny",
                f"{NO_NAME}, {UNREAD}",
            ),
        ],
    ),
    (
        [consent(rule(None, novel=1, code=[{"text": "x"}]), policyRule=None)],
        {},
        [(at(), "shape", "cap", "provision[0].type: expected a type, or policyRule OPTIN or OPTOUT")],
    ),
    (
        [consent(permit(), scope={"text": "privacy"})],
        {},
        [(at(), "scope", "not-applicable", "the scope is in another system or in words alone"), SILENT],
    ),
]


@pytest.mark.parametrize(("consents", "keywords", "expected"), WORDS, ids=range(len(WORDS)))
def test_every_rule_asked_is_told(consents, keywords, expected):
    reasons = answered(case(*consents, **keywords))["reasons"]
    assert [(one["source"], one["rule"], one["outcome"], one["because"]) for one in reasons] == expected


def segment(**elements):
    return Segment(
        **{"type": "Observation", "tier": "summary", "regime": "hipaa", "unit": "Organization/y", **elements}
    )


@pytest.mark.parametrize(
    ("elements", "effect", "said", "bases"),
    [
        ({"tier": "directory"}, "PERMIT", ("directory", "permit", "the directory is public to every recipient"), 128),
        ({"writer": X}, "PERMIT", ("author", "permit", "the recipient wrote this record here itself"), 128),
        (
            {"writer": X, "regime": "undeclared"},
            "PERMIT",
            ("author", "permit", "the recipient wrote this record here itself"),
            128,
        ),
        (
            {"unit": X, "writer": "Organization/y"},
            "PERMIT",
            ("own-record", "permit", "the recipient made this record itself"),
            128,
        ),
        (
            {"writer": X, "audience": "Organization/y"},
            "DENY",
            ("own-share", "deny", "this was made for another recipient alone"),
            0,
        ),
        ({"unit": X}, "PERMIT", ("own-record", "permit", "the recipient made this record itself"), 128),
        (
            {"regime": "undeclared"},
            "DENY",
            ("undeclared", "deny", "nobody declared the legal regime of the unit that made this record"),
            0,
        ),
        ({"audience": X}, "PERMIT", ("own-share", "permit", "this was made for the recipient alone"), 2),
        ({"audience": "Organization/y"}, "DENY", ("own-share", "deny", "this was made for another recipient alone"), 0),
    ],
)
def test_what_no_consent_decides_is_told_too(elements, effect, said, bases):
    verdict = basis(close([X], AtHand(), organisation=X), segment(**elements))
    assert (verdict.effect, verdict.bases) == (Effect[effect], bases)
    assert verdict.trace == ((-1, "", *said),)
    assert [one.source for one in verdict.reasons] == [""]


def test_what_consents_decide_is_not_settled_before():
    assert basis(close([X], AtHand(), organisation=X), segment()) is None
    assert basis(close([X], AtHand(), organisation=X), segment(writer="Organization/z")) is None
    assert basis(close([X], AtHand(), organisation=X), segment(writer="nobody")) is None


def test_what_comes_back_to_who_made_it_is_told_as_no_disclosure():
    verdict = basis(close([X], AtHand(), organisation=X), segment(unit=X))
    told = (
        "The recipient made this record itself; to give it back is no disclosure (45 CFR 164.501, 42 CFR 2.12(c)(3))."
    )
    assert explain(verdict) == ["Permitted.", told]


class Grounded:
    """A law that knows two bases, one that holds and one that does not."""

    def stops(self, facts, recipient, segment):
        return None

    def with_consent(self, recipient, segment):
        return ()

    def silences(self, body, facts, recipient, segment):
        return "not on this paper" if body.typed else None

    def standing(self, facts, recipient, segment, *, refused):
        holds = Ground(basis=EMERGENCY, permits=True, rule="E", because="asserted")
        return (holds, Ground(basis=TREATMENT, permits=False, rule="T", because="no relationship"))


def test_the_bases_that_were_looked_at_are_told_whether_they_hold_or_not():
    (span,) = timeline([read(part2_consent(permit()))], DENVER)
    verdict = compiled_rule(span.policy, close([X], AtHand(), organisation=X), segment(), Grounded())
    assert (verdict.effect, verdict.bases) == (Effect.PERMIT, EMERGENCY)
    assert verdict.trace[1:] == (
        (0, "", "consent", "permit", "permitted for every value of what is unknown"),
        (0, "", "law", "not-applicable", "not on this paper"),
        (-1, "", "default-deny", "deny", "no consent in force permits this"),
        (-1, "", "E", "permit", "asserted"),
        (-1, "", "T", "not-applicable", "no relationship"),
    )


def test_what_events_close_is_an_exception_to_every_root():
    additive = consent(permit(permit(labels=["PSY"]), deny(labels=["SEX"]), labels=["N"]), meta={"profile": [PCF]})
    body = read(additive).body
    closed = body.excepting([Provision(DENY, "extension[0]")])
    assert [(one.path, one.size) for one in closed.provisions] == [
        ("provision[0]", 3),
        ("provision[0].provision[1]", 1),
        ("extension[0]", 1),
        ("provision[0].provision[0]", 3),
        ("provision[0].provision[1]", 1),
        ("extension[0]", 1),
    ]
    assert closed.around == (-1, 0, 0, -1, 3, 3)
    assert len(closed.roots()) == len(body.roots()) == 2


@pytest.mark.parametrize(
    ("elements", "where"),
    [
        ({"subject": {"display": "somebody"}}, "subject"),
        ({"subject": [{"reference": "Patient/a"}, 5]}, "subject"),
        ({"participant": [{"x": 1}, {"beneficiary": {"reference": "urn:uuid:1"}}]}, "participant[1].beneficiary"),
        ({"focus": [{"reference": "Group/lost"}]}, "focus[0].reference"),
        ({"focus": [{"type": "Patient", "display": "B"}]}, "focus[0]"),
        ({"resourceType": "Bundle"}, "resourceType"),
        ({"resourceType": None}, "resourceType"),
        ({"resourceType": "Patient", "id": 5}, "id"),
        ({"subject": {"reference": "Device/d"}}, "subject"),
    ],
)
def test_what_is_wrong_with_a_resource_is_named(elements, where):
    (reason,) = answered(case(consent(permit()), resource={**observation(), **elements}))["reasons"]
    assert reason["because"].startswith(f"{where}: expected ")


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (permit(labels=["SUD"]), "; sensitivity: SUD"),
        (permit(labels=["U"]), "; sensitivity: confidentiality up to U"),
        (permit(labels=["L", "SUD", "ETHUD"]), "; sensitivity: confidentiality up to L, SUD"),
        (permit(purposes=["TREAT", "COC", "BTG", "diversion"]), "; purposes: BTG, TREAT, diversion"),
        (permit(purpose=[{"system": REASON, "code": "NEWCODE"}]), "; purposes: NEWCODE"),
        (permit(dataPeriod={"end": "2022"}), "; dated: any time to 2022"),
        (permit(dataPeriod={"start": "2022"}), "; dated: 2022 to any time"),
        (permit(classes=["Observation"], codes=["718-7"]), "; information: Observation; codes: 718-7"),
        (permit(actions=["access"]), ""),
    ],
)
def test_a_scope_says_what_is_covered(made, text):
    assert scope_text(read(consent(made)).body.provisions) == f"disclosure to this recipient only{text}"


def test_the_scope_of_a_path_begins_at_the_root():
    made = permit(deny(permit(actors=[X], codes=["718-7"]), labels=["SUD"]), classes=["Observation"])
    resource = observation("SUD", "42CFRPart2")
    (scope,) = answered(case(part2_consent(made), resource=resource))["obligations"][4:]
    assert scope["text"] == "disclosure to this recipient only; information: Observation; codes: 718-7"
    assert scope["source"] == at(0, 0)
