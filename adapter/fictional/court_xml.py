"""The court's export: cases with defendant and orders, in element names of NIEM (https://www.niem.gov)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from adapter.fictional.dirt import ISO, Written, write_down
from adapter.fictional.draws import chance
from adapter.fictional.partners import COURT

if TYPE_CHECKING:
    from collections import Counter
    from random import Random

    from adapter.fictional.life import Case, Life, Order
    from adapter.fictional.people import Person

FILE = "cases.xml"
NAMESPACE = "https://sallyport.example/xml/court"
HEADER = f'<?xml version="1.0" encoding="UTF-8"?>\n<CourtCases xmlns="{NAMESPACE}">\n'.encode()
TRAILER = b"</CourtCases>\n"

NO_STATE_ID = 0.3
"""Share of defendants whose fingerprint number the court does not have."""


def cases(person: Person, life: Life, rng: Random, tally: Counter[str]) -> list[bytes]:
    """The cases of ``person``, one element each, all with the same party id."""
    written = write_down(person, COURT, ISO, rng, tally)
    unknown = chance(rng, NO_STATE_ID) or person.faint == COURT
    party = _party(written, life.numbers[COURT][0], "" if unknown else person.state_id)
    return [_case(each, party).encode() for each in life.cases]


def _case(case: Case, party: str) -> str:
    orders = "".join([_order(order) for order in case.orders])
    return (
        f"<CourtCase>\n  <CaseTrackingID>{case.id}</CaseTrackingID>\n{party}"
        f"  <CaseFiling><Date>{case.filed.isoformat()}</Date></CaseFiling>\n{orders}</CourtCase>\n"
    )


def _order(order: Order) -> str:
    ends = "" if order.ends is None else f"<OrderEndDate>{order.ends.isoformat()}</OrderEndDate>"
    return (
        f"  <CourtOrder><OrderID>{order.id}</OrderID><OrderDate>{order.day.isoformat()}</OrderDate>"
        f"<OrderType>{order.kind}</OrderType>"
        f"<OrderDescriptionText>{escape(order.text)}</OrderDescriptionText>{ends}</CourtOrder>\n"
    )


def _party(written: Written, party: str, state_id: str) -> str:
    born = "1900-01-01" if written.born_sentinel else "" if written.born is None else written.born.isoformat()
    sex = {"M": "M", "F": "F"}.get(written.sex, "U")
    return (
        "  <CaseDefendantParty>\n    <PersonName>"
        + _element("PersonGivenName", written.first)
        + _element("PersonMiddleName", written.middle)
        + _element("PersonSurName", written.last)
        + _element("PersonNameSuffixText", written.suffix)
        + "</PersonName>\n    "
        + (f"<PersonBirthDate><Date>{born}</Date></PersonBirthDate>" if born else "")
        + f"<PersonSexCode>{sex}</PersonSexCode>"
        + _identification("PersonSSNIdentification", written.ssn)
        + _identification("PersonStateFingerprintIdentification", state_id)
        + f"\n    <PartyID>{party}</PartyID>\n  </CaseDefendantParty>\n"
    )


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else ""


def _identification(name: str, number: str) -> str:
    return f"<{name}><IdentificationID>{number}</IdentificationID></{name}>" if number else ""
