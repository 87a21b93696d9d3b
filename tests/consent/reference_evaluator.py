"""A slow, obvious evaluator of one case line, written from the rules and not from the code.

Every criterion is True, False or None (unknown). A consent is run once for every assignment of its unknown
criteria, by brute force. Nothing is shared with `adapter.consent` but JSON.
"""

import itertools

from reference_criteria import (
    ACT,
    DENY,
    NA,
    PCF,
    PERMIT,
    STATUSES,
    Request,
    action_truth,
    actor_truth,
    all_codes,
    both,
    class_truth,
    code_truth,
    data_period_truth,
    data_truth,
    label_facts,
    label_truth,
    period_span,
    purpose_truth,
    references_in,
    span,
)

INSTRUMENT = "https://sallyport.example/fhir/CodeSystem/consent-instrument"

# -- provisions ------------------------------------------------------------------------------------

KNOWN = {
    "type",
    "period",
    "actor",
    "action",
    "securityLabel",
    "purpose",
    "class",
    "code",
    "dataPeriod",
    "data",
    "provision",
}


class Unintelligible(Exception):
    pass


def guard(kind, provision, request, resource):  # noqa: C901, PLR0912  # one line for each element
    """Every criterion of one provision by element name."""
    found = {}
    for name, value in provision.items():
        match name:
            case "period":
                low, high = period_span(value, request.zone)
                found[name] = low <= request.at < high
            case "purpose":
                found[name] = purpose_truth(kind, value, request)
            case "actor":
                found[name] = actor_truth(value, request)
            case "action":
                found[name] = action_truth(value, request)
            case "securityLabel":
                found[name] = label_truth(kind, value, request, resource)
            case "class":
                found[name] = class_truth(value, resource)
            case "code":
                found[name] = code_truth(kind, value, resource)
            case "dataPeriod":
                found[name] = data_period_truth(kind, value, request, resource)
            case "data":
                found[name] = data_truth(kind, value, request, resource)
            case "type" | "provision":
                pass
            case "extension":
                if kind == PERMIT:
                    found[name] = None
            case _:
                found[name] = None
    return found


def tree(provision, kind, request, resource, *, additive=False):
    children = []
    for child in provision.get("provision", []):
        word = child.get("type")
        if (word is None and kind == DENY) or word not in (None, "permit", "deny"):
            raise Unintelligible
        inner = PERMIT if word == "permit" else DENY
        if inner == kind == PERMIT and not additive:
            raise Unintelligible
        children.append(tree(child, inner, request, resource))
    return {"kind": kind, "criteria": guard(kind, provision, request, resource), "children": children}


def roots_of(consent, request, resource):
    provision = consent.get("provision")
    said = {
        {"OPTIN": PERMIT, "OPTOUT": DENY}[one["code"]]
        for one in consent.get("policyRule", {}).get("coding", [])
        if one["code"] in ("OPTIN", "OPTOUT")
    }
    word = (provision or {}).get("type")
    if word not in (None, "permit", "deny") or (word is None and len(said) != 1):
        raise Unintelligible
    kind = said.pop() if word is None else PERMIT if word == "permit" else DENY
    if said - {kind}:
        raise Unintelligible
    additive = PCF in consent.get("meta", {}).get("profile", [])
    root = tree(provision or {}, kind, request, resource, additive=additive)
    if kind == DENY:
        return [root]
    denies = [child for child in root["children"] if child["kind"] == DENY]
    roots = [{**root, "children": denies}]
    for child in root["children"]:
        if child["kind"] == PERMIT:
            kept = {name: truth for name, truth in root["criteria"].items() if name not in child["criteria"]}
            if "period" in root["criteria"]:
                kept["period of the root"] = root["criteria"]["period"]
            criteria = {**kept, **child["criteria"]}
            roots.append({"kind": PERMIT, "criteria": criteria, "children": [*child["children"], *denies]})
    return roots


def places(nodes, path=()):
    """Every criterion of a forest that is unknown, by where it stands."""
    for index, node in enumerate(nodes):
        for name, truth in node["criteria"].items():
            if truth is None:
                yield (*path, index, name)
        yield from places(node["children"], (*path, index))


def run(node, path, assigned, *, named, fired):
    """One outcome of a provision when every criterion has a value; notes the permits that hold."""
    criteria = node["criteria"]
    if not all(assigned.get((*path, name), truth) for name, truth in criteria.items()):
        return NA
    named = named or criteria.get("actor") is True
    below = [
        run(child, (*path, index), assigned, named=named, fired=fired) for index, child in enumerate(node["children"])
    ]
    if DENY in below:
        return DENY
    if PERMIT in below:
        return PERMIT
    if node["kind"] == PERMIT:
        fired.append(named)
    return node["kind"]


def verdict(roots):
    """The verdict of one consent over every assignment, and whether it always permits by name."""
    unknown = list(places(roots))
    seen, by_name = set(), True
    for values in itertools.product((True, False), repeat=len(unknown)):
        assigned = dict(zip(unknown, values, strict=True))
        fired = []
        outcomes = [run(root, (index,), assigned, named=False, fired=fired) for index, root in enumerate(roots)]
        seen.add(DENY if DENY in outcomes else PERMIT if PERMIT in outcomes else NA)
        by_name = by_name and any(fired)
    if DENY in seen:
        return DENY, False
    return (PERMIT, by_name) if seen == {PERMIT} else (NA, False)


# -- consents --------------------------------------------------------------------------------------


def later(new, old, request):
    if "dateTime" not in new or "dateTime" not in old:
        return False
    return span(old["dateTime"], request.zone)[1] <= span(new["dateTime"], request.zone)[0]


def shared(new, old):
    def pairs(consent):
        return {(one["system"], one["value"]) for one in consent.get("identifier", [])}

    return bool(pairs(new) & pairs(old))


def replaced(consents, request):
    """The indices of consents that another one replaces."""
    edges = set()
    for (i, new), (j, old) in itertools.permutations(enumerate(consents), 2):
        fits = new["status"] in ("active", "inactive") and new["patient"] == old["patient"] and new["id"] != old["id"]
        if not fits:
            continue
        if shared(new, old) and later(new, old, request):
            edges.add((i, j))
        for provenance in request.provenances:
            targets = [one["reference"] for one in provenance["target"]]
            olds = [one["what"]["reference"] for one in provenance["entity"] if one["role"] == "revision"]
            if f"Consent/{new['id']}" in targets and f"Consent/{old['id']}" in olds:
                edges.add((i, j))
    reach = set(edges)
    for _ in consents:
        reach |= {(a, d) for a, b in reach for c, d in reach if b == c}
    return {j for i, j in edges if (j, i) not in reach}


def instruments(consent):
    """The kinds of paper it says it is."""
    return {code for system, code in all_codes(consent["category"]) if system == INSTRUMENT}


def intelligible(consent):
    if len(instruments(consent)) > 1:
        raise Unintelligible
    if consent["status"] not in STATUSES or "modifierExtension" in consent or "implicitRules" in consent:
        raise Unintelligible
    return consent


def weigh(consent, request, resource):
    """The verdict of one consent in force, whether it permits by name, and its kind; a capped one is of every kind."""
    try:
        outcome, by_name = verdict(roots_of(intelligible(consent), request, resource))
        return outcome, by_name, "".join(instruments(consent))
    except Unintelligible:
        root = guard(DENY, consent.get("provision") or {}, request, resource)
        return (NA if both(root.values()) is False else DENY), False, ""


def together(said, kind, part2):
    """Whether a consent of this kind permits and none that is weighed against it denies; for Part 2 one names it."""
    against = [outcome for outcome, _, one in said if "" in (kind, one) or one == kind]
    same = [(outcome, by_part2) for outcome, by_part2, one in said if one == kind]
    if DENY in against or PERMIT not in [outcome for outcome, _ in same]:
        return False
    return not part2 or any(by_part2 for _, by_part2 in same)


def is_typed(consent):
    pairs = {*all_codes(consent["category"]), *all_codes(consent.get("policyRule", {}))}
    return (ACT, "42CFRPart2CD") in pairs


def decide(line):
    """PERMIT or DENY for one case line."""
    request, resource = Request(line), line["resource"]
    patients = {one for one in references_in(resource) if one.startswith("Patient/")}
    part2 = "42CFRPart2" in label_facts(resource)[2] or not request.labelled
    for patient in patients:
        theirs = [one for one in line["consents"] if one["patient"]["reference"] == patient]
        gone = replaced(theirs, request)
        said = []
        for index, consent in enumerate(theirs):
            scope = {one["code"] for one in consent["scope"]["coding"]}
            if index in gone or consent["status"] not in ("active", "unheard-of") or "patient-privacy" not in scope:
                continue
            outcome, by_name, kind = weigh(consent, request, resource)
            said.append((outcome, outcome == PERMIT and by_name and is_typed(consent), kind))
        if not any(together(said, kind, part2) for kind in {kind for _, _, kind in said}):
            return DENY
    return PERMIT if patients else DENY
