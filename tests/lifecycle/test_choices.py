"""What people allow, refuse and sign again: whom it reaches, and whom it never does."""

from __future__ import annotations

import orjson
import pytest
import records
import worlds
from signed_forms import (
    CONDITION,
    DENVER,
    PROCEEDINGS,
    SHELTER,
    SIGNED,
    authored,
    form,
    permits,
    recipient_of,
    record_of,
)

from adapter.consent.directive import read
from adapter.consent.evaluate import Effect
from adapter.consent.names import AtHand
from adapter.consent.policy import timeline
from adapter.consent.release import SUMMARY_PROFILE
from adapter.consent.rules import exception, rule
from adapter.errors import RecordError

pytestmark = pytest.mark.anyio
CLINIC = ("cottonwood", "TREAT")
PRETRIAL = ("pretrial", "pretrial-release")
BOTH, MENTAL = ["mental-health", "substance-use"], ["mental-health"]


def to_clinic(*classes, purposes=("TREAT",)):
    return [{"partner": "cottonwood", "purposes": list(purposes), "classes": list(classes)}]


async def shown(world, caller=PRETRIAL):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    return len(await world.matches(caller, f"/fhir/Observation?patient={patient}"))


def test_22_a_later_narrower_consent_wins_for_each_recipient_and_class():
    wide, narrow = (
        authored(choices=to_clinic(*BOTH)),
        authored(choices=to_clinic(*MENTAL), signed="2026-04-01", submission="r2"),
    )
    assert permits([wide], *CLINIC, "SUD")
    assert not permits([wide, narrow], *CLINIC, "SUD")
    assert permits([wide, narrow], *CLINIC, "MH")


def test_22_a_later_wider_consent_does_not_widen_unless_it_expressly_replaces():
    later = {"signed": "2026-04-01", "submission": "r2"}
    narrow, wide = authored(choices=to_clinic(*MENTAL)), authored(choices=to_clinic(*BOTH), **later)
    assert not permits([narrow, wide], *CLINIC, "SUD")
    replacing = {"replaces_earlier": True}
    narrow = authored(choices=to_clinic(*MENTAL), changed_form=replacing)
    wide = authored(choices=to_clinic(*BOTH), changed_form=replacing, **later)
    assert permits([narrow, wide], *CLINIC, "SUD")


def test_22_papers_of_different_kinds_do_not_narrow_each_other():
    release, condition = authored(), authored(CONDITION, signed="2026-04-01")
    assert permits([release, condition], *CLINIC, "MH")
    assert permits([release, condition], "treatment-court", "diversion", "SUD", regime="part2")


async def test_29_a_form_that_does_not_match_the_record_reaches_nothing(world):
    """The same name and birth date with another number is another person until somebody knows better."""
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    other = records.release(records.choice(), ssn=records.OTHER_SSN)
    await world.deliver("releases", records.ndjson(other))
    assert await shown(world) == 0


def test_32_a_refusal_of_part_closes_that_part_for_a_partner_a_class_or_a_purpose():
    both = to_clinic(*BOTH, purposes=("TREAT", "HPAYMT"))
    for refusal, mental, substance, payment in (
        ({"partner": "cottonwood", "classes": ["substance-use"]}, True, False, True),
        ({"classes": ["mental-health"]}, False, True, False),
        ({"partner": "cottonwood", "purposes": ["HPAYMT"]}, True, True, False),
    ):
        made = authored(choices=both, refusals=[refusal])
        assert permits([made], *CLINIC, "MH") is mental
        assert permits([made], *CLINIC, "SUD") is substance
        assert permits([made], "cottonwood", "HPAYMT", "MH") is payment


async def test_33_a_total_refusal_is_kept_and_looks_like_nothing_at_all(world):
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    patient = world.patient("jail-medical-hl7", records.JAIL)
    urls = [f"/fhir/{kind}?patient={patient}" for kind in ("Consent", "Observation")] + [f"/fhir/Patient/{patient}"]
    before = [worlds.comparable(await world.ask(PRETRIAL, url)) for url in urls]
    refusal = records.release(refused=True, signature={}, expires=None, copy_given=False)
    await world.deliver("releases", records.ndjson(refusal))
    assert [worlds.comparable(await world.ask(PRETRIAL, url)) for url in urls] == before
    ((body,),) = world.rows("SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 6")
    assert orjson.loads(body)["provision"]["type"] == "deny"


def test_34_the_version_that_was_signed_governs_and_a_retired_one_takes_no_new_signature():
    old = {"version": "2025-1", "retired": "2026-03-31"}
    assert permits([authored(changed_form=old, version="2025-1")], *CLINIC, "MH")
    with pytest.raises(RecordError, match="retired-form"):
        authored(changed_form=old, version="2025-1", signed="2026-04-01")
    with pytest.raises(RecordError, match="wrong-form"):
        authored(version="2025-1")


def test_35_a_partner_that_joins_later_is_not_covered_by_what_was_signed_before():
    made = authored(changed_form={"partners": {**form().model_dump()["partners"], "newcomer": ["TREAT"]}})
    assert not permits([made], "newcomer", "TREAT", "MH")


def test_35_an_intermediary_passes_on_to_whom_the_form_names():
    through = {"intermediaries": {"cottonwood": {"participants": ["probation", "court"]}}}
    named = [SIGNED["choices"][1] | {"participants": ["court"]}]
    made = authored(changed_form=through, choices=named)
    assert permits([made], "court", "TREAT", "MH")
    assert not permits([made], "probation", "TREAT", "MH")


async def test_36_a_partner_that_leaves_the_agreement_receives_nothing_more(tmp_path):
    def until_march(folder):
        path = folder / "agreements" / "memorandum.yaml"
        path.write_text(path.read_text().replace("end: null", "end: 2027-01-31"))

    world = await worlds.open_site(tmp_path / "site", adjust=until_march)
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    registry = world.patient("releases", records.REGISTRY)
    assert await shown(world) == 1
    assert len(await world.matches(PRETRIAL, f"/fhir/Consent?patient={registry}")) == 1
    world.clock.set("2027-02-01T00:00:00-07:00")
    world.tokens.clear()
    assert await shown(world) == 0
    assert await world.matches(PRETRIAL, f"/fhir/Consent?patient={registry}") == []
    await world.close()


def test_45_who_has_two_roles_receives_for_the_purpose_it_states():
    made = authored(choices=[{"partner": "probation", "purposes": ["supervision"], "classes": ["mental-health"]}])
    assert permits([made], "probation", "supervision", "MH")
    assert not permits([made], "probation", "TREAT", "MH")


def test_49_what_is_made_after_the_signature_is_covered_only_where_the_form_says_so():
    def given(day, changed_form):
        directive = read(authored(changed_form=changed_form) | {"id": "c"})
        policy = next(span.policy for span in timeline([directive], DENVER) if span.policy.directives)
        record = {"resourceType": "Observation", "meta": {"profile": [SUMMARY_PROFILE]}, "effectiveDateTime": day}
        asked = (policy, recipient_of(*CLINIC), record_of("MH"))
        if changed_form:
            assert rule(*asked).effect is Effect.EXCEPTION
        return exception(*asked, record, AtHand([]), zone=DENVER).effect is Effect.PERMIT

    assert given("2026-03-01", {"future": False})
    assert not given("2026-03-10", {"future": False})
    assert given("2026-03-10", {})


async def test_52_the_same_scan_twice_is_one_consent(world):
    signed = records.ndjson(records.release(records.choice()))
    await world.deliver("releases", signed, name="monday")
    again = await world.deliver("releases", signed, name="tuesday")
    assert again.written["Consent"] == 0
    assert world.rows("SELECT count(*) FROM resource WHERE type = 6 AND revision > 1") == [(0,)]


async def test_52_entered_in_error_is_not_revoked(world):
    """A form of somebody else says nothing: it neither goes on permitting nor denies what was signed rightly."""
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    right = records.release(records.choice(), submission="r1")
    wrong = records.release(refused=True, submission="r2", expires=None)
    await world.deliver("releases", records.ndjson(right, wrong))
    assert await shown(world) == 0
    await world.deliver("releases", records.ndjson(right, wrong | {"entered_in_error": True}))
    assert await shown(world) == 1


def test_55_a_release_of_a_domestic_violence_program_is_a_paper_of_its_own():
    assert read(authored(SHELTER) | {"id": "c"}).body.instrument == "domestic-violence"
    with pytest.raises(ValueError, match="form of their own"):
        form(SHELTER, part2=form().part2)
    assert permits([authored(SHELTER), authored(PROCEEDINGS)], *CLINIC, "MH")


async def test_56_the_copy_a_person_takes_home_is_no_disclosure_that_a_form_opens(world):
    """A release for partners opens nothing for a request on behalf of the person: that is given by who holds it."""
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    assert await shown(world, ("pretrial", "PATRQT")) == 0
    assert await shown(world, ("jail-medical", "PATRQT")) == 2
