"""The county release registry's export: one submitted form a line, as JSON."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from adapter.fictional.dirt import ISO, Written, write_down
from adapter.fictional.partners import RELEASES

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence
    from random import Random

    from adapter.fictional.life import Life
    from adapter.fictional.people import Person
    from adapter.fictional.releases import PartTwo, Release, Revocation

FILE = "releases.ndjson"
FORM = "universal-release"


def submissions(
    person: Person, life: Life, forms: Sequence[Release], rng: Random, tally: Counter[str]
) -> list[dict[str, Any]]:
    """The submissions of ``person``; the person is written down once for all of them."""
    written = write_down(person, RELEASES, ISO, rng, tally)
    who = _person(written, life.numbers[RELEASES][0])
    return [_submission(form, who) for form in forms]


def _submission(form: Release, person: dict[str, Any]) -> dict[str, Any]:
    signed = form.signed.isoformat()
    document: dict[str, Any] = {
        "submission": form.submission,
        "form": FORM,
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
        "signature": {"name": True, "hash": sha256(f"{form.submission} {signed}".encode()).hexdigest()},
    }
    if form.part2 is not None:
        document["part2"] = _part2(form.part2)
    return document


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
    }


def _revocation(revocation: Revocation) -> dict[str, Any]:
    return {
        "at": revocation.at.isoformat(),
        "partners": "all" if revocation.partners is None else revocation.partners,
    }
