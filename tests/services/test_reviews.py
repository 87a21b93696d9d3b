"""What somebody else has to look at: threats, emergencies, orders without a mandate, subpoenas."""

from __future__ import annotations

import asserting
import pytest
import records
from asserting import COTTONWOOD, assert_for, staff, summaries

from adapter.errors import NotFound, RequestError
from adapter.services import recordings
from adapter.services.reviews import BREACH, COUNSEL, EMERGENCY, JUSTIFIED, NOT_JUSTIFIED, SUPERVISOR

pytestmark = pytest.mark.anyio
DAY = 86_400_000_000


@pytest.fixture
async def ada(world):
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    world.ada = world.patient("jail-medical-hl7", records.JAIL)
    return world


async def kinds(world):
    return [(review.kind, review.due - world.clock.now) for review in await world.services.reviews.open()]


async def close(world, ident, by="Lt. Bell", finding=JUSTIFIED, words=""):
    return await world.services.reviews.close(ident, staff(by), finding=finding, words=words)


async def threat(world):
    return await assert_for(world, world.ada, basis="J", recipient="jail", purpose="supervision")


async def order(world, **facts):
    return await assert_for(world, world.ada, basis="O", recipient="court", purpose="HLEGAL", facts=facts)


async def test_a_threat_is_reviewed_within_a_day_and_an_emergency_within_three(ada):
    await assert_for(ada, ada.ada)
    await threat(ada)
    assert await kinds(ada) == [(SUPERVISOR, DAY), (EMERGENCY, 3 * DAY)]


async def test_only_an_order_without_a_mandate_and_a_subpoena_are_for_counsel(ada):
    await order(ada)
    assert await kinds(ada) == []
    await order(ada, mandate=False)
    await asserting.record(ada, ada.ada, recordings.subpoena(by="county attorney"))
    assert await kinds(ada) == [(COUNSEL, DAY)] * 2


async def test_holds_and_restrictions_need_no_review(ada):
    await asserting.record(ada, ada.ada, recordings.hold(recordings.ORAL))
    await asserting.record(ada, ada.ada, recordings.restriction(source="Organization/riverside"))
    assert await kinds(ada) == []


async def test_a_justified_emergency_goes_on_and_is_no_longer_open(ada):
    ident = await assert_for(ada, ada.ada)
    assert (await close(ada, ident)).kind == EMERGENCY
    assert await kinds(ada) == []
    assert await summaries(ada, COTTONWOOD, ada.ada) == 1
    with pytest.raises(NotFound):
        await close(ada, ident)


@pytest.mark.parametrize("by", ["R. Desk", " r.  desk ", "N. Hale", "n. hale"])
async def test_nobody_reviews_what_they_recorded_or_did(ada, by):
    ident = await assert_for(ada, ada.ada, by=staff("R. Desk"))
    with pytest.raises(RequestError, match="somebody else"):
        await close(ada, ident, by=by)
    assert len(await kinds(ada)) == 1


async def test_an_emergency_that_was_none_ends_and_its_disclosures_are_reviewed_as_a_breach(ada):
    ident = await assert_for(ada, ada.ada)
    assert await summaries(ada, COTTONWOOD, ada.ada) == 1
    await close(ada, ident, finding=NOT_JUSTIFIED, words="a drill")
    assert await summaries(ada, COTTONWOOD, ada.ada) == 0
    ((breach, due),) = await kinds(ada)
    assert (breach, due) == (BREACH, 60 * DAY)
    (review,) = await ada.services.reviews.open()
    assert [act.words for act in review.about.acts] == ["a drill", "emergency:not-justified"]
    await close(ada, ident, finding=NOT_JUSTIFIED)
    assert await kinds(ada) == []


async def test_a_threat_that_was_none_ends(ada):
    ident = await threat(ada)
    await close(ada, ident, finding=NOT_JUSTIFIED)
    (one,) = await ada.services.authorities.listed(ada.ada)
    assert one.fact.stop == ada.clock.now
    assert await kinds(ada) == []


async def test_counsel_closes_without_ending_the_order(ada):
    ident = await order(ada, mandate=False)
    await close(ada, ident, finding=NOT_JUSTIFIED, words="we do not disclose without a mandate")
    (one,) = await ada.services.authorities.listed(ada.ada)
    assert one.fact.stop > ada.clock.now


async def test_the_disclosures_to_look_at_are_those_that_rested_on_the_emergency(ada):
    """Not what passed before or after it, to others, of others, or on another ground."""
    planning = ("cottonwood", "discharge-planning")
    both = [records.choice(), records.choice("cottonwood", purposes=(planning[1],))]
    other = records.phq9(4, control="R9", person="J9", ssn=records.OTHER_SSN)
    treated = records.choice("cottonwood", purposes=("TREAT",))
    others = records.release(treated, submission="r9", person="q9", ssn=records.OTHER_SSN)
    await ada.deliver("jail-medical-hl7", records.hl7(other), "other")
    await ada.deliver("releases", records.ndjson(records.release(*both), others))
    somebody = ada.patient("jail-medical-hl7", "J9")
    assert await summaries(ada, COTTONWOOD, somebody) == 1
    await summaries(ada, COTTONWOOD, ada.ada)
    ident = await assert_for(ada, ada.ada)
    ada.clock.forward(minutes=5)
    await summaries(ada, COTTONWOOD, ada.ada)
    assert await summaries(ada, COTTONWOOD, somebody) == 1
    assert await summaries(ada, planning, ada.ada) == 1
    assert await summaries(ada, ("pretrial", "pretrial-release"), ada.ada) == 1
    await ada.services.authorities.end(ident, staff(), because="over")
    ada.clock.forward(minutes=5)
    await summaries(ada, COTTONWOOD, ada.ada)
    (about,) = [one for one in await ada.services.authorities.listed(ada.ada) if one.fact.id == ident]
    (found,) = await ada.services.reviews.affected(about)
    assert (found.client, found.purpose, len(found.passed)) == ("test", "TREAT", 1)


async def test_what_passed_on_a_consent_as_well_is_looked_at(ada):
    """An answer may have rested on either; the review says so rather than leave it out."""
    await ada.deliver("releases", records.ndjson(records.release(records.choice("cottonwood", purposes=("TREAT",)))))
    ident = await assert_for(ada, ada.ada)
    await summaries(ada, COTTONWOOD, ada.ada)
    (about,) = [one for one in await ada.services.authorities.listed(ada.ada) if one.fact.id == ident]
    assert len(await ada.services.reviews.affected(about)) == 1
