"""What looks like a screen of suicide or withdrawal, however broken it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.summary.registry import Registry
from adapter.summary.urgent import Urgency


@pytest.fixture(scope="module")
def looks(registry):
    return Urgency(registry).looks


@pytest.mark.parametrize(
    "raw",
    [
        b'{"resourceType":"Observation","code":{"coding":[{"system":"http://loinc.org","code":"93374-7"}]}',
        b'{"resourceType":"QuestionnaireResponse","questionnaire":"http://loinc.org/q/93373-9|2.77","item":',
        b'{"linkId":"/44260-8","answer":[{}]}',
        b"OBX|1|NM|ciwa-ar-score^^L||",
        b"OBX|1|ST|CIWA^CIWA-Ar total^L||abc",
        b"J1,C-SSRS,2026-13-40,high",
        b"J1,cssrs,,",
        b"J1,Columbia-Suicide Severity Rating Scale,",
        b"J1,Columbia Suicide Screen,",
        b"J1,COWS,99",
        b"J1,CIWA-B,7",
        b'<code code="101507-2" codeSystem="2.16.840.1.113883.6.1"/>',
        "J1,C-SSRS,".encode("utf-16"),
        b'"instrument":"c_ssrs"',
    ],
)
def test_a_screen_of_suicide_or_withdrawal_is_recognised(looks, raw):
    assert looks(raw) == "urgent"


@pytest.mark.parametrize(
    "raw",
    [b"OBX|1|NM|44261-6^PHQ-9 total^LN||x", b'"code":"phq-9-score"', b'"code":"72109-2"'],
)
def test_another_instrument_is_recognised_by_its_code(looks, raw):
    assert looks(raw) == "other"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"J1,SCOWSKI,7",
        b"193374-7",
        b"93374-77",
        b"J1,helps with meals,3",
        b"PHQ-9 in a sentence says nothing for certain",
    ],
)
def test_what_names_none_is_unknown(looks, raw):
    assert looks(raw) == "unknown"


def test_a_cell_that_is_the_name_of_an_instrument_is_read_as_one(looks):
    assert looks(b"", {"Screen": "PHQ 9"}) == "other"
    assert looks(b"", {"Screen": "HELPS"}) == "other"
    assert looks(b"", {"note": "helps a lot"}) == "unknown"
    assert looks(b"", {"x": [{"y": "93374-7"}], "z": 3}) == "urgent"


def test_a_countys_own_screen_can_be_urgent(rows, pinned):
    own = {
        "id": "local-watch", "name": "Suicide watch form", "title": "Suicide watch", "domain": "mh", "labels": ["MH"],
        "licence": "own", "rule": "policy 4", "urgent": True, "called": ["SW-12"],
        "scales": [{"level": {"local": "local-watch-result"}}],
    }  # fmt: skip
    looks = Urgency(Registry.load(rows, pinned, local=[("county.yaml", {"instruments": [own]})])).looks
    assert looks(b"J1,sw12,yes") == "urgent"
    assert looks(b"local-watch-result") == "urgent"


@given(st.binary(max_size=60), st.sampled_from([b"93374-7", b"CIWA-Ar", b"cows", b"C-SSRS"]), st.binary(max_size=60))
@settings(max_examples=100, deadline=None)
def test_it_is_found_in_any_bytes(looks, before, name, after):
    assert looks(before + b"|" + name + b"|" + after) == "urgent"
