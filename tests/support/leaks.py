"""Who sees part of what is held of a person, and what an answer to them holds."""

from __future__ import annotations

import orjson


async def partly_seen(world, caller):
    """A patient of whom a caller sees some summaries and not others, with both kinds at hand."""
    for (ident,) in world.rows("SELECT id FROM resource WHERE type = 1 ORDER BY rid"):
        bundle = orjson.loads((await world.ask(caller, f"/fhir/Observation?patient={ident}&_count=200")).content)
        seen = {entry["resource"]["id"] for entry in bundle["entry"] if entry["search"]["mode"] == "match"}
        subjects = {
            entry["resource"]["subject"]["reference"] for entry in bundle["entry"] if entry["search"]["mode"] == "match"
        }
        held = {
            row[0]
            for row in world.rows(
                "SELECT o.id FROM resource o JOIN resource p ON p.rid = o.patient WHERE p.id = ? AND o.type = 3",
                ident,
            )
        }
        if seen and held - seen and subjects == {f"Patient/{ident}"}:
            return {"caller": caller, "patient": ident, "seen": seen, "hidden": held - seen}
    raise AssertionError("the county has no such patient; choose another seed")


def entries(answer):
    return [entry["resource"] for entry in orjson.loads(answer.content)["entry"] if entry["search"]["mode"] == "match"]


def along(answer):
    return [
        entry["resource"] for entry in orjson.loads(answer.content)["entry"] if entry["search"]["mode"] == "include"
    ]


def outcomes(answer):
    return [
        entry["resource"] for entry in orjson.loads(answer.content)["entry"] if entry["search"]["mode"] == "outcome"
    ]


def hidden_patient(world, case):
    """A Patient of whom the caller sees nothing."""
    seen = set(case["seen"])
    for (ident,) in world.rows("SELECT id FROM resource WHERE type = 1 ORDER BY rid"):
        own = {
            row[0]
            for row in world.rows(
                "SELECT o.id FROM resource o JOIN resource p ON p.rid = o.patient WHERE p.id = ? AND o.type = 3", ident
            )
        }
        if own and not own & seen:
            return ident
    raise AssertionError("everyone is seen; choose another seed")
