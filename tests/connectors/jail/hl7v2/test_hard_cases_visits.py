"""Hard cases of HL7 v2, 18, 30 and 33 to 39: events, brought into the store late, twice and out of order."""

from __future__ import annotations

import itertools
from importlib import import_module

import hl7_messages
import orjson
import pytest
import records
import worlds
from hl7_messages import adt, message, pid, pv1, stored

from adapter.store.shapes import TYPES

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"
PATIENT, ENCOUNTER, PROVENANCE = 1, 2, 7
DAY = "2026030{}080000-0700"


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def world(tmp_path):
    """A site whose jail says no more about its messages than it has to."""
    made = await worlds.open_site(tmp_path / "site", adjust=hl7_messages.use_base)
    yield made
    await made.close()


def at(day):
    return DAY.format(day)


async def deliver(world, *messages, together=False):
    """One file a message, or all in one."""
    for text in [("".join(messages))] if together else messages:
        report = await world.deliver(FEED, text.encode())
        assert not report.quarantined
        assert not any(path.startswith(("PID", "PV1")) for path in report.unmapped)


def visit(world):
    (found,) = stored(world, "Encounter", ENCOUNTER)
    return found


def places(encounter):
    return [
        (
            one["location"]["display"].split()[1],
            one["status"],
            one["period"].get("start", "")[8:10],
            one["period"].get("end", "")[8:10],
        )
        for one in encounter["location"]
    ]


async def test_case_33_a08_neither_guesses_a_status_nor_resets_the_period(world):
    await deliver(
        world,
        adt("A01", pid(), pv1(), at=at(1)),
        adt("A08", pid(name="MARSH^EVE"), "PV1|1|I||||||||||||||||" + "|B1^^^ALDERJAIL^VN", at=at(2)),
    )
    found = visit(world)
    assert (found["status"], found["period"]) == ("in-progress", {"start": "2026-03-01T08:10:00-07:00"})
    (patient,) = stored(world, "Patient", PATIENT)
    assert patient["name"][0]["given"] == ["EVE"]


async def test_case_33_a08_first_says_that_nothing_is_known(world):
    await deliver(world, adt("A08", pid(), pv1(start=""), at=at(2)))
    assert visit(world)["status"] == "unknown"
    await deliver(world, adt("A01", pid(), pv1(), at=at(1)))
    assert (visit(world)["status"], visit(world)["period"]["start"][:10]) == ("in-progress", "2026-03-01")


async def test_case_34_cancels_are_reversed_and_leave_a_provenance(world):
    await deliver(
        world,
        adt("A01", pid(), pv1(), at=at(1)),
        adt("A03", pid(), pv1(end=at(3), reason="ROR"), at=at(3)),
    )
    assert (visit(world)["status"], "end" in visit(world)["period"]) == ("finished", True)
    await deliver(world, adt("A13", pid(), pv1(), at=at(4)))
    found = visit(world)
    assert (found["status"], found["period"]) == ("in-progress", {"start": "2026-03-01T08:10:00-07:00"})
    assert "dischargeDisposition" not in found.get("hospitalization", {})
    assert found["location"][-1]["status"] == "active"
    await deliver(world, adt("A11", pid(), pv1(), at=at(5)))
    assert visit(world)["status"] == "cancelled"
    traces = stored_seeds(world, "Provenance", PROVENANCE)
    told = {one["activity"]["coding"][0]["code"]: one for one in traces}
    assert set(told) == {"A11", "A13"}
    assert told["A13"]["occurredDateTime"] == "2026-03-04T08:00:00-07:00"
    assert f"Encounter/{found['id']}" in {target["reference"] for target in told["A13"]["target"]}
    versions = world.rows(
        "SELECT count(*) FROM resource_history h JOIN resource r USING (rid) WHERE r.type = ?", ENCOUNTER
    )
    assert versions == [(3,)]


def stored_seeds(world, kind, number):
    rows = world.rows("SELECT head, tail FROM resource WHERE type = ? ORDER BY id", number)
    return [orjson.loads(head + b"]" + tail) for head, tail in rows]


EVENTS = (
    adt("A01", pid(), pv1(place="A^1^1^ALDERJAIL"), at=at(1)),
    adt("A02", pid(), pv1(place="B^2^1^ALDERJAIL"), at=at(2)),
    adt("A08", pid(name="MARSH^EVE"), pv1(place="B^2^1^ALDERJAIL", start=""), at=at(3)),
    adt("A03", pid(name="MARSH^EVE"), pv1(place="B^2^1^ALDERJAIL", end=at(4), start=""), at=at(4)),
)


@pytest.mark.parametrize("together", [True, False])
async def test_case_35_the_order_of_arrival_changes_nothing(tmp_path, together):
    found = set()
    for number, order in enumerate(itertools.permutations(EVENTS)):
        if number % 5:
            continue
        world = await worlds.open_site(tmp_path / str(number), adjust=hl7_messages.use_base)
        await deliver(world, *order, together=together)
        encounter = visit(world)
        (patient,) = stored(world, "Patient", PATIENT)
        for resource in (encounter, patient):
            del resource["meta"]["versionId"], resource["meta"]["lastUpdated"]
        found.add(orjson.dumps([encounter, patient], option=orjson.OPT_SORT_KEYS))
        assert (encounter["status"], encounter["period"]["start"][:10], encounter["period"]["end"][:10]) == (
            "finished",
            "2026-03-01",
            "2026-03-04",
        )
        assert patient["name"][0]["given"] == ["EVE"]
        await world.close()
    assert len(found) == 1


async def test_case_35_a_late_message_takes_nothing_back_and_adds_what_nobody_has_said(world):
    await deliver(world, adt("A08", pid(name="MARSH^EVE", born='""', race=""), pv1(), at=at(5)))
    await deliver(world, adt("A01", pid(name="MARSH^ADA", born="19800402"), pv1(), at=at(1)))
    (patient,) = stored(world, "Patient", PATIENT)
    assert patient["name"][0]["given"] == ["EVE"]
    assert "birthDate" not in patient
    assert any(one["url"].endswith("us-core-race") for one in patient["extension"])


async def test_case_36_a_move_closes_one_place_and_opens_the_next(world):
    await deliver(world, *EVENTS[:2])
    assert places(visit(world)) == [("A", "completed", "01", "02"), ("B", "active", "02", "")]
    await deliver(world, adt("A12", pid(), pv1(place="A^1^1^ALDERJAIL"), at=at(3)))
    assert places(visit(world)) == [("A", "active", "01", "")]
    await deliver(world, adt("A03", pid(), pv1(place="A^1^1^ALDERJAIL", end=at(4)), at=at(4)))
    assert places(visit(world)) == [("A", "completed", "01", "04")]


async def test_case_36_a_swap_moves_two_persons(world):
    await deliver(
        world,
        adt("A01", pid("J1"), pv1("B1", place="A^1^1^ALDERJAIL"), at=at(1)),
        adt("A01", pid("J2", name="ELM^BO"), pv1("B2", place="B^2^1^ALDERJAIL"), at=at(1)),
        adt(
            "A17",
            *(
                pid("J1"),
                pv1("B1", place="B^2^1^ALDERJAIL"),
                pid("J2", name="ELM^BO"),
                pv1("B2", place="A^1^1^ALDERJAIL"),
            ),
            at=at(2),
        ),
    )
    found = {one["identifier"][0]["value"]: one for one in stored(world, "Encounter", ENCOUNTER)}
    assert [place[0] for place in places(found["B1"])] == ["A", "B"]
    assert [place[0] for place in places(found["B2"])] == ["B", "A"]
    assert {one["status"] for one in found.values()} == {"in-progress"}


async def test_case_38_admission_and_release_may_share_a_control_id(world):
    await deliver(
        world,
        adt("A01", pid(), pv1(), at=at(1), control="SAME"),
        adt("A03", pid(), pv1(end=at(3)), at=at(3), control="SAME"),
    )
    assert visit(world)["status"] == "finished"


async def test_case_39_a_deletion_deletes_nothing(world):
    await deliver(world, adt("A28", pid(), at=at(1)), adt("A29", pid(), at=at(2)))
    (patient,) = stored(world, "Patient", PATIENT)
    assert (patient["active"], patient["name"][0]["family"]) == (False, "MARSH")
    (trace,) = stored_seeds(world, "Provenance", PROVENANCE)
    assert trace["activity"]["coding"][0]["code"] == "A29"
    assert trace["entity"][0]["what"]["identifier"]["value"] == f"A29-{at(2)}"
    await deliver(world, adt("A28", pid(), at=at(3)))
    assert stored(world, "Patient", PATIENT)[0]["active"] is True


async def test_case_18_deleted_elements_go_and_unsaid_ones_stay(world):
    await deliver(world, adt("A28", pid(), at=at(1)), adt("A31", pid(born='""', race="", sex=""), at=at(2)))
    (patient,) = stored(world, "Patient", PATIENT)
    assert "birthDate" not in patient
    assert patient["gender"] == "female"
    assert [one["url"].rpartition("-")[2] for one in patient["extension"]] == ["race"]
    await deliver(world, adt("A31", pid(race='""'), at=at(3)))
    (patient,) = stored(world, "Patient", PATIENT)
    assert ("extension" in patient, patient["birthDate"]) == (False, "1980-04-02")


@pytest.mark.parametrize("order", [1, -1])
async def test_case_30_merged_records_stay_two_linked_and_the_old_one_is_inactive(world, order):
    both = [adt("A28", pid("J1"), at=at(1)), adt("A28", pid("J2", name="MARCH^ADA"), at=at(1))]
    merge = adt("A40", pid("J1"), "MRG|J2^^^ALDERJAIL^PCN", at=at(2))
    await deliver(world, *[*both, merge][::order])
    patients = {one["identifier"][0]["value"]: one for one in stored(world, "Patient", PATIENT)}
    assert (patients["J1"]["active"], patients["J2"]["active"]) == (True, False)
    assert patients["J2"]["name"][0]["family"] == "MARCH"
    old, new = (f"Patient/{patients[number]['id']}" for number in ("J2", "J1"))
    targets = [
        [target["reference"] for target in one["target"]] for one in stored_seeds(world, "Provenance", PROVENANCE)
    ]
    assert sorted(targets) == sorted([[old], [new]])


async def test_case_30_the_link_is_served_where_both_may_be_seen_and_moves_no_consent(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    old, new = world.patient(FEED, "J2"), world.patient(FEED, "J1")
    await world.deliver(FEED, records.hl7(records.admission(), records.phq9(12)))
    other = records.phq9(9, person="J2", ssn="218-44-9031", control="R2")
    await world.deliver(FEED, records.hl7(other.replace("MARSH^ADA||19800402|F", "ELM^BO||19710607|M")))
    await world.deliver(FEED, adt("A40", pid("J1"), "MRG|J2^^^ALDERJAIL^PCN", at=at(4)).encode())
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    caller, own = ("pretrial", "pretrial-release"), ("jail-medical", "discharge-planning")
    links = {who: (await world.ask(own, f"/fhir/Patient/{who}")).json()["link"] for who in (old, new)}
    assert {"other": {"reference": f"Patient/{new}"}, "type": "replaced-by"} in links[old]
    assert {"other": {"reference": f"Patient/{old}"}, "type": "replaces"} in links[new]
    assert len(await world.matches(caller, f"/fhir/Observation?patient=Patient/{new}")) == 1
    assert await world.matches(caller, f"/fhir/Observation?patient=Patient/{old}") == []
    assert (await world.ask(caller, f"/fhir/Patient/{old}")).status_code == 404
    assert "replaces" not in (await world.ask(caller, f"/fhir/Patient/{new}")).text
    await world.close()


@pytest.mark.parametrize(("ssn", "links"), [("", 2), ('""', 0)])
async def test_a_number_that_is_unsaid_still_says_who_somebody_is_and_a_deleted_one_does_not(tmp_path, ssn, links):
    world = await worlds.open_site(tmp_path / "site")
    await world.deliver(FEED, records.hl7(records.admission(), records.phq9(12)))
    await world.deliver(FEED, adt("A08", pid("J1", ssn=ssn), at=at(4)).encode())
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    assert world.rows("SELECT count(*) FROM patient_link") == [(links,)]
    await world.close()


async def test_a_visit_that_moves_to_another_person_or_number_is_no_longer_where_it_was(world):
    await deliver(
        world,
        adt("A01", pid("J2"), pv1("B1"), at=at(1)),
        adt("A45", pid("J1"), "MRG|J2^^^ALDERJAIL^PCN||||B1^^^ALDERJAIL^VN", pv1("B1"), at=at(2)),
        adt("A01", pid("J3"), pv1("B3"), at=at(1)),
        adt("A50", pid("J3"), "MRG|J3^^^ALDERJAIL^PCN||||B3^^^ALDERJAIL^VN", pv1("B4"), at=at(2)),
    )
    found = {
        (one["subject"]["reference"], one["identifier"][0]["value"]): one["status"]
        for one in stored(world, "Encounter", ENCOUNTER)
    }
    person = {number: f"Patient/{world.patient(FEED, number)}" for number in ("J1", "J2", "J3")}
    assert found[person["J2"], "B1"] == found[person["J3"], "B3"] == "entered-in-error"
    assert found[person["J1"], "B1"] == found[person["J3"], "B4"] == "unknown"


async def test_a_merge_with_itself_waits(world):
    report = await world.deliver(FEED, adt("A40", pid("J1"), "MRG|J1^^^ALDERJAIL^PCN").encode())
    assert report.quarantined == {"merge-with-itself": 1}


async def test_the_same_messages_again_change_nothing(world):
    await deliver(world, *EVENTS)
    before = world.rows("SELECT rid, revision, digest FROM resource ORDER BY rid")
    await deliver(world, *EVENTS, together=True)
    await deliver(world, *EVENTS[::-1], together=True)
    assert world.rows("SELECT rid, revision, digest FROM resource ORDER BY rid") == before


async def test_what_stands_beside_a_person_is_stored_as_valid_r4_and_told_to_nobody_without_ground(world):
    timing = "^^^20260310090000-0700^20260310093000-0700"
    await deliver(
        world,
        adt("A01", pid(), "NK1|1|MARSH^BO|SPO", pv1(), "DG1|1||F10.20^Alcohol^I10", "AL1|1|DA|P^Penicillin^L|SV|HIVES"),
        message("MDM^T02", "EVN|T02|20260302080000-0700", pid(), pv1(), f"TXA|1|CN{'|' * 10}D1|||||AU|R|AV"),
        message("SIU^S12", f"SCH|P1|F1|||||CHK^Checkup|FU|||{timing}", pid(), pv1(), at=at(2)),
    )
    kinds = ("RelatedPerson", "Condition", "AllergyIntolerance", "DocumentReference", "Appointment")
    for kind in kinds:
        (body,) = stored(world, kind, TYPES[kind])
        model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
        assert model.model_validate(body).id == body["id"]
        assert world.patient(FEED, "J1") in orjson.dumps(body).decode()
        url = f"/fhir/{kind}?patient=Patient/{world.patient(FEED, 'J1')}"
        assert await world.matches(("pretrial", "pretrial-release"), url) == []
    (condition,) = stored(world, "Condition", TYPES["Condition"])
    assert {"SUD", "R"} <= {label["code"] for label in condition["meta"]["security"]}


async def test_case_67_who_is_absent_from_a_batch_is_not_released(world):
    await deliver(world, EVENTS[0] + adt("A01", pid("J2"), pv1("B2"), at=at(1)))
    await deliver(world, adt("A08", pid("J2"), pv1("B2"), at=at(2)))
    assert {one["status"] for one in stored(world, "Encounter", ENCOUNTER)} == {"in-progress"}
