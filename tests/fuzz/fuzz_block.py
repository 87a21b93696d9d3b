"""One block of random triples: a world, its requests and resources, and many sets of consents over them.

Every triple of (consents, request, resource) is decided by the engine and by the slow evaluator; by the decision
tables as well; now and then as a line of `sallyport decide`; and again after a change that may never release more.
What the triples of a block have in common is made and read once, which is what makes millions of them possible.
"""

import copy
import random
from collections import Counter
from dataclasses import dataclass, field

import orjson
from changes import OF_CONSENTS, reorder
from compiled import Compiled, segment_for
from consent_strategies import by_seed
from reference_evaluator import Judge, TooMuchUnknown
from reference_request import Request
from reference_resource import Resource
from reference_terms import reached
from reference_world import World

from adapter.consent import cases
from adapter.consent.cases import answer
from adapter.consent.decide import Case, decide, record
from adapter.consent.directive import applicable, read
from adapter.consent.evaluate import Effect
from adapter.consent.force import Combination, revisions
from adapter.consent.names import AtHand

REQUESTS, RESOURCES, SETS = 10, 24, 12
ASKED, SHOWN = 6, 10
"""Requests and resources taken for each set of consents."""
TRIPLES = SETS * ASKED * SHOWN
AS_A_LINE, CHANGED = 60, 3
"""One triple in so many is also sent as a line; one set in so many is changed and decided again."""
SCAFFOLD = {"resourceType": "Basic", "id": "x", "subject": {"reference": "Patient/a"}}


@dataclass
class Tally:
    """What a block, or many, came to. ``rows`` counts the triples that reached each row."""

    triples: int = 0
    permits: int = 0
    skipped: int = 0
    compiled: int = 0
    lines: int = 0
    changed: int = 0
    rows: Counter = field(default_factory=Counter)
    found: list = field(default_factory=list)

    def add(self, other):
        for name in ("triples", "permits", "skipped", "compiled", "lines", "changed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.rows.update(other.rows)
        self.found += other.found


class Block:
    """The world of one block with everything that is read once."""

    def __init__(self, seed, number):
        self.rng = random.Random(f"{seed}/{number}")  # noqa: S311  # test data
        self.maker = by_seed(f"{seed}/{number}")
        self.context = self.maker.world()
        self.at_hand = AtHand(self.context)
        self.world = World(self.context)
        self.requests = [self._request(self.maker.request()) for _ in range(REQUESTS)]
        self.resources = [self._resource(self.maker.resource()) for _ in range(RESOURCES)]
        self.tally = Tally()
        self.reached = Counter()

    def _request(self, json):
        labeller = "unavailable" if self.maker.chance(20) else "on"
        line = {"consents": [], "context": self.context, "request": json, "resource": SCAFFOLD, "labeller": labeller}
        return json, cases.case_of(line), Request(json, self.world)

    def _resource(self, json):
        about = record(json, self.at_hand)
        return json, about, Resource(json, self.world), segment_for(about)

    def run(self):
        for _ in range(SETS):
            ConsentSet(self).run()
        for names, times in self.reached.items():
            self.tally.rows.update(dict.fromkeys(names, times))
        self.tally.rows["P3"] = self.tally.changed
        return self.tally


class ConsentSet:
    """One set of consents with its revisions."""

    def __init__(self, block):
        self.block, maker = block, block.maker
        count = maker.pick([1, 1, 1, 2, 2, 3, 4])
        self.consents = [maker.consent(one) for one in "cdef"[:count]]
        self.provenances = [maker.revision(maker.pick("cdef"), "cdef") for _ in range(maker.pick([0, 0, 0, 1, 2]))]
        self.latest_wins = maker.chance(6)
        self.directives = tuple(map(read, self.consents))
        self.stated = revisions(self.provenances)
        self.judge = Judge(self.consents, World([*block.context, *self.provenances]), latest_wins=self.latest_wins)
        self.compiled = Compiled()

    def run(self):
        requests = self.block.rng.sample(self.block.requests, ASKED)
        resources = self.block.rng.sample(self.block.resources, SHOWN)
        permitted = {}
        for asked in requests:
            for shown in resources:
                permitted[asked[0]["at"], id(asked), id(shown)] = self.triple(asked, shown)
        if self.block.maker.chance(CHANGED):
            self.change(requests, resources, permitted)

    def case(self, asked, shown, directives):
        _, request, _ = asked
        return Case(
            directives=directives,
            recipient=request.recipient,
            at=request.at,
            zone=request.zone,
            record=shown[1],
            action=request.action,
            labelled=request.labelled,
            revisions=self.stated,
            combination=Combination.LATEST_WINS if self.latest_wins else Combination.DENY_OVERRIDES,
        )

    def triple(self, asked, shown):
        tally = self.block.tally
        case = self.case(asked, shown, self.directives)
        decided = decide(case)
        permit = decided.effect is Effect.PERMIT
        reached.clear()
        try:
            expected, part2 = self.judge.decide(asked[2], shown[2], labelled=case.labelled)
        except TooMuchUnknown:
            tally.skipped += 1
            return permit
        tally.triples += 1
        tally.permits += permit
        self.block.reached[frozenset(reached)] += 1
        if (decided.effect.value, any(one.code == "42CFRPart2" for one in decided.obligations)) != (expected, part2):
            self.report("reference", asked, shown)
        if said := self.compiled.disagrees(case, decided, shown[3]):
            self.report(f"tables: {said}", asked, shown)
        tally.compiled += 1
        if tally.triples % AS_A_LINE == 0 and not self.latest_wins:
            tally.lines += 1
            if orjson.loads(answer(orjson.dumps(self.line(asked, shown)))[0])["effect"] != decided.effect.value:
                self.report("line", asked, shown)
        return permit

    def change(self, requests, resources, permitted):
        """Decide everything again after a change: nothing more may be permitted, or nothing may change."""
        change = self.block.rng.choice(OF_CONSENTS)
        line = copy.deepcopy({"consents": self.consents, "context": self.block.context})
        change(self.block.rng, line)
        directives = tuple(map(read, line["consents"]))
        for asked in requests:
            for shown in resources:
                if change is not reorder and self.capped(shown):
                    continue
                before = permitted[asked[0]["at"], id(asked), id(shown)]
                after = decide(self.case(asked, shown, directives)).effect is Effect.PERMIT
                self.block.tally.changed += 1
                if after > before or (change is reorder and after != before):
                    self.report(change.__name__, asked, shown, changed=line["consents"])

    def capped(self, shown):
        """Whether a consent only denies, by itself or as maybe somebody else's: narrowed, it denies less."""
        persons = [frozenset({patient}) for patient in shown[1].patients]
        fitting = [applicable(one, who, self.block.at_hand) for one in self.directives for who in persons]
        return any(one.body.capped for one in [*self.directives, *filter(None, fitting)])

    def line(self, asked, shown):
        made = {
            "id": "fuzz",
            "consents": self.consents,
            "context": [*self.block.context, *self.provenances],
            "request": asked[0],
            "resource": shown[0],
            "labeller": "on" if asked[1].labelled else "unavailable",
        }
        return made | ({"combination": "latest-wins"} if self.latest_wins else {})

    def report(self, check, asked, shown, **more):
        self.block.tally.found.append({"check": check, "line": self.line(asked, shown), **more})
