r"""The HL7 v2 extract of jail medical: admissions, moves, releases and screening results in one batch file.

HL7 v2.5.1 with CR terminators inside FHS/BHS and BTS/FTS
(https://www.hl7.eu/HL7v2x/v251/std251/ch02.html#Heading54). Jail conventions: the jail's permanent number is
PID-3 of type PCN, the booking number PV1-19, housing PV1-3. One ORU message holds every screen of one moment,
one OBR each; OBX carry the items where the jail keeps them, and the result.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from adapter.fictional.dirt import AMERICAN, Written, renamed, write_down
from adapter.fictional.draws import between, chance, pick
from adapter.fictional.partners import JAIL_HL7

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence
    from datetime import datetime
    from random import Random

    from adapter.fictional.life import Booking, Life
    from adapter.fictional.people import Person
    from adapter.fictional.screenings import Screening

FILE = "screenings.hl7"

NO_OFFSET = 0.2
"""Share of messages whose times carry no offset: they are local to the jail."""
LATIN_1 = 0.02
"""Share of ADT messages sent in ISO 8859-1, as their MSH-18 says."""
ALIAS_REPEAT = 0.6
"""Share of people with an alias whose PID-5 repeats with it."""

_DAY = len("2026-03-02")
_ADDRESSES = "JAILEHR|ALDERJAIL|SALLYPORT|ALDERCOUNTY"
_STRUCTURES = {"A01": "ADT_A01", "A02": "ADT_A02", "A03": "ADT_A03", "A08": "ADT_A01"}
_RACES = {
    "W": "2106-3^White^CDCREC",
    "B": "2054-5^Black or African American^CDCREC",
    "I": "1002-5^American Indian or Alaska Native^CDCREC",
    "A": "2028-9^Asian^CDCREC",
    "P": "2076-8^Native Hawaiian or Other Pacific Islander^CDCREC",
    "O": "2131-1^Other Race^CDCREC",
}


def header(as_of: datetime) -> bytes:
    """The file and batch headers of a batch written at ``as_of``."""
    time = _time(as_of.replace(microsecond=0), offset=True)
    return f"FHS|^~\\&|{_ADDRESSES}|{time}\rBHS|^~\\&|{_ADDRESSES}|{time}\r".encode()


def trailer(messages: int) -> bytes:
    """The batch and file trailers after ``messages`` messages."""
    return f"BTS|{messages}\rFTS|1\r".encode()


def messages(
    person: Person, life: Life, screenings: Sequence[Screening], rng: Random, tally: Counter[str]
) -> list[bytes]:
    """The messages of ``person``, in order of time within each booking."""
    written = write_down(person, JAIL_HL7, AMERICAN, rng, tally)
    alias = person.alias if chance(rng, ALIAS_REPEAT) else None
    found: list[bytes] = []
    for booking in life.bookings:
        shown, other = written, alias
        if booking.inmate != life.bookings[0].inmate and person.alias is not None:
            shown, other = renamed(written, person.alias), None
        pid = _pid(shown, booking.inmate, other, hispanic=person.hispanic)
        mine = [each for each in screenings if each.booking == booking.number]
        found.extend(_stay(pid, booking, mine, rng, tally))
    return found


def _stay(pid: str, booking: Booking, screenings: Sequence[Screening], rng: Random, tally: Counter[str]) -> list[bytes]:
    offset = not chance(rng, NO_OFFSET)
    tally["local_time_without_offset"] += not offset
    admitted = _time(booking.at, offset=offset)
    released = "" if booking.released is None else _time(booking.released, offset=offset)
    visit = f"{'|' * 16}{booking.number}^^^ALDERJAIL^VN{'|' * 25}{admitted}|{released}".rstrip("|")
    found = [_adt("A01", admitted, pid, visit, booking.number, rng, tally)]
    if chance(rng, 0.3):
        later = _time(booking.at + timedelta(hours=between(rng, 4, 40)), offset=offset)
        found.append(_adt(pick(rng, ("A02", "A08")), later, pid, visit, booking.number, rng, tally))
    ordered = sorted(screenings, key=lambda each: (each.effective, each.instrument.id))
    for place, (_, group) in enumerate(groupby(ordered, key=lambda each: each.effective)):
        found.append(_oru(f"{booking.number}-R{place + 1}", list(group), pid, visit, offset=offset))
    if released:
        found.append(_adt("A03", released, pid, visit, booking.number, rng, tally))
    return found


def _adt(event: str, time: str, pid: str, visit: str, number: str, rng: Random, tally: Counter[str]) -> bytes:
    latin = chance(rng, LATIN_1)
    tally["latin_1_message"] += latin
    charset = "8859/1" if latin else "UNICODE UTF-8"
    housing = f"POD-{pick(rng, 'ABCD')}^{between(rng, 1, 48)}^1^ALDERJAIL"
    text = (
        f"MSH|^~\\&|{_ADDRESSES}|{time}||ADT^{event}^{_STRUCTURES[event]}|{number}-{event}"
        f"|P|2.5.1||||||{charset}\r"
        f"EVN|{event}|{time}\r{pid}\rPV1|1|I|{housing}{visit}\r"
    )
    return text.encode("latin-1" if latin else "utf-8")


def _oru(control: str, screenings: Sequence[Screening], pid: str, visit: str, *, offset: bool) -> bytes:
    time = _compact(screenings[0].effective, offset=offset)
    head = f"MSH|^~\\&|{_ADDRESSES}|{time}||ORU^R01^ORU_R01|{control}|P|2.5.1||||||UNICODE UTF-8\r"
    parts = [f"{head}{pid}\rPV1|1|I|INTAKE^1^1^ALDERJAIL{visit}\r"]
    for place, screening in enumerate(screenings):
        instrument = screening.instrument
        code = f"{instrument.panel}^{instrument.name}^{instrument.system}"
        parts.append(f"OBR|{place + 1}||{control}-{place + 1}^JAILEHR|{code}|||{time}{'|' * 18}F\r")
        parts.extend(_results(screening))
    return "".join(parts).encode()


def _results(screening: Screening) -> list[str]:
    instrument = screening.instrument
    lines = [
        f"OBX|{place + 1}|NM|{item}^^LN||{answer}||||||F\r"
        for place, (item, answer) in enumerate(zip(instrument.items, screening.answers, strict=False))
    ]
    code = f"{instrument.result_code}^{instrument.name} result^{instrument.system}"
    if screening.score is None:
        category = screening.category or ""
        words = category.replace("-", " ").capitalize()
        lines.append(f"OBX|{len(lines) + 1}|CWE|{code}||{category}^{words}^L||||||F\r")
    else:
        lines.append(f"OBX|{len(lines) + 1}|NM|{code}||{screening.score}|{{score}}^^UCUM|||||F\r")
    return lines


def _pid(written: Written, inmate: str, alias: tuple[str, str] | None, *, hispanic: bool) -> str:
    name = f"{written.last}^{written.first}^{written.middle}^{written.suffix}".rstrip("^").upper()
    if alias is not None:
        name += f"~{alias[1]}^{alias[0]}".upper() + "^^^^^A"
    born = "19000101" if written.born_sentinel else "" if written.born is None else f"{written.born:%Y%m%d}"
    sex = {"M": "M", "F": "F"}.get(written.sex, "O")
    ethnicity = "H^Hispanic or Latino^HL70189" if hispanic else "N^Not Hispanic or Latino^HL70189"
    return (
        f"PID|1||{inmate}^^^ALDERJAIL^PCN||{name}||{born}|{sex}||{_RACES.get(written.race, '')}"
        f"{'|' * 9}{written.ssn}|||{ethnicity}"
    )


def _time(at: datetime, *, offset: bool) -> str:
    return _compact(at.isoformat(), offset=offset)


def _compact(text: str, *, offset: bool) -> str:
    """An HL7 DTM from a day or from an instant to the second with its offset, which is kept or left out.

    https://www.hl7.eu/HL7v2x/v251/std251/ch02a.html#Heading174
    """
    digits = text[:4] + text[5:7] + text[8:10]
    if len(text) == _DAY:
        return digits
    return digits + text[11:13] + text[14:16] + text[17:19] + (text[19:22] + text[23:] if offset else "")
