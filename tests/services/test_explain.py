"""The trace of a decision, for the county's own people: by resource now, and by request as it was then and is now."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
import records
import worlds

from adapter.consent.bases import custody
from adapter.errors import NotAllowed, NotFound
from adapter.services.disclose import Caller
from adapter.services.explain import PRIVACY_OFFICER, Question
from adapter.services.granting import Granting
from adapter.services.words import Words
from adapter.store.shapes import BEGINNING, END, BoundRow, LegalFact, row_key

pytestmark = pytest.mark.anyio
PRETRIAL, COURT = ("pretrial", "pretrial-release"), ("treatment-court", "diversion")


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


async def furnish(world, *choices, **changed):
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.deliver("releases", records.ndjson(records.release(*(choices or (records.choice(),)), **changed)))
    world.clock.forward(minutes=1)


def jail(world):
    return world.patient("jail-medical-hl7", records.JAIL)


async def summary_of(world):
    (item,) = await world.matches(PRETRIAL, f"/fhir/Observation?patient={jail(world)}")
    return f"Observation/{item['id']}"


def summaries(world):
    """The names of the summaries held, whoever may see them."""
    rows = world.rows("SELECT r.id, s.body FROM resource r JOIN segment s ON s.id = r.segment WHERE r.type = 3")
    return [f"Observation/{ident}" for ident, body in rows if b'"summary"' in body]


async def by_request(world, answer):
    return await world.services.explain.request(answer.headers["x-request-id"])


def said(explanation, topic):
    return [finding.says for finding in explanation.findings if finding.topic == topic]


def outcomes(explanation, topic):
    return [finding.outcome for finding in explanation.findings if finding.topic == topic]


async def now(world, target, caller=PRETRIAL):
    return await world.services.explain.resource(f"Organization/{caller[0]}", caller[1], target)


async def test_a_permitted_resource_names_record_consent_and_agreement(county):
    target = await summary_of(county)
    told = await now(county, target)
    assert (told.effect, told.targets, told.now) == ("PERMIT", (target,), None)
    assert told.question.startswith(f"{target} for Alder County Pretrial Services (pretrial), purpose pretrial-release")
    assert told.question.endswith("on 22 November 2026, 12:01:00 (America/Denver)")
    assert told.findings[0].says == "It is given on a written consent."
    assert said(told, "record") == [
        "The record is a screening summary (Observation) made by Alder County Jail Health Services, labelled MH, R.",
        "It stands under the HIPAA privacy rule.",
    ]
    assert (
        "The consent signed on 1 March 2026: its permission for Alder County Pretrial Services permits this."
        in said(told, "consent")
    )
    (agreement,) = [finding for finding in told.findings if finding.topic == "agreement"]
    assert (agreement.outcome, agreement.source) == ("permit", "alder-mou-2026")
    assert agreement.says.endswith(
        "allows screening summaries under the HIPAA privacy rule to Alder County Pretrial Services for "
        "pretrial-release on a written consent."
    )


async def test_a_denied_resource_tells_the_losing_rules_too(county):
    told = await now(county, await summary_of(county), COURT)
    assert told.effect == "DENY"
    assert told.findings[0].says == "It is withheld: neither a consent nor another legal basis permits it."
    losing = next(one for one in told.findings if one.outcome == "not-applicable" and one.topic == "consent")
    assert losing.says.endswith(
        "its permission for Alder County Pretrial Services does not apply, because it is not for this purpose of use."
    )
    assert losing.source.endswith("#provision[0].provision[0]")
    assert "its general refusal refuses this." in " ".join(said(told, "consent"))
    assert outcomes(told, "agreement") == ["permit"]


async def test_without_an_agreement_the_trace_says_so_and_what_is_granted_instead(county):
    target = await summary_of(county)
    never = await now(county, target, ("jail", "supervision"))
    assert never.effect == "DENY"
    (none,) = [finding for finding in never.findings if finding.topic == "agreement"]
    assert none.says.startswith("No agreement in force allows screening summaries")
    assert none.citation == "45 CFR 164.504(e), 42 CFR 2.33"
    other = await now(county, target, ("pretrial", "TREAT"))
    (no, instead) = [finding for finding in other.findings if finding.topic == "agreement"]
    assert (no.outcome, instead.outcome, instead.source) == ("deny", "not-applicable", "alder-mou-2026")
    assert instead.says.endswith("it grants the purposes pretrial-release only.")


async def test_a_record_of_another_class_and_regime_says_what_the_agreement_grants(world):
    drugs = records.clinic_result("o2", code="82667-7", score=7, unit="riverside-otp")
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), drugs))
    world.clock.forward(minutes=1)
    rows = world.rows("SELECT r.id, s.body FROM resource r JOIN segment s ON s.id = r.segment WHERE r.type = 3")
    (detail,) = [ident for ident, body in rows if b'"detail"' in body and b"riverside-otp" in body]
    told = await now(world, f"Observation/{detail}", ("probation", "supervision"))
    instead = said(told, "agreement")[1]
    assert "it grants shares of a consent and screening summaries only" in instead
    assert "it grants records of the regimes hipaa, justice only, not part2" in instead
    assert [one.citation for one in told.findings if one.topic == "record" and one.citation] == ["42 CFR part 2"]
    assert (
        "neither a consent nor another legal basis permits it, and no agreement in force would" in told.findings[0].says
    )


async def test_an_own_record_is_explained_as_such(county):
    told = await now(county, await summary_of(county), ("jail-medical", "TREAT"))
    assert told.effect == "PERMIT"
    assert "The recipient made this record itself; to give it back is no disclosure." in said(told, "own")
    assert said(told, "agreement") == ["No agreement is asked: this is no disclosure to another."]
    assert told.findings[0].says == "It is given without any ground being needed."


async def test_what_is_not_stored_is_denied_as_such(county):
    for target in ("Observation/absent", "Nothing/x", "Observation", ""):
        told = await now(county, target)
        assert (told.effect, told.lines) == ("DENY", ("No such resource is stored.",))


async def test_the_directory_needs_nothing(county):
    told = await now(county, "Organization/jail")
    assert told.effect == "PERMIT"
    assert "The directory of organisations is public to every recipient." in said(told, "own")


async def test_a_patient_is_explained_by_the_record_through_which_it_is_seen(county):
    told = await now(county, f"Patient/{jail(county)}")
    assert told.effect == "PERMIT"
    target = await summary_of(county)
    assert told.findings[0].says == f"It is given, because the recipient may see a record of this Patient: {target}."
    hidden = await now(county, f"Patient/{jail(county)}", COURT)
    assert hidden.effect == "DENY"
    assert hidden.findings[0].outcome == "deny"


async def test_part_2_obligations_are_told_with_what_is_given(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    drugs = records.clinic_result("o2", code="82667-7", score=7, unit="riverside-otp")
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), drugs))
    choice = records.choice("cottonwood", purposes=("TREAT",), classes=(records.SUBSTANCE_USE,))
    section = records.part2_section("cottonwood")
    await world.deliver("releases", records.ndjson(records.release(choice, part2=section)))
    world.clock.forward(minutes=1)
    clinic = ("cottonwood", "TREAT")
    patient = world.patient("riverside-ehr", records.CLINIC)
    (item,) = await world.matches(clinic, f"/fhir/Observation?patient={patient}")
    told = await now(world, f"Observation/{item['id']}", clinic)
    assert told.effect == "PERMIT"
    assert any("With it goes 42CFR2.32" in one for one in said(told, "obligation"))
    (named,) = [one for one in told.findings if one.citation == "42 CFR 2.31"]
    assert named.says.endswith("is a written Part 2 consent that permits it to Cottonwood Community Clinic by name.")
    await world.close()


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


async def test_a_refusal_keeps_nothing_of_what_was_sent(county):
    for url in ("/fhir/Observation/Jane.Doe~", "/fhir/Observation?jane-doe=x", "/fhir/Observation?date=jane-doe"):
        answer = await county.ask(PRETRIAL, url)
        (entry,) = await county.services.ledger.of_request(answer.headers["x-request-id"])
        assert "ane" not in entry.target + entry.outcome
        assert (entry.passed, entry.context > 0, bool(entry.outcome)) == ([], True, True)
    assert await county.services.ledger.verify() > 0


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


async def test_single_resources_are_decided_one_by_one_where_a_consent_asks_for_it(world):
    codes = '"code":[{"coding":[{"system":"urn:x","code":"none"}]}],"class":'
    world.services.store._writer.execute(
        "UPDATE resource SET version = 'edited', tail = CAST(replace(CAST(tail AS TEXT), '\"class\":', ?) AS BLOB) "
        "WHERE type = 6",
        (codes,),
    )
    async with world.services.store.transaction() as change:
        await world.services.in_force.refresh(change, [row_key("Patient", jail(world))], at=world.clock.now)
    (target,) = summaries(world)
    told = await now(world, target)
    assert told.effect == "DENY"
    assert any("does not apply, because it is about records with other codes" in one for one in said(told, "consent"))
    hidden = await now(world, f"Patient/{jail(world)}")
    assert hidden.effect == "DENY"


async def test_old_custody_data_is_told_with_its_feed(county):
    class View:
        async def freshness(self):
            return {0: ("jail-roster", 5), 1: ("birch", 50), 2: ("other", 50)}

    class Verdict:
        bases = custody(0) | custody(1)

    tracer = county.services.explain._tracer
    old, fresh = await tracer._freshness(View(), Verdict, (), 10)
    assert (old.outcome, old.source, fresh.outcome) == ("deny", "jail-roster", "noted")
    assert "could be relied on until" in old.says
    assert old.says.endswith("it is too old, so custody counts as unknown.")
    result = tracer._result(Verdict, custody(0), 0)
    assert result.says.endswith("the data that tells custody is too old.")
    bound = tracer._result(Verdict, 2, 0)
    assert "but the agreement in force allows it on a written consent only" in bound.says


async def test_what_law_allows_without_an_agreement_is_told(county):
    class View:
        async def bounds(self, context, segment):
            return [BoundRow(context=1, segment=1, start=0, stop=END, bases=16, agreement="")]

    decisions = county.services.decisions
    recipient = decisions.closed("Organization/jail", "TREAT")
    segment = await decisions.segment(1)
    granting = Granting(decisions, Words({}, county.services.zone))
    granted = await granting.at(View(), 1, 1, recipient, segment, 5)
    assert granted.bases == 16
    assert "Without any agreement the law allows it on a medical emergency, where recorded." in [
        one.says for one in granted.findings
    ]


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
    assert "A privacy officer asked why" in first.lines[0]


async def test_nobody_else_is_answered_whatever_is_asked(county):
    caller = await officer(county)
    before = len(county.rows("SELECT id FROM context"))
    for question in (Question(request="absent"), Question(recipient="nobody", purpose="x", resource="Patient/x")):
        with pytest.raises(NotAllowed, match="privacy-officer"):
            await county.services.explain.ask(county.services.disclosure, caller, question)
    assert len(county.rows("SELECT id FROM context")) == before


def test_dates_are_those_of_the_county():
    words = Words({"jail": "The Jail"}, ZoneInfo("America/Denver"))
    assert words.name("Organization/jail") == "The Jail"
    assert words.name("Organization/other") == "Organization/other"
    assert (words.until(END), words.since(BEGINNING)) == ("", "")
    midnight = 1_782_885_600_000_000
    assert words.until(midnight) == "to the end of 30 June 2026"
    assert words.until(midnight + 1_000_000) == "until 1 July 2026, 00:00:01 (America/Denver)"
