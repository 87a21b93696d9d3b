"""How to reach a person: for care a grant is enough, for anything else counsel has to enable the partner as well."""

import pytest
from agreement_builders import contract, grant, memorandum, recipient, segment
from consent_builders import DENVER
from pydantic import ValidationError

from adapter.consent.agreement import CARE, bound
from adapter.consent.bases import CONSENT, CONTRACT, OWN, UNBOUND
from adapter.fhir.dates import MAX, MIN, interval

ENABLED = {"partner": "pretrial", "approved_by": "Lee Hart", "role": "county counsel", "date": "2026-03-01"}
CONTACT = segment(tier="contact")
FIRST, LAST = interval("2026-01-01", DENVER)[0], interval("2026-12-31", DENVER)[1]


def bounds(*purposes, counsel=None, floor=0, asked=None, sent=CONTACT):
    granted = grant(purposes=("pretrial-release", "TREAT", "discharge-planning"), classes=("contact",))
    made = memorandum(granted, counsel={} if counsel is None else {"contact_details": counsel})
    return bound([made], asked or recipient("pretrial", *purposes), sent, zone=DENVER, floor=floor)


@pytest.mark.parametrize("purpose", ["TREAT", "discharge-planning"])
def test_for_care_a_grant_is_enough(purpose):
    assert purpose in CARE
    assert bounds(purpose) == [(FIRST, LAST, CONSENT, ("mou",))]
    assert (MIN, FIRST, UNBOUND, ()) in bounds(purpose, floor=UNBOUND)


@pytest.mark.parametrize("purposes", [("pretrial-release",), ("TREAT", "pretrial-release")])
def test_outside_of_care_nothing_passes_on_any_ground_until_counsel_says_so(purposes):
    assert bounds(*purposes) == []
    assert bounds(*purposes, floor=UNBOUND) == []
    assert bounds(*purposes, counsel=[ENABLED | {"partner": "probation"}]) == []
    since = interval("2026-03-01", DENVER)[0]
    assert bounds(*purposes, counsel=[ENABLED], floor=UNBOUND) == [(since, LAST, CONSENT, ("mou",))]


def test_what_counsel_enables_has_to_be_granted_as_well():
    made = memorandum(grant(), counsel={"contact_details": [ENABLED]})
    assert bound([made], recipient(), CONTACT, zone=DENVER) == []


def test_a_unit_has_what_it_told_itself_and_a_vendor_has_it_for_care_alone():
    own = recipient("jail-medical", "pretrial-release")
    assert bounds(asked=own) == [(MIN, MAX, OWN, ("own-record",))]
    for purpose, found in (("HOPERAT", []), ("TREAT", [(FIRST, LAST, CONTRACT, ("dua",))])):
        made = contract(purposes=[purpose], classes=["contact"])
        assert bound([made], recipient("vendor", purpose), CONTACT, zone=DENVER) == found


def test_counsel_enables_parties_alone():
    with pytest.raises(ValidationError, match=r"counsel.contact_details\[0\].partner"):
        memorandum(counsel={"contact_details": [ENABLED | {"partner": "court"}]})
