"""The truth of single criteria, every combination of a small vocabulary, against the slow evaluator.

What a consent amounts to hides much of it: whether a permit certainly does not match, or only may not, matters for the
denials inside it alone.
"""

import itertools
from datetime import UTC

import pytest
from consent_builders import DENVER, LOINC, NOW, PARTICIPATION, TYPES, concept, label, purpose
from reference_request import Request
from reference_resource import Resource
from reference_terms import DENY as NO
from reference_terms import PERMIT as YES
from reference_world import World

from adapter.consent.cases import case_of
from adapter.consent.decide import record
from adapter.consent.facts import Facts
from adapter.consent.names import AtHand
from adapter.consent.outcome import DENY, FALSE, PERMIT, TRUE, UNKNOWN
from adapter.consent.reading import criteria
from adapter.consent.sensitivity import UNLABELLED

MEANS = {True: TRUE, None: UNKNOWN, False: FALSE}
SUBJECT = {"reference": "Patient/a"}
ORGANISATIONS = [
    {"resourceType": "Organization", "id": "x", "partOf": {"reference": "Organization/h"}},
    {"resourceType": "Organization", "id": "h", "identifier": [{"system": "urn:s", "value": "h"}]},
    {"resourceType": "Organization", "id": "y"},
    {"resourceType": "Group", "id": "g", "actual": True, "member": [{"entity": {"reference": "Organization/h"}}]},
    {"resourceType": "Group", "id": "k", "actual": True, "member": [{"entity": {"reference": "Organization/y"}}]},
    {"resourceType": "Group", "id": "open", "actual": True},
    {"resourceType": "Encounter", "id": "e", "diagnosis": [{"condition": {"reference": "Observation/o"}}]},
]


def request(*, purposes=("TREAT",), actors=("Organization/x",), action="access", at=NOW):
    return {
        "actors": list(actors),
        "purposes": [purpose(code) for code in purposes],
        "action": action,
        "at": at,
        "timezone": "America/Denver",
    }


def resource(**elements):
    return {"resourceType": "Observation", "id": "o", "subject": SUBJECT, **elements}


class Both:
    """A world, a request and a resource, read by both evaluators."""

    def __init__(self, asked=None, shown=None, context=ORGANISATIONS, *, labelled=True):
        asked, shown = asked or request(), shown or resource()
        world, at_hand = World(context), AtHand(context)
        self.request, self.resource, self.labelled = Request(asked, world), Resource(shown, world), labelled
        case = case_of({"consents": [], "context": context, "request": asked, "resource": shown})
        about = record(shown, at_hand)
        self.facts = Facts(
            recipient=case.recipient,
            kind=about.type,
            profiles=about.profiles,
            labels=about.labels if labelled else UNLABELLED,
            content=about.content,
            zone=case.zone,
            at=case.at,
            action=case.action,
        )

    def agree(self, element, value):
        for kind, word in ((PERMIT, YES), (DENY, NO)):
            (criterion,), fault = criteria(kind, {element: value}, "provision[0]", {})
            assert not fault
            if element == "dataPeriod":
                expected = self.resource.dated(word, value, self.request.zone)
            elif element in ("securityLabel", "class", "code", "data"):
                expected = self.resource.truth(word, element, value, {}, labelled=self.labelled)
            else:
                expected = self.request.truth(word, element, value, {})
            assert criterion.truth(self.facts) == MEANS[expected], (word, element, value)


def some(values, least, most):
    return itertools.chain.from_iterable(itertools.combinations(values, size) for size in range(least, most + 1))


WORDS = ["N", "R", "V", "SUD", "ETHUD", "ETH", "MH", "PSY", "BH", "SEX", "42CFRPart2"]
ODD = [
    {"system": "https://example.org/labels", "code": "x"},
    {"code": "R"},
    {"system": label("N")["system"], "code": "X"},
]
LABELS = [*map(label, WORDS), *ODD]


@pytest.mark.parametrize("labelled", [True, False])
def test_labels(labelled):
    listings = list(some(LABELS, 1, 2))
    for security in some(LABELS, 1, 2):
        both = Both(shown=resource(meta={"security": list(security)}), labelled=labelled)
        for listed in listings:
            both.agree("securityLabel", list(listed))
        if not labelled:
            return


def test_labels_of_a_record_without_any():
    for elements in ({}, {"code": concept(LOINC, "74013-4")}, {"meta": {"security": []}}, {"meta": {"security": "R"}}):
        both = Both(shown=resource(**elements))
        for listed in some(LABELS, 1, 2):
            both.agree("securityLabel", list(listed))


PURPOSES = ["TREAT", "ETREAT", "BTG", "HOPERAT", "HLEGAL", "HMARKT", "diversion", "NEWCODE"]


@pytest.mark.parametrize("asked", list(some(PURPOSES, 0, 2)), ids="+".join)
def test_purposes(asked):
    both = Both(request(purposes=asked))
    for listed in some([*map(purpose, PURPOSES), {"code": "TREAT"}], 1, 2):
        both.agree("purpose", list(listed))


ACTORS = ["Organization/x", "Organization/h", "Organization/y", "Organization/z", "Group/g", "Group/k", "Group/open"]
NAMED = [*ACTORS, "Group/lost", "CareTeam/lost", "https://x.example/Organization/x", "Practitioner/p"]
ROLES = [concept(PARTICIPATION, "IRCP"), concept(PARTICIPATION, "CST"), concept("https://example.org/role", "x"), None]


@pytest.mark.parametrize(
    "asks", [[one] for one in ACTORS[:4]] + [[], ["PractitionerRole/lost"], ["urn:uuid:1"]], ids=str
)
def test_actors(asks):
    both = Both(request(actors=asks))
    references = [{"reference": one} for one in NAMED]
    references += [{"identifier": {"system": "urn:s", "value": value}} for value in "hz"] + [{"display": "x"}]
    ones = [{"role": role, "reference": one} if role else {"reference": one} for role in ROLES for one in references]
    for listed in [[one] for one in ones] + [list(pair) for pair in itertools.product(ones[:8], ones[::5])]:
        both.agree("actor", listed)


@pytest.mark.parametrize("action", ["access", "use", "correct", "collect", "peek", None])
def test_actions(action):
    both = Both(request(action=action))
    system = "http://terminology.hl7.org/CodeSystem/consentaction"
    concepts = [concept(system, code) for code in ("access", "disclose", "collect", "correct", "peek")]
    for listed in some([*concepts, {"text": "look"}, concept("https://example.org/a", "access")], 1, 2):
        both.agree("action", list(listed))


DAYS = [None, "2021", "2022", "2022-06", "2022-06-14", "2022-06-15", "2022-06-15T23:59:59-06:00", "2022-06-16"]
PERIODS = [
    {name: day for name, day in (("start", start), ("end", end)) if day}
    for start, end in itertools.product(DAYS, DAYS)
    if (start or end) and (not start or not end or start <= end)
]
DATED = [
    {},
    *({"effectiveDateTime": day} for day in [*DAYS[1:], "lately"]),
    *({"effectivePeriod": period} for period in PERIODS[:8]),
    {"effectiveTiming": {"event": ["2022"]}},
    {"issued": "2022-06-15T12:00:00Z"},
    {"meta": {"lastUpdated": "2022-06-15"}},
    {"effectiveDateTime": "2030", "meta": {"lastUpdated": "2022-06-15T00:00:00Z"}},
    {"effectiveDateTime": "2030", "meta": {"lastUpdated": "2022-06-15"}},
    {"effectiveDateTime": "2030", "meta": {"lastUpdated": "lately"}},
    {"effectiveDateTime": "2030", "meta": {}},
]


@pytest.mark.parametrize("dates", DATED, ids=str)
def test_dates(dates):
    both = Both(shown=resource(**dates))
    for period in PERIODS:
        both.agree("dataPeriod", period)


@pytest.mark.parametrize("at", ["2022-06-15T00:00:00-06:00", "2022-06-14T23:59:59-06:00", "2022-06-16T00:00:00-06:00"])
def test_periods(at):
    both = Both(request(at=at))
    assert both.facts.zone == DENVER != UTC
    for period in PERIODS:
        both.agree("period", period)


def test_classes():
    profiles = ["https://x.example/StructureDefinition/p", "https://x.example/StructureDefinition/p|1"]
    systems = [TYPES, "urn:ietf:rfc:3986", "https://x.example/StructureDefinition", "urn:ietf:bcp:13"]
    codes = ["Observation", "Condition", "Resource", "DomainResource", "p", "p|1", "p|2", *profiles]
    listed = [{"system": system, "code": code} for system in systems for code in codes] + [{"code": "Observation"}]
    for claimed in some(profiles, 0, 2):
        both = Both(shown=resource(meta={"profile": list(claimed)}))
        for one in some(listed, 1, 2):
            both.agree("class", list(one))


def test_codes():
    codes = ["718-7", "74013-4"]
    listed = [concept(LOINC, *codes), *(concept(LOINC, code) for code in codes), concept("urn:x", "718-7")]
    listed += [{"text": "words"}, {"coding": [{"code": "718-7"}]}, {"coding": [{"system": LOINC}]}]
    shown = [
        {},
        {"code": concept(LOINC, "718-7")},
        {"code": {"coding": [{"code": "718-7"}]}},
        {"code": {"text": "718-7"}},
        {"component": [{"code": concept(LOINC, "718-7")}]},
        {"code": concept(LOINC, "74013-4"), "component": [{"code": concept(LOINC, "718-7")}]},
        {"code": concept(LOINC, "74013-4"), "reason": {"coding": [{"code": "718-7"}]}},
        {"resourceType": "Patient", "id": "a"},
    ]
    for elements in shown:
        both = Both(shown=resource(**elements))
        for one in some(listed, 1, 2):
            both.agree("code", list(one))


LINKS = [
    {},
    {"id": None},
    {"encounter": {"reference": "Encounter/e"}},
    {"encounter": {"reference": "Encounter/f"}},
    {"encounter": {"identifier": {"system": "urn:s", "value": "e"}}},
    {"encounter": {"display": "a visit"}},
    {"basedOn": [{"reference": "CarePlan/k"}]},
    {"basedOn": {"identifier": {"system": "urn:s", "value": "k"}}},
    {"performer": [{"reference": "Organization/x"}]},
    {"performer": [{"reference": "Organization/x"}, {"reference": "Organization/y"}]},
    {"performer": [{"identifier": {"system": "urn:s", "value": "h"}}]},
    {"performer": [{"display": "a nurse"}, {"reference": "Organization/x"}]},
    {"participant": [{"actor": {"reference": "Organization/x"}}], "author": {"reference": "Organization/h"}},
    {"identifier": [{"system": "urn:s", "value": "o"}]},
    {"hasMember": [{"reference": "https://x.example/Observation/p"}]},
]
TARGETS = [
    "Observation/o",
    "https://x.example/Observation/o",
    "Observation/p",
    "Encounter/e",
    "Encounter/f",
    "CarePlan/k",
    "EpisodeOfCare/s",
    "Organization/x",
    "Organization/h",
    "Organization/y",
    "Group/g",
]


@pytest.mark.parametrize("links", LINKS, ids=str)
def test_data(links):
    shown = {name: value for name, value in resource(**links).items() if value is not None}
    both = Both(shown=shown)
    targets = [{"reference": one} for one in TARGETS]
    targets += [{"identifier": {"system": "urn:s", "value": one}} for one in "ohz"] + [{"display": "x"}]
    meanings = ["instance", "related", "dependents", "authoredby", "sideways"]
    entries = [{"meaning": meaning, "reference": one} for meaning in meanings for one in targets]
    for listed in [[one] for one in entries] + [list(pair) for pair in itertools.pairwise(entries)]:
        both.agree("data", listed)
