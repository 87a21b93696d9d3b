"""A slow, obvious evaluator, written from the rules and not from the code.

Every criterion is True, False or None (unknown). A consent is run once for every assignment of what is unknown
in it, by brute force. What many cases have in common (one set of consents, one request, one resource) is asked
once and kept, so that millions of cases can be judged. Nothing is shared with `adapter.consent` but JSON.
"""

import itertools
from typing import NamedTuple

from reference_consent import OF_REQUEST, UNKNOWN, Consent, InForce
from reference_request import Request
from reference_resource import Resource
from reference_terms import DENY, NA, PERMIT, both, reached, row
from reference_world import World

MOST_UNKNOWN = 10
"""Provisions of one consent that may be unknown at once: a consent is run two to that power times."""


class TooMuchUnknown(Exception):
    """More than `MOST_UNKNOWN`: it would take too long."""


def noted(ask, *arguments, **keywords):
    """What ``ask`` answers, and the rows it met."""
    before = set(reached)
    reached.clear()
    answer = ask(*arguments, **keywords)
    met = frozenset(reached)
    reached.update(before)
    return answer, met


class Told:
    """One consent with its provisions in one list, each with the place of the one around it (-1 for a root)."""

    def __init__(self, json, world):
        self.consent, self.met = noted(Consent, json, world)
        self.nodes, self.around = [], []
        for root in self.consent.roots:
            self.add(root, -1)
        self.below = [[] for _ in self.nodes]
        self.roots = [place for place, around in enumerate(self.around) if around < 0]
        for place, around in enumerate(self.around):
            if around >= 0:
                self.below[around].append(place)
        self.known = {}
        self.verdicts = {}

    def add(self, node, around):
        place = len(self.nodes)
        self.nodes.append(node)
        self.around.append(around)
        for child in node.children:
            self.add(child, place)

    def answers(self, asked, key, *, about_request):
        """The truth of the criteria of every provision that ask about the request, or about the resource."""
        if key not in self.known:
            self.known[key] = noted(lambda: tuple(self.answer(node, asked, about_request) for node in self.nodes))
        return self.known[key]

    def answer(self, node, asked, about_request):
        truths = []
        for element, values in node.criteria.items():
            if (element in OF_REQUEST) == about_request:
                truths += [
                    None if one is UNKNOWN else asked(node.kind, element, one, self.consent.contained) for one in values
                ]
        if True in truths and False in truths:
            row("7")
        return both(truths)

    def naming(self, request):
        """For every provision: whether it names the recipient, for certain."""
        key = ("naming", id(request))
        if key not in self.known:
            self.known[key] = tuple(
                any(
                    one is not UNKNOWN and request.actor(one, self.consent.contained) is True
                    for one in node.criteria.get("actor", ())
                )
                for node in self.nodes
            )
        return self.known[key]

    # -- every completion --------------------------------------------------------------------------

    def verdict(self, truths, naming, *, counts):
        """Its verdict over every completion, whether it always permits by name, and the rows met."""
        key = (truths, naming, counts)
        if key not in self.verdicts:
            self.verdicts[key] = noted(self.over_all_completions, truths, naming, counts=counts)
        return self.verdicts[key]

    def over_all_completions(self, truths, naming, *, counts):
        self.note_structure(truths)
        unknown = [place for place in self.open(truths) if truths[place] is None]
        if len(unknown) > MOST_UNKNOWN:
            raise TooMuchUnknown
        seen, by_name = set() if counts else {NA}, counts
        for values in itertools.product((True, False), repeat=len(unknown)):
            holds = list(truths)
            for place, value in zip(unknown, values, strict=True):
                holds[place] = value
            fired = []
            outcomes = [self.run(root, holds, naming, fired, named=False) for root in self.roots]
            seen.add(DENY if DENY in outcomes else PERMIT if PERMIT in outcomes else NA)
            by_name = by_name and any(fired)
        if DENY in seen:
            return DENY, False
        return (PERMIT, by_name) if seen == {PERMIT} else (NA, False)

    def open(self, truths):
        """The provisions with none around them that is certainly not met."""
        shut = set()
        for place, around in enumerate(self.around):
            if truths[place] is False or around in shut:
                shut.add(place)
            if around not in shut:
                yield place

    def run(self, place, holds, naming, fired, *, named):
        """One outcome of a provision when everything has a value; notes the permits that hold."""
        if not holds[place]:
            return NA
        named = named or naming[place]
        below = [self.run(child, holds, naming, fired, named=named) for child in self.below[place]]
        if DENY in below:
            return DENY
        if PERMIT in below:
            return PERMIT
        if self.nodes[place].kind == PERMIT:
            fired.append(named)
        return self.nodes[place].kind

    def note_structure(self, truths):
        if any(truths[root] is not True for root in self.roots):
            row("2")
        for place, around in enumerate(self.around):
            if around >= 0 and truths[place] is True and truths[around] is False:
                row("3")
        for group in [self.roots, *self.below]:
            if len({self.nodes[place].kind for place in group if truths[place] is True}) > 1:
                row("6")


class Judge:
    """Decides requests for resources under one set of consents."""

    def __init__(self, consents, world, *, latest_wins=False):
        self.world, self.latest_wins = world, latest_wins
        self.told = [Told(json, world) for json in consents]
        self.held = {}

    def of_patient(self, patient, zone):
        """Every consent of a patient that may count: (told, whether it certainly does)."""
        key = (patient, str(zone))
        if key not in self.held:
            self.held[key] = noted(self.find, patient, zone)
        return self.held[key]

    def find(self, patient, zone):
        found = [(told, told.consent.about(patient)) for told in self.told]
        theirs = [(told, whose) for told, whose in found if whose is not False]
        own = {told.consent.source for told, _ in theirs}
        strangers = {told.consent.source for told, whose in found if whose is False} - own
        in_force = InForce([(told.consent, whose) for told, whose in theirs], self.world, zone)
        certain = dict(in_force.counted(strangers))
        held = []
        for told, whose in theirs:
            if told.consent in certain:
                row(*told.met)
                held.append((told if whose else self.doubted(told), certain[told.consent], told.consent.signed(zone)))
        return held

    def doubted(self, told):
        """A consent of nobody knows whom: it blocks what it might cover."""
        doubted = Told({**told.consent.json, "modifierExtension": []}, self.world)
        doubted.consent.typed = told.consent.typed
        return doubted

    def decide(self, request, resource, *, labelled=True):
        """(PERMIT or DENY, whether the duties of Part 2 go with it)."""
        row(*resource.met)
        if resource.lost:
            return DENY, False
        part2 = resource.labels.part2 is not False or not labelled
        if part2:
            row("25")
        if resource.labels.part2 is None or not labelled:
            row("P10")
        permitted = [self.permits(one, request, resource, part2, labelled) for one in resource.patients]
        return (PERMIT, part2) if all(permitted) else (DENY, False)

    def permits(self, patient, request, resource, part2, labelled):
        held, met = self.of_patient(patient, request.zone)
        row(*met)
        said = []
        for told, counts, signed in held:
            (outcome, by_name), rows = told.verdict(*self.truths(told, request, resource, labelled), counts=counts)
            row(*rows)
            if part2 and outcome == PERMIT:
                row("P14")
            said.append(Said(told.consent, outcome, outcome == PERMIT and by_name and told.consent.typed, signed))
        return any(self.paper_permits(kind, said, part2) for kind in {one.kind for one in said})

    def paper_permits(self, kind, said, part2):
        """Whether consents of one kind of paper permit: what other kinds leave closed does not close this one.

        One that states no kind is weighed against all, and so is one that cannot be understood.
        """
        same = [one for one in said if one.kind == kind]
        against = [one for one in said if one.kind != kind and "" in (kind, one.kind)]
        row(*["22"] * (len({one.kind for one in said}) > 1))
        both_ways = same + [one.without_permit() for one in against]
        return self.combined(both_ways) == PERMIT and (not part2 or any(one.by_part2 for one in same))

    @staticmethod
    def truths(told, request, resource, labelled):
        def of_resource(kind, element, value, contained):
            if element == "dataPeriod":
                return resource.dated(kind, value, request.zone)
            return resource.truth(kind, element, value, contained, labelled=labelled)

        asked, met = told.answers(request.truth, ("request", id(request)), about_request=True)
        there, rows = told.answers(of_resource, (id(resource), labelled, str(request.zone)), about_request=False)
        row(*met, *rows)
        truths = tuple(map(both, zip(asked, there, strict=True)))
        return truths, told.naming(request)

    def combined(self, said):
        """Deny over permit over silence; where the latest wins, that of the latest that are not silent."""
        outcomes = {one.outcome for one in said}
        if PERMIT in outcomes and DENY in outcomes:
            row("22")
        if self.latest_wins:
            row("22")
            for same in by_date(said):
                if same - {NA}:
                    outcomes = same
                    break
        return DENY if DENY in outcomes else PERMIT if PERMIT in outcomes else NA


class Said(NamedTuple):
    """What one consent says to one question."""

    consent: Consent
    outcome: str
    by_part2: bool
    signed: tuple | None

    @property
    def kind(self):
        return "" if self.consent.capped else self.consent.instrument

    def without_permit(self):
        return self._replace(outcome=NA) if self.outcome == PERMIT else self


def by_date(said):
    """Outcomes of consents whose dates overlap, the latest first. Capped ones always speak, undated ones last."""
    capped = {one.outcome for one in said if one.consent.capped}
    spans = []
    for low, high in sorted({one.signed for one in said if one.signed}, reverse=True):
        if spans and high > spans[-1][0]:
            spans[-1] = (low, spans[-1][1])
        else:
            spans.append((low, high))
    plain = [one for one in said if not one.consent.capped]
    dated = [{one.outcome for one in plain if one.signed and low <= one.signed[0] < high} for low, high in spans]
    first, *rest = [*dated, {one.outcome for one in plain if not one.signed}]
    return [first | capped, *rest]


def judged(line):
    """(PERMIT or DENY, whether the duties of Part 2 go with it) for one case line."""
    world = World(line["context"])
    judge = Judge(line["consents"], world, latest_wins=line.get("combination") == "latest-wins")
    request, resource = Request(line["request"], world), Resource(line["resource"], world)
    return judge.decide(request, resource, labelled=line.get("labeller", "on") == "on")


def decide(line):
    """PERMIT or DENY for one case line."""
    return judged(line)[0]
