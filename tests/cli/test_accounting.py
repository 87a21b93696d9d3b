"""`sallyport accounting`: printed for the person and for the office, and in the ledger when it is."""

from __future__ import annotations

import csv
import io
import shutil

import orjson
import pytest

from adapter import inspection
from adapter.cli.options import on_site
from adapter.fhir.search import parse_query
from adapter.settings import load_site

ADA = "jail-medical-hl7:J1"
BY = ("--by", "R. Desk")


@pytest.fixture(scope="module")
def site(county, tmp_path_factory):
    """Ada's county, where pretrial services have looked her up and the treatment court has in vain."""
    copy = tmp_path_factory.mktemp("accounting") / "site"
    shutil.copytree(county, copy)

    async def look(services):
        patient = services.keys.resource_id("jail-medical-hl7", "Patient", "J1")
        for recipient, purpose in (("pretrial", "pretrial-release"), ("treatment-court", "diversion")):
            token = await services.tokens.issue(
                client="test", organisation=f"Organization/{recipient}", purposes=[purpose], lifetime=60
            )
            caller = await services.requester.caller(
                [(b"authorization", f"Bearer {token}".encode())], services.new_id()
            )
            asked = [("patient", patient)]
            query = parse_query("Observation", asked, base_url=services.base_url, zone=services.zone)
            await services.disclosure.search(caller, query)

    on_site(copy, look)
    return copy


def targets(site):
    ledger = inspection.open_ledger(load_site(site))
    rows = [row[0] for row in ledger._db.execute("SELECT target FROM entry WHERE interaction = 'accounting'")]
    ledger.close()
    return rows


def test_the_page_is_printed_and_its_giving_is_in_the_ledger(sallyport, site):
    before = len(targets(site))
    done = sallyport("accounting", "--site", site, ADA, *BY)
    assert done.code == 0
    assert done.out.startswith("# Accounting of disclosures")
    assert "Alder County Treatment Court (treatment-court) | diversion | nothing was given" in done.out
    assert len(targets(site)) == before + 1
    done = sallyport("accounting", "--site", site, ADA, "--officer", *BY)
    assert "For the privacy office alone" in done.out
    assert targets(site)[-1].endswith("for the office")


def test_every_form_tells_the_same_questions(sallyport, site):
    page = sallyport("accounting", "--site", site, ADA, "--html", *BY).out
    assert page.startswith("<!DOCTYPE html>")
    rows = list(csv.DictReader(io.StringIO(sallyport("accounting", "--site", site, ADA, "--csv", *BY).out)))
    assert [(row["recipient"], row["result"]) for row in rows] == [
        ("pretrial", "disclosed"),
        ("treatment-court", "nothing"),
    ]
    bundle = orjson.loads(sallyport("accounting", "--site", site, ADA, "--fhir", *BY).out)
    assert [entry["resource"]["outcome"] for entry in bundle["entry"]] == ["0", "4"]


def test_a_period_bounds_it(sallyport, site):
    rows = sallyport("accounting", "--site", site, ADA, "--csv", "--until", "2026-11-21", *BY).out.splitlines()
    assert len(rows) == 1
    rows = sallyport("accounting", "--site", site, ADA, "--csv", "--from", "2026-11-22", *BY).out.splitlines()
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((ADA, "--csv", "--html"), "choose one"),
        ((ADA, "--from", "2026-11-22", "--until", "2026-11-20"), "first day before the last"),
        (("jail-medical-hl7:nobody",), "no record of this person is held"),
    ],
)
def test_mistakes_are_told(sallyport, site, arguments, told):
    done = sallyport("accounting", "--site", site, *arguments, *BY)
    assert done.code == 4
    assert told in done.err
