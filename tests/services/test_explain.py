"""The trace of one decision now, for the county's own people: in sentences that name partners, days and sections."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
import records
import worlds
from explained import COURT, PRETRIAL, furnish, jail, now, outcomes, said, summaries, summary_of

from adapter.consent.bases import custody
from adapter.consent.segment import Segment
from adapter.services.granting import Granting
from adapter.services.words import Words
from adapter.store.shapes import BEGINNING, END, BoundRow, row_key

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
        "pretrial-release on a written consent, to the end of 31 December 2060."
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


async def test_a_refusal_keeps_nothing_of_what_was_sent(county):
    for url in ("/fhir/Observation/Jane.Doe~", "/fhir/Observation?jane-doe=x", "/fhir/Observation?date=jane-doe"):
        answer = await county.ask(PRETRIAL, url)
        (entry,) = await county.services.ledger.of_request(answer.headers["x-request-id"])
        assert "ane" not in entry.target + entry.outcome
        assert (entry.passed, entry.context > 0, bool(entry.outcome)) == ([], True, True)
    assert await county.services.ledger.verify() > 0


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


def test_dates_are_those_of_the_county():
    words = Words({"jail": "The Jail"}, ZoneInfo("America/Denver"))
    assert words.name("Organization/jail") == "The Jail"
    assert words.name("Organization/other") == "Organization/other"
    assert (words.until(END), words.since(BEGINNING)) == ("", "")
    midnight = 1_782_885_600_000_000
    assert words.until(midnight) == "to the end of 30 June 2026"
    assert words.until(midnight + 1_000_000) == "until 1 July 2026, 00:00:01 (America/Denver)"


async def test_an_agreement_that_covers_it_in_another_direction_says_so(county):
    decisions = county.services.decisions
    granting = Granting(decisions, Words({}, county.services.zone))
    memorandum = next(one for one in decisions.agreements if one.agreement == "alder-mou-2026")
    summary = Segment(type="Observation", tier="summary", regime="hipaa", unit="Organization/birch-jail")
    (told,) = granting._not(memorandum, decisions.closed("Organization/defender", "diversion"), summary)
    assert "it does not bind Organization/birch-jail and Organization/defender in this direction" in told.says
    contract = next(one for one in decisions.agreements if one.agreement == "alder-hosting-dua-2026")
    (told,) = granting._not(contract, decisions.closed("Organization/vendor", "TREAT"), summary)
    assert "it grants the purposes HOPERAT only" in told.says
    assert "it grants bookings only" in told.says
