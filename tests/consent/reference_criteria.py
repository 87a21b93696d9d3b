"""The criteria of the slow evaluator, each from raw JSON to True, False or None (unknown).

Nothing is shared with `adapter.consent` but JSON.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

V3 = "http://terminology.hl7.org/CodeSystem/"
ACT, REASON, LEVEL = V3 + "v3-ActCode", V3 + "v3-ActReason", V3 + "v3-Confidentiality"
PCF = "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentAdvanced"
NA, PERMIT, DENY = "NA", "PERMIT", "DENY"
LEVELS = "ULMNRV"
STATUSES = ("draft", "proposed", "active", "rejected", "inactive", "entered-in-error")

PURPOSE_PARENT = {
    "HMARKT": "PurposeOfUse",
    "HOPERAT": "PurposeOfUse",
    "HLEGAL": "HOPERAT",
    "TREAT": "PurposeOfUse",
    "ETREAT": "TREAT",
    "COC": "TREAT",
    "BTG": "ETREAT",
    "ERTREAT": "ETREAT",
}
STRICT_PARENT = {
    "BH": "SPI",
    "MH": "SPI",
    "PSY": "SPI",
    "PSYTHPN": "SPI",
    "SUD": "SPI",
    "ETHUD": "SUD",
    "OPIOIDUD": "SUD",
    "COGN": "BH",
}
SENSITIVE = {*STRICT_PARENT, "SPI", "ETH", "SEX", "DIA", "SDV"}
# what a deny of the first word also reaches
REACHES = {
    "SPI": SENSITIVE - {"SEX", "DIA", "SDV"},
    "BH": {"BH", "COGN", "MH", "PSY", "PSYTHPN", "SUD", "ETHUD", "OPIOIDUD", "ETH"},
    "MH": {"MH", "PSY", "PSYTHPN"},
    "SUD": {"SUD", "ETHUD", "OPIOIDUD", "ETH"},
    "ETH": {"SUD", "ETHUD", "OPIOIDUD", "ETH"},
}
POLICIES = {"42CFRPart2", "NORDSCLCD", "PERSISTLABEL"}
RECIPIENTS = {(V3 + "v3-ParticipationType", "IRCP"), (V3 + "v3-RoleCode", "GRANTEE")}


def either(truths):
    truths = list(truths)
    return True if True in truths else None if None in truths else False


def both(truths):
    truths = list(truths)
    return False if False in truths else None if None in truths else True


# -- dates -----------------------------------------------------------------------------------------


def span(text, zone):
    """The first instant of a date and the first one after it, as aware datetimes in UTC."""
    if "T" in text:
        start = datetime.fromisoformat(text)
        return start.astimezone(UTC), start.astimezone(UTC) + timedelta(seconds=1)
    parts = [int(part) for part in text.split("-")]
    start = datetime(*([*parts, 1, 1])[:3], tzinfo=zone)
    if len(parts) == 3:
        stop = start + timedelta(days=1)
    elif len(parts) == 2:
        stop = datetime(parts[0] + parts[1] // 12, parts[1] % 12 + 1, 1, tzinfo=zone)
    else:
        stop = datetime(parts[0] + 1, 1, 1, tzinfo=zone)
    return start.astimezone(UTC), stop.astimezone(UTC)


def period_span(period, zone):
    low = span(period["start"], zone)[0] if "start" in period else datetime(1, 1, 1, tzinfo=UTC)
    high = span(period["end"], zone)[1] if "end" in period else datetime(9999, 1, 1, tzinfo=UTC)
    return low, high


# -- the request -----------------------------------------------------------------------------------


class Request:
    def __init__(self, line):
        request = line["request"]
        self.zone = ZoneInfo(request["timezone"])
        self.at = datetime.fromisoformat(request["at"]).astimezone(UTC)
        self.purposes = {(one["system"], one["code"]) for one in request["purposes"]}
        self.action = request["action"]
        self.context = {f"{one['resourceType']}/{one.get('id')}": one for one in line["context"]}
        self.provenances = [one for one in line["context"] if one["resourceType"] == "Provenance"]
        self.members = set(request["actors"])
        self.blind = set()
        for _ in range(10):
            for actor in sorted(self.members):
                self.climb(actor)
            for key, group in self.context.items():
                if group["resourceType"] == "Group":
                    for member in group.get("member", []):
                        if not member.get("inactive") and member["entity"]["reference"] in self.members:
                            self.members.add(key)
        self.labelled = line.get("labeller", "on") == "on"

    def climb(self, actor):
        kind = actor.split("/")[0]
        resource = self.context.get(actor)
        if resource is None:
            self.blind |= {
                "Organization": {"Organization"},
                "PractitionerRole": {"Organization", "Practitioner"},
            }.get(kind, set())
            return
        for element in ("partOf", "organization", "practitioner"):
            if element in resource and resource.get("active", True):
                self.members.add(resource[element]["reference"])

    def is_named(self, reference):
        """Whether the requester is, or belongs to, what a consent names."""
        if reference in self.members:
            return True
        kind = reference.split("/")[0]
        if kind == "Group":
            group = self.context.get(reference)
            if group is None:
                return None
            kinds = {member["entity"]["reference"].split("/")[0] for member in group["member"]}
            return None if kinds & self.blind else False
        return None if kind in self.blind else False


# -- criteria --------------------------------------------------------------------------------------


def up(code, parents):
    chain = [code]
    while chain[-1] in parents:
        chain.append(parents[chain[-1]])
    return chain


def purpose_truth(kind, purposes, request):
    if not request.purposes:
        return None

    def covered(asked):
        system, code = asked
        for one in purposes:
            if (one["system"], one["code"]) == asked:
                return True
            explicit = kind == PERMIT and code in ("BTG", "HLEGAL")
            if one["system"] == system == REASON and one["code"] in up(code, PURPOSE_PARENT) and not explicit:
                return True
        return False

    return (all if kind == PERMIT else any)(covered(asked) for asked in request.purposes)


def actor_truth(actors, request):
    recipients, others = [], False
    for one in actors:
        codings = {(c["system"], c["code"]) for c in one.get("role", {}).get("coding", [])}
        if not codings:
            return None
        if codings & RECIPIENTS:
            recipients.append(request.is_named(one["reference"]["reference"]))
        else:
            others = True
    truths = [either(recipients)] if recipients else []
    return both([*truths, *([None] if others else [])])


def action_truth(actions, request):
    def matches(action):
        coding = action["coding"][0]
        if coding["system"] != V3 + "consentaction":
            return None
        known = coding["code"] in ("access", "use", "disclose", "collect", "correct")
        return coding["code"] in ("access", "use", "disclose") if known else None

    return either(matches(action) for action in actions)


def label_facts(resource):
    codings = [(one["system"], one["code"]) for one in resource.get("meta", {}).get("security", [])]
    sensitive = {code for system, code in codings if system == ACT and code in SENSITIVE}
    policies = {code for system, code in codings if system == ACT and code in POLICIES}
    levels = [LEVELS.index(code) for system, code in codings if system == LEVEL]
    strange = any(system != LEVEL and (system != ACT or code not in SENSITIVE | POLICIES) for system, code in codings)
    level = max(levels, default=LEVELS.index("N"))
    return (max(level, 4) if sensitive else level), sensitive, policies, strange


def label_truth(kind, labels, request, resource):
    if not request.labelled:
        return None
    level, sensitive, policies, strange = label_facts(resource)
    highest = max(level, 4) if strange else level
    codes = {one["code"] for one in labels if one["system"] == ACT}
    levels = [LEVELS.index(one["code"]) for one in labels if one["system"] == LEVEL]
    if kind == DENY:
        found = []
        for code in codes & SENSITIVE:
            reached = REACHES.get(code, {code})
            if sensitive & reached:
                found.append(True)
            if any(code in REACHES.get(one, {one}) for one in sensitive):
                found.append(None)
        found += [True for code in codes if code in policies]
        found += [True if level >= one else None if highest >= one else False for one in levels]
        return either([*found, None if strange else False])
    by_level = either(True if one >= highest else None if one >= level else False for one in levels)
    listed = all(any(one in codes for one in up(code, STRICT_PARENT)) for code in sensitive)
    some = bool(codes & SENSITIVE)
    if strange:
        by_code = None if listed and some and level <= 4 else False
    else:
        by_code = listed and bool(sensitive) and highest <= 4
    return either([by_level, by_code])


def class_truth(classes, resource):
    def matches(one):
        if one["system"] != "http://hl7.org/fhir/resource-types":
            return None
        return one["code"] == resource["resourceType"]

    return either(matches(one) for one in classes)


def all_codes(node):
    if isinstance(node, dict):
        if "system" in node and "code" in node:
            yield node["system"], node["code"]
        for value in node.values():
            yield from all_codes(value)
    elif isinstance(node, list):
        for value in node:
            yield from all_codes(value)


def code_truth(kind, concepts, resource):
    wanted = {pair for one in concepts for pair in all_codes(one)}
    bare = any(not one.get("coding") for one in concepts)
    primary = set(all_codes(resource.get("code", {})))
    if kind == DENY and wanted & set(all_codes(resource)):
        return True
    if not primary:
        return None
    if wanted & primary:
        return True
    return None if bare else False


def data_period_truth(kind, period, request, resource):
    low, high = period_span(period, request.zone)
    spans = []
    if "effectivePeriod" in resource:
        spans.append(period_span(resource["effectivePeriod"], request.zone))
    else:
        text = resource.get("effectiveDateTime", resource.get("issued"))
        spans.append(span(text, request.zone) if text else None)
    if kind == PERMIT:
        return None if spans[0] is None else low <= spans[0][0] and spans[0][1] <= high
    if "lastUpdated" in resource.get("meta", {}):
        spans.append(span(resource["meta"]["lastUpdated"], request.zone))
    return either(None if one is None else one[0] < high and low < one[1] for one in spans)


def references_in(node):
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for value in node.values():
            yield from references_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from references_in(value)


def data_truth(kind, entries, request, resource):
    me = f"{resource['resourceType']}/{resource['id']}"

    def matches(entry):
        meaning, target = entry["meaning"], entry["reference"]["reference"]
        if meaning == "authoredby":
            return authors_truth(kind, target, request, resource)
        if meaning not in ("instance", "related", "dependents"):
            return None
        if me == target or meaning == "instance":
            return me == target
        forwards = target in references_in(resource)
        there = request.context.get(target)
        backwards = None if there is None else me in references_in(there)
        encounter = resource.get("encounter", {}).get("reference") == target
        if kind == DENY:
            return either([forwards, backwards, encounter])
        return forwards if meaning == "dependents" else either([backwards, encounter])

    return either(matches(entry) for entry in entries)


def authors_truth(kind, target, request, resource):
    authors = [one["reference"] for one in resource.get("performer", [])]
    if not authors:
        return None
    if kind == PERMIT:
        return all(author == target for author in authors)
    return either(authored_by(author, target, request) for author in authors)


def authored_by(author, target, request):
    one = Request(
        {
            "request": {
                "timezone": "UTC",
                "at": "2000-01-01T00:00:00+00:00",
                "purposes": [],
                "action": "access",
                "actors": [author],
            },
            "context": list(request.context.values()),
        }
    )
    return one.is_named(target)
