"""Records that no connector can use, strewn among the good ones: one for every so many people.

Whatever is wrong with them, their neighbours must go through. None of them belongs to anybody in the truth
table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.fictional.dirt import TEST_ROW_EVERY
from adapter.fictional.jail_csv import ROSTER_ENCODING, line
from adapter.fictional.partners import CHARGES, COURT, EHR, JAIL_HL7, RELEASES, ROSTER

if TYPE_CHECKING:
    from collections import Counter

EVERY: dict[str, int] = {ROSTER: 250, CHARGES: 600, JAIL_HL7: 300, COURT: 350, EHR: 350, RELEASES: 800}
"""One malformed record in the feed for this many people."""

_ROSTER_RECORDS = (
    b'"RAGGED","ROW","WITH SIX CELLS","J0","1980-01-01 00:00:00",""\r\n',
    b'"UNCLOSED QUOTE,"ROW","","J0"\r\n',
    b'"NUL\x00BYTE","ROW","","J0","","","","","","","","","B0","","","",""\r\n',
    b'"UNDECODABLE\x81","ROW","","J0","","","","","","","","","B0","","","",""\r\n',
)
_CHARGE_RECORDS = (
    b'"0","RAGGED","ROW"\n',
    b'"0","UNDECODABLE \xff\xfe","ROW"' + b',""' * 26 + b"\n",
)
_MSH = b"MSH|^~\\&|JAILEHR|ALDERJAIL|SALLYPORT|ALDERCOUNTY|20260101080000||"
_JAIL_MESSAGES = (
    b"MSH|^~\\&|JAILEHR\r",
    _MSH + b"MDM^T02^MDM_T02|X1|P|2.5.1\rEVN|T02\r",
    _MSH + b"ORU^R01^ORU_R01|X2|P|2.5.1\rPI\rOB\r",
)
_COURT_ELEMENTS = (
    b"<CourtCase>\n  <CaseTrackingID></CaseTrackingID>\n</CourtCase>\n",
    b"<CourtCase>\n  <CaseTrackingID>2026CR0</CaseTrackingID>\n  <CaseDefendantParty/>\n</CourtCase>\n",
    b"<CourtCase>\n  <CaseTrackingID>2026CR1 & 2</CaseTrackingID>\n</CourtCase>\n",
)
_CLINIC_LINES = (
    b'{"resourceType":"Observation","id":"cut-short","status":"fin\n',
    b'["not","a","resource"]\n',
    b'{"resourceType":"Observation","id":"twice","id":"named","status":"final"}\n',
)
_REGISTRY_LINES = (
    b'{"submission":"r0","form":"universal-release","version":\n',
    b'{"submission":"r0","form":"universal-release"}\n',
)
_KINDS: dict[str, tuple[bytes, ...]] = {
    ROSTER: _ROSTER_RECORDS,
    CHARGES: _CHARGE_RECORDS,
    JAIL_HL7: _JAIL_MESSAGES,
    COURT: _COURT_ELEMENTS,
    EHR: _CLINIC_LINES,
    RELEASES: _REGISTRY_LINES,
}


STEP = 50
"""Every interval above is a multiple of this."""


def strewn(number: int, malformed: Counter[str], dirt: Counter[str]) -> list[tuple[str, bytes]]:
    """What comes behind person ``number``, by feed; mostly nothing. Counts up the tallies."""
    if number % STEP:
        return []
    found = []
    for feed, kinds in _KINDS.items():
        turn, rest = divmod(number, EVERY[feed])
        if not rest:
            malformed[feed] += 1
            found.append((feed, kinds[(turn - 1) % len(kinds)]))
    turn, rest = divmod(number, TEST_ROW_EVERY)
    if not rest:
        dirt["test_only_row"] += 1
        found.append((ROSTER, _test_only_row(turn)))
    return found


def _test_only_row(turn: int) -> bytes:
    """The well-formed roster line of nobody at all, made to try out the jail's software."""
    last, first = ("TEST ONLY", "PROGRAMS") if turn % 2 else ("NOT A CLIENT", "TEST")
    unknown = ["1900-01-01 00:00:00", "000-00-0000", "U", "U"]
    stay = [f"B1900{turn:08d}", "1900-01-01 00:00:00", "", "", ""]
    cells = [last, first, "", f"J9999{turn:06d}", *unknown, "ALDER", "", "POD TEST", "", *stay]
    return line(cells, "\r\n").encode(ROSTER_ENCODING)
