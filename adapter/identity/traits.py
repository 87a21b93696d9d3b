"""What a Patient tells about who someone is: normalised names, birth date, sex and strong identifiers.

The US SSN and state fingerprint numbers serve recognition only; they are taken here and never served.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SSN = "http://hl7.org/fhir/sid/us-ssn"
SSN_LAST4 = "https://sallyport.example/fhir/sid/us-ssn-last4"
STATE_ID = "https://sallyport.example/fhir/sid/state-identification"
MATCH_ONLY = frozenset({SSN, SSN_LAST4, STATE_ID})
"""Identifier systems that recognise a person and never leave."""

_SUFFIX = re.compile(r"\b(jr|sr|ii|iii|iv|v)$")
_LETTERS = re.compile(r"[^a-z]+")
_NO_DIGITS = re.compile(r"\D")
_OTHER_NAMES = frozenset({"nickname", "old", "anonymous"})
_SEXES = frozenset({"male", "female"})
_FULL_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """Normalised traits; the empty string is "not known".

    ``numbers`` are the other identifiers as ``system|value``: a jail's permanent number stands in its roster and in its
    health record.
    """

    family: str
    given: str
    birth_date: str
    sex: str
    ssn: str
    ssn_last4: str
    state_id: str
    numbers: tuple[str, ...] = ()


@lru_cache(maxsize=65_536)
def normalise(name: str) -> str:
    """Letters only, without marks, case, spaces or a generation suffix: ``O'Néill-Smith Jr.`` is ``oneillsmith``."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).casefold()
    words = " ".join(_LETTERS.sub(" ", plain.replace("'", "").replace("’", "")).split())  # noqa: RUF001 - typographic apostrophe
    return _SUFFIX.sub("", words).replace(" ", "")


def traits_of(patient: Mapping[str, Any]) -> Traits:
    """The traits of a Patient resource; the official name counts, aliases do not."""
    names = [name for name in patient.get("name", ()) if name.get("use") not in _OTHER_NAMES]
    name = names[0] if names else {}
    digits = {SSN: "", SSN_LAST4: ""}
    state: str | None = None
    numbers = []
    for item in patient.get("identifier", ()):
        system, value = item.get("system", ""), item.get("value", "")
        if system in digits:
            digits[system] = _NO_DIGITS.sub("", value)
        elif system == STATE_ID:
            state = value if state is None else state
        elif system and value:
            numbers.append(f"{system}|{value}")
    ssn = digits[SSN]
    birth_date = patient.get("birthDate", "")
    sex = patient.get("gender", "")
    return Traits(
        family=normalise(name.get("family", "")),
        given=normalise((name.get("given") or [""])[0]),
        birth_date=birth_date if _FULL_DATE.match(birth_date) else "",
        sex=sex if sex in _SEXES else "",
        ssn=ssn,
        ssn_last4=ssn[-4:] or digits[SSN_LAST4],
        state_id=(state or "").strip().upper(),
        numbers=tuple(numbers),
    )
