"""Checks the facts that somebody asserts a basis with, before they are recorded: what is missing, what is wrong.

An assertion that lacks a fact the law asks for is no basis, so it is refused whole. Nothing here repeats a value.

42 CFR 2.51(c), 2.61 to 2.67, 2.31(d); 45 CFR 164.512(e), (j), (k)(5).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from adapter.consent.law.basis_spec import ASSERTED, Standing
from adapter.consent.law.denials import NOTES_ORDER
from adapter.errors import Issue
from adapter.fhir.dates import interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from adapter.consent.law.basis_spec import RequiredFact
    from adapter.consent.law.law import Law
    from adapter.consent.standing import Fact

CLASSES: Final = frozenset({"screening-summary", "screening-detail", "booking", "court", "identity"})
"""Classes of data an assertion can name."""
_MICROSECONDS: Final = 1_000_000


def required_facts(law: Law, basis: str) -> tuple[RequiredFact, ...]:
    """What has to be recorded to assert a basis here, facts that overlays add included. Empty for other bases."""
    known = law.bases.basis(basis) if basis in ASSERTED else None
    if not isinstance(known, Standing):
        return ()
    return (*known.records, *(law.jurisdiction.emergency_facts if basis == "E" else ()))


def check_assertion(
    basis: str, facts: Mapping[str, object], *, start: int, stop: int, law: Law, fact: Fact | None = None
) -> list[Issue]:
    """Every fact that is missing or wrong for asserting ``basis`` from ``start`` to ``stop`` (epoch microseconds).

    ``fact`` is what is going to hold: recipient, purpose, classes and units are checked where it is given, so that no
    assertion is recorded that could never match a request.
    """
    known = law.bases.basis(basis) if basis in ASSERTED else None
    if not isinstance(known, Standing):
        return [Issue(path="basis", code="value", message=f"expected one of {', '.join(sorted(ASSERTED))}")]
    required = required_facts(law, basis)
    found = [issue for one in required if (issue := _issue(one, facts)) is not None]
    strange = sorted(set(facts) - {one.name for one in required})
    expected = ", ".join(one.name for one in required)
    found += [Issue(path=f"facts.{name}", code="not-supported", message=f"expected {expected}") for name in strange]
    found += _period(known, facts, start, stop)
    return [*found, *(_matchable(known, fact, law) if fact is not None else ())]


def assertion_value(basis: str, facts: Mapping[str, object]) -> str:
    """The value of the fact that is recorded: for an order the words of its authority, else empty.

    The facts have to be free of issues. An order whose authority is not in the value reaches nothing.
    """
    if basis != "O":
        return ""
    stated = facts["authority"]
    words = {str(one) for one in stated} if isinstance(stated, list | tuple) else set()
    return " ".join(sorted(words | ({NOTES_ORDER} if facts["notes"] is True else set())))


def _text(value: object, _: RequiredFact) -> str:
    return "" if isinstance(value, str) and value.strip() else "text"


def _instant(value: object, _: RequiredFact) -> str:
    return "" if _micros(value) is not None else "a date and time with an offset, such as 2026-11-22T12:00:00-07:00"


def _date(value: object, _: RequiredFact) -> str:
    return "" if _day(value) is not None else "a date, such as 2026-11-22"


def _yes_no(value: object, _: RequiredFact) -> str:
    return "" if isinstance(value, bool) else "true or false"


def _choice(value: object, fact: RequiredFact) -> str:
    return "" if isinstance(value, str) and value in fact.choices else f"one of {', '.join(fact.choices)}"


def _choices(value: object, fact: RequiredFact) -> str:
    listed = isinstance(value, list | tuple) and bool(value) and all(not _choice(one, fact) for one in value)
    return "" if listed else f"a list of at least one of {', '.join(fact.choices)}"


_TYPES: Final[Mapping[str, Callable[[object, RequiredFact], str]]] = {
    "text": _text,
    "instant": _instant,
    "date": _date,
    "yes-no": _yes_no,
    "choice": _choice,
    "choices": _choices,
}


def _issue(fact: RequiredFact, facts: Mapping[str, object]) -> Issue | None:
    expected = _TYPES[fact.type](facts.get(fact.name), fact)
    if not expected:
        return None
    code = "value" if fact.name in facts else "required"
    message = f"{fact.meaning} ({fact.citation}): expected {expected}"
    return Issue(path=f"facts.{fact.name}", code=code, message=message)


def _micros(value: object) -> int | None:
    """An instant in epoch microseconds; None for anything but a full date and time with an offset."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    if at.tzinfo is None or "T" not in value:
        return None
    delta = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * _MICROSECONDS + delta.microseconds


def _day(value: object) -> int | None:
    """The start of a day in UTC; None for anything but a full date."""
    if not isinstance(value, str) or len(value) != len("2026-11-22"):
        return None
    try:
        return interval(value, UTC)[0]
    except ValueError:
        return None


def _period(basis: Standing, facts: Mapping[str, object], start: int, stop: int) -> Iterator[Issue]:
    """An assertion ends, soon enough, and not after what it rests on."""
    if stop <= start:
        yield Issue(path="stop", code="value", message="expected an end after the start")
    if basis.longest is not None and stop - start > basis.longest.microseconds:
        yield Issue(path="stop", code="value", message=f"expected an end within {basis.longest} of the start")
    expires = _micros(facts.get("expires"))
    if expires is not None and stop > expires:
        yield Issue(path="stop", code="value", message="expected an end no later than the order expires")
    signed = _day(facts.get("consent_date"))
    if signed is not None and start < signed - _A_DAY:
        yield Issue(path="start", code="value", message="expected a start no earlier than the consent was signed")


_A_DAY: Final = 86_400 * _MICROSECONDS
"""How far the calendar day of a signature may be ahead of UTC."""


def _matchable(basis: Standing, fact: Fact, law: Law) -> Iterator[Issue]:
    """What would keep the fact from ever matching a request."""
    partner = law.partners.get(fact.recipient)
    if partner is None:
        yield Issue(path="recipient", code="not-found", message="expected the Organization of a partner")
    elif partner.entity not in basis.recipients:
        allowed = ", ".join(basis.recipients)
        yield Issue(path="recipient", code="business-rule", message=f"expected a recipient that is one of {allowed}")
    if not fact.purpose:
        yield Issue(path="purpose", code="required", message="expected the code of one purpose")
    yield from _scope(fact.classes, fact.units, law)


def _scope(classes: Sequence[str], units: Sequence[str], law: Law) -> Iterator[Issue]:
    if not classes or not set(classes) <= CLASSES:
        message = f"expected at least one of {', '.join(sorted(CLASSES))}"
        yield Issue(path="classes", code="value" if classes else "required", message=message)
    if not set(units) <= law.partners.keys():
        yield Issue(path="units", code="not-found", message="expected Organizations of partners")
