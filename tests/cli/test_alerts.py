"""`sallyport alerts` from the command line."""

from __future__ import annotations

import json

import records

FEED = "riverside-ehr"


def broken(folder):
    found = records.clinic_result(code="93374-7") | {"valueString": "nobody knows"}
    del found["valueQuantity"]
    path = folder / "extract.ndjson"
    path.write_bytes(records.ndjson(found))
    return path


def test_what_waits_and_is_urgent_is_told_once_and_listed_until_it_is_mended(sallyport, folder):
    ran = sallyport("ingest", "--site", folder, FEED, broken(folder))
    assert ran.code == 0
    assert "1 urgent screening waits in quarantine, at line 1" in ran.err
    told = sallyport("alerts", "--site", folder)
    assert "tell health information office of Riverside Behavioral Health now" in told.out
    assert "nobody knows" not in told.out + ran.err
    assert sallyport("alerts", "--site", folder).out == ""
    again = sallyport("alerts", "--site", folder, "--all", "--json")
    document = json.loads(again.out)
    assert (document["feed"], document["count"], document["contact"]) == (FEED, 1, "health information office")
    assert "1 urgent" in sallyport("replay", "--site", folder).err
