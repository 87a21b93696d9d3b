"""What a resource is, whom it names, and the criteria of a provision that ask about it, for the slow evaluator."""

from reference_request import Circle, resolved
from reference_terms import (
    ACT,
    CONTENT,
    DENY,
    ICD,
    LEVEL,
    LEVELS,
    PERMIT,
    POLICIES,
    REACHES,
    REASON,
    RESTRICTED,
    SENSITIVE,
    SENSITIVITY_PARENT,
    TYPES,
    URI,
    VALUE,
    VERY,
    both,
    codings,
    either,
    many,
    objects,
    period_span,
    row,
    span,
)
from reference_world import identifiers_of, key_of, kind_of, own_key, references_in, same

DATES = {
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued"),
    "Condition": ("onsetDateTime", "onsetPeriod", "recordedDate"),
    "Encounter": ("period",),
    "MedicationRequest": ("authoredOn",),
    "DocumentReference": ("date",),
    "Appointment": ("start",),
    "Communication": ("sent", "received"),
    "ServiceRequest": ("occurrenceDateTime", "occurrencePeriod", "authoredOn"),
}
PRIMARY = {
    "MedicationRequest": "medicationCodeableConcept",
    "Encounter": "type",
    "DocumentReference": "type",
    "Appointment": "serviceType",
}
SUBJECTS = ("patient", "subject", "beneficiary", "for")
STAFF = ("Practitioner", "PractitionerRole", "Device", "Medication", "Substance")
UNREADABLE = (None, None)


class Labels:
    """The labels of a resource: what is certain, and what they may stand for besides."""

    def __init__(self, pairs):
        known = {(system, code) for system, code in pairs if system == LEVEL and code in LEVELS}
        self.codes = {code for system, code in pairs if system == ACT and code in SENSITIVE}
        self.marks = {
            (system, code)
            for system, code in pairs
            if system in (REASON, VALUE) or (system == ACT and code in POLICIES)
        }
        self.strange = any(
            system != LEVEL and (system, code) not in self.marks and (system != ACT or code not in SENSITIVE)
            for system, code in pairs
        )
        self.nameless = any(not system for system, _ in pairs)
        stated = [LEVELS.index(code) for _, code in known]
        odd_level = any(system == LEVEL and code not in LEVELS for system, code in pairs)
        self.low = max(stated, default=0 if odd_level else LEVELS.index("N"))
        if self.codes:
            self.low = max(self.low, RESTRICTED)
        self.several = len(stated) > 1 or odd_level or bool(self.codes)
        self.high = VERY if odd_level or self.nameless else self.low
        self.part2 = True if (ACT, "42CFRPart2") in self.marks else None if self.nameless else False

    def worlds(self, listed):
        """Every (level, sensitivities) the labels may mean; an unknown one may be any sensitivity or none."""
        for level in range(self.low, self.high + 1):
            yield level, self.codes
        if self.strange:
            for extra in [*listed, "unheard of"]:
                for level in range(max(self.low, RESTRICTED), max(self.high, RESTRICTED) + 1):
                    yield level, {*self.codes, extra}


def label_of(coding):
    if not isinstance(coding, dict) or not isinstance(coding.get("code"), str) or not coding["code"]:
        return UNREADABLE
    system = coding.get("system", "")
    return (system, coding["code"]) if isinstance(system, str) else UNREADABLE


def stated_labels(resource):
    found = set()
    for one in [resource, *resource.get("contained", [])]:
        security = one.get("meta", {}).get("security")
        if security is None:
            continue
        found |= {label_of(coding) for coding in security} if isinstance(security, list) and security else {UNREADABLE}
    return found


def all_codes(node):
    for one in objects(node):
        if isinstance(one.get("system"), str) and isinstance(one.get("code"), str):
            yield one["system"], one["code"]


def content_of(system, code):
    if system == ICD:
        return "SUD" if code.startswith("F1") else "MH" if code[:2] in ("F2", "F3", "F4") else None
    return CONTENT.get((system, code))


class Resource:
    def __init__(self, resource, world):
        self.json, self.world = resource, world
        self.kind = resource["resourceType"]
        self.key = own_key(resource)
        self.met = set()
        self.patients, self.lost = self.whom()
        pairs = stated_labels(resource)
        self.bare = not pairs
        if not pairs:
            revealed = {content_of(*pair) for pair in all_codes(resource)} - {None}
            pairs = {(ACT, code) for code in revealed} | {(LEVEL, "R") for _ in revealed}
        self.labels = Labels(pairs)

    def whom(self):  # noqa: C901  # one line for each way to name a patient
        """The patients named, and whether somebody is named whom nobody can identify."""
        found, lost = set(), False
        if self.kind == "Patient":
            found |= {self.key} - {None}
            lost = self.key is None
        if self.kind == "Group":
            lost = self.group(self.json, found)
        for one in objects(self.json):
            key = key_of({"reference": one["reference"]}) if "reference" in one else None
            if key and kind_of(key) == "Patient":
                found.add(key)
            elif key and kind_of(key) == "Group":
                group = self.world.get(key)
                lost = True if group is None else self.group(group, found) or lost
            subjects = [each for name in SUBJECTS if name in one for each in many(one[name])]
            if one.get("type") == "Patient" and "reference" not in one:
                subjects.append(one)
            for subject in subjects:
                if not isinstance(subject, dict):
                    self.met.add("23")
                    lost = True
                elif key_of({"reference": subject.get("reference")}) is None:
                    self.met.add("23")
                    key = key_of(subject)
                    carrier = self.world.carrier(key, "Patient") if key else None
                    found |= {carrier} - {None}
                    lost = lost or carrier is None
        if len(found) > 1 or lost:
            self.met.add("23")
        return found, lost or not found or self.kind in ("Bundle", "Parameters", "Binary")

    @staticmethod
    def group(group, found):
        members = [key_of(one.get("entity")) for one in group.get("member", [])]
        found |= {one for one in members if one and kind_of(one) == "Patient"}
        rest = [one for one in members if not one or kind_of(one) != "Patient"]
        return not members or any(one is None or kind_of(one) not in STAFF for one in rest)

    def truth(self, kind, element, value, contained, *, labelled=True):
        match element:
            case "securityLabel":
                return self.security(kind, value, labelled)
            case "class":
                return either(map(self.is_of_class, value))
            case "code":
                return self.coded(kind, value)
            case "dataPeriod":
                return None  # asked with a zone, by `dated`
        return either(self.concerns(kind, one.get("meaning"), one.get("reference"), contained) for one in value)

    # -- labels ------------------------------------------------------------------------------------

    def security(self, kind, listed, labelled):
        if not labelled:
            row("15", "P10")
            return None
        row(*["14"] * (len(self.labels.codes) > 1), *["15"] * self.bare, *["P8"] * self.labels.several)
        pairs = {label_of(one) for one in listed}
        codes = {code for system, code in pairs if system == ACT and code in SENSITIVE}
        levels = [LEVELS.index(code) for system, code in pairs if system == LEVEL and code in LEVELS]
        marks = {one for one in pairs if one[0] in (REASON, VALUE) or (one[0] == ACT and one[1] in POLICIES)}
        odd = len(codes) + len(levels) + len(marks) < len(pairs)
        denied = kind == DENY
        truth = self.denied_label(codes, levels, marks) if denied else self.permitted_label(codes, levels)
        return None if odd and not truth else truth

    def denied_label(self, codes, levels, marks):
        labels, truths = self.labels, [bool(marks & self.labels.marks)]
        for code in codes:
            wide = REACHES.get(code, {code}) | {code}
            if wide & labels.codes:
                row(*["13"] * (code not in labels.codes), *["P9"] * (code == "MH" and "MH" not in labels.codes))
                truths.append(True)
            if any(code in REACHES.get(one, {one}) for one in labels.codes):
                row("P9")
                truths.append(None)
        highest = max(labels.high, RESTRICTED) if labels.strange else labels.high
        for level in levels:
            row("12")
            truths.append(True if labels.low >= level else None if highest >= level else False)
        return either([*truths, None if labels.strange else False])

    def permitted_label(self, codes, levels):
        top = max(levels, default=-1)

        def covered(level, sensitivities):
            row(*["12"] * (0 <= level < top), *["P8"] * (level == VERY))
            if top >= level:
                return True
            listed = [any(one in codes for one in up(code)) for code in sensitivities]
            return bool(listed) and all(listed) and level <= RESTRICTED

        found = {covered(*one) for one in self.labels.worlds(codes)}
        return None if len(found) > 1 else found.pop()

    # -- class, code, dates ------------------------------------------------------------------------

    def is_of_class(self, listed):
        row("16")
        system, code = listed.get("system"), listed.get("code")
        if not system or not code:
            return None
        if system == TYPES:
            return None if code in ("Resource", "DomainResource") else code == self.kind
        if system != URI and not system.endswith("/StructureDefinition"):
            return None
        wanted = code if system == URI or "://" in code else f"{system}/{code}"
        claimed = self.json.get("meta", {}).get("profile", [])
        if wanted in claimed or any(one.startswith(wanted + "|") for one in claimed):
            return True
        return None if any(one.split("|")[0] == wanted.split("|")[0] for one in claimed) else False

    def primary(self):
        concepts = many(self.json.get(PRIMARY.get(self.kind, "code")))
        if "medicationReference" in self.json:
            medicine = self.world.get(key_of(self.json["medicationReference"]) or "")
            concepts += many((medicine or {}).get("code"))
        return codings(concepts)

    def coded(self, kind, concepts):
        row("17")
        wanted = codings(concepts)
        bare = any(
            not one.get("coding") or any(not (each.get("system") and each.get("code")) for each in one["coding"])
            for one in concepts
        )
        if kind == DENY and wanted & set(all_codes(self.json)):
            return True
        loose = {one["code"] for one in objects(self.json) if isinstance(one.get("code"), str) and "system" not in one}
        if kind == DENY and any(code in loose for _, code in wanted):
            return None
        if self.kind == "Patient":
            return None if bare else False
        if not self.primary():
            return None
        return True if wanted & self.primary() else None if bare else False

    def dated(self, kind, period, zone):
        row("18")
        found = period_span(period, zone)
        if found is None:
            return None
        clinical = self.clinical(zone)
        if kind == PERMIT:
            return None if clinical is None else found[0] <= clinical[0] and clinical[1] <= found[1]
        spans = [clinical]
        if "lastUpdated" in self.json.get("meta", {}):
            row("P11")
            spans.append(readable(self.json["meta"]["lastUpdated"], zone))
        return either(None if one is None else one[0] < found[1] and found[0] < one[1] for one in spans)

    def clinical(self, zone):
        if "effectiveTiming" in self.json or "occurrenceTiming" in self.json:
            row("P11")
            return None
        stated = [self.json[element] for element in DATES.get(self.kind, ()) if element in self.json]
        return readable(stated[0], zone) if stated else None

    # -- data --------------------------------------------------------------------------------------

    def concerns(self, kind, meaning, reference, contained):
        row("21")
        target = resolved(reference, contained) if isinstance(reference, dict) else None
        if target is None or meaning not in ("instance", "related", "dependents", "authoredby"):
            return None
        if meaning == "authoredby":
            return self.authored(kind, target)
        names = {self.key, *identifiers_of(self.json)} if self.key else set()
        itself = either([*(same(one, target) for one in names), False if self.key else None])
        if meaning == "instance" or itself is True:
            return itself
        there = self.world.get(target)
        forwards = either(same(one, name) for one in references_in(self.json) for name in self.names(target))
        if there is None:
            row("P12")
            forwards = True if forwards else None
        if there is None or self.key is None:
            backwards = None
        else:
            backwards = either(same(one, name) for one in references_in(there) for name in names)
        belongs = self.belongs(target)
        if kind == DENY:
            return either([itself, forwards, backwards, belongs])
        return either([itself, forwards] if meaning == "dependents" else [itself, backwards, belongs])

    def names(self, target):
        there = self.world.get(target)
        return {target, *(identifiers_of(there) if there else ())}

    def belongs(self, target):
        """Whether it says itself that it belongs to an encounter, an episode of care or a care plan."""
        match kind_of(target):
            case "Encounter":
                return among(self.json.get("encounter"), target)
            case "CarePlan":
                row("P12")
                return among(self.json.get("basedOn"), target)
            case "EpisodeOfCare" if "encounter" in self.json:
                row("P12")
                visit = self.world.get(key_of(self.json["encounter"]) or "")
                return None if visit is None else among(visit.get("episodeOfCare"), target)
        return False

    def authored(self, kind, target):
        references = []
        for element in ("performer", "author", "recorder", "asserter"):
            references += [one.get("actor", one) for one in many(self.json.get(element))]
        for provenance in self.world.provenances():
            if self.key and self.key in [key_of(one) for one in provenance["target"]]:
                row("P12")
                references += [one.get("who") for one in provenance.get("agent", [])]
        authors = [key_of(one) for one in references]
        if not authors:
            row("P12")
            return None
        if len(authors) > 1:
            row("P12")
        if kind == PERMIT:
            return both(self.is_author(one, target) for one in authors)
        return either(None if one is None else self.belongs_to(one, target) for one in authors)

    @staticmethod
    def is_author(author, target):
        if author == target:
            return True
        if author is None or not kind_of(author) or not kind_of(target):
            return None
        return same(author, target)

    def belongs_to(self, author, target):
        if author.startswith("="):
            return True if author == target else None
        return Circle([author], self.world).is_named(target)


def up(code):
    chain = [code]
    while chain[-1] in SENSITIVITY_PARENT:
        chain.append(SENSITIVITY_PARENT[chain[-1]])
    return chain


def among(references, target):
    keys = [key_of(one) for one in many(references)]
    return either(None if one is None or not kind_of(one) else same(one, target) for one in keys)


def readable(value, zone):
    """A date or a Period as (low, high), None where it says nothing or cannot be read."""
    try:
        if isinstance(value, str):
            return span(value, zone)
        if not isinstance(value, dict) or not (value.get("start") or value.get("end")):
            return None
        return period_span(value, zone)
    except (ValueError, TypeError):
        return None
