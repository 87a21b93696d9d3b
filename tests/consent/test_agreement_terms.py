"""What an agreement gives, to whom, from whom, on which basis and when; contracts; what counsel enabled."""

from datetime import date

import pytest
from agreement_builders import (
    FIRST,
    LAST,
    after,
    bounds,
    contract,
    document,
    first,
    grant,
    memorandum,
    recipient,
    segment,
    signatory,
)
from consent_builders import DENVER
from pydantic import ValidationError

from adapter.consent.agreement import Agreement, DataUse, bound, contracts, part2_enabled, rights, sent, terms
from adapter.consent.bases import CONSENT, CONTRACT, CUSTODY, PROCEEDING, TREATMENT, UNBOUND
from adapter.fhir.dates import MAX, MIN

HELD = (first(FIRST), after(LAST))
MARCH, JUNE = date(2026, 3, 1), date(2026, 6, 1)


def spans(agreements, who=None, what=None):
    return [(row.start, row.stop) for row in bounds(agreements, who, what)]


@pytest.mark.parametrize(
    ("bases", "mask"),
    [
        (["consent"], CONSENT),
        (["T"], TREATMENT),
        (["K"], CUSTODY),
        (["X"], PROCEEDING),
        (["consent", "T", "K", "X"], CONSENT | TREATMENT | CUSTODY | PROCEEDING),
    ],
)
def test_a_grant_allows_the_bases_it_lists_and_no_other(bases, mask):
    assert [row.bases for row in bounds([memorandum(grant(bases=bases))])] == [mask]


def test_consent_is_the_basis_where_none_is_listed():
    assert [row.bases for row in bounds([memorandum()])] == [CONSENT]


def test_a_memorandum_is_no_contract():
    assert bounds([memorandum(grant(bases=["Q"]))]) == []
    assert [row.bases for row in bounds([memorandum(grant(bases=["Q", "consent"]))])] == [CONSENT]


@pytest.mark.parametrize("signed", [(), ("jail-medical",), ("pretrial",), ("probation",)])
def test_who_has_not_signed_neither_sends_nor_receives(signed):
    assert bounds([memorandum(signed=signed)]) == []


def test_an_agreement_holds_from_the_later_signature():
    late = memorandum(signed=(), signatories=[signatory("jail-medical", MARCH), signatory("pretrial", JUNE)])
    assert spans([late]) == [(first(JUNE), HELD[1])]
    twice = memorandum(
        signed=(), signatories=[signatory("jail-medical"), *(signatory("pretrial", d) for d in (JUNE, MARCH))]
    )
    assert spans([twice]) == [(first(MARCH), HELD[1])]


def test_a_signature_after_the_end_binds_nobody():
    assert (
        bounds([memorandum(signed=(), signatories=[signatory("jail-medical"), signatory("pretrial", "2027-01-01")])])
        == []
    )


def test_a_unit_that_is_no_party_sends_nothing():
    assert bounds([memorandum()], what=segment("riverside")) == []
    assert bounds([memorandum()], what=segment("")) == []


def test_units_are_covered_once_they_are_written_out():
    written = memorandum(signed=("health", "pretrial"), parties=["health", "pretrial"])
    what = segment("clinic")
    assert bounds([written], what=what) == []
    assert spans([written.with_units({"health": {"clinic", "annex"}})], what=what) == [HELD]


@pytest.mark.parametrize(
    ("direction", "holds"),
    [
        ({}, True),
        ({"senders": ["probation"]}, False),
        ({"recipients": ["probation"]}, False),
        ({"classes": ["booking"]}, False),
    ],
)
def test_directions_say_who_sends_what_to_whom(direction, holds):
    written = {"senders": ["jail-medical"], "recipients": ["pretrial"], "classes": ["screening-summary"]} | direction
    assert bool(bounds([memorandum(directions=[written])])) is holds


def test_a_direction_of_a_partner_is_one_of_its_units():
    direction = {"senders": ["health"], "recipients": ["pretrial"], "classes": ["screening-summary"]}
    written = memorandum(signed=("health", "pretrial"), parties=["health", "pretrial"], directions=[direction])
    assert spans([written.with_units({"health": {"clinic"}})], what=segment("clinic")) == [HELD]


def amendment(number=1, day=JUNE, **more):
    return {"number": number, "date": str(day), "summary": "a change"} | more


def test_an_amendment_ends_a_grant_from_its_date():
    ended = memorandum(grant(grant="trial"), amendments=[amendment(ends=["trial"])])
    assert spans([ended]) == [(HELD[0], first(JUNE))]


def test_an_amendment_adds_a_grant_from_its_date_between_those_who_signed_it():
    both = [signatory("pretrial", MARCH), signatory("jail-medical", MARCH)]
    added = memorandum(grant("probation"), amendments=[amendment(adds=[grant()], signatories=both)])
    assert spans([added]) == [(first(JUNE), HELD[1])]
    for signed in ([], both[:1], both[1:]):
        unsigned = memorandum(grant("probation"), amendments=[amendment(adds=[grant()], signatories=signed)])
        assert bounds([unsigned]) == []


def test_a_later_amendment_ends_what_an_earlier_one_added():
    signed = [signatory("pretrial"), signatory("jail-medical")]
    changes = [
        amendment(1, MARCH, adds=[grant(grant="more")], signatories=signed),
        amendment(2, JUNE, ends=["more"]),
    ]
    assert spans([memorandum(grant("probation"), amendments=changes)]) == [(first(MARCH), first(JUNE))]


def test_who_signs_an_amendment_joins_the_agreement():
    joins = [amendment(day=JUNE, signatories=[signatory("pretrial", JUNE)])]
    assert spans([memorandum(signed=("jail-medical",), amendments=joins)]) == [(first(JUNE), HELD[1])]


@pytest.mark.parametrize("leaving", ["pretrial", "jail-medical"])
def test_who_leaves_neither_sends_nor_receives_from_that_date(leaving):
    assert spans([memorandum(amendments=[amendment(withdraws=[leaving])])]) == [(HELD[0], first(JUNE))]


def test_a_unit_leaves_with_its_partner():
    left = memorandum(
        signed=("health", "pretrial"), parties=["health", "pretrial"], amendments=[amendment(withdraws=["health"])]
    )
    assert spans([left.with_units({"health": {"clinic"}})], what=segment("clinic")) == [(HELD[0], first(JUNE))]


def test_an_amendment_adds_a_direction_from_its_date():
    old = {"senders": ["probation"], "recipients": ["pretrial"], "classes": ["screening-summary"]}
    new = {**old, "senders": ["jail-medical"]}
    found = memorandum(directions=[old], amendments=[amendment(directions=[new])])
    assert spans([found]) == [(first(JUNE), HELD[1])]


def test_neighbouring_terms_that_say_the_same_are_one_row():
    signed = [signatory("pretrial"), signatory("jail-medical")]
    changes = [amendment(adds=[grant(grant="second")], ends=["first"], signatories=signed)]
    assert spans([memorandum(grant(grant="first"), amendments=changes)]) == [HELD]


def test_a_grant_that_ends_before_it_begins_is_no_term():
    late = memorandum(
        grant(grant="trial"),
        signed=("jail-medical",),
        amendments=[amendment(1, MARCH, ends=["trial"]), amendment(2, JUNE, signatories=[signatory("pretrial", JUNE)])],
    )
    assert list(terms(late, "pretrial", DENVER)) == []


def test_rights_follow_signatures_and_amendments():
    right = grant(rights=["population-search"], grant="trial")
    ended = memorandum(right, amendments=[amendment(ends=["trial"])])
    at = {"zone": DENVER, "at": first(JUNE) - 1}
    assert rights([ended], "Organization/pretrial", **at) == {"population-search"}
    assert rights([ended], "Organization/pretrial", **(at | {"at": first(JUNE)})) == frozenset()
    assert rights([memorandum(right, signed=())], "Organization/pretrial", **at) == frozenset()


def test_an_organisation_that_is_no_partner_of_this_site_receives_nothing():
    foreign = recipient("pretrial")
    elsewhere = type(foreign)(
        actors=foreign.actors,
        purposes=foreign.purposes,
        organisation="https://other.example/fhir/Organization/pretrial",
    )
    assert bounds([memorandum()], who=elsewhere) == []


# Contracts with vendors.

VENDOR = recipient("vendor", "HOPERAT")


def test_a_contract_allows_its_vendor_the_contract_basis_while_it_holds():
    assert bounds([contract()], VENDOR) == [(*HELD, CONTRACT, ("dua",))]


@pytest.mark.parametrize(
    "changed",
    [
        {"signatories": [signatory("vendor")]},
        {"signatories": [signatory("jail-medical")]},
        {"sources": ["jail"], "signatories": [signatory("vendor"), signatory("jail")]},
        {"classes": []},
        {"classes": ["booking"]},
        {"regimes": ["justice"]},
        {"purposes": ["TREAT"]},
    ],
)
def test_what_a_contract_does_not_cover_it_does_not_allow(changed):
    assert bounds([contract(**changed)], VENDOR) == []


def test_contracts_name_each_source_and_the_vendor_once_both_have_signed():
    one = contract(sources=["jail-medical", "jail"])
    assert contracts([one, memorandum()]) == {("Organization/jail-medical", "Organization/vendor")}
    units = one.with_units({"jail-medical": {"annex"}})
    assert ("Organization/annex", "Organization/vendor") in contracts([units])


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"end": "2025-01-01"}, "on or after `start`"),
        ({"regimes": ["part2"]}, "qualified_service"),
        ({"regimes": ["part2"], "qualified_service": {"bound_by_part2": True}}, "resists_legal_process"),
        (
            {"regimes": ["part2"], "qualified_service": {"bound_by_part2": False, "resists_legal_process": True}},
            "True",
        ),
        ({"model_training": "allowed"}, "prohibited"),
        ({"at_end": "keep"}, "destroy"),
        ({"vendor": "jail-medical", "signatories": []}, "the vendor is one of"),
        ({"signatories": [signatory("pretrial")]}, "pretrial"),
        ({"sources": []}, "at least 1"),
    ],
)
def test_a_contract_that_says_too_little_is_refused(changed, expected):
    with pytest.raises(ValidationError, match=expected):
        contract(**changed)


def test_a_contract_with_a_program_says_what_the_rule_asks():
    terms_ = {"bound_by_part2": True, "resists_legal_process": True}
    found = contract(regimes=["part2"], qualified_service=terms_)
    assert bounds([found], VENDOR, segment(regime="part2"))
    assert found.parties == ("vendor", "jail-medical")
    assert isinstance(found, DataUse)


# What counsel enabled.


def enabling(*partners, day=MARCH):
    approved = [
        {"partner": one, "approved_by": "Lee Hart", "role": "county counsel", "date": str(day)} for one in partners
    ]
    return {"counsel": {"part2_under_general_release": approved}}


def part2_grant(partner="probation", **more):
    return grant(partner, regimes=["part2"], **more)


def enabled(*agreements, at=JUNE):
    return part2_enabled(agreements, at=first(at), zone=DENVER)


def test_counsel_enables_a_partner_from_a_day_on():
    found = memorandum(part2_grant(), **enabling("probation", day=JUNE))
    assert enabled(found) == {"Organization/probation"}
    assert enabled(found, at=MARCH) == frozenset()
    assert enabled(memorandum(part2_grant())) == frozenset()
    assert enabled(contract()) == frozenset()


def test_an_enablement_counts_for_its_own_agreement_alone():
    approved = memorandum(part2_grant(), **enabling("probation"))
    other = memorandum(part2_grant(), agreement="other")
    assert enabled(approved, other) == frozenset()
    lapsed = memorandum(part2_grant(), agreement="other", end="2026-05-31")
    assert enabled(approved, lapsed) == {"Organization/probation"}
    without = memorandum(grant("probation"), part2_grant("pretrial"), agreement="other")
    assert enabled(approved, without) == {"Organization/probation"}
    on_order = memorandum(part2_grant(bases=["X"]), agreement="other")
    assert enabled(approved, on_order) == {"Organization/probation"}


# The file.


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"signatories": [signatory("nobody")]}, "nobody"),
        ({"counsel": enabling("nobody")["counsel"]}, "nobody"),
        ({"directions": [{"senders": ["jail-medical"], "recipients": ["nobody"], "classes": ["booking"]}]}, "nobody"),
        ({"amendments": [amendment(withdraws=["nobody"])]}, "nobody"),
        ({"amendments": [amendment(signatories=[signatory("nobody")])]}, "nobody"),
        ({"amendments": [amendment(adds=[grant("nobody")])]}, "nobody"),
        ({"amendments": [amendment(2)]}, "number 2 stands in place 1"),
        ({"amendments": [amendment(1, JUNE), amendment(2, MARCH)]}, "dated before the one above"),
        ({"amendments": [amendment(ends=["unheard-of"])]}, "unheard-of"),
        ({"amendments": [amendment(adds=[grant(grant="late")], ends=["late"])]}, "late"),
        ({"grants": [grant(grant="one"), grant(grant="one")]}, "another grant is named `one`"),
        (
            {
                "amendments": [
                    amendment(directions=[{"senders": ["a"], "recipients": ["pretrial"], "classes": ["court"]}])
                ]
            },
            "the agreement itself has none",
        ),
        ({"breach_notice_hours": 0}, "greater than or equal to 1"),
        ({"onward": "sell"}, "none"),
        ({"grants": [grant(bases=["J"])]}, "consent"),
        ({"grants": [grant(bases=[])]}, "at least 1"),
        ({"grants": [grant(bases=["consent", "O"])]}, "consent"),
    ],
)
def test_a_wrong_agreement_is_told(changed, expected):
    with pytest.raises(ValidationError, match=expected):
        Agreement.model_validate(document(**changed))


def test_the_floor_is_there_before_between_and_after_agreements():
    early, late = memorandum(end="2026-02-28"), memorandum(agreement="late", start="2026-04-01", end=None)
    rows = bound([early, late], recipient(), segment(), zone=DENVER, floor=UNBOUND)
    assert [row.bases for row in rows] == [UNBOUND, UNBOUND | CONSENT, UNBOUND, UNBOUND | CONSENT]
    assert (rows[0].start, rows[-1].stop) == (MIN, MAX)


def test_the_grants_of_amendments_are_grants_too():
    changed = memorandum(grant(), amendments=[amendment(adds=[grant("probation")])])
    assert [one.recipient for one in changed.every_grant()] == ["pretrial", "probation"]


def test_software_asks_unattended_for_no_more_than_is_granted():
    with pytest.raises(ValidationError, match="none of the purposes of the grant"):
        memorandum(grant(unattended=["TREAT"]))
    with pytest.raises(ValidationError, match="none of the purposes of the grant"):
        memorandum(amendments=[amendment(adds=[grant(unattended=["TREAT"])])])
    with pytest.raises(ValidationError, match="none of `purposes`"):
        contract(unattended=["TREAT"])
    assert memorandum(grant(unattended=["pretrial-release"])).grants[0].unattended == ("pretrial-release",)
    assert contract(unattended=["HOPERAT"]).unattended == ("HOPERAT",)


def direction(*classes, senders=("jail-medical",), recipients=("pretrial",)):
    return {"senders": list(senders), "recipients": list(recipients), "classes": list(classes)}


def sends(agreement, *senders, day=MARCH):
    return sent([agreement], senders or ("jail-medical",), at=first(day), zone=DENVER)


def test_what_a_partner_may_send_is_what_directions_name():
    directed = memorandum(directions=[direction("screening-summary")])
    assert sends(directed) == {"screening-summary"}
    assert sends(directed, "registry", "jail-medical") == {"screening-summary"}
    assert sends(directed, "pretrial") == set()
    assert sends(directed, day=date(2025, 12, 31)) == sends(directed, day=date(2027, 1, 1)) == set()
    unsigned = memorandum(directions=[direction("screening-summary")], signed=("pretrial",))
    assert sends(unsigned) == set()


def test_without_directions_every_party_sends_what_is_granted():
    plain = memorandum(grant(), grant("probation", classes=("booking",)))
    assert sends(plain) == {"screening-summary", "booking"}
    assert sends(plain, "registry") == set()
    assert sends(contract()) == set()


def test_an_amendment_directs_from_its_date_and_whoever_leaves_sends_no_more():
    later = amendment(1, JUNE, directions=[direction("identity")])
    changed = memorandum(directions=[direction("screening-summary")], amendments=[later])
    assert sends(changed, day=MARCH) == {"screening-summary"}
    assert sends(changed, day=JUNE) == {"screening-summary", "identity"}
    left = memorandum(directions=[direction("screening-summary")], amendments=[amendment(withdraws=["jail-medical"])])
    assert sends(left, day=MARCH) == {"screening-summary"}
    assert sends(left, day=JUNE) == set()
