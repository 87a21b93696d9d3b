"""The gate: what leaves, with what, and that nothing leaves without its entry in the ledger."""

from __future__ import annotations

import orjson
import pytest
import records
import worlds

from adapter.consent.obligations import NOTICE_LONG
from adapter.errors import NotAllowed, NotFound, Unavailable
from adapter.fhir.search import parse_query
from adapter.services.disclose import MissingDecisions

pytestmark = pytest.mark.anyio
PRETRIAL, CLINIC = ("pretrial", "pretrial-release"), ("cottonwood", "TREAT")
JAIL_MEDICAL = ("jail-medical", "TREAT")
ORDER = "https://sallyport.example/fhir/StructureDefinition/screening-order"
NOTICE = "https://sallyport.example/fhir/StructureDefinition/disclosure-notice"
BOTH = (records.MENTAL_HEALTH, records.SUBSTANCE_USE)


async def furnish(world):
    """Ada has two PHQ-9 of one day at the jail, one at the clinic and a DAST-10 at its opioid programme."""
    await world.deliver(
        "jail-medical-hl7",
        records.hl7(records.phq9(4), records.phq9(21, at="20260302200000-0700", control="R2")),
    )
    drugs = records.clinic_result("o2", code="82667-7", score=7, unit="riverside-otp")
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), records.clinic_result(), drugs))
    await world.deliver(
        "releases",
        records.ndjson(
            records.release(
                records.choice(),
                records.choice("cottonwood", purposes=("TREAT",), classes=BOTH),
                part2=records.part2_section("cottonwood"),
            )
        ),
    )


@pytest.fixture(scope="module")
async def county(tmp_path_factory):
    made = await worlds.open_site(tmp_path_factory.mktemp("gate") / "site")
    await furnish(made)
    yield made
    await made.close()


@pytest.fixture(scope="module")
def jail(county):
    return f"/fhir/Observation?patient={county.patient('jail-medical-hl7', records.JAIL)}"


def shown(found):
    """(code, day) of each summary."""
    return sorted((item["code"]["coding"][0]["code"], item["effectiveDateTime"]) for item in found)


async def caller_of(world, organisation, purpose):
    token = await world.token(organisation, purpose)
    return await world.services.requester.caller([(b"authorization", f"Bearer {token}".encode())], "asked")


async def query(world, text):
    pairs = [tuple(part.split("=")) for part in text.split("&")]
    return parse_query("Observation", pairs, base_url=world.services.base_url, zone=world.services.zone)


async def test_a_release_signed_elsewhere_opens_the_summaries_of_every_linked_record(county, jail):
    found = await county.matches(PRETRIAL, jail)
    assert shown(found) == [("phq-9-level", "2026-03-02")] * 2 + [("phq-9-level", "2026-03-03")]
    assert all("valueCodeableConcept" in item and "valueQuantity" not in item for item in found)


async def test_nothing_else_of_the_person_leaves(county):
    patient = county.patient("jail-medical-hl7", records.JAIL)
    for kind in ("Encounter", "Condition", "QuestionnaireResponse"):
        assert await county.matches(PRETRIAL, f"/fhir/{kind}?patient={patient}") == []
    ((detail,),) = county.rows("SELECT id FROM resource WHERE type = 3 AND CAST(tail AS TEXT) LIKE '%44261-6%' LIMIT 1")
    assert (await county.ask(PRETRIAL, f"/fhir/Observation/{detail}")).status_code == 404


async def test_the_originator_sees_its_own_records_without_any_consent(county, jail):
    codes = [code for code, _ in shown_any(await county.matches(JAIL_MEDICAL, jail))]
    assert codes == ["44261-6", "44261-6", "phq-9-level", "phq-9-level"]


def shown_any(found):
    return sorted((item["code"]["coding"][0]["code"], item["effectiveDateTime"][:10]) for item in found)


@pytest.mark.parametrize(
    "caller",
    [
        ("jail", "supervision"),
        ("court", "diversion"),
        ("probation", "supervision"),
        ("defender", "diversion"),
        ("riverside", "TREAT"),
        ("registry", "TREAT"),
        ("cottonwood", "discharge-planning"),
    ],
)
async def test_whom_the_release_does_not_name_sees_nothing(county, jail, caller):
    assert await county.matches(caller, jail) == []
    patient = county.patient("jail-medical-hl7", records.JAIL)
    answer = await county.ask(caller, f"/fhir/Patient/{patient}")
    absent = await county.ask(caller, "/fhir/Patient/absent")
    assert worlds.comparable(answer) == worlds.comparable(absent)


# 42 CFR Part 2


async def drugs(county, caller):
    url = f"/fhir/Observation?patient={county.patient('riverside-ehr', records.CLINIC)}"
    return [item for item in await county.matches(caller, url) if "dast" in orjson.dumps(item).decode()]


async def test_a_part_2_summary_reaches_only_whom_the_part_2_section_names(county):
    assert len(await drugs(county, CLINIC)) == 1
    assert await drugs(county, PRETRIAL) == []


async def test_a_part_2_summary_carries_its_labels_and_the_notice_in_a_search(county):
    (item,) = await drugs(county, CLINIC)
    codes = {label["code"] for label in item["meta"]["security"]}
    assert {"42CFRPart2", "NORDSCLCD", "PERSISTLABEL", "SUD", "R"} <= codes
    (notice,) = [extension["extension"] for extension in item["meta"]["extension"] if extension["url"] == NOTICE]
    statement, scope, authority = notice
    assert statement == {"url": "statement", "valueString": NOTICE_LONG}
    assert authority["valueUri"].endswith("section-2.32")
    assert scope["valueString"] == (
        "disclosed by Riverside Second Street to Cottonwood Community Clinic only; purposes: TREAT; "
        "information: screening-summary; sensitivity: MH, SUD; until the end of 2027-03-01"
    )


async def test_a_part_2_summary_carries_the_same_on_a_read(county):
    (item,) = await drugs(county, CLINIC)
    read = await county.ask(CLINIC, f"/fhir/Observation/{item['id']}")
    assert orjson.loads(read.content) == item
    assert read.headers["cache-control"] == "no-store"
    again = await county.ask(CLINIC, f"/fhir/Observation/{item['id']}")
    assert again.status_code == 200


async def test_the_bundle_tells_the_notice_once_and_only_where_it_is_due(county, jail):
    patient = county.patient("riverside-ehr", records.CLINIC)

    async def told(caller, url):
        bundle = orjson.loads((await county.ask(caller, url)).content)
        outcomes = [entry["resource"] for entry in bundle["entry"] if entry["search"]["mode"] == "outcome"]
        return orjson.dumps(outcomes).decode()

    assert (await told(CLINIC, f"/fhir/Observation?patient={patient}")).count(NOTICE_LONG) == 1
    assert NOTICE_LONG not in await told(PRETRIAL, f"/fhir/Observation?patient={patient}")
    assert NOTICE_LONG not in await told(CLINIC, f"/fhir/Observation?patient={patient}&code=phq-9-level")


async def test_other_summaries_carry_no_part_2_mark(county, jail):
    for item in await county.matches(PRETRIAL, jail):
        codes = {label["code"] for label in item["meta"]["security"]}
        assert not codes & {"42CFRPart2", "NORDSCLCD", "PERSISTLABEL"}
        assert NOTICE not in {extension["url"] for extension in item["meta"].get("extension", ())}


# Repeats on one day


def marker(item):
    """What the order extension says, or nothing."""
    for extension in item["meta"].get("extension", ()):
        if extension["url"] == ORDER:
            return {part["url"]: next(v for k, v in part.items() if k != "url") for part in extension["extension"]}
    return None


async def test_repeats_of_a_day_keep_their_order_and_the_latest_is_current(county, jail):
    marked = {
        item["valueCodeableConcept"]["coding"][0]["code"]: marker(item)
        for item in await county.matches(PRETRIAL, jail)
        if item["effectiveDateTime"] == "2026-03-02"
    }
    assert sorted(marked.values(), key=lambda one: one["sequence"]) == [
        {"sequence": 1, "of": 2, "current": False},
        {"sequence": 2, "of": 2, "current": True},
    ]
    assert marked["positive"]["current"] is True


async def test_a_single_screening_of_its_day_has_no_order(county, jail):
    (single,) = [item for item in await county.matches(PRETRIAL, jail) if item["effectiveDateTime"] == "2026-03-03"]
    assert marker(single) is None


async def test_where_the_time_is_unknown_the_higher_risk_is_current(world):
    await world.deliver(
        "jail-medical-hl7",
        records.hl7(records.phq9(21, at="20260302"), records.phq9(4, at="20260302200000-0700", control="R2")),
    )
    patient = world.patient("jail-medical-hl7", records.JAIL)
    found = await world.matches(JAIL_MEDICAL, f"/fhir/Observation?patient={patient}&code=phq-9-level")
    marked = {item["valueCodeableConcept"]["coding"][0]["code"]: marker(item) for item in found}
    assert marked["positive"] == {"of": 2, "current": True}
    assert {one["current"] for one in marked.values()} == {True, False}


async def test_a_withheld_repeat_leaves_no_trace_on_the_one_that_is_shown(tmp_path):
    """The second screening of the day bears a label that was not ticked; the first looks as if it were the only one."""
    sensitive = records.clinic_result("o2", score=21, at="2026-03-03T20:00:00-07:00")
    sensitive["meta"]["security"] = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]
    plain = records.clinic_result("o1", score=4, at="2026-03-03T08:00:00-07:00")
    answers = []
    for name, results in (("one", [plain]), ("two", [plain, sensitive])):
        made = await worlds.open_site(tmp_path / name)
        await made.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), *results))
        await made.deliver("releases", records.ndjson(records.release(records.choice())))
        url = f"/fhir/Observation?patient={made.patient('riverside-ehr', records.CLINIC)}"
        answers.append(worlds.comparable(await made.ask(PRETRIAL, url)))
        own = await made.matches(("riverside-main", "TREAT"), url + "&code=phq-9-level")
        assert [marker(item) is None for item in own] == ([True] if name == "one" else [False, False])
        await made.close()
    assert answers[0] == answers[1]
    assert orjson.loads(answers[0][2])["total"] == 1


# The ledger


async def test_every_pass_is_in_the_ledger_with_the_versions_that_left(county, jail):
    answer = await county.ask(PRETRIAL, jail)
    (entry,) = await county.services.ledger.of_request(answer.headers["x-request-id"])
    left = {(f"Observation/{item['id']}", item["meta"]["versionId"]) for item in await county.matches(PRETRIAL, jail)}
    assert {(name, version) for name, version, _, _ in entry.passed} == left
    assert (entry.purpose, entry.interaction) == ("pretrial-release", "search-type")
    assert entry.target == f"Observation?patient=Patient/{county.patient('jail-medical-hl7', records.JAIL)}"


async def test_the_ledger_names_parameters_but_keeps_no_value_that_was_searched(county):
    answer = await county.ask(CLINIC, "/fhir/Patient?family=Marsh&birthdate=1980-04-02")
    (entry,) = await county.services.ledger.of_request(answer.headers["x-request-id"])
    assert entry.target == "Patient?family&birthdate"


async def test_the_entry_is_written_before_the_answer(county, jail, monkeypatch):
    order = []
    append = county.services.ledger.append

    async def noted(entry):
        await append(entry)
        order.append("ledger")

    monkeypatch.setattr(county.services.disclosure._ledger, "append", noted)
    caller = await caller_of(county, *PRETRIAL)
    page = await county.services.disclosure.search(caller, await query(county, jail.partition("?")[2]))
    order.append("answer")
    assert order == ["ledger", "answer"]
    assert page.total == 3


async def test_without_a_ledger_nobody_gets_an_answer(world):
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    patient = world.patient("jail-medical-hl7", records.JAIL)
    await world.token(*JAIL_MEDICAL)
    world.services.ledger._db.execute(
        "CREATE TRIGGER full BEFORE INSERT ON entry BEGIN SELECT raise(ABORT, 'disk full'); END"
    )
    caller = await caller_of(world, *JAIL_MEDICAL)
    for ident in (patient, "absent"):
        with pytest.raises(Unavailable):
            await world.services.disclosure.read(caller, "Patient", ident)
    answer = await world.ask(JAIL_MEDICAL, f"/fhir/Observation?patient={patient}")
    assert answer.status_code == 503
    assert b"phq" not in answer.content
    world.services.ledger._db.execute("DROP TRIGGER full")
    assert (await world.ask(JAIL_MEDICAL, f"/fhir/Patient/{patient}")).status_code == 200
    assert await world.services.ledger.verify() == 1


async def test_a_decision_that_cannot_be_filled_is_unavailable_and_never_a_shorter_answer(county, jail, monkeypatch):
    async def nothing(context, gaps):
        assert gaps

    caller = await caller_of(county, "treatment-court", "diversion")
    monkeypatch.setattr(county.services.decisions, "fill", nothing)
    with pytest.raises(Unavailable):
        await county.services.disclosure.search(caller, await query(county, jail.partition("?")[2]))


async def test_missing_decisions_say_which():
    assert MissingDecisions([1, 2]).gaps == [1, 2]


# Searches


async def test_a_search_over_everyone_needs_the_right(county):
    pretrial, clinic = await caller_of(county, *PRETRIAL), await caller_of(county, *CLINIC)
    asked = await query(county, "code=phq-9-level")
    with pytest.raises(NotAllowed):
        await county.services.disclosure.search(pretrial, asked)
    assert (await county.services.disclosure.search(clinic, asked)).total == 3


async def test_pages_follow_each_other_and_the_total_stays_exact(county, jail):
    caller = await caller_of(county, *PRETRIAL)
    asked = await query(county, jail.partition("?")[2] + "&_count=2")
    first = await county.services.disclosure.search(caller, asked)
    second = await county.services.disclosure.search(caller, asked, first.next)
    assert (first.total, len(first.served), second.total, len(second.served)) == (3, 2, 3, 1)
    assert second.next is None
    assert len({served.id for page in (first, second) for served in page.served}) == 3


async def test_an_unknown_type_or_id_is_not_found(county):
    caller = await caller_of(county, *PRETRIAL)
    for kind, ident in (("Observation", "absent"), ("Group", "x"), ("Consent", "absent")):
        with pytest.raises(NotFound):
            await county.services.disclosure.read(caller, kind, ident)


async def test_linked_patients_are_named_only_to_whom_sees_both(county):
    jail, clinic = county.patient("jail-medical-hl7", records.JAIL), county.patient("riverside-ehr", records.CLINIC)
    both = orjson.loads((await county.ask(PRETRIAL, f"/fhir/Patient/{jail}")).content)
    # The registry's record is among them: its share of the consent is about it.
    seen = {f"Patient/{clinic}", f"Patient/{county.patient('releases', records.REGISTRY)}"}
    assert {link["other"]["reference"] for link in both["link"]} == seen
    own = orjson.loads((await county.ask(JAIL_MEDICAL, f"/fhir/Patient/{jail}")).content)
    assert "link" not in own
