"""`sallyport labels`: who lifted what, from which record and why."""

from __future__ import annotations

import orjson
import pytest
import records

BY = ("--by", "P. Officer")
WHO = "riverside-ehr:e1"
ODD = {"system": "urn:oid:2.16.840.1.113883.19", "code": "ODD"}


@pytest.fixture
def site(sallyport, folder, tmp_path):
    found = records.clinic_result()
    labelled = found | {"meta": found["meta"] | {"security": [ODD]}}
    (tmp_path / "extract").write_bytes(records.ndjson(records.clinic_patient(), labelled))
    assert sallyport("ingest", "--site", folder, "riverside-ehr", tmp_path / "extract").code == 0
    return folder


def test_a_lift_is_told_listed_and_reversed(sallyport, site):
    assert "no label was lifted" in sallyport("labels", "list", "--site", site).out
    done = sallyport("labels", "lift", "--site", site, WHO, "--label", "ODD", "--because", "a letter", *BY)
    assert (done.code, "ODD" in done.out) == (0, False)
    assert done.out.startswith("lifted: Observation/")
    done = sallyport("labels", "restore", "--site", site, WHO, "--because", "another's letter", *BY)
    assert (done.code, "ODD" in done.out) == (0, True)
    told = sallyport("labels", "list", "--site", site).out
    assert "by staff P. Officer: a letter" in told
    listed = orjson.loads(sallyport("labels", "list", "--site", site, "--json").out)
    assert {one["act"] for one in listed} == {"lift", "restore"}
    assert all(one["labels"] == [ODD] for one in listed)
    assert sallyport("ledger", "verify", "--site", site).code == 0


def test_a_lift_needs_a_name_and_a_label_that_stands_there(sallyport, site):
    nobody = sallyport("labels", "lift", "--site", site, WHO, "--label", "ODD", "--because", "a letter", "--by", " ")
    assert (nobody.code, "--by" in nobody.err) == (4, True)
    content = sallyport("labels", "lift", "--site", site, WHO, "--label", "MH", "--because", "a letter", *BY)
    assert (content.code, "source set" in content.err) == (4, True)
