"""What a Patient tells about who someone is: normalised names, birth date, sex and strong identifiers.

The US SSN and state and federal fingerprint numbers serve recognition only; they are taken here and never served.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from adapter.identity.names import Name, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

SSN: Final = "http://hl7.org/fhir/sid/us-ssn"
SSN_LAST4: Final = "https://sallyport.example/fhir/sid/us-ssn-last4"
STATE_ID: Final = "https://sallyport.example/fhir/sid/state-identification"
FBI: Final = "https://sallyport.example/fhir/sid/fbi-ucn"
MATCH_ONLY: Final = frozenset({SSN, SSN_LAST4, STATE_ID, FBI})
"""Identifier systems that recognise a person and never leave."""
MOST_NAMES: Final = 12
"""Names of one record that are compared: its own and the aliases told of it."""

_NO_DIGITS: Final = re.compile(r"\D")
_OTHER_NAMES: Final = frozenset({"nickname", "old", "anonymous", "maiden"})
_SEXES: Final = frozenset({"male", "female"})
_DATE: Final = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_FULL: Final = len("1980-04-02")
_SSN: Final = 9
_LAST: Final = 4


class Traits(NamedTuple):
    """Normalised traits; the empty string is "not known". A tuple, because every record has some.

    ``names`` has the official name first and aliases behind it. ``birth_date`` may be a year or a month alone.
    ``numbers`` are the other identifiers as ``system|value``: a jail's permanent number stands in its roster and in its
    health record.
    """

    names: tuple[Name, ...] = ()
    birth_date: str = ""
    sex: str = ""
    ssn: str = ""
    ssn_last4: str = ""
    state_id: str = ""
    fbi: str = ""
    numbers: tuple[str, ...] = ()

    @property
    def day(self) -> str:
        """The birth date where it is a whole day."""
        return self.birth_date if len(self.birth_date) == _FULL else ""


def traits_of(patient: Mapping[str, Any]) -> Traits:
    """The traits of a Patient resource."""
    told = sorted(patient.get("name", ()), key=lambda name: name.get("use") in _OTHER_NAMES)
    names = tuple(dict.fromkeys(filter(None, map(name_of, told))))
    single: dict[str, str] = {}
    numbers = []
    for item in patient.get("identifier", ()):
        system, value = item.get("system", ""), (item.get("value") or "").strip()
        if system in MATCH_ONLY:
            single.setdefault(system, value)
        elif system and value:
            numbers.append(f"{system}|{value}")
    ssn = _NO_DIGITS.sub("", single.get(SSN, ""))
    last4 = _NO_DIGITS.sub("", single.get(SSN_LAST4, ""))
    ssn = ssn if len(ssn) == _SSN else ""
    born = patient.get("birthDate", "")
    sex = patient.get("gender", "")
    return Traits(
        names=names[:MOST_NAMES],
        birth_date=born if _DATE.fullmatch(born) else "",
        sex=sex if sex in _SEXES else "",
        ssn=ssn,
        ssn_last4=ssn[-_LAST:] or (last4 if len(last4) == _LAST else ""),
        state_id=single.get(STATE_ID, "").upper(),
        fbi=single.get(FBI, "").upper(),
        numbers=tuple(sorted(set(numbers))),
    )


def known_by_all(earlier: Traits, now: Traits) -> Traits:
    """What a record tells now, with every name that was told of it before.

    A roster may list one person under two names, line by line: names are collected, in an order that does not depend
    on which came last. Everything else is as it is told now.
    """
    before = [name for name in earlier.names if name not in now.names]
    return now._replace(names=tuple(sorted([*now.names, *before][:MOST_NAMES])))


def with_unsaid(earlier: Traits, now: Traits) -> Traits:
    """What a record tells now, with the numbers it told before and leaves unsaid."""
    return now._replace(
        ssn=now.ssn or ("" if now.ssn_last4 not in {"", earlier.ssn_last4} else earlier.ssn),
        ssn_last4=now.ssn_last4 or earlier.ssn_last4,
        state_id=now.state_id or earlier.state_id,
        fbi=now.fbi or earlier.fbi,
    )
