"""The trace of an answer given, by its request id: as it was then and as it would be now; for officers too."""

from __future__ import annotations

import pytest
import records
import worlds
from explained import COURT, PRETRIAL, by_request, furnish, jail, now, outcomes, said, summaries, summary_of

from adapter.errors import NotAllowed, NotFound
from adapter.services.disclose import Caller
from adapter.services.explain import PRIVACY_OFFICER, Question
from adapter.store.shapes import BEGINNING, END, LedgerEntry, LegalFact, row_key

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def county(tmp_path_factory):
    made = await worlds.open_site(tmp_path_factory.mktemp("explain") / "site")
    await furnish(made)
    yield made
    await made.close()


@pytest.fixture
async def world(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    await furnish(made)
    yield made
    await made.close()


async def test_a_request_is_explained_by_its_id(county):
    target = await summary_of(county)
    permitted = await county.ask(PRETRIAL, f"/fhir/{target}")
    denied = await county.ask(COURT, f"/fhir/{target}")
    (yes,) = await by_request(county, permitted)
    (no,) = await by_request(county, denied)
    assert (yes.effect, no.effect, yes.now, no.now) == ("PERMIT", "DENY", None, None)
    assert target in yes.question
    assert "Alder County Treatment Court (treatment-court)" in no.question


async def test_a_read_of_what_was_never_there_says_so(county):
    answer = await county.ask(PRETRIAL, "/fhir/Observation/absent")
    (told,) = await by_request(county, answer)
    assert (told.effect, told.lines) == ("DENY", ("No such resource is stored.",))


async def test_a_search_tells_what_passed_and_what_was_withheld_of_the_same_person(county):
    full = await by_request(county, await county.ask(PRETRIAL, f"/fhir/Observation?patient={jail(county)}"))
    overview, given, withheld = full
    assert (overview.effect, given.effect, withheld.effect) == ("FOUND", "PERMIT", "DENY")
    assert overview.lines == (
        "1 resource was given on this page.",
        "Of the same person, in all records that are confirmed to be theirs, 1 resource was withheld of this type.",
    )
    assert overview.question.startswith("search-type Observation?patient=Patient/")
    assert overview.question.endswith("asked by client `test`")
    assert given.targets == (await summary_of(county),)
    assert set(withheld.targets).isdisjoint(given.targets)
    assert "it grants shares of a consent and screening summaries only" in " ".join(withheld.lines)


async def test_an_empty_search_tells_what_was_withheld(county):
    empty = await by_request(county, await county.ask(COURT, f"/fhir/Observation?patient={jail(county)}"))
    assert [one.effect for one in empty] == ["EMPTY", "DENY", "DENY"]
    assert empty[0].lines[0].startswith("Nothing was given")
    assert "2 resources were withheld" in empty[0].lines[1]


async def test_a_search_tells_of_all_records_of_the_person_and_of_what_did_not_match(world):
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), records.clinic_result()))
    world.clock.forward(minutes=1)
    (overview, *_) = await by_request(
        world, await world.ask(PRETRIAL, f"/fhir/Observation?patient={jail(world)}&date=ge2027")
    )
    assert overview.effect == "EMPTY"
    assert any("2 more were permitted, and did not match" in line for line in overview.lines)
    assert "2 resources were withheld" in overview.lines[1]
    found = await world.matches(PRETRIAL, f"/fhir/Observation?patient={jail(world)}")
    ids = ",".join(item["id"] for item in found)
    (named, *_) = await by_request(world, await world.ask(PRETRIAL, f"/fhir/Observation?_id={ids}"))
    assert named.effect == "FOUND"
    assert len(named.targets) == 2


async def test_what_arrived_after_the_answer_is_told_apart(world):
    asked = await world.ask(PRETRIAL, f"/fhir/Observation?patient={jail(world)}")
    absent = await world.ask(PRETRIAL, "/fhir/Observation/absent")
    world.clock.forward(days=1)
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(9, control="R2", at="20260305080000-0700")))
    (overview, *rest) = await by_request(world, asked)
    assert "2 more had not arrived when it was answered." in overview.lines
    assert len(rest) == 2
    assert (await by_request(world, absent))[0].effect == "DENY"


async def test_a_read_of_what_came_later_says_that_it_had_not_arrived(world, tmp_path):
    later = records.hl7(records.phq9(9, control="R2", at="20260305080000-0700"))
    other = await worlds.open_site(tmp_path / "other")
    await other.deliver("jail-medical-hl7", later)
    target = summaries(other)[0]
    await other.close()
    asked = await world.ask(PRETRIAL, f"/fhir/{target}")
    world.clock.forward(days=1)
    await world.deliver("jail-medical-hl7", later)
    world.clock.forward(minutes=1)
    (told,) = await by_request(world, asked)
    assert (asked.status_code, told.effect) == (404, "DENY")
    assert told.lines == ("No version of it had arrived when the request was answered.",)


async def test_persons_nobody_named_or_knows_cannot_be_told(county):
    (unknown,) = await by_request(county, await county.ask(PRETRIAL, "/fhir/Observation?patient=absent"))
    assert unknown.lines[1] == "The patient that was named is not known here."
    (unnamed,) = await by_request(county, await county.ask(PRETRIAL, "/fhir/Patient?name=zzz&birthdate=1901-01-01"))
    assert "named no patient by an id of ours" in unnamed.lines[1]


async def test_a_search_of_the_directory_is_explained(county):
    (overview, given) = await by_request(county, await county.ask(PRETRIAL, "/fhir/Organization?name=alder"))
    assert (overview.effect, given.effect) == ("FOUND", "PERMIT")
    assert " and " in given.question
    assert len(given.targets) > 5


async def test_many_alike_are_told_once(world):
    messages = [records.phq9(4, control=f"C{n}", at=f"2026040{n}080000-0700") for n in range(1, 8)]
    await world.deliver("jail-medical-hl7", records.hl7(*messages))
    world.clock.forward(minutes=1)
    overview, given, withheld = await by_request(
        world, await world.ask(PRETRIAL, f"/fhir/Observation?patient={jail(world)}&_count=200")
    )
    assert (len(given.targets), len(withheld.targets)) == (8, 8)
    assert "and 3 more for Alder County" in given.question
    assert "8 resources were given" in overview.lines[0]


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("/fhir/Observation?code=44261-6", "The search named no patient, and no agreement in force gives Alder County"),
        ("/fhir/Observation/not~an~id", "The id in the address is not of the form that FHIR gives to ids"),
        ("/fhir/Observation?date=someday", "The parameter it is about is `date`"),
        ("/fhir/Observation?smith=1", "not offered"),
        ("/fhir/Observation/x?colour=red", "not offered"),
    ],
)
async def test_a_refused_request_is_in_the_ledger_and_says_why(county, url, line):
    answer = await county.ask(PRETRIAL, url)
    assert answer.status_code in {400, 403, 404}
    (told,) = await by_request(county, answer)
    assert told.effect == "REFUSED"
    assert line in told.lines[0]
    assert f"Refused with {answer.status_code}" in told.lines[0]
    assert "The answer was the same whatever is stored." in told.lines[0]
    assert "smith" not in told.lines[0]


async def test_an_unknown_request_says_what_to_compare_and_what_is_never_there(county):
    with pytest.raises(NotFound, match=r"X-Request-Id.*without a valid token"):
        await county.services.explain.request("nobody-asked")


async def test_an_answer_is_explained_as_it_was_and_as_it_would_be_now(world):
    target = await summary_of(world)
    given = await world.ask(PRETRIAL, f"/fhir/{target}")
    world.clock.forward(days=2)
    revoked = [{"at": "2026-11-24T10:00:00-07:00", "partners": "all"}]
    await world.deliver("releases", records.ndjson(records.release(records.choice(), revocations=revoked)))
    world.clock.forward(minutes=1)
    (then,) = await by_request(world, given)
    assert (then.effect, then.now.effect) == ("PERMIT", "DENY")
    assert any("permission for Alder County Pretrial Services permits this" in line for line in said(then, "consent"))
    assert "24 November 2026" in then.now.question
    assert any(line.startswith("Now: ") for line in then.lines)
    assert "No consent in force permits this" in " ".join(then.now.lines)


async def test_a_denial_is_explained_as_it_was_although_a_consent_that_was_signed_before_arrived_since(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    (target,) = summaries(world)
    world.clock.forward(minutes=1)
    refused = await world.ask(PRETRIAL, f"/fhir/{target}")
    assert refused.status_code == 404
    world.clock.forward(hours=1)
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    world.clock.forward(hours=1)
    (told,) = await by_request(world, refused)
    assert (told.effect, told.now.effect) == ("DENY", "PERMIT")
    assert said(told, "consent") == [
        "No consent in force permits this, and nothing is released unless something permits it."
    ]
    await world.close()


async def test_what_was_given_under_rules_that_are_gone_stays_given(world):
    target = await summary_of(world)
    given = await world.ask(PRETRIAL, f"/fhir/{target}")
    await world.close()
    path = world.services.site.folder / "agreements" / "memorandum.yaml"
    path.write_text(path.read_text().replace("start: 2026-01-01", "start: 2026-12-01"))
    later = await worlds.open_site(world.services.site.folder, first_id=9000, now=world.clock.now)
    (told,) = await by_request(later, given)
    assert (told.effect, told.now.effect) == ("PERMIT", "DENY")
    assert told.findings[0].says.startswith("It was given then; what allowed it has been changed since")
    ahead = [line for line in told.now.lines if "will allow" in line]
    assert ahead == [
        (
            "The agreement `alder-mou-2026` will allow screening summaries under the HIPAA privacy rule to Alder "
            "County Pretrial Services from 1 December 2026, 00:00:00 (America/Denver). [alder-mou-2026]"
        )
    ]
    await later.close()
    path.write_text(
        path.read_text().replace("start: 2026-12-01", "start: 2026-01-01").replace("end: null", "end: 2026-06-30")
    )
    lapsed = await worlds.open_site(world.services.site.folder, first_id=9500, now=world.clock.now)
    ended = await now(lapsed, target)
    assert ended.effect == "DENY"
    assert "It is withheld: a written consent would permit it, but no agreement in force allows it." in ended.lines[0]
    assert any(
        "allowed screening summaries" in line and "to the end of 30 June 2026 and has ended" in line
        for line in ended.lines
    )
    await lapsed.close()


async def test_facts_of_the_person_are_told_with_who_recorded_them(world):
    target = await summary_of(world)
    kept = [
        ("hold", b'["hold","","","","",[],[]]', END),
        ("restriction", b'["restriction","","Organization/jail","","",[],[]]', END),
        ("J", b'["assertion","J","Organization/jail","","",[],[]]', world.clock.now + 3_600_000_000),
    ]
    async with world.services.store.transaction() as change:
        for number, (kind, fact, stop) in enumerate(kept):
            await change.record(
                LegalFact(
                    id=f"f{number}",
                    patient=row_key("Patient", jail(world)),
                    kind=kind,
                    start=BEGINNING,
                    stop=stop,
                    fact=fact,
                    evidence=b"{}",
                    author="records desk",
                    recorded=world.clock.now,
                )
            )
        await world.services.in_force.refresh(change, [row_key("Patient", jail(world))], at=world.clock.now)
    told = await now(world, target)
    assert said(told, "person") == [
        (
            "Recorded for Alder County Detention Center: a serious and imminent threat, for any record; not for this "
            "request; recorded by records desk on 22 November 2026, 12:01:00 (America/Denver), in force until "
            "22 November 2026, 13:01:00 (America/Denver)."
        ),
        "A hold stops everything to anyone; recorded by records desk on 22 November 2026, 12:01:00 (America/Denver).",
    ]
    assert outcomes(told, "person") == ["not-applicable", "deny"]
    given = await world.ask(PRETRIAL, f"/fhir/{target}")
    world.clock.forward(hours=2)
    (then,) = await by_request(world, given)
    assert "serious and imminent threat" in " ".join(said(then, "person"))


async def officer(world, *rights):
    context = await world.services.decisions.context_of("Organization/registry", "HCOMPL")
    return Caller(
        client="officer",
        organisation="Organization/registry",
        context=context,
        purpose="HCOMPL",
        rights=frozenset(rights),
        request_id=world.services.new_id(),
    )


async def test_a_privacy_officer_is_answered_and_the_question_is_in_the_ledger_first(county):
    target = await summary_of(county)
    given = await county.ask(PRETRIAL, f"/fhir/{target}")
    caller = await officer(county, PRIVACY_OFFICER)
    gate, explain = county.services.disclosure, county.services.explain
    request = given.headers["x-request-id"]
    (told,) = await explain.ask(gate, caller, Question(request=request))
    assert told.effect == "PERMIT"
    question = Question(recipient="treatment-court", purpose="diversion", resource=target)
    (no,) = await explain.ask(gate, caller, question)
    assert no.effect == "DENY"
    entries = await county.services.ledger.of_request(caller.request_id)
    assert [(entry.interaction, entry.target, entry.passed) for entry in entries] == [
        ("$explain", f"request {request}", []),
        ("$explain", f"{target} for treatment-court, diversion", []),
    ]
    (first, _) = await explain.request(caller.request_id)
    assert "what was told is not kept" in first.lines[0]


async def test_nobody_else_is_answered_whatever_is_asked(county):
    caller = await officer(county)
    before = len(county.rows("SELECT id FROM context"))
    for question in (Question(request="absent"), Question(recipient="nobody", purpose="x", resource="Patient/x")):
        with pytest.raises(NotAllowed, match="privacy-officer"):
            await county.services.explain.ask(county.services.disclosure, caller, question)
    assert len(county.rows("SELECT id FROM context")) == before


async def test_what_people_recorded_is_told_as_such(county):
    entry = LedgerEntry(
        at=county.clock.now,
        request_id="by-hand",
        client="records desk",
        context=0,
        purpose="",
        interaction="hold",
        target="Patient/x",
        passed=[],
    )
    await county.services.ledger.append(entry)
    (told,) = await county.services.explain.request("by-hand")
    assert (told.question, told.effect) == ("hold Patient/x", "FOUND")
    assert told.lines[0].startswith("Client `records desk` recorded this on 22 November 2026")
