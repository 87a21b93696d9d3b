"""What a Consent says and whether it counts, for the slow evaluator."""

from reference_request import resolved
from reference_shape import PROVISION, harmless, of_companion, of_consent, of_criterion
from reference_terms import ACT, DENY, INSTRUMENT, LEVEL, PCF, PERMIT, SCOPE, codings, either, row, span
from reference_world import kind_of, literal, same

STATUSES = ("draft", "proposed", "active", "rejected", "inactive", "entered-in-error")
R5 = {"subject", "date", "period", "grantor", "grantee", "manager", "controller", "decision"}
R5 |= {"regulatoryBasis", "policyBasis", "policyText"}
R5_RULE = {"documentType", "resourceType", "expression"}
WORDS = {"permit": PERMIT, "deny": DENY}
OF_REQUEST = ("period", "purpose", "actor", "action")
OF_RESOURCE = ("securityLabel", "class", "code", "dataPeriod", "data")


class Unintelligible(Exception):
    pass


class Node:
    """A provision: its type, its criteria by element (a value to be asked about, or UNKNOWN) and its exceptions."""

    def __init__(self, kind, criteria, children):
        self.kind, self.criteria, self.children = kind, criteria, children


UNKNOWN = object()
"""Stands for a criterion nobody can decide."""


def criteria_of(kind, provision, *, strict=True):  # noqa: C901  # one branch for each kind of element
    found = {}
    for name, value in provision.items():
        if name in ("type", "provision", "id"):
            continue
        if name in OF_REQUEST + OF_RESOURCE:
            wrong = of_criterion(name, value)
            if "broken" in wrong and strict:
                row("P2")
                raise Unintelligible
            found[name] = [UNKNOWN] if wrong & {"broken", "strange"} else [value]
            if "extended" in wrong and kind == PERMIT:
                found[name].append(UNKNOWN)
            if wrong:
                row("24")
        elif name == "extension":
            if not isinstance(value, list) or (kind == PERMIT and not harmless(value)):
                row("24", "P2")
                found[name] = [UNKNOWN]
        elif name.startswith("_"):
            wrong = of_companion(PROVISION.get(name[1:]), value)
            if "strange" in wrong or ("extended" in wrong and kind == PERMIT):
                row("24")
                found[name] = [UNKNOWN]
        else:
            row("24", "P2")
            found[name] = [UNKNOWN]
    return found


def type_of(provision, parent):
    word = provision.get("type")
    if "type" not in provision and parent == PERMIT:
        row("5")
        return DENY
    if "type" not in provision:
        row("5")
    if not isinstance(word, str) or word not in WORDS:
        row("P2")
        raise Unintelligible
    return WORDS[word]


def node_of(provision, kind, *, additive=False):
    if not isinstance(provision, dict) or R5_RULE & set(provision):
        row("P2")
        raise Unintelligible
    children = []
    inner = provision.get("provision", [UNKNOWN])
    if not isinstance(inner, list) or not inner:
        row("P2")
        raise Unintelligible
    for child in inner:
        if child is UNKNOWN:
            break
        if not isinstance(child, dict):
            raise Unintelligible
        child_kind = type_of(child, kind)
        if child_kind == kind:
            row("4")
        if child_kind == kind == PERMIT and not additive:
            raise Unintelligible
        children.append(node_of(child, child_kind))
    return Node(kind, criteria_of(kind, provision), children)


def root_kind(consent):
    rules = [one for one in consent.get("policyRule", {}).get("coding", []) if one.get("code") in ("OPTIN", "OPTOUT")]
    said = {PERMIT if one["code"] == "OPTIN" else DENY for one in rules}
    provision = consent.get("provision", {})
    if "type" in provision:
        kind = type_of(provision, None)
        if said - {kind}:
            row("1")
            raise Unintelligible
        return kind
    row("1")
    if len(said) != 1 or all(one.get("system") != ACT for one in rules):
        raise Unintelligible
    return said.pop()


def instruments_of(pairs):
    """The kinds of paper a category says it is."""
    return {code for system, code in pairs if system == INSTRUMENT}


def roots_of(consent):  # noqa: C901  # one line for each reason not to understand it
    """The root, and the additive rules rewritten from it."""
    if consent.get("resourceType") != "Consent" or R5 & set(consent) or isinstance(consent.get("provision"), list):
        row("P2")
        raise Unintelligible
    if {"implicitRules", "modifierExtension"} & set(consent) or of_consent(consent):
        row("P2")
        raise Unintelligible
    if consent.get("status") not in STATUSES or "scope" not in consent:
        row("P1")
        raise Unintelligible
    if len(instruments_of(codings(consent.get("category")))) > 1:
        row("P2")
        raise Unintelligible
    provision = consent.get("provision", {})
    if not isinstance(provision, dict):
        raise Unintelligible
    if "provision" not in consent:
        row("P1")
    kind = root_kind(consent)
    claimed = [one.split("|")[0] for one in consent.get("meta", {}).get("profile", [])]
    root = node_of(provision, kind, additive=PCF in claimed)
    if kind == DENY:
        return [root]
    denies = [one for one in root.children if one.kind == DENY]
    roots = [Node(PERMIT, root.criteria, denies)]
    for child in root.children:
        if child.kind == PERMIT:
            row("P4")
            kept = {name: value for name, value in root.criteria.items() if name not in child.criteria}
            if "period" in root.criteria:
                kept["period"] = root.criteria["period"]
            both_periods = [*kept.get("period", []), *child.criteria.get("period", [])]
            criteria = {**kept, **child.criteria, **({"period": both_periods} if both_periods else {})}
            roots.append(Node(PERMIT, criteria, [*child.children, *denies]))
    return roots


class Consent:
    """A Consent as it was written, read once; ``about`` tells whether it is a given patient's."""

    def __init__(self, json, world):
        self.json = json if isinstance(json, dict) else {}
        self.world = world
        self.source = f"Consent/{self.json['id']}" if isinstance(self.json.get("id"), str) else "Consent"
        self.status = self.json.get("status")
        contained = self.json.get("contained")
        self.contained = {
            one["id"]: one
            for one in (contained if isinstance(contained, list) else [])
            if isinstance(one, dict) and isinstance(one.get("id"), str)
        }
        self.instrument = min(instruments_of(self.pairs("category")), default="")
        self.typed = (ACT, "42CFRPart2CD") in self.pairs("category") | self.pairs("policyRule")
        try:
            self.roots, self.capped = roots_of(self.json), False
        except Unintelligible:
            self.roots, self.capped = self.blocking(), True

    def pairs(self, name):
        try:
            return codings(self.json.get(name))
        except (AttributeError, TypeError):
            return set()

    def blocking(self):
        """A capped consent: a deny wherever its root guard, read as a deny, is not False.

        The guard of what was no deny keeps to what cannot have left open what its exceptions closed.
        """
        provision = self.json.get("provision")
        provision = provision if isinstance(provision, dict) else {}
        guard = criteria_of(DENY, provision, strict=False)
        if provision.get("type") != "deny":
            listed = provision.get("securityLabel")
            levels = [one.get("system") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
            if LEVEL in levels:
                guard.pop("securityLabel", None)
            if self.widens():
                guard = {name: value for name, value in guard.items() if name == "period"}
        return [Node(DENY, {**guard, "shape": [UNKNOWN]}, [])]

    def widens(self):
        """Whether it claims that a permit inside a permit widens it."""
        meta = self.json.get("meta")
        claimed = meta.get("profile") if isinstance(meta, dict) else None
        claimed = claimed if isinstance(claimed, list) else [claimed]
        return any(isinstance(one, str) and one.split("|")[0] == PCF for one in claimed)

    def scope(self):
        """Whether it is a privacy consent."""
        if self.json.get("scope") is None:
            row("P1")
            return True  # it is capped already
        codes = {code for system, code in self.pairs("scope") if system == SCOPE}
        if "patient-privacy" not in codes:
            row("P1")
        return True if "patient-privacy" in codes else False if codes else None

    def about(self, patient):
        """Whose it is: this patient's (True), somebody else's (False), or it may be either (None)."""
        reference = self.json.get("patient")
        key = resolved(reference, self.contained) if isinstance(reference, dict) else None
        if key == patient:
            return True
        if key and not kind_of(key):
            row("P1")
            carrier = self.world.carrier(key, "Patient")
            if carrier is not None:
                return carrier == patient
            key = None
        if key is None or kind_of(key) != "Patient":
            row("P1", "23")
            return None
        return None if same(key, patient) is None else False

    def signed(self, zone):
        try:
            return span(self.json["dateTime"], zone)
        except (KeyError, ValueError, TypeError):
            return None


class InForce:
    """Which of one patient's consents count, and what is uncertain about it.

    ``theirs`` are (consent, whose) pairs, ``whose`` as `Consent.about` tells it.
    """

    def __init__(self, theirs, world, zone):
        self.theirs, self.zone = theirs, zone
        self.edges = {}
        self.unseen = set()
        for new in range(len(theirs)):
            for old in range(len(theirs)):
                if new != old:
                    self.by_date(new, old)
        sources = {consent.source for consent, _ in theirs}
        for provenance in world.provenances():
            self.by_revision(provenance, sources)

    def may_supersede(self, new, old):
        one, other = self.theirs[new], self.theirs[old]
        return one[1] is True and other[1] is True and one[0].status in ("active", "inactive")

    def by_date(self, new, old):
        if not self.may_supersede(new, old):
            return
        one, other = self.theirs[new][0], self.theirs[old][0]
        shared = either(either_has(one.json, other.json))
        if shared is False:
            return
        row("22", "P13")
        later, earlier = one.signed(self.zone), other.signed(self.zone)
        if later and earlier and earlier[1] <= later[0]:
            self.note(new, old, shared)

    def by_revision(self, provenance, sources):
        clear = not {"modifierExtension", "implicitRules"} & set(provenance)
        for target in provenance["target"]:
            for entity in provenance.get("entity", []):
                new, old = literal(target.get("reference")), literal(entity["what"].get("reference"))
                if entity["role"] != "revision" or not new or not old:
                    continue
                for at, (consent, _) in enumerate(self.theirs):
                    if consent.source == old:
                        self.revise(new, at, sources, True if clear else None)

    def revise(self, new, old, sources, truth):
        row("22", "P13")
        if new not in sources:
            self.unseen.add((new, old))
        for at, (consent, _) in enumerate(self.theirs):
            if consent.source == new != self.theirs[old][0].source and self.may_supersede(at, old):
                self.note(at, old, truth)

    def note(self, new, old, truth):
        self.edges[new, old] = self.edges.get((new, old)) or truth

    def reaches(self, start, goal):
        seen = {start}
        for _ in self.theirs:
            seen |= {old for new, old in self.edges if new in seen}
        return goal in seen

    def superseded(self, index, strangers):
        """Whether another consent replaces it; ``strangers`` are the consents at hand that are not this patient's."""
        truths = []
        for (new, old), truth in self.edges.items():
            if old == index and not self.reaches(old, new):
                truths.append(truth)
        truths += [None for new, old in self.unseen if old == index and new not in strangers]
        return either(truths)

    def counted(self, strangers):
        """(consent, whether it certainly counts, place) for every consent that may count."""
        for index, (consent, _) in enumerate(self.theirs):
            replaced, scope = self.superseded(index, strangers), consent.scope()
            if consent.status in STATUSES and consent.status != "active":
                row("P1")
            elif replaced is not True and scope is not False:
                yield consent, replaced is False and scope is True


def either_has(new, old):
    """Truths of "the same identifier"; one without a system may or may not be the same."""
    for one in identifiers(new):
        for other in identifiers(old):
            if one == other:
                yield True if one[0] else None


def identifiers(consent):
    value = consent.get("identifier")
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict) and isinstance(one.get("value"), str) and one["value"]:
            system = one.get("system", "")
            yield (system if isinstance(system, str) else "", one["value"])
