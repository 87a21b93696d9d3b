"""Hard cases of HL7 v2, 55 to 57, and what is not from production: nothing gets out that a form would not let out."""

from __future__ import annotations

import hl7_messages
import orjson
import pytest
import records
import worlds
from hl7_messages import adt, message, oru, pid, pv1, seen, stored
from hypothesis import given, settings
from hypothesis import strategies as st

FEED = "jail-medical-hl7"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
CONSENT, OBSERVATION, PATIENT, ENCOUNTER = 6, 3, 1, 2


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def world(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    yield made
    await made.close()


def con(status, *, limits="", form="F1", kind="001", competent="Y", at="20260302080000-0700", end="", by="MARSH^ADA"):
    fields = {
        2: kind,
        3: "ROI 1",
        4: form,
        9: limits,
        10: "W",
        11: status,
        13: at,
        14: at,
        15: end,
        16: competent,
        24: by,
    }
    segment = "CON|" + "|".join(fields.get(number, "") for number in range(1, 26)).rstrip("|")
    txa = f"TXA|1|CF{'|' * 10}D-{form}"
    return message("MDM^T02^MDM_T02", f"EVN|T02|{at}", pid(), pv1(), txa, segment, at=at, control=f"{status}{at}")


def permits(body):
    return body["status"] == "active" and any(
        rule["type"] == "permit" for rule in body["provision"].get("provision", ())
    )


@pytest.mark.parametrize(
    ("status", "read"), [("B", "inactive"), ("P", "proposed"), ("R", "rejected"), ("X", "inactive")]
)
def test_case_55_other_statuses_never_permit(status, read):
    body = seen(con(status)).one("Consent")
    assert (body["status"], permits(body), body["provision"]["type"]) == (read, False, "deny")


@pytest.mark.parametrize("status", ["", '""', "Q", "AA", "Y"])
def test_case_55_a_missing_or_unknown_status_waits(status):
    found = seen(con(status))
    assert (found.waiting, found.of("Consent")) == (["consent-status"], [])


def test_case_55_a_consent_permits_only_for_whom_the_paper_names():
    body = seen(con("A", end="20270302")).one("Consent")
    assert permits(body)
    assert body["provision"]["type"] == "deny"
    assert body["provision"]["period"] == {"start": "2026-03-02T08:00:00-07:00", "end": "2027-03-02"}
    (permit,) = body["provision"]["provision"]
    assert all("reference" not in actor["reference"] for actor in permit["actor"])
    limited = seen(con("L", limits="not to my employer")).one("Consent")
    assert limited["provision"]["provision"][0]["code"] == [{"text": "not to my employer"}]
    assert seen(con("L")).waiting == ["consent-limits"]
    assert seen(con("A", end="soon")).waiting == ["bad-date"]
    assert seen(con("A", competent="N", by="")).waiting == ["consent-competence"]
    assert seen(con("A", kind="002")).one("Consent")["scope"]["coding"][0]["code"] == "treatment"


@given(st.text(st.characters(codec="ascii", exclude_characters="\r\n|^~\\&"), max_size=3), st.sampled_from(["", "x"]))
@settings(max_examples=60, deadline=None)
def test_case_55_no_status_but_a_and_l_permits(status, limits):
    found = seen(con(status, limits=limits))
    allowed = status.strip().upper() == "A" or (status.strip().upper() == "L" and limits)
    assert any(map(permits, found.of("Consent"))) == bool(allowed)


@pytest.mark.anyio
async def test_case_55_a_consent_by_hl7_lets_nothing_out_and_closes_no_release(world):
    await world.deliver(FEED, records.hl7(records.admission(), records.phq9(12)))
    url = f"/fhir/Observation?patient=Patient/{world.patient(FEED, 'J1')}"
    caller = ("pretrial", "pretrial-release")
    await world.deliver(FEED, con("A").encode())
    (consent,) = stored(world, "Consent", CONSENT)
    assert (consent["status"], consent["patient"]["reference"]) == ("active", f"Patient/{world.patient(FEED, 'J1')}")
    assert await world.matches(caller, url) == []
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    seen_by_form = await world.matches(caller, url)
    assert len(seen_by_form) == 1
    await world.deliver(FEED, con("X", at="20260303080000-0700").encode())
    assert await world.matches(caller, url) == seen_by_form


@pytest.mark.anyio
async def test_case_56_a_withdrawal_holds_at_once_and_an_older_permit_does_not_come_back(world):
    await world.deliver(FEED, con("A", at="20260302080000-0700").encode())
    await world.deliver(FEED, con("X", at="20260304080000-0700").encode())
    await world.deliver(FEED, con("A", at="20260303080000-0700").encode(), "late")
    (consent,) = stored(world, "Consent", CONSENT)
    assert consent["status"] == "inactive"
    policies = world.rows("SELECT count(*) FROM patient_policy_source")
    assert policies == [(0,)]


@pytest.mark.parametrize(
    ("lines", "header", "where"),
    [
        ((pid(), "ARV|1||VIP", pv1()), {}, {"Patient": {"R", "CEL"}, "Encounter": set()}),
        ((pid(), pv1(), "ARV|1||PSY"), {}, {"Patient": set(), "Encounter": {"R", "PSY"}}),
        ((pid(), pv1(), "PV2" + "|" * 22 + "Y"), {}, {"Patient": set(), "Encounter": {"R"}}),
        ((pid(), pv1()), {"msh8": "V"}, {"Patient": {"V"}, "Encounter": {"V"}}),
        ((pid(), pv1(), "ARV|1||NO"), {}, {"Patient": set(), "Encounter": set()}),
        ((pid(), "PD1" + "|" * 12 + "Y", pv1()), {}, {"Patient": {"R"}, "Encounter": set()}),
    ],
)
def test_case_57_restrictions_label_what_they_follow(lines, header, where):
    found = seen(adt("A01", *lines, **header))
    (mapped,) = found.mapped
    labelled = {draft.type: {code for _, code in (*mapped.labels, *draft.labels)} for draft in mapped.drafts}
    assert labelled == where


@pytest.mark.parametrize("segment", ["ARV|1||ODD", "ARV|1|A", "ARV|1|||ODD^x"])
def test_case_57_an_unknown_restriction_is_the_highest_label_and_never_dropped(segment):
    found = seen(adt("A01", pid(), pv1(), segment))
    (booking,) = [draft for draft in found.drafts if draft.type == "Encounter"]
    assert (CONFIDENTIALITY, "V") in booking.labels
    assert "ODD" not in segment or any(code == "ODD" for _, code in booking.labels)


def test_case_57_a_restriction_is_lifted_by_its_code_alone():
    lifted = seen(adt("A08", pid(), "ARV|1|D|VIP", pv1()))
    (patient,) = [draft for draft in lifted.drafts if draft.type == "Patient"]
    assert (patient.labels, patient.restrictions.lifts, lifted.warnings) == ((), ("VIP",), [])
    mixed = seen(adt("A08", pid(), "ARV|1|D|VIP", "ARV|2|A|PSY", pv1()))
    (patient,) = [draft for draft in mixed.drafts if draft.type == "Patient"]
    assert {"CEL", "PSY"} <= {code for _, code in patient.labels}
    assert "restriction-kept" in mixed.warnings
    assert "restriction-kept" in seen(adt("A08", pid(), "ARV|1|D", pv1())).warnings


def test_case_57_a_result_bears_every_restriction_of_its_message():
    text = message(
        "ORU^R01", pid(), "ARV|1||VIP", pv1(), "ARV|1||ODD", "OBR|1||O1|x^y^L", "OBX|1|NM|1^x^LN||5||||||F", msh8="R"
    )
    (mapped,) = seen(text).mapped
    assert {"V", "R", "CEL", "ODD"} <= {code for _, code in mapped.labels}


@pytest.mark.anyio
async def test_case_57_a_label_holds_before_release_and_outlasts_a_message_that_is_silent(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=hl7_messages.use_base)
    await world.deliver(FEED, adt("A01", pid(), "ARV|1||ODD", pv1()).encode())
    await world.deliver(FEED, adt("A08", pid(name="MARSH^EVE"), pv1(), at="20260303080000-0700").encode())
    (patient,) = stored(world, "Patient", PATIENT)
    assert patient["name"][0]["given"] == ["EVE"]
    assert "V" in {label["code"] for label in patient["meta"]["security"]}
    await world.close()


@pytest.mark.anyio
@pytest.mark.parametrize("processing", ["T", "D", "T^A", "X"])
async def test_what_is_not_from_production_never_reaches_it(world, processing):
    text = adt("A01", pid(), pv1(), processing=processing) + oru(
        "OBX|1|NM|44261-6^x^LN||5||||||F", processing=processing
    )
    report = await world.deliver(FEED, text.encode())
    assert report.quarantined == {"not-production": 2}
    assert [number for kind in (PATIENT, ENCOUNTER, OBSERVATION) for number in stored(world, "", kind)] == []
    waiting = await world.services.store.quarantined(FEED)
    assert b"".join(one.raw for one in waiting) == text.encode()


@pytest.mark.anyio
async def test_no_content_is_told_of_what_waits(world, caplog):
    await world.deliver(
        FEED, (con("Q") + adt("A01", pid(born="SECRET"), pv1()) + adt("A40", pid(), "MRG|J1^^^ALDERJAIL^PCN")).encode()
    )
    waiting = await world.services.store.quarantined(FEED)
    assert {one.code for one in waiting} == {"consent-status", "merge-with-itself"}
    told = " ".join(f"{one.part} {one.code} {one.element} {one.expected}" for one in waiting) + caplog.text
    assert not any(word in told for word in ("MARSH", "SECRET", "J1", "ROI"))
    assert orjson.dumps(told)
