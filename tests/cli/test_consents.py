"""`sallyport consent`: paper is taken in and revoked in plain words."""

from __future__ import annotations

import asyncio
import shutil

import asserting
import orjson
import pytest
import records
import worlds

from adapter.machine import clock


@pytest.fixture
def site(county, tmp_path):
    shutil.copytree(county, tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def staff(sallyport, site):
    def run(command, *arguments):
        return sallyport("consent", command, "--site", site, *arguments, "--by", "R. Desk")

    return run


def seen(site, caller=("pretrial", "pretrial-release")):
    async def ask():
        world = await worlds.open_site(site, now=clock())
        try:
            return await asserting.summaries(world, caller, world.patient("jail-medical-hl7", records.JAIL))
        finally:
            await world.close()

    return asyncio.run(ask())


@pytest.fixture
def paper(tmp_path):
    """A file with the form that Ada signed, on which a partner was forgotten when it was typed in."""

    def write(**changed):
        choices = (records.choice(), records.choice("defender", purposes=("diversion",)))
        path = tmp_path / "paper.json"
        path.write_bytes(orjson.dumps(records.release(*choices, **changed)))
        return path

    return write


def test_a_paper_is_taken_in(staff, site, paper):
    assert seen(site, ("defender", "diversion")) == 0
    ran = staff("record", "--form", "universal-release", paper())
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("taken in: Patient/")
    assert seen(site, ("defender", "diversion")) == 1


def test_a_deficient_paper_waits_and_says_what_to_mend(staff, site, paper):
    ran = staff("record", "--form", "universal-release", paper(expires=None))
    assert ran.code == 4
    assert "it waits in quarantine: deficient at expires; expected" in ran.err
    assert "mend the file and record it again" in ran.err
    assert seen(site) == 0
    assert staff("record", "--form", "universal-release", paper()).code == 0
    assert seen(site) == 1


@pytest.mark.parametrize(
    ("form", "content", "told"),
    [
        ("universal-release", b"{", "no JSON"),
        ("other", b"{}", "expected one of condition-of-release, proceedings, universal-release"),
    ],
)
def test_what_is_no_form_is_refused(staff, tmp_path, form, content, told):
    (tmp_path / "x.json").write_bytes(content)
    ran = staff("record", "--form", form, tmp_path / "x.json")
    assert (ran.code, ran.out) == (4, "")
    assert told in ran.err


def test_a_revocation_holds_for_the_next_request(staff, site):
    assert seen(site) == 1
    ran = staff("revoke", "r1", "--partner", "pretrial")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("revoked: Patient/")
    assert seen(site) == 0


def test_word_of_mouth_is_a_hold_that_the_paper_ends(staff, site):
    held = staff("revoke", "r1", "--all", "--oral")
    assert held.out.startswith("held until the paper comes: Patient/")
    assert seen(site) == 0
    ident = held.out.split()[-1]
    assert f"the hold {ident} has ended" in staff("revoke", "r1", "--all").out
    assert seen(site) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("r1",), "--all, or one --partner"),
        (("r1", "--all", "--partner", "pretrial"), "--all, or one --partner"),
        (("r1", "--partner", "nobody"), "`nobody` is no partner"),
        (("r9", "--all"), "no form was received under this submission"),
        (("r9", "--all", "--oral"), "no form was received under this submission"),
    ],
)
def test_a_mistake_is_told_and_nothing_changes(staff, site, arguments, told):
    ran = staff("revoke", *arguments)
    assert (ran.code, ran.out) == (4, "")
    assert told in ran.err
    assert seen(site) == 1
