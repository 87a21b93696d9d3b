"""One case a line in, one verdict a line out: the decision for a program that has its own store.

In: ``{"id", "consents": [...], "context": [...], "request": {"actors", "purposes", "action", "at",
"timezone"}, "resource": {...}, "labeller": "on" | "unavailable"}``. Out: ``{"id", "effect", "obligations",
"reasons"}``, or ``{"id", "error"}`` for a line that is no case. An invalid Consent in a readable case is a
DENY, not an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import orjson

from adapter.consent.decide import Case, decide, record
from adapter.consent.directive import read
from adapter.consent.facts import action_kind
from adapter.consent.force import revisions
from adapter.consent.names import AtHand
from adapter.consent.recipient import close
from adapter.fhir.dates import interval
from adapter.fhir.deep import loads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.consent.evaluate import Verdict
    from adapter.consent.obligations import Obligation


class _NoCase(Exception):  # an answer to the line, not an error of the program
    """The line is not a case; says what was expected."""


def _expect(value: object, kind: type, what: str) -> Any:  # JSON of the kind asked for
    if not isinstance(value, kind):
        raise _NoCase(f"expected {what}")
    return value


def _array(value: object, what: str) -> list[Any]:
    """An array that may be left out."""
    return [] if value is None else cast("list[Any]", _expect(value, list, what))


def _actors(value: object) -> list[str]:
    listed = _array(value, "request.actors: an array of references")
    return [_expect(one, str, f"request.actors[{index}]: a reference") for index, one in enumerate(listed)]


def _purposes(value: object) -> tuple[tuple[str, str], ...]:
    pairs = []
    for index, one in enumerate(_array(value, "request.purposes: an array of objects with system and code")):
        where = f"request.purposes[{index}]"
        coding = _expect(one, dict, f"{where}: an object with system and code")
        system, code = (_expect(coding.get(name), str, f"{where}.{name}: text") for name in ("system", "code"))
        pairs.append((system, code))
    return tuple(pairs)


def _instant(value: object) -> int:
    what = "request.at: a date and time with an offset"
    text = _expect(value, str, what)
    try:
        low, _ = interval(_expect(text if "T" in text else None, str, what), ZoneInfo("UTC"))
    except ValueError as error:
        raise _NoCase(f"expected {what}") from error
    return low


def _zone(value: object) -> ZoneInfo:
    what = "request.timezone: a name of the time zone database"
    try:
        return ZoneInfo(_expect(value, str, what))
    except (KeyError, ValueError, OSError) as error:
        raise _NoCase(f"expected {what}") from error


def case_of(line: Mapping[str, Any]) -> Case:
    """The case a line states; raises for a line that is none."""
    request = _expect(line.get("request"), dict, "request: an object")
    resource = _expect(line.get("resource"), dict, "resource: an object")
    labeller = line.get("labeller", "on")
    if labeller not in ("on", "unavailable"):
        raise _NoCase("expected labeller: on or unavailable")
    at_hand = AtHand(_array(line.get("context"), "context: an array"))
    at, zone = _instant(request.get("at")), _zone(request.get("timezone"))
    recipient = close(
        _actors(request.get("actors")),
        at_hand,
        purposes=_purposes(request.get("purposes")),
        at=at,
        zone=zone,
    )
    consents = _expect(line.get("consents"), list, "consents: an array")
    return Case(
        directives=tuple(read(consent) for consent in consents),
        recipient=recipient,
        at=at,
        zone=zone,
        record=record(resource, at_hand),
        action=action_kind(request.get("action")),
        labelled=labeller == "on",
        revisions=revisions(at_hand.provenances),
    )


def _obligation(verdict: Verdict, obligation: Obligation) -> dict[str, str]:
    said = {
        "code": obligation.code,
        "system": obligation.system,
        "version": obligation.version,
        "text": obligation.text,
        "source": verdict.source(obligation.directive, obligation.path),
    }
    return {name: value for name, value in said.items() if value}


def _answered(identity: object, verdict: Verdict) -> bytes:
    reasons = [
        {
            "rule": reason.rule,
            "source": reason.source,
            "outcome": reason.outcome,
            "because": reason.because,
        }
        for reason in verdict.reasons
    ]
    obligations = [_obligation(verdict, obligation) for obligation in verdict.obligations]
    effect = verdict.effect.value
    return orjson.dumps({"id": identity, "effect": effect, "obligations": obligations, "reasons": reasons})


def answer(line: bytes) -> tuple[bytes, bool]:
    """The verdict line for one case line, and whether the line was a case. Never raises."""
    identity: object = None
    try:
        try:
            value = loads(line)
        except ValueError as error:
            raise _NoCase("expected a line of JSON") from error
        case = _expect(value, dict, "an object")
        stated = case.get("id")
        identity = stated if isinstance(stated, str | int | float) else None
        return _answered(identity, decide(case_of(case))), True
    except _NoCase as error:
        return orjson.dumps({"id": identity, "error": str(error)}), False
