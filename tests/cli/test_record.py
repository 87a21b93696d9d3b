"""`sallyport record`: what staff types is recorded, told back in plain words, and mistakes are told with what to do."""

from __future__ import annotations

import asyncio
import shutil

import asserting
import orjson
import pytest
import records
import worlds

from adapter.machine import clock
from adapter.services.keys import SiteKeys

JAIL = f"jail-medical-hl7:{records.JAIL}"
FACTS = [part for name, value in asserting.FACTS["E"].items() for part in ("--fact", f"{name}={value}")]


@pytest.fixture
def site(county, tmp_path):
    """A copy of the county that knows Ada, so that no test meets what another recorded."""
    shutil.copytree(county, tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def staff(sallyport, site):
    """Run `sallyport record …` on the site, as R. Desk where somebody has to sign."""

    def run(command, *arguments, by="R. Desk"):
        signed = () if command in {"list", "reviews"} else ("--by", by)
        return sallyport("record", command, "--site", site, *arguments, *signed)

    return run


def recorded_id(ran):
    assert ran.code == 0, ran.err
    return ran.out.split()[1]


def emergency(staff, *more, by="R. Desk", facts=FACTS):
    asked = ("--basis", "E", "--recipient", "cottonwood", "--purpose", "TREAT", "--class", "screening-summary")
    return staff("basis", JAIL, *asked, *facts, *more, by=by)


def listed(staff):
    return orjson.loads(staff("list", JAIL, "--json").out)


def seen(site, caller=("pretrial", "pretrial-release")):
    async def ask():
        world = await worlds.open_site(site, now=clock())
        try:
            return await asserting.summaries(world, caller, world.patient("jail-medical-hl7", records.JAIL))
        finally:
            await world.close()

    return asyncio.run(ask())


def test_a_hold_is_told_back_and_listed_and_ended(staff, site):
    ran = staff("hold", JAIL, "--identity", "--words", "two people, one number")
    ident = recorded_id(ran)
    assert "hold, identity, recorded" in ran.out
    assert "until somebody ends it" in ran.out
    assert "words: two people, one number" in ran.out
    (one,) = listed(staff)
    assert (one["id"], one["author"], one["stop"]) == (ident, "staff R. Desk", None)
    assert "in force" in staff("list", JAIL).out
    assert seen(site) == 0
    assert staff("end", ident, "--because", "confirmed", by="P. Officer").out == "ended\n"
    assert seen(site) == 1
    assert staff("end", ident, "--because", "again").out == "it had ended already; nothing changed\n"
    told = staff("list", JAIL).out
    assert "ended" in told
    assert "by staff P. Officer: confirmed" in told


def test_an_oral_hold_may_be_for_one_partner(staff, site):
    ran = staff("hold", JAIL, "--oral", "--partner", "defender")
    assert "hold, oral for defender" in ran.out
    assert seen(site) == 1
    staff("hold", JAIL, "--oral", "--partner", "pretrial")
    assert seen(site) == 0


def test_the_same_command_under_its_key_counts_once(staff):
    first, second = (recorded_id(staff("hold", JAIL, "--oral", "--request", "call-17")) for _ in range(2))
    assert first == second
    assert len(listed(staff)) == 1
    other = staff("hold", JAIL, "--identity", "--request", "call-17")
    assert (other.code, other.out) == (4, "")
    assert "use a new one" in other.err


def test_without_a_key_every_command_counts_for_itself(staff):
    for _ in range(2):
        recorded_id(staff("hold", JAIL, "--oral"))
    assert len(listed(staff)) == 2


def test_an_emergency_says_until_when_and_waits_for_somebody_else(staff):
    ident = recorded_id(emergency(staff))
    (review,) = orjson.loads(staff("reviews", "--json").out)
    assert (review["id"], review["review"], review["kind"]) == (ident, "emergency", "E")
    told = staff("reviews").out
    assert "somebody else reviews the emergency, and the patient is told, due" in told
    assert "nature: found unconscious" in told
    own = staff("review", ident, "--finding", "justified")
    assert (own.code, "somebody else" in own.err) == (4, True)
    closed = staff("review", ident, "--finding", "not-justified", "--words", "a drill", by="P. Officer")
    assert closed.out == (
        "closed: somebody else reviews the emergency, and the patient is told; not-justified\n"
        "now open: no emergency: the disclosures are reviewed as a possible breach\n"
    )
    assert "; 0 disclosures to look at" in staff("reviews").out
    assert staff("review", ident, "--finding", "justified", by="P. Officer").code == 0
    assert staff("reviews").out == "no review is open\n"
    assert orjson.loads(staff("reviews", "--json").out) == []


def test_a_review_that_is_late_says_so(staff, site, monkeypatch):
    recorded_id(emergency(staff))
    monkeypatch.setattr("adapter.cli.options.build", later(site))
    assert "OVERDUE since" in staff("reviews").out


def later(site):
    from adapter import bootstrap, machine  # noqa: PLC0415 - the function that is wrapped

    async def build(loaded, **more):
        return await bootstrap.build(loaded, **more, now=lambda: machine.clock() + 4 * 86_400_000_000)

    return build


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("restriction", JAIL, "--source", "jail-medical", "--class", "screening-summary"), "restriction, recorded"),
        (("restriction", JAIL, "--source", "riverside", "--partner", "court", "--until", "2099-01-31"), "for court"),
        (("referral", JAIL, "--to", "cottonwood", "--days", "30"), "treatment relationship for cottonwood"),
        (
            ("referral", JAIL, "--to", "cottonwood", "--confirmed-roster", "--from", "2099-01-01"),
            "how: confirmed roster",
        ),
        (("suspension", JAIL, "--agency", "police", "--oral"), "oral: yes"),
        (("suspension", JAIL, "--agency", "police", "--until", "2099-03-01"), "2099-03-02 00:00 MST"),
        (("subpoena", JAIL, "--served-by", "county attorney"), "subpoena without an order, recorded"),
    ],
)
def test_everything_else_staff_records_is_told_back(staff, arguments, told):
    ran = staff(*arguments)
    assert (ran.code, ran.err) == (0, "")
    assert told in ran.out
    assert len(listed(staff)) == 1


def test_a_subpoena_opens_nothing_and_is_for_counsel(staff, site):
    recorded_id(staff("subpoena", JAIL, "--served-by", "county attorney"))
    assert seen(site) == 1
    assert "counsel decides" in staff("reviews").out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("hold", JAIL), "--identity or --oral"),
        (("hold", JAIL, "--identity", "--oral"), "--identity or --oral"),
        (("hold", JAIL, "--identity", "--partner", "court"), "leave --partner out"),
        (("hold", JAIL, "--oral", "--partner", "nobody"), "`nobody` is no partner"),
        (("hold", "jail-roster:J999", "--oral"), "no record of this person is held"),
        (("hold", "nothing:J1", "--oral"), "no feed `nothing`"),
        (("hold", "0123456789abcdef", "--oral"), "no record of this person is held"),
        (("restriction", JAIL, "--source", "court", "--until", "soon"), "--until is no date"),
        (("restriction", JAIL, "--source", "court", "--until", "2001-01-01"), "still to come"),
        (("referral", JAIL, "--to", "court", "--from", "soon"), "--from is no date"),
        (("referral", JAIL, "--to", "court", "--days", "999"), "at most 365 days"),
        (("suspension", JAIL, "--agency", "police"), "until when"),
        (
            ("basis", JAIL, "--basis", "T", "--recipient", "court", "--purpose", "TREAT", "--class", "x"),
            "K, J, E, O or X",
        ),
        (
            ("basis", JAIL, "--basis", "E", "--recipient", "court", "--purpose", "TRAET", "--class", "x"),
            "`TRAET` is no",
        ),
        (("end", "nothing", "--because", "x"), "nothing is recorded under this id"),
        (("review", "nothing", "--finding", "justified"), "no review is open"),
        (("review", "nothing", "--finding", "fine"), "justified, not-justified"),
    ],
)
def test_a_mistake_is_told_with_what_to_do_and_exit_code_4(staff, arguments, told):
    ran = staff(*arguments)
    assert (ran.code, ran.out) == (4, "")
    assert told in ran.err
    assert "Traceback" not in ran.err


def test_every_missing_fact_is_named_with_its_place_in_the_law(staff):
    ran = emergency(staff, facts=())
    assert ran.code == 4
    assert ran.err.count("42 CFR 2.51(c)") == 5
    assert "`facts.nature`" in ran.err


def test_a_fact_is_a_name_and_a_value(staff):
    for text in ("nature", "=x"):
        ran = emergency(staff, "--fact", text)
        assert (ran.code, "NAME=VALUE" in ran.err) == (4, True)


@pytest.mark.parametrize("by", ["", "  "])
def test_nobody_records_without_a_name(staff, by):
    ran = staff("hold", JAIL, "--oral", by=by)
    assert (ran.code, "say who" in ran.err) == (4, True)


def test_of_whom_nothing_is_recorded_nothing_is_listed(staff):
    assert staff("list", JAIL).out == "nothing is recorded of this person\n"


def test_what_begins_later_is_to_come(staff):
    recorded_id(staff("referral", JAIL, "--to", "cottonwood", "--from", "2099-01-01"))
    assert "to come" in staff("list", JAIL).out


def test_a_person_is_named_by_any_record_or_by_its_id(staff):
    ident = recorded_id(staff("hold", JAIL, "--oral"))
    assert ident in staff("list", f"releases:{records.REGISTRY}").out
    patient = SiteKeys(worlds.SECRET).resource_id("jail-medical-hl7", "Patient", records.JAIL)
    for name in (patient, f"Patient/{patient}"):
        assert ident in staff("list", name).out
