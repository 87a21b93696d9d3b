"""Who asks, for what and when, and the criteria of a provision that ask about it, for the slow evaluator."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from reference_terms import (
    ACTION,
    PERMIT,
    PURPOSE_PARENT,
    PURPOSES,
    REASON,
    RECIPIENTS,
    ROLE_SYSTEMS,
    both,
    codings,
    either,
    many,
    period_span,
    row,
)
from reference_world import identifiers_of, key_of, kind_of, same

ANYTHING, IDENTIFIER = "*", ""
UNSEEN = {
    "Organization": {"Organization", IDENTIFIER},
    "PractitionerRole": {"Practitioner", "Organization", IDENTIFIER},
}
"""What an actor may belong to that is not at hand."""
READS = ("access", "use", "disclose")


class Circle:
    """Everything a party is or belongs to, and the types of what it may belong to besides."""

    def __init__(self, actors, world, at=None, zone=None):
        self.world, self.at, self.zone = world, at, zone
        self.members = set()
        self.blind = set() if actors else {ANYTHING}
        self.met = set()
        self.waiting = [key_of({"reference": one}) or one for one in actors]
        while self.waiting:
            while self.waiting:
                self.climb(self.waiting.pop())
            for key in world.keys("Group", "CareTeam"):
                if key not in self.members and self.lists(key) is True:
                    self.met.add("10")
                    self.waiting.append(key)

    def climb(self, key):
        if key in self.members:
            return
        self.members.add(key)
        if "/" not in key:
            self.blind.add(ANYTHING)
            return
        if key.startswith("="):
            return
        resource = self.world.get(key)
        if resource is None:
            self.blind |= UNSEEN.get(kind_of(key), {IDENTIFIER})
            return
        self.members |= identifiers_of(resource)
        links = {
            "Organization": {"partOf": "Organization"},
            "PractitionerRole": {"practitioner": "Practitioner", "organization": "Organization"},
        }.get(kind_of(key), {})
        role = kind_of(key) == "PractitionerRole"
        holds = both([self.flag(resource, "active", default=True), self.covers(resource)]) if role else True
        if role:
            self.met.add("P6")
        for element, target in links.items():
            for reference in many(resource.get(element)):
                self.follow(reference, target, holds)

    def follow(self, reference, target, holds):
        key = key_of(reference)
        if holds is True and key is not None and not kind_of(key):
            self.met.add("P6")
            self.members.add(key)
            key = self.world.carrier(key, target)
        if holds is None or (holds is True and key is None):
            self.met.add("P6")
            self.blind |= {target, IDENTIFIER, *UNSEEN.get(target, ())}
        elif holds is True:
            self.met.add("10")
            self.waiting.append(key)

    @staticmethod
    def flag(entry, name, *, default):
        value = entry.get(name, default)
        return value if isinstance(value, bool) else None

    def covers(self, entry):
        if "period" not in entry or self.at is None:
            return True
        try:
            low, high = period_span(entry["period"], self.zone)
        except (ValueError, TypeError, AttributeError):
            return None
        return low <= self.at < high

    def entries(self, key):
        """Who is listed in a Group or CareTeam: (whether it counts, the key)."""
        resource = self.world.get(key)
        for one in many(resource.get("member" if kind_of(key) == "Group" else "participant")):
            gone = self.flag(one, "inactive", default=False)
            counts = both([None if gone is None else not gone, self.covers(one)])
            if "modifierExtension" in one:
                yield None, None
            else:
                yield counts, key_of(one.get("entity", one.get("member")))

    def active(self, key):
        resource = self.world.get(key)
        if kind_of(key) == "Group":
            return self.flag(resource, "active", default=True)
        status = resource.get("status", "active")
        known = {"active": True, "proposed": False, "suspended": False, "inactive": False, "entered-in-error": False}
        return both([known.get(status), self.covers(resource)])

    def lists(self, key):
        """Whether the party certainly is a member."""
        return self.active(key) is True and any(
            counts is True and member in self.members for counts, member in self.entries(key)
        )

    def is_named(self, key):  # one line for each reason
        """Whether the party is, or belongs to, what a consent names."""
        row(*self.met)
        if key in self.members:
            return True
        kind = kind_of(key)
        if ANYTHING in self.blind or kind in self.blind:
            row("P6")
            return None
        if not kind:
            return False
        if kind in ("Group", "CareTeam") and not self.outside(key, set()):
            row("10")
            return None
        return None if any(same(one, key) is None for one in self.members if kind_of(one)) else False

    def outside(self, key, above):  # noqa: PLR0911  # one line for each reason
        """Whether the party certainly is no member of a circle; ``above`` are the circles being asked already."""
        if key in above:
            return True
        if self.world.get(key) is None or key in self.members:
            return False
        if self.active(key) is False:
            return True
        resource = self.world.get(key)
        group = kind_of(key) == "Group"
        listing = resource.get("member" if group else "participant")
        if not listing or (group and (resource.get("actual") is not True or "characteristic" in resource)):
            return False
        for counts, member in self.entries(key):
            if counts is False:
                continue
            if member is None or member in self.members:
                return False
            circle = kind_of(member) in ("Group", "CareTeam")
            if not (self.outside(member, above | {key}) if circle else self.is_named(member) is False):
                return False
        return True


class Request:
    def __init__(self, request, world):
        self.zone = ZoneInfo(request["timezone"])
        self.at = datetime.fromisoformat(request["at"]).astimezone(UTC)
        self.purposes = {(one["system"], one["code"]) for one in request["purposes"]}
        self.action = request.get("action")
        self.circle = Circle(request["actors"], world, self.at, self.zone)

    def truth(self, kind, element, value, contained):
        match element:
            case "period":
                row("20")
                found = period_span(value, self.zone)
                return None if found is None else found[0] <= self.at < found[1]
            case "purpose":
                return self.purpose(kind, value)
            case "actor":
                return self.actor(value, contained)
        return self.does(value)

    def purpose(self, kind, listed):
        if not self.purposes:
            row("8", "P5")
            return None
        if len(self.purposes) > 1:
            row("8")
        pairs = {(one.get("system"), one.get("code")) for one in listed}
        odd = any(None in pair or (pair[0] == REASON and pair[1] not in PURPOSES) for pair in pairs)
        truths = []
        for asked in self.purposes:
            truth = self.covered(kind, asked, pairs)
            unsure = odd or (asked[0] == REASON and asked[1] not in PURPOSES)
            truths.append(None if unsure and not truth else truth)
        return both(truths) if kind == PERMIT else either(truths)

    @staticmethod
    def covered(kind, asked, pairs):
        if asked in pairs:
            return True
        system, code = asked
        if system != REASON:
            row("9")
            return False
        while code in PURPOSE_PARENT:
            code = PURPOSE_PARENT[code]
            if (REASON, code) in pairs:
                row("9")
                return not (kind == PERMIT and asked[1] in ("BTG", "HLEGAL"))
        return False

    def actor(self, actors, contained):
        recipients, others = [], False
        for one in actors:
            roles = codings(one.get("role"))
            if roles & RECIPIENTS:
                key = resolved(one.get("reference", {}), contained)
                recipients.append(None if key is None else self.circle.is_named(key))
            elif any(system in ROLE_SYSTEMS for system, _ in roles):
                row("10")
                others = True
            else:
                row("10")
                return None
        return both([either(recipients) if recipients else None, None if others else True])

    def does(self, actions):
        row("11")
        truths = []
        for one in actions:
            codes = {code for system, code in codings(one) if system == ACTION}
            known = codes & {*READS, "collect", "correct"}
            truth = bool(known & set(READS)) if self.action in READS else self.action in known
            if not known or self.action not in {*READS, "collect", "correct"}:
                row("P7")
                truth = None
            if known & {"collect", "correct"}:
                row("P7")
            truths.append(truth)
        return either(truths)


def resolved(reference, contained):
    """The key of a Reference in a consent; a contained resource is known by its one identifier."""
    text = reference.get("reference")
    if isinstance(text, str) and text.startswith("#"):
        keys = identifiers_of(contained.get(text[1:], {}))
        return keys.pop() if len(keys) == 1 else None
    return key_of(reference)
