"""A store that was indexed by other parameters is indexed anew before anyone can ask."""

from __future__ import annotations

import orjson
import pytest
import records
import worlds

from adapter.services import reindex as indexing
from adapter.services.reindex import reindex

pytestmark = pytest.mark.anyio
CALLER = ("jail-medical", "TREAT")


async def total(world, query):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    answer = await world.ask(CALLER, f"/fhir/Observation?patient={patient}&{query}")
    return orjson.loads(answer.content)["total"]


async def test_what_was_stored_before_a_parameter_is_found_by_it(world, tmp_path, monkeypatch):
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(21)))
    found = await total(world, "value-quantity=21")
    assert found > 0
    held = {
        table: sorted(world.rows(f"SELECT * FROM {table}")) for table in ("token", "quantity", "indexed", "clinical")
    }
    world.services.store._writer.execute("DELETE FROM quantity")
    assert await total(world, "value-quantity=21") == 0
    assert await reindex(world.services.store, world.services.zone) == 0
    monkeypatch.setattr(indexing, "VERSION", indexing.VERSION + 1)
    monkeypatch.setattr(indexing, "BATCH", 2)
    stored = world.rows("SELECT count(*) FROM resource")[0][0]
    assert await reindex(world.services.store, world.services.zone) == stored
    assert await total(world, "value-quantity=21") == found
    assert held == {table: sorted(world.rows(f"SELECT * FROM {table}")) for table in held}
    assert await reindex(world.services.store, world.services.zone) == 0


async def test_a_new_store_is_indexed_as_it_is_filled(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    assert await reindex(made.services.store, made.services.zone) == 0
    await made.close()
