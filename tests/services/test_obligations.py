"""What travels with a disclosure: interned once, spliced as labels and extensions, told once a Bundle."""

from __future__ import annotations

import orjson
import pytest
import worlds

from adapter.consent.obligations import NOTICE_LONG, PART2_OBLIGATIONS, scope_obligation
from adapter.fhir.served import PLAIN
from adapter.services.obligations import NOTICE, ObligationTexts

pytestmark = pytest.mark.anyio
SCOPE = scope_obligation(0, "provision[0]", "to this recipient only")


@pytest.fixture(scope="module")
async def world(tmp_path_factory):
    made = await worlds.open_site(tmp_path_factory.mktemp("obligations") / "site")
    yield made
    await made.close()


@pytest.fixture
def texts(world):
    return ObligationTexts(world.services.store)


def meta(fragment):
    """The meta that a fragment completes."""
    return orjson.loads(b'{"security":[{"code":"N"}' + fragment + b"}")


async def test_nothing_is_due_under_the_empty_set(texts):
    assert await texts.number(()) == 0
    assert texts.of(0) == ()
    assert texts.fragment(0) == PLAIN
    assert texts.notices({0}) == []


async def test_a_set_has_one_number_that_outlives_the_process(world, texts):
    number = await texts.number((*PART2_OBLIGATIONS, SCOPE))
    assert number > 0
    assert await texts.number((*PART2_OBLIGATIONS, SCOPE)) == number
    again = ObligationTexts(world.services.store)
    await again.load()
    assert again.of(number) == (*PART2_OBLIGATIONS, SCOPE)
    assert again.fragment(number) == texts.fragment(number)


async def test_a_fragment_adds_labels_behind_the_stored_ones_and_the_texts_as_extensions(texts):
    made = meta(texts.fragment(await texts.number((*PART2_OBLIGATIONS, SCOPE))))
    assert [label["code"] for label in made["security"]] == ["N", "42CFRPart2", "NORDSCLCD", "PERSISTLABEL"]
    assert made["extension"] == [
        {"url": NOTICE, "valueString": NOTICE_LONG},
        {"url": NOTICE, "valueString": SCOPE.text},
    ]


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
    assert texts.notices({one, other, 0}) == [NOTICE_LONG, SCOPE.text]
