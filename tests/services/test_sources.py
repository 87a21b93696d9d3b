"""Which writers' own Encounters tell something of a person, as the feeds declare it."""

from __future__ import annotations

import pytest
import worlds

from adapter.assets import copy_fictional_county
from adapter.consent.standing import CUSTODY, TREATMENT
from adapter.services.sources import sources_of
from adapter.settings import load_site

pytestmark = pytest.mark.anyio
KEY = ("Organization/cottonwood", "Organization/cottonwood")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (({},), set()),
        (({"establishes_treatment": True},), {TREATMENT}),
        (({"establishes_treatment": False, "custody_hours": 24},), {CUSTODY}),
        (({"establishes_treatment": True}, {}), set()),
        (({"establishes_treatment": True}, {"establishes_treatment": True}), {TREATMENT}),
        (({"custody_hours": 24}, {"establishes_treatment": True}), set()),
    ],
)
async def test_a_writer_is_believed_where_every_feed_of_it_says_so(tmp_path, said, told):
    world = await worlds.open_site(tmp_path / "site")
    copy_fictional_county(tmp_path / "other")
    site = load_site(tmp_path / "other")
    chart = site.feeds["cottonwood-chart"].model_copy(update={"establishes_treatment": None})
    feeds = {name: feed for name, feed in site.feeds.items() if not feed.is_written}
    feeds |= {f"chart-{number}": chart.model_copy(update=each) for number, each in enumerate(said)}
    sources = await sources_of(site.model_copy(update={"feeds": feeds}), world.services.store)
    assert sources.writers == {(kind, *KEY) for kind in told}
    await world.close()
