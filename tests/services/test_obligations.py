"""What travels with a disclosure: interned once, spliced as labels and extensions, told once a Bundle."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import orjson
import pytest
import worlds

from adapter.consent.obligations import AUTHORITY, NOTICE_LONG, PART2_OBLIGATIONS, Obligation, scope_obligation
from adapter.fhir.dates import interval
from adapter.fhir.served import PLAIN
from adapter.services.obligations import NOTICE, ObligationTexts

pytestmark = pytest.mark.anyio
DENVER = ZoneInfo("America/Denver")
SCOPE = scope_obligation(0, "provision[0]", "to this recipient only")
ENDS = interval("2027-03-01", DENVER)[1]


@pytest.fixture(scope="module")
async def world(tmp_path_factory):
    made = await worlds.open_site(tmp_path_factory.mktemp("obligations") / "site")
    yield made
    await made.close()


@pytest.fixture
def texts(world):
    return ObligationTexts(world.services.store, DENVER)


def meta(fragment):
    """The meta that a fragment completes."""
    return orjson.loads(b'{"security":[{"code":"N"}' + fragment + b"}")


def notice(*scopes):
    """The extension of the statutory notice with these explanations of scope."""
    return {
        "url": NOTICE,
        "extension": [
            {"url": "statement", "valueString": NOTICE_LONG},
            *({"url": "scope", "valueString": text} for text in scopes),
            {"url": "authority", "valueUri": AUTHORITY},
        ],
    }


async def test_nothing_is_due_under_the_empty_set(texts):
    assert await texts.number(()) == 0
    assert texts.of(0) == ()
    assert texts.fragment(0) == PLAIN
    assert texts.notices([(0, ENDS)]) == []


async def test_a_set_has_one_number_that_outlives_the_process(world, texts):
    number = await texts.number((*PART2_OBLIGATIONS, SCOPE))
    assert number > 0
    assert await texts.number((*PART2_OBLIGATIONS, SCOPE)) == number
    again = ObligationTexts(world.services.store, DENVER)
    await again.load()
    assert again.of(number) == (*PART2_OBLIGATIONS, SCOPE)
    assert again.fragment(number, ends=ENDS) == texts.fragment(number, ends=ENDS)


async def test_a_fragment_adds_labels_behind_the_stored_ones_and_notice_with_scope_as_an_extension(texts):
    made = meta(texts.fragment(await texts.number((*PART2_OBLIGATIONS, SCOPE)), ends=ENDS))
    assert [label["code"] for label in made["security"]] == ["N", "42CFRPart2", "NORDSCLCD", "PERSISTLABEL"]
    assert made["extension"] == [notice("to this recipient only; until the end of 2027-03-01")]


async def test_the_end_is_that_of_the_person_and_said_where_there_is_a_scope(texts):
    number = await texts.number((*PART2_OBLIGATIONS, SCOPE))
    assert meta(texts.fragment(number))["extension"] == [notice("to this recipient only; no last day")]
    plain = await texts.number(PART2_OBLIGATIONS)
    assert texts.fragment(plain, ends=ENDS) == texts.fragment(plain)


async def test_another_text_is_an_extension_of_its_own(texts):
    number = await texts.number((Obligation(code="custody-only", system="x", text="For custody alone."),))
    stated = [{"url": NOTICE, "extension": [{"url": "statement", "valueString": "For custody alone."}]}]
    assert meta(texts.fragment(number))["extension"] == stated


async def test_further_extensions_stand_behind_and_are_not_kept(texts):
    number = await texts.number(PART2_OBLIGATIONS)
    plain = texts.fragment(number)
    more = meta(texts.fragment(number, [{"url": "x", "valueBoolean": True}]))
    assert more["extension"][-1] == {"url": "x", "valueBoolean": True}
    assert texts.fragment(number) == plain
    assert meta(texts.fragment(0, [{"url": "x", "valueBoolean": True}]))["extension"] == [
        {"url": "x", "valueBoolean": True}
    ]


async def test_a_bundle_is_told_each_text_once(texts):
    one = await texts.number(PART2_OBLIGATIONS)
    other = await texts.number((*PART2_OBLIGATIONS, SCOPE))
    until = "to this recipient only; until the end of 2027-03-01"
    assert texts.notices([(one, ENDS), (other, ENDS), (other, ENDS), (0, ENDS)]) == [NOTICE_LONG, until]
    assert texts.notices([(other, ENDS), (other, ENDS + 86_400_000_000)]) == [
        NOTICE_LONG,
        until,
        "to this recipient only; until the end of 2027-03-02",
    ]
