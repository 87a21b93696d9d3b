"""What comes along with a page is bounded, and the bound speaks of permitted resources only."""

from __future__ import annotations

import orjson
import pytest
import records

from adapter.services import includes

pytestmark = pytest.mark.anyio
CALLER = ("jail-medical", "TREAT")


async def test_more_than_may_come_along_is_refused_and_never_cut_short(world, monkeypatch):
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4), records.phq9(9, control="R2")))
    patient = world.patient("jail-medical-hl7", records.JAIL)
    url = f"/fhir/Patient?_id={patient}&_revinclude=Observation:patient"
    whole = orjson.loads((await world.ask(CALLER, url)).content)
    came = [entry for entry in whole["entry"] if entry["search"]["mode"] == "include"]
    assert len(came) > 1
    for most, status in ((len(came), 200), (len(came) - 1, 400)):
        monkeypatch.setattr(includes, "MAX_INCLUDED", most)
        answer = await world.ask(CALLER, url)
        assert answer.status_code == status
    assert orjson.loads(answer.content)["issue"][0]["expression"] == ["_revinclude"]
    (entry,) = await world.services.ledger.of_request(answer.headers["x-request-id"])
    assert (entry.passed, entry.outcome) == ([], "400 invalid _revinclude")


async def test_a_caller_that_sees_fewer_is_not_told_of_more(world, monkeypatch):
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4), records.phq9(9, control="R2")))
    patient = world.patient("jail-medical-hl7", records.JAIL)
    monkeypatch.setattr(includes, "MAX_INCLUDED", 0)
    url = f"/fhir/Patient?_id={patient}&_revinclude=Observation:patient"
    hidden = await world.ask(("pretrial", "pretrial-release"), url)
    absent = await world.ask(("pretrial", "pretrial-release"), url.replace(patient, "absent"))
    assert hidden.status_code == absent.status_code == 200
    assert hidden.content.replace(patient.encode(), b"") == absent.content.replace(b"absent", b"")


async def test_a_directory_entry_comes_along_with_what_names_it(world):
    answer = await world.ask(CALLER, "/fhir/Organization?_id=riverside-otp&_include=Organization:partof")
    bundle = orjson.loads(answer.content)
    modes = {entry["resource"]["id"]: entry["search"]["mode"] for entry in bundle["entry"] if "id" in entry["resource"]}
    (named,) = (entry["resource"] for entry in bundle["entry"] if entry["search"]["mode"] == "match")
    assert modes == {"riverside-otp": "match", named["partOf"]["reference"].partition("/")[2]: "include"}
