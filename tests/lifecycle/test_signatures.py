"""Who signed, on what, seen by whom: what makes a signature one, and what holds everything until somebody looks."""

from __future__ import annotations

import pytest
import records
from signed_forms import ELECTRONIC, PART2, SIGNATURE, SIGNED, TEXTO, authored, instant, permits

from adapter.consent.directive import read
from adapter.errors import RecordError

pytestmark = pytest.mark.anyio
CLINIC = ("cottonwood", "TREAT", "MH")
PRETRIAL = ("pretrial", "pretrial-release")
CHILD = SIGNED["person"] | {"dob": "2008-10-01"}
GUARDIAN = {"capacity": "guardian", "name": "Bo Lund", "authority": "letters of guardianship 26-1"}


def refused(code, element, changed_form=None, **elements):
    with pytest.raises(RecordError) as raised:
        authored(changed_form=changed_form, **elements)
    assert (raised.value.code, raised.value.element) == (code, element)


async def shown(world):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    return len(await world.matches(PRETRIAL, f"/fhir/Observation?patient={patient}"))


@pytest.fixture
async def ada(world):
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    assert await shown(world) == 1
    return world


async def test_15_a_signature_is_not_taken_from_somebody_who_cannot_sign_now(ada):
    """It is offered again later; what was signed before goes on, and nobody waits in quarantine."""
    offered = records.release(records.choice(), submission="r2", flags=["incapacity"], signature={"name": True})
    report = await ada.deliver("releases", records.ndjson(offered))
    assert not report.quarantined
    assert await shown(ada) == 1
    later = records.release(records.choice(), submission="r2")
    await ada.deliver("releases", records.ndjson(later))
    assert await shown(ada) == 1


def test_16_a_guardian_signs_with_proof_and_a_relative_without_it_does_not():
    assert permits([authored(signer=GUARDIAN)], *CLINIC)
    refused("deficient", "signer.authority", signer=GUARDIAN | {"authority": ""})
    refused("bad-submission", "signer.capacity", signer={"capacity": "cousin", "name": "Bo Lund"})


def test_17_a_guardian_whose_authority_has_run_out_is_no_signer():
    refused("signer", "signer.authority_until", signer=GUARDIAN | {"authority_until": "2026-03-01"})
    limited = authored(signer=GUARDIAN | {"authority_until": "2026-08-31"})
    assert permits([limited], *CLINIC, at=instant("2026-08-31"))
    assert not permits([limited], *CLINIC, at=instant("2026-09-01"))


def test_18_for_the_dead_a_personal_representative_signs_with_proof():
    executor = {"capacity": "representative", "name": "Bo Lund", "authority": "letters testamentary 26-9"}
    made = authored(signer=executor)
    assert read(made | {"id": "c"}).body.signer == "representative"
    refused("deficient", "signer.authority", signer=executor | {"authority": ""})


def test_19_a_child_signs_by_whom_law_names_both_where_it_says_so_and_anew_at_18():
    refused("signer", "signer.capacity", person=CHILD)
    allowed = {"minors": ["parent", "minor"]}
    made = authored(changed_form=allowed, person=CHILD, signer={"capacity": "minor"})
    assert read(made | {"id": "c"}).body.signer == "minor"
    assert permits([made], *CLINIC, at=instant("2026-09-30"))
    assert not permits([made], *CLINIC, at=instant("2026-10-01"))
    parent = {"capacity": "parent", "name": "Bo Lund"}
    refused("missing-part2-element", "signer.minor_signed", allowed, person=CHILD, signer=parent, part2=PART2)


async def test_21_a_representative_who_was_declined_opens_nothing(ada):
    declined = records.release(records.choice(), submission="r2", signer=GUARDIAN, flags=["signer-declined"])
    report = await ada.deliver("releases", records.ndjson(declined))
    assert report.quarantined == {"held": 1}
    assert await shown(ada) == 0


def test_37_an_interpreter_has_a_name_a_language_and_a_text():
    read_out = {"name": "Eva Ruiz", "language": "es", "certified": True, "text": "es"}
    assert permits([authored(interpreter=read_out, signature=SIGNATURE | {"language": "es"})], *CLINIC)
    refused("deficient", "interpreter.name", interpreter=read_out | {"name": ""})
    refused("deficient", "interpreter.language", interpreter=read_out | {"language": ""})
    refused("deficient", "interpreter.text", interpreter=read_out | {"text": "fr"})


def test_38_a_mark_needs_a_witness_who_is_nobody_else():
    mark = SIGNATURE | {"method": "mark"}
    assert permits([authored(signature=mark, witness={"name": "Kim Vo"}, taken_by="Bo Lund")], *CLINIC)
    refused("deficient", "witness.name", signature=mark)
    refused("same-witness", "witness.name", signature=mark, witness={"name": "Bo Lund"}, taken_by="Bo Lund")
    refused("same-witness", "witness.name", signature=mark, witness={"name": "Ada Marsh"}, taken_by="Bo Lund")


def test_39_an_electronic_signature_has_intent_identity_text_and_time():
    assert permits([authored(signature=ELECTRONIC)], *CLINIC)
    for part, empty in (("intent", False), ("identity", ""), ("at", None), ("hash", None)):
        refused("deficient", f"signature.{part}", signature=ELECTRONIC | {part: empty})
    refused("tampered", "signature.hash", signature=ELECTRONIC | {"hash": TEXTO})
    refused("wet-signature", "signature.method", {"electronic": False}, signature=ELECTRONIC)


def test_40_without_a_copy_to_the_person_nothing_rests_on_it():
    refused("deficient", "copy_given", copy_given=False)


def test_41_one_element_missing_is_a_deficient_form():
    refused("missing-part2-element", "part2.purpose", part2=PART2 | {"purpose": ""})
    refused("deficient", "expires", expires=None)


@pytest.mark.parametrize(
    ("code", "element", "elements"),
    [
        ("deficient", "signature.name", {"signature": {}}),
        ("missing-date", "signed", {"signed": None}),
        ("future-dated", "signed", {"signed": "2026-08-01"}),
    ],
)
def test_42_unsigned_undated_and_future_dated(code, element, elements):
    refused(code, element, **elements)


def test_42_what_is_signed_after_a_disclosure_does_not_reach_back_to_it():
    made = authored()
    assert not permits([made], *CLINIC, at=instant("2026-03-02T09:59:59-07:00"))
    assert permits([made], *CLINIC, at=instant("2026-03-02T10:00:00-07:00"))


@pytest.mark.parametrize("flag", ["coercion", "forgery"])
async def test_43_44_what_may_be_forced_or_forged_holds_everything_while_somebody_looks(ada, flag):
    doubted = records.release(records.choice(), submission="r2", flags=[flag])
    report = await ada.deliver("releases", records.ndjson(doubted))
    assert report.quarantined == {"held": 1}
    assert await shown(ada) == 0
    cleared = records.release(records.choice(), submission="r2")
    await ada.deliver("releases", records.ndjson(cleared))
    assert await shown(ada) == 1
