"""Labels that a source set: lifted by a named person, held through repeats, put back, back with new content."""

from __future__ import annotations

import asserting
import orjson
import pytest
import records
import worlds
import writers

from adapter.errors import Conflict, NotFound, RequestError

pytestmark = pytest.mark.anyio
EHR = "riverside-ehr"
PRETRIAL = ("pretrial", "pretrial-release")
ODD = {"system": "urn:oid:2.16.840.1.113883.19", "code": "ODD"}
WHY = "withdrawn by the clinic, letter of 2 March"


@pytest.fixture
async def county(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    await made.deliver("releases", records.ndjson(records.release(records.choice())))
    yield made
    await made.close()


def result(*labels, score=12):
    found = records.clinic_result(score=score)
    return records.ndjson(records.clinic_patient(), found | {"meta": found["meta"] | {"security": list(labels)}})


def patient(world):
    return world.patient(EHR, records.CLINIC)


async def seen(world):
    return len(await world.matches(PRETRIAL, f"/fhir/Observation?patient={patient(world)}"))


def codes(world, kind=3):
    """The label codes of stored resources of a type."""
    found = set()
    for head, tail in world.rows("SELECT head, tail FROM resource WHERE type = ?", kind):
        found |= {label["code"] for label in orjson.loads(head + b"]" + tail)["meta"]["security"]}
    return found


async def lift(world, *labels, why=WHY):
    return await world.services.labelling.lift(
        f"Patient/{patient(world)}", labels or ["ODD"], asserting.staff(), why=why
    )


async def restore(world):
    return await world.services.labelling.restore(f"Patient/{patient(world)}", asserting.staff(), why="a mistake")


async def test_a_label_that_its_source_set_is_lifted_by_a_person_and_put_back(county):
    await county.deliver(EHR, result(ODD))
    assert await seen(county) == 0
    lifted = await lift(county)
    assert "ODD" not in codes(county)
    assert all("ODD" not in {code for _, code in one.labels} for one in lifted)
    assert await seen(county) == 1
    await restore(county)
    assert "ODD" in codes(county)
    assert await seen(county) == 0
    acts = [(one.decision.act, one.decision.why) for one in await county.services.labelling.listed()]
    assert set(acts) == {("lift", WHY), ("restore", "a mistake")}
    entries = county.services.store._ledger_db.execute("SELECT interaction FROM entry WHERE interaction LIKE 'labels%'")
    assert [row[0] for row in entries] == ["labels-lift", "labels-restore"]


async def test_a_lift_outlasts_what_says_the_same_and_not_what_says_more(county):
    await county.deliver(EHR, result(ODD))
    await lift(county)
    await county.deliver(EHR, result(ODD) + b"\n", name="again")
    assert await seen(county) == 1
    await county.deliver(EHR, result(ODD, score=14), name="changed")
    assert await seen(county) == 0
    await lift(county)
    assert await seen(county) == 1
    await county.deliver(EHR, result(score=15), name="withdrawn")
    assert await seen(county) == 1
    with pytest.raises(RequestError, match="source set"):
        await lift(county)


async def test_a_version_without_the_label_is_its_sources_own_act(county):
    await county.deliver(EHR, result(ODD))
    await county.deliver(EHR, result(score=13), name="withdrawn")
    assert await seen(county) == 1


async def test_what_follows_from_content_or_law_is_not_lifted(county):
    await county.deliver(EHR, result())
    before = codes(county)
    assert {"MH", "R"} <= before
    for label in ("MH", "R", "42CFRPart2"):
        with pytest.raises(RequestError, match="source set"):
            await lift(county, label)
    assert codes(county) == before


async def test_nothing_is_put_back_that_was_not_lifted_and_a_reason_is_asked_for(county):
    await county.deliver(EHR, result(ODD))
    with pytest.raises(NotFound):
        await restore(county)
    with pytest.raises(RequestError, match="why"):
        await lift(county, why=" ")
    with pytest.raises(NotFound):
        await county.services.labelling.lift("Observation/none", ["ODD"], asserting.staff(), why=WHY)


async def test_a_lifted_screening_keeps_its_place_among_those_of_its_day(county):
    await county.deliver(EHR, result(ODD))
    places = county.rows("SELECT * FROM screening ORDER BY rid")
    assert places
    await lift(county)
    assert county.rows("SELECT * FROM screening ORDER BY rid") == places


async def test_the_restriction_of_a_message_is_lifted_and_stays_lifted_when_the_message_is_silent(county):
    feed = "jail-medical-hl7"
    restricted = records.admission().replace(records.pid(), records.pid() + "\rARV|1||VIP")
    await county.deliver(feed, records.hl7(restricted))
    assert "CEL" in codes(county, 1)
    await county.services.labelling.lift(
        f"Patient/{county.patient(feed, records.JAIL)}", ["CEL", "R"], asserting.staff(), why=WHY
    )
    assert "CEL" not in codes(county, 1)
    later = records.admission("A2").replace("20260301081000", "20260302081000").replace("MARSH^ADA", "MARSH^ADA^LEE")
    await county.deliver(feed, records.hl7(later), name="later")
    assert "CEL" not in codes(county, 1)
    told = restricted.replace("|A1|", "|A3|").replace("20260301081000", "20260303081000").replace("^ADA", "^ZOE")
    await county.deliver(feed, records.hl7(told), name="told anew")
    assert "CEL" in codes(county, 1)


async def test_a_record_that_changed_meanwhile_is_not_touched(county, monkeypatch):
    await county.deliver(EHR, result(ODD))
    labelling = county.services.labelling
    put = labelling._put

    async def late(*arguments):
        await county.deliver(EHR, result(ODD, score=3), name="meanwhile")
        return await put(*arguments)

    monkeypatch.setattr(labelling, "_put", late)
    with pytest.raises(Conflict):
        await lift(county)
    assert "ODD" in codes(county)


FEED = "jail-medical-hl7"


def message(control, day, *after):
    """An admission, or what came of it, with segments after PID."""
    told = records.admission(control).replace("20260301081000", f"202603{day:02d}081000")
    return records.hl7(told.replace(records.pid(), "\r".join((records.pid(), *after))))


def borne(world):
    """The label codes of her Patient at the jail."""
    ((head, tail),) = world.rows("SELECT head, tail FROM resource WHERE id = ?", world.patient(FEED, records.JAIL))
    return {label["code"] for label in orjson.loads(head + b"]" + tail)["meta"]["security"]}


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
async def test_an_arv_lifts_what_its_code_restricted_before_whatever_order_they_come_in(county, order):
    sent = [message("M1", 2, "ARV|1|A|VIP"), message("M2", 4, "ARV|1|D|VIP"), message("M3", 6)]
    for place in order:
        await county.deliver(FEED, sent[place], name=f"m{place}")
    assert borne(county) == {"N"}
    await county.deliver(FEED, message("M4", 7, "ARV|1|A|VIP"), name="again")
    assert borne(county) == {"R", "CEL"}


async def test_an_arv_lifts_nothing_that_something_else_asks_for(county):
    await county.deliver(FEED, message("M1", 2, "ARV|1|A|VIP", "PD1" + "|" * 12 + "Y"))
    await county.deliver(FEED, message("M2", 3, "ARV|1|A|PSY"), name="second")
    await county.deliver(FEED, message("M3", 4, "ARV|1|D|VIP"), name="third")
    assert borne(county) == {"R", "PSY"}
    await county.deliver(FEED, message("M4", 5, "ARV|1|D|PSY"), name="fourth")
    assert borne(county) == {"R"}


async def test_what_a_person_put_back_no_message_lifts(county):
    await county.deliver(FEED, message("M1", 2, "ARV|1|A|VIP"))
    what = f"Patient/{county.patient(FEED, records.JAIL)}"
    await county.services.labelling.lift(what, ["CEL", "R"], asserting.staff(), why=WHY)
    await county.deliver(FEED, message("M2", 3), name="silent")
    assert borne(county) == {"N"}
    await county.services.labelling.restore(what, asserting.staff(), why="a mistake")
    await county.deliver(FEED, message("M3", 4, "ARV|1|D|VIP"), name="lifted")
    assert "CEL" in borne(county)


ICD = "http://hl7.org/fhir/sid/icd-10-cm"
DEPENDENCE = {"resourceType": "Condition", "id": "c", "subject": {"display": "x"}} | {
    "code": {"coding": [{"system": ICD, "code": "F11.20"}]}
}


@pytest.mark.parametrize(
    "kept_back",
    [
        {"contained": [DEPENDENCE], "focus": [{"reference": "#c"}]},
        {"bodySite": DEPENDENCE["code"]},
        {
            "note": [
                {
                    "text": "x",
                    "extension": [{"url": "urn:x", "valueCoding": {"system": ICD, "code": "F11.20"}}],
                }
            ]
        },
    ],
    ids=["contained", "element", "extension"],
)
async def test_what_follows_from_what_its_writer_alone_has_back_is_not_lifted(county, kept_back):
    """Others are given less of what a client wrote than it is labelled by."""
    mine = await writers.registered(county)
    body = writers.phq9(mine, **kept_back) | {"meta": {"security": [ODD]}}
    made = await writers.written(county, body)
    name = f"Observation/{made['id']}"
    assert {"SUD", "ODD"} <= {label["code"] for label in made["meta"]["security"]}
    with pytest.raises(RequestError):
        await county.services.labelling.lift(name, ["SUD", "R"], asserting.staff(), why=WHY)
    lifted = await county.services.labelling.lift(name, ["ODD", "SUD"], asserting.staff(), why=WHY)
    labels = {one.record: {code for _, code in one.labels} for one in lifted}
    assert "SUD" in labels[name]
    assert "ODD" not in labels[name]
    again = await writers.send(county, "PUT", f"/{name}", made)
    assert again.status_code == 200
    (row,) = county.rows("SELECT head FROM resource WHERE id = ?", made["id"])
    assert b"SUD" in row[0]
    assert b"ODD" not in row[0]
