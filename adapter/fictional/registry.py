"""The county release registry's export: one submitted form a line, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter.fictional.dirt import ISO, Written, write_down
from adapter.fictional.partners import RELEASES
from adapter.fictional.releases import TEXTS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence
    from random import Random

    from adapter.fictional.life import Life
    from adapter.fictional.people import Person
    from adapter.fictional.releases import Condition, PartTwo, Refusal, Release, Revocation

FILE = "releases.ndjson"
CASES = "https://alder-court.example/case"
"""Who numbers court cases."""


def submissions(
    person: Person, life: Life, forms: Sequence[Release], rng: Random, tally: Counter[str]
) -> list[dict[str, Any]]:
    """The submissions of ``person``; the person is written down once for all of them."""
    written = write_down(person, RELEASES, ISO, rng, tally)
    who = _person(written, life.numbers[RELEASES][0])
    if any(form.minor for form in forms):
        # The desk asks for proof of age.
        who["dob"] = person.born.isoformat()
    return [_submission(form, who) for form in forms]


def _submission(form: Release, person: dict[str, Any]) -> dict[str, Any]:
    signed = form.signed.isoformat()
    document: dict[str, Any] = {
        "submission": form.submission,
        "form": form.form,
        "version": form.version,
        "person": person,
        "signed": signed,
        "expires": form.expires.isoformat(),
        "refused": form.refused,
        "choices": [
            {"partner": choice.partner, "purposes": choice.purposes, "classes": choice.classes}
            for choice in form.choices
        ],
        "revocations": [_revocation(revocation) for revocation in form.revocations],
        "signature": _signature(form),
        "copy_given": True,
    }
    if form.part2 is not None:
        document["part2"] = _part2(form.part2)
    if form.refusals:
        document["refusals"] = [_refusal(refusal) for refusal in form.refusals]
    if form.ends_with:
        document["expires_on"] = {"event": form.ends_with}
    if form.case:
        document["case"] = {"system": CASES, "value": form.case}
    if form.condition is not None:
        document["condition"] = _condition(form.condition)
    return document


def _signature(form: Release) -> dict[str, Any]:
    if not form.electronic:
        return {"name": True, "method": "ink", "language": "en"}
    return {
        "name": True,
        "method": "electronic",
        "language": "en",
        "hash": TEXTS[form.form, form.version],
        "intent": True,
        "identity": "photo identification",
        "at": form.signed.isoformat(),
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    partner = {} if refusal.partner is None else {"partner": refusal.partner}
    return {**partner, "classes": refusal.classes, "purposes": refusal.purposes}


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "order": condition.order,
        "need": condition.need,
        "partners": condition.partners,
        "revocable_from": condition.revocable_from.isoformat(),
    }


def _person(written: Written, number: str) -> dict[str, Any]:
    return {
        "id": number,
        "last": written.last,
        "first": written.first,
        "middle": written.middle or None,
        "suffix": written.suffix or None,
        "dob": None if written.born is None else written.born.isoformat(),
        "sex": written.sex,
        "ssn": written.ssn or None,
    }


def _part2(section: PartTwo) -> dict[str, Any]:
    return {
        "signed": section.signed,
        "partners": section.partners,
        "discloser": section.discloser,
        "amount": section.amount,
        "purpose": section.purpose,
        "revocation_statement": section.revocation_statement,
        "redisclosure_statement": True,
        "refusal_statement": True,
    }


def _revocation(revocation: Revocation) -> dict[str, Any]:
    return {
        "at": revocation.at.isoformat(),
        "partners": "all" if revocation.partners is None else revocation.partners,
    }
