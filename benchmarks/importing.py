"""Transactions of a client, the whole way in: bodies to resources that are durable, per second on one core.

Each transaction holds people who are registered with If-None-Exist and ten results of each, with references by
`urn:uuid`. A screening costs more than another result: a summary and its trace are derived from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from county import opened
from measure import Row, Scale, equal, middle, spread, timed

from adapter.cli.options import run_loop
from adapter.rest.app import application

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.types import ASGIApp

GOAL: Final = 3_000
PEOPLE: Final = 40
RESULTS: Final = 10
CLIENT: Final = "cottonwood-chart"
_SURVEY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_CHART: Final = "https://chart.example/patient"
_CODES: Final = {True: "44261-6", False: "8867-4"}
"""A PHQ-9 total, and a heart rate."""


def measure(scale: Scale, folder: Path) -> list[Row]:
    """A row for results of which two in ten are screenings, and one for nothing but screenings."""
    rows = []
    for name, screenings, goal in (("two screenings in ten", 2, GOAL), ("every result a screening", RESULTS, 0)):
        rates, costs = [], []
        for turn in range(scale.rounds):
            sent, wall, cpu = run_loop(_import(folder / f"{screenings}-{turn}", screenings, 4))
            rates.append(sent / wall)
            costs.append(sent / cpu)
        rows.append(
            Row(
                name=f"transaction import, {name}",
                goal=f">= {goal:,} resources/s, one core" if goal else "",
                measured=f"{middle(rates):,.0f} resources/s ({spread(rates, '{:,.0f}')})",
                met=middle(rates) >= goal if goal else None,
                note=f"{middle(costs):,.0f} per processor second; {PEOPLE * (RESULTS + 1)} resources a transaction, "
                "durable store, agreement and scope checked",
                numbers={"resources_per_second": middle(rates), "resources_per_processor_second": middle(costs)},
            )
        )
    return rows


async def _import(folder: Path, screenings: int, transactions: int) -> tuple[int, float, float]:
    async with opened(folder) as services:
        application_, token = application(services), await _token(services)
        # The first one makes what all the others find: segments, terms, compiled schemas.
        bodies = [_bundle(number, screenings) for number in range(transactions + 1)]
        await _post(application_, token, bodies[0])
        with timed() as spent:
            answers = [await _post(application_, token, body) for body in bodies[1:]]
        for answer in answers:
            told = {entry["response"]["status"] for entry in answer["entry"]}
            equal((told, len(answer["entry"])), ({"201 Created"}, PEOPLE * (RESULTS + 1)), "entries of an answer")
        counts = await services.store.counts()
        equal(counts["written"], PEOPLE * (RESULTS + 1) * (transactions + 1), "resources as they were written")
        equal(counts["screening"], PEOPLE * screenings * (transactions + 1), "summaries that were derived")
        again = await _post(application_, token, _bundle(1, 0, results=0))
        equal({entry["response"]["status"] for entry in again["entry"]}, {"200 OK"}, "people who are known")
        return PEOPLE * (RESULTS + 1) * transactions, spent.wall, spent.cpu


async def _token(services: Any) -> str:
    # As registered software has it, so that its bounds are those of its registration.
    row = services.clients.find(CLIENT)
    token: str = await services.tokens.issue(
        client=CLIENT,
        organisation="Organization/cottonwood",
        purposes=["TREAT"],
        rights=(),
        lifetime=36_000,
        scopes=" ".join(map(str, row.scopes)),
    )
    return token


def _bundle(number: int, screenings: int, *, results: int = RESULTS) -> bytes:
    entries = []
    for person in range(PEOPLE):
        ident = f"{number}-{person}"
        patient = {
            "resourceType": "Patient",
            "identifier": [{"system": _CHART, "value": ident}],
            "name": [{"family": f"Quillan{number}x{person}", "given": ["Ada"]}],
            "gender": "female",
            "birthDate": f"{1940 + person}-0{1 + number % 9}-1{person % 10}",
        }
        made = {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier={_CHART}|{ident}"}
        entries.append({"fullUrl": f"urn:uuid:p{person}", "resource": patient, "request": made})
        entries += [_result(person, one, is_screening=one < screenings) for one in range(results)]
    return orjson.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def _result(person: int, number: int, *, is_screening: bool) -> dict[str, Any]:
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": _SURVEY, "code": "survey"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": _CODES[is_screening]}]},
        "subject": {"reference": f"urn:uuid:p{person}"},
        "effectiveDateTime": f"2026-{1 + number:02d}-02T10:00:00-07:00",
        "valueQuantity": {"value": 3 + number, "system": "http://unitsofmeasure.org", "code": "{score}"},
    }
    return {"resource": observation, "request": {"method": "POST", "url": "Observation"}}


async def _post(app: ASGIApp, token: str, body: bytes) -> dict[str, Any]:
    """One request without a client and a server between: what is measured is the product."""
    told: list[dict[str, Any]] = []
    headers: Sequence[tuple[bytes, bytes]] = (
        (b"authorization", b"Bearer " + token.encode()),
        (b"content-type", b"application/fhir+json"),
    )
    scope = {"type": "http", "method": "POST", "path": "/fhir", "query_string": b"", "headers": headers}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        told.append(message)

    await app(scope, receive, send)  # type: ignore[arg-type]
    equal(told[0]["status"], 200, "status of a transaction")
    answer: dict[str, Any] = orjson.loads(told[1]["body"])
    return answer
