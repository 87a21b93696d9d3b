"""`sallyport pull` from the command line."""

from __future__ import annotations

import json

import pytest
import records
from partner_server import Partner

FEED = "riverside-ehr"


@pytest.fixture
def partner(folder):
    with Partner() as started:
        started.adjust(folder)
        yield started


def test_a_feed_is_fetched_and_reported(sallyport, folder, partner):
    partner.order(put=[records.clinic_patient(), records.clinic_result()])
    ran = sallyport("pull", "--site", folder, FEED, "--json")
    assert ran.code == 0, ran.err
    (report,) = json.loads(ran.out)
    assert (report["feed"], report["records"], report["quarantined"]) == (FEED, 2, {})
    again = sallyport("pull", "--site", folder, FEED)
    assert again.code == 0
    assert FEED in again.out or "records" in again.out


def test_the_public_key_is_printed_and_nothing_else_of_it(sallyport, folder, partner):
    ran = sallyport("pull", "--site", folder, FEED, "--public-key")
    (key,) = json.loads(ran.out)["keys"]
    assert (key["kty"], key["kid"], key["alg"]) == ("EC", "alder-2026", "ES384")
    assert "d" not in key
    assert not (folder / "data").exists()


def test_a_key_that_others_may_read_is_not_used(sallyport, folder, partner):
    (folder / "keys" / "riverside.pem").chmod(0o640)
    ran = sallyport("pull", "--site", folder, FEED)
    assert ran.code == 4
    assert "chmod 600 keys/riverside.pem" in ran.err
    (folder / "keys" / "riverside.pem").unlink()
    ran = sallyport("pull", "--site", folder, FEED)
    assert (ran.code, "there is no file" in ran.err) == (4, True)


@pytest.mark.parametrize("options", [(), ("--public-key",)])
def test_a_feed_without_a_server_is_named_with_those_that_have_one(sallyport, folder, options):
    ran = sallyport("pull", "--site", folder, "jail-roster", *options)
    assert ran.code == 4
    assert "riverside-ehr" in ran.err


def test_a_server_that_is_gone_is_told_in_words(sallyport, folder):
    with Partner() as partner:
        partner.adjust(folder, attempts=1)
    ran = sallyport("pull", "--site", folder, FEED)
    assert ran.code == 1
    assert "cannot be read: no answer" in ran.err
