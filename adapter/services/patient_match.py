"""`$match`: who of the Patients that a caller sees may be the person it describes.

Candidates are found by searches that run behind the gate like any other, so a hidden record is never one; each is
scored by what its own Patient says to this caller, with the weights that ship. Numbers that serve recognition only are
not compared: they would tell a caller what the record does not show. What was trained on a county's records, and who is
linked to whom beyond what the caller sees, has no part in it.

https://hl7.org/fhir/R4/patient-operation-match.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from adapter.errors import NotAllowed, RequestError
from adapter.fhir.codec import parse
from adapter.fhir.search import parse_query
from adapter.identity.match import Band
from adapter.identity.traits import MATCH_ONLY, traits_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

    from adapter.fhir.search import Query
    from adapter.identity.match import Matcher
    from adapter.identity.traits import Traits
    from adapter.services.disclose import Caller, Disclosure, Served

MATCH: Final = "patient-match"
"""The right to ask who somebody is."""
INTERACTION: Final = "$match"
GRADES: Final = {Band.CONFIRMED: "certain", Band.LINK: "probable", Band.REVIEW: "possible"}
"""https://hl7.org/fhir/R4/valueset-match-grade.html"""
_CANDIDATES: Final = 200
"""Of each search; the first by the order of the search, among those the caller sees."""
_YEAR = 4


class Ranked(NamedTuple):
    """A Patient with its score, a probability, and its grade."""

    served: Served
    score: float
    grade: str


class PatientMatch:
    """The operation behind the gate. ``base_url`` and ``zone`` read searches as the search interaction does."""

    def __init__(self, gate: Disclosure, matcher: Matcher, *, base_url: str, zone: ZoneInfo) -> None:
        self._gate = gate
        self._matcher = matcher
        self._base_url = base_url
        self._zone = zone

    async def match(self, caller: Caller, person: Mapping[str, Any], *, certain: bool, count: int) -> list[Ranked]:
        """The best ``count`` candidates, the likeliest first.

        With ``certain`` those that are certain, and none where more than one person is certain or probable.
        ``NotAllowed`` without the right; ``RequestError`` where too little is told to find anyone.
        """
        if MATCH not in caller.rights:
            await self._gate.refuse(caller, INTERACTION, "Patient", f"403 {MATCH}")
            raise NotAllowed(f"the agreement does not give the right `{MATCH}`")
        kept = [one for one in person.get("identifier", ()) if one.get("system") not in MATCH_ONLY]
        asked = traits_of({**person, "identifier": kept})
        queries = list(self._queries(asked))
        if not queries:
            await self._gate.refuse(caller, INTERACTION, "Patient", "400 invalid")
            told = "tell a birth date and a name, or an identifier with its system"
            raise RequestError(told, expression="resource")
        grades: dict[int, tuple[float, Band]] = {}

        def choose(bodies: Mapping[int, bytes]) -> tuple[list[int], list[int]]:
            grades.clear()
            grades.update(self._graded(asked, bodies))
            order = sorted(grades, key=lambda rid: (-grades[rid][1], -grades[rid][0], rid))
            if not certain:
                return order[:count], []
            near = [rid for rid in order if grades[rid][1] >= Band.LINK]
            return [rid for rid in near if grades[rid][1] is Band.CONFIRMED][:count], near

        found = await self._gate.among(caller, queries, choose, interaction=INTERACTION, target=_target(asked))
        return [Ranked(one, round(_probability(grades[rid][0]), 3), GRADES[grades[rid][1]]) for rid, one in found]

    def _queries(self, asked: Traits) -> Iterator[Query]:
        """The searches that find candidates: by identifier, by birth date, by name and year."""
        searches = [[("identifier", _escaped(number))] for number in asked.numbers]
        day = asked.day
        if day and asked.names:
            searches.append([("birthdate", day)])
            if day[5:7] != day[8:] and day[8:] <= "12":
                searches.append([("birthdate", f"{day[:_YEAR]}-{day[8:]}-{day[5:7]}")])
        if asked.birth_date:
            searches += [
                [("family", name.family), ("given", name.given), ("birthdate", asked.birth_date[:_YEAR])]
                for name in asked.names
                if name.given
            ]
        for search in searches:
            pairs = [*search, ("_count", str(_CANDIDATES))]
            yield parse_query("Patient", pairs, base_url=self._base_url, zone=self._zone)

    def _graded(self, asked: Traits, bodies: Mapping[int, bytes]) -> dict[int, tuple[float, Band]]:
        found = {rid: graded(self._matcher, asked, traits_of(parse(body))) for rid, body in bodies.items()}
        return {rid: one for rid, one in found.items() if one[1] is not Band.NONE}


def graded(matcher: Matcher, asked: Traits, own: Traits) -> tuple[float, Band]:
    """The score and the band of somebody described and a record, without what only trained weights would say."""
    compared = matcher.compare(asked, own)
    band = matcher.band(asked, own, compared)
    if band is Band.LINK:
        band = matcher.by_score(compared.levels, compared.score, numbered=False)
    return compared.score, band


def _probability(score: float) -> float:
    return float(1 / (1 + 2.0**-score))


def _target(asked: Traits) -> str:
    """What the ledger tells of the question: which traits were told, never what they were."""
    told = {"identifier": asked.numbers, "name": asked.names, "birthdate": asked.birth_date, "gender": asked.sex}
    return f"Patient?{'&'.join(name for name, value in told.items() if value)}"


def _escaped(number: str) -> str:
    """`system|value` as a search parameter."""
    system, _, value = number.partition("|")
    return "|".join("".join(f"\\{c}" if c in "\\,|$" else c for c in part) for part in (system, value))
