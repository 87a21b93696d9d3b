"""What it costs when what is in force changes: one revocation, everyone anew, and rules about single resources.

Everybody signed the county's form in one of 48 ways. One person has 200 screening summaries and is asked for by twenty
recipients; one has a Consent whose rules name single resources, periods of data and authors.
"""

from __future__ import annotations

import gc
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

from county import PHQ9, Choice, Filler, caller, choices, opened
from measure import Row, Scale, check, equal, middle
from tables import WAYS, contexts, fill, further_grants

from adapter.cli.options import run_loop
from adapter.consent.decide import Case, decide, record
from adapter.consent.directive import read
from adapter.consent.evaluate import Effect
from adapter.consent.names import AtHand
from adapter.consent.recipient import close
from adapter.fhir.codec import parse
from adapter.fhir.search import parse_query
from adapter.fhir.served import Parts, join
from adapter.store.shapes import row_key

if TYPE_CHECKING:
    from pathlib import Path

    from adapter.store.shapes import ResourceWrite
    from adapter.wired import Services

HELD = 200
"""Summaries of the one person."""
REVOCATIONS = 40
OPEN = Choice(partners=(("cottonwood", ("TREAT",), ("mental-health", "substance-use")),))
SHUT = Choice(state="revoked", partners=OPEN.partners)
DAYS = 28
HL7 = "http://terminology.hl7.org/CodeSystem"


def measure(scale: Scale, folder: Path) -> list[Row]:
    """Rows for a revocation, a rebuild and rules that segments cannot express."""
    return run_loop(_measure(scale, folder / "site"))


async def _measure(scale: Scale, folder: Path) -> list[Row]:
    async with opened(folder, grants=further_grants()) as services:
        filler = Filler(services)
        first = scale.rebuilt
        rows = [await _revocation(services, filler, first), await _single(services, filler, first + 1)]
    async with opened(folder, durable=False, grants=further_grants()) as services:
        filler = Filler(services)
        await fill(services, filler, choices(WAYS), scale.rebuilt)
        rows.append(await _rebuild(services, filler, scale.rebuilt))
    return rows


async def _summaries(filler: Filler, number: int, count: int) -> list[ResourceWrite]:
    days = (f"2019-{1 + place // DAYS:02d}-{1 + place % DAYS:02d}" for place in range(count))
    return [await filler.summary(number, PHQ9, 3, day) for day in days]


async def _revocation(services: Services, filler: Filler, number: int) -> Row:
    """One person with many summaries signs and revokes by turns: the time inside the transaction that writes it."""
    patient = filler.patient_id(number)
    held = [await filler.patient(number), *await _summaries(filler, number, HELD)]
    async with services.store.transaction() as change:
        await change.put(held, at=filler.at, origin=None)
    asking = [await caller(services, *each) for each in contexts()]
    query = parse_query("Observation", [("patient", patient)], base_url=services.base_url, zone=services.zone)
    spent = []
    for turn in range(2 * REVOCATIONS):
        write = await filler.consent(number, SHUT if turn % 2 else OPEN)
        async with services.store.transaction() as change:
            start = perf_counter()
            await change.put([write], at=filler.at + turn, origin=None)
            await filler.settle(change, number)
            if turn % 2:
                spent.append((perf_counter() - start) * 1e3)
        who = asking if turn < 2 else asking[:1]
        seen = [(await services.disclosure.search(one, query)).total for one in who]
        check(turn % 2 == 0 or not any(seen), "somebody saw a summary after the revocation")
        check(turn != 0 or HELD in seen, "somebody saw the summaries before")
    return Row(
        name=f"a revocation in its transaction, {HELD} resources, {len(asking)} recipients",
        goal="< 1 ms",
        measured=f"{middle(spent):.2f} ms",
        met=middle(spent) < 1,
        note=f"median of {len(spent)}, longest {max(spent):.2f} ms; the Consent written and what is in force settled, "
        "before the commit goes to disk; the next request saw nothing",
        numbers={"ms": middle(spent)},
    )


def _named(ident: str, patient: str, blocked: str) -> dict[str, Any]:
    """A Consent with rules about one resource, a period of data and an author."""
    recipient = {
        "role": {"coding": [{"system": f"{HL7}/v3-ParticipationType", "code": "IRCP"}]},
        "reference": {"reference": "Organization/cottonwood"},
    }
    blocked_one = {"meaning": "instance", "reference": {"reference": f"Observation/{blocked}"}}
    by_author = {"meaning": "authoredby", "reference": {"reference": "Practitioner/z"}}
    return {
        "resourceType": "Consent",
        "id": ident,
        "status": "active",
        "scope": {"coding": [{"system": f"{HL7}/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{patient}"},
        "dateTime": "2026-01-02",
        "policyRule": {"coding": [{"system": f"{HL7}/v3-ActCode", "code": "OPTOUT"}]},
        "provision": {
            "type": "deny",
            "provision": [
                {
                    "type": "permit",
                    "actor": [recipient],
                    "dataPeriod": {"start": "2019-02", "end": "2019-05"},
                    "provision": [
                        {"type": "deny", "data": [blocked_one]},
                    ],
                },
                {"type": "permit", "actor": [recipient], "data": [by_author]},
            ],
        },
    }


async def _single(services: Services, filler: Filler, number: int) -> Row:
    """Searching where every resource has to be decided by itself: the first answer fills, the next ones read."""
    patient = filler.patient_id(number)
    known, writes = await filler.patient(number), await _summaries(filler, number, HELD)
    ident = filler.writer.resource_id("benchmark", "Consent", str(number))
    body = _named(ident, patient, writes[40].id)
    consent = await filler.writer.prepare(
        {name: value for name, value in body.items() if name != "id"},
        filler.facets("consent"),
        ident=ident,
        patient=patient,
    )
    async with services.store.transaction() as change:
        await change.put([known, *writes], at=filler.at, origin=None)
        start = perf_counter()
        await change.put([consent], at=filler.at, origin=None)
        await filler.settle(change, number)
        written = (perf_counter() - start) * 1e3
    seeing = await caller(services, "cottonwood", "TREAT")
    query = parse_query("Observation", [("patient", patient)], base_url=services.base_url, zone=services.zone)
    start = perf_counter()
    total = (await services.disclosure.search(seeing, query)).total
    first = (perf_counter() - start) * 1e3
    equal(total, await _permitted(services, filler, body, writes), "summaries that `decide` permits one by one")
    check(0 < total < HELD, "some permitted, some not")
    again = []
    for _ in range(20):
        start = perf_counter()
        equal((await services.disclosure.search(seeing, query)).total, total, "the same total again")
        again.append((perf_counter() - start) * 1e3)
    return Row(
        name=f"rules about single resources, periods and authors, {HELD} resources",
        measured=f"{middle(again):.2f} ms a search",
        note=f"exact total {total}; the Consent takes {written:.2f} ms to write, the first search {first:.0f} ms, "
        "because each resource is decided once",
        numbers={"search_ms": middle(again), "first_ms": first, "write_ms": written},
    )


async def _permitted(services: Services, filler: Filler, body: dict[str, Any], writes: list[ResourceWrite]) -> int:
    """How many of the stored resources `decide` permits."""
    recipient = close(
        ["Organization/cottonwood"],
        AtHand([]),
        purposes=((f"{HL7}/v3-ActReason", "TREAT"),),
        organisation="Organization/cottonwood",
    )
    permitted = 0
    async with services.store.snapshot() as view:
        for write in writes:
            row = await view.row(write.rid)
            if row is None:
                continue
            about = record(parse(join(Parts(head=row.head, tail=row.tail))), AtHand([]))
            case = Case(directives=(read(body),), recipient=recipient, at=filler.at, zone=services.zone, record=about)
            permitted += decide(case).effect is Effect.PERMIT
    return permitted


async def _rebuild(services: Services, filler: Filler, people: int) -> Row:
    """Everyone's policies from nothing, in processor time."""
    watched = [row_key("Patient", filler.patient_id(number)) for number in range(0, people, 97)]

    async def held() -> list[object]:
        async with services.store.snapshot() as view:
            return [await view.policy_of(one, at=filler.at) for one in watched]

    before, spent = await held(), []
    gc.collect()
    gc.freeze()
    for _ in range(3):
        start = process_time()
        await services.in_force.rebuild(services.store, at=filler.at, progress=lambda *_: None)
        spent.append(process_time() - start)
    equal(await held(), before, "what was in force before")
    rate = people / middle(spent)
    counts = await services.store.counts()
    return Row(
        name=f"what is in force, computed anew for {people:,} people",
        goal=">= 10,000 people a second",
        measured=f"{rate:,.0f} a second",
        met=rate >= 10_000,
        note=f"of processor time; nearly all of them signed; {counts['policy']:,} distinct policies",
        numbers={"rate": rate, "policies": float(counts["policy"])},
    )
