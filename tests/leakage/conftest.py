"""A county of which everybody sees a part, and what is hidden in it from whom.

The files beside this one have a row for each channel of leakage: for each way an answer could show what is withheld,
that it does not. Channels after Sallyport's own threat list; see docs/explanation/consent.md.
"""

from __future__ import annotations

import leaks
import pytest
import registered_clients
import smart_clients as sc
import subscribers
import worlds

from adapter.listening import ALERTS, MLLP


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


def registered(folder):
    """Clients, one that writes, and where Cottonwood listens."""
    registered_clients.register_all(folder, chart_writer=sc.spec(scopes=["system/*.cruds"]))
    feed = "feed: chart-writer\ntitle: t\nconnector: fhir.rest\nclient: chart-writer\norganization: cottonwood\n"
    units = "units: {cottonwood: {organization: cottonwood, regime: hipaa}}\n"
    (folder / "feeds" / "chart_writer.yaml").write_text(feed + units)
    subscribers.register_endpoints(folder, ENDPOINTS)


ENDPOINTS = {
    "chart": {"channel": MLLP, "address": "mllp://127.0.0.1:2575", "application": "CHART"},
    "alerts": {"channel": ALERTS, "folder": ".", "jackets": "https://alder-jail.example/person"},
}


@pytest.fixture(scope="module")
async def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leaks")
    made = await worlds.open_site(folder / "site", adjust=registered)
    await worlds.ingest_all(made, worlds.extracts(folder / "extracts", people=90, seed=7))
    yield made
    await made.close()


@pytest.fixture(scope="module")
async def case(world):
    """A patient of whom cottonwood sees some summaries and not others, with both kinds at hand."""
    return await leaks.partly_seen(world, ("cottonwood", "TREAT"))
