"""How many decisions a second: one resource against the consents of a person, and one rule of the tables.

The consent is a typical one: the county's form, three partners, one withdrawn, Part 2 section signed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from county import AUDIT, DAST10, GAD7, PHQ9, Choice, Filler, opened
from measure import Row, Scale, check, each_cpu, equal

from adapter.cli.options import run_loop
from adapter.consent.cases import answer
from adapter.consent.decide import Case, decide, record
from adapter.consent.directive import read
from adapter.consent.evaluate import Effect
from adapter.consent.names import AtHand
from adapter.consent.policy import timeline
from adapter.consent.rules import rule
from adapter.fhir.codec import parse

if TYPE_CHECKING:
    from pathlib import Path

    from adapter.consent.recipient import RecipientContext
    from adapter.store.shapes import ResourceWrite
    from adapter.wired import Services

BOTH = ("mental-health", "substance-use")
TYPICAL = Choice(
    partners=(
        ("pretrial", ("pretrial-release",), BOTH[:1]),
        ("cottonwood", ("TREAT",), BOTH),
        ("treatment-court", ("diversion", "supervision"), BOTH),
    ),
    part2=("cottonwood",),
    withdrawn=("treatment-court",),
)
DECISIONS = 50_000
"""Decisions about one resource that one core has to make in a second."""
QUESTIONS = (
    ("pretrial", "pretrial-release"),
    ("cottonwood", "TREAT"),
    ("treatment-court", "diversion"),
    ("defender", "diversion"),
)


def measure(scale: Scale, folder: Path) -> list[Row]:
    """Rows for ``decide``, ``rule`` and a whole line of `sallyport decide`."""
    return run_loop(_measure(scale, folder / "site"))


async def _measure(scale: Scale, folder: Path) -> list[Row]:
    async with opened(folder, durable=False) as services:
        filler = Filler(services)
        consent = parse(_bytes(await filler.consent(1, TYPICAL)))
        summaries = [await filler.summary(1, kind, 5, "2026-02-03") for kind in (PHQ9, GAD7, AUDIT, DAST10)]
        resources = [parse(_bytes(write)) for write in summaries]
        kinds = (PHQ9, GAD7, AUDIT, DAST10)
        recipients = [await _recipient(services, *question) for question in QUESTIONS]
        directive = read(consent)
        cases, expected = [], []
        for (partner, purpose), recipient in zip(QUESTIONS, recipients, strict=True):
            for kind, resource in zip(kinds, resources, strict=True):
                about = record(resource, AtHand([]))
                cases.append(
                    Case(
                        directives=(directive,),
                        recipient=recipient,
                        at=filler.at,
                        zone=services.zone,
                        record=about,
                    )
                )
                expected.append(TYPICAL.permits(partner, purpose, kind))
        check(any(expected) and not all(expected), "some permitted, some denied")
        verdicts = [decide(case).effect is Effect.PERMIT for case in cases]
        equal(verdicts, expected, "verdicts of decide")
        policy = next(
            policy for start, stop, policy, *_ in timeline([directive], services.zone) if start <= filler.at < stop
        )
        segments = [await services.decisions.segment(write.segment) for write in summaries]
        pairs = [(recipient, segment) for recipient in recipients for segment in segments]
        ruled = [rule(policy, *pair).effect is Effect.PERMIT for pair in pairs]
        equal(ruled, expected, "verdicts of rule")
        line = _line(consent, resources[0], filler)
        equal(orjson.loads(answer(line)[0])["effect"], "PERMIT", "verdict of a whole case")
        times = max(1, scale.decisions // len(cases))
        return [
            _row(
                "decide(), one resource, one consent",
                each_cpu(lambda: [decide(c) for c in cases], times=times) / len(cases),
                goal=DECISIONS,
            ),
            _row(
                "rule(), one segment, one policy",
                each_cpu(lambda: [rule(policy, *p) for p in pairs], times=times) / len(pairs),
            ),
            _row(
                "a whole case of `sallyport decide`",
                each_cpu(lambda: answer(line), times=max(1, scale.decisions // 8)),
                "JSON in, consent read, decided, JSON out",
            ),
        ]


def _row(name: str, seconds: float, note: str = "", *, goal: int = 0) -> Row:
    return Row(
        name=name,
        goal=f"≥ {goal:,}/s of one core" if goal else "",
        measured=f"{1 / seconds:,.0f}/s ({seconds * 1e6:.1f} µs)",
        met=1 / seconds >= goal if goal else None,
        note=note or f"{len(QUESTIONS)} recipients by 4 kinds of screening, verdicts checked against the form",
        numbers={"per_second": 1 / seconds, "microseconds": seconds * 1e6},
    )


def _bytes(write: ResourceWrite | None) -> bytes:
    check(write is not None, "a resource was prepared")
    return write.opening + write.head + b"]" + write.tail


async def _recipient(services: Services, partner: str, purpose: str) -> RecipientContext:
    number = await services.decisions.context_of(f"Organization/{partner}", purpose)
    return await services.decisions.recipient(number)


def _line(consent: dict[str, object], resource: dict[str, object], filler: Filler) -> bytes:
    from adapter.fhir.codec import dump  # noqa: PLC0415 - only here
    from adapter.fhir.instants import instant_text  # noqa: PLC0415 - only here

    request = {
        "actors": ["Organization/pretrial"],
        "purposes": [
            {"system": "https://sallyport.example/fhir/CodeSystem/purpose-of-use", "code": "pretrial-release"}
        ],
        "action": "access",
        "at": instant_text(filler.at),
        "timezone": "America/Denver",
    }
    organization = {
        "resourceType": "Organization",
        "id": "pretrial",
        "active": True,
        "name": "Pretrial Services",
    }
    parts = {"id": "c1", "context": [organization], "request": request}
    opening = orjson.dumps(parts)[:-1]
    return opening + b',"consents":[' + dump(consent) + b'],"resource":' + dump(resource) + b"}"
