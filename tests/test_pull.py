"""A feed fetched from a real FHIR server: everything once, what changed after that, and on from where it was cut."""

from __future__ import annotations

import pytest
import records
import worlds
from partner_server import Partner

from adapter.errors import SallyportError

pytestmark = pytest.mark.anyio
FEED = "riverside-ehr"


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture
def partner(request):
    with Partner(getattr(request, "param", "ec")) as started:
        yield started


@pytest.fixture
async def world(tmp_path, partner):
    made = await worlds.open_site(tmp_path / "site", adjust=partner.adjust)
    yield made
    await made.close()


def results(*numbers):
    return [records.clinic_result(f"o{n}", score=n, at=f"2026-03-03T09:{n:02d}:00-07:00") for n in numbers]


def stored(world, kind=3):
    return world.rows("SELECT count(*) FROM resource WHERE type = ?", kind)[0][0]


@pytest.mark.parametrize("partner", ["ec", "rsa"], indirect=True)
async def test_everything_comes_once_and_after_that_what_changed(world, partner):
    partner.order(put=[records.clinic_patient(), *results(1, 2, 3, 4, 5)])
    reports = await world.services.pulls.run(FEED)
    assert sum(report.records for report in reports) == 6
    assert sum(report.leaves["unmapped"] for report in reports) == 0
    assert await world.services.store.quarantined(None) == []
    # Five totals, and a summary of each.
    assert stored(world) == 10
    asked = partner.order(clear=True)["log"]
    assert [path for path in asked if "Observation" in path and "page=" in path]
    assert all("category=survey" in path for path in asked if "Observation" in path)
    before = len(await world.services.inbox.receipts())
    partner.order(put=results(9))
    reports = await world.services.pulls.run(FEED)
    assert all("_lastUpdated=ge" in path for path in partner.order()["log"] if "Observation" in path)
    assert stored(world) == 12
    assert len(await world.services.inbox.receipts()) > before


async def test_a_run_that_is_cut_goes_on_with_the_page_where_it_stopped(world, partner):
    partner.order(put=[records.clinic_patient(), *results(1, 2, 3, 4, 5)])
    kept = []

    def stop(count, total):
        kept.append(count)
        if count == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await world.services.pulls.run(FEED, progress=stop)
    asked = partner.order(clear=True)["log"]
    # The third answer is in the inbox and not in the store.
    assert len(await world.services.ingest.pending(FEED)) == 1
    await world.services.pulls.run(FEED)
    again = partner.order()["log"]
    assert not {path for path in again if "Patient" in path}
    assert not set(asked) & set(again)
    assert stored(world) == 10
    assert await world.services.ingest.pending(FEED) == []


async def test_what_passes_is_waited_out_and_a_lost_token_renewed(world, partner):
    partner.order(put=[records.clinic_patient(), *results(1, 2)], faults=["503", "429", "cut"])
    await world.services.pulls.run(FEED)
    assert stored(world) == 4
    first = partner.order(forget=True)["tokens"]
    partner.order(put=results(3))
    await world.services.pulls.run(FEED)
    assert stored(world) == 6
    assert partner.order()["tokens"] > first


async def test_a_refusal_keeps_what_came_before_it(world, partner):
    partner.order(put=[records.clinic_patient(), *results(1, 2, 3)])
    order = partner.order
    seen = []

    def refuse(count, total):
        seen.append(count)
        order(faults=["403"])

    with pytest.raises(SallyportError, match="status 403"):
        await world.services.pulls.run(FEED, progress=refuse)
    assert seen == [1]
    assert len(await world.services.inbox.receipts()) == 1
    await world.services.pulls.run(FEED)
    assert stored(world) == 6


async def test_a_key_that_the_server_does_not_know_gets_no_token(tmp_path, partner):
    with Partner() as stranger:
        stranger.port = partner.port
        world = await worlds.open_site(tmp_path / "other", adjust=stranger.adjust)
        with pytest.raises(SallyportError, match="invalid_client"):
            await world.services.pulls.run(FEED)
        assert await world.services.inbox.receipts() == []
        await world.close()
