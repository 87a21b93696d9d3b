"""Changes to a case that may never release more than before.

Each takes a source of randomness and a case line and changes the line in place.
"""

import copy

from consent_builders import consent
from consent_strategies import by_seed


def provisions(line):
    pending = [one["provision"] for one in line["consents"] if isinstance(one.get("provision"), dict)]
    while pending:
        provision = pending.pop()
        yield provision
        inside = provision.get("provision")
        pending += [one for one in inside if isinstance(one, dict)] if isinstance(inside, list) else []


def objects(value):
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from objects(part)
    elif isinstance(value, list):
        for part in value:
            yield from objects(part)


def is_open(provision):
    """Whether it can take one more exception; one with a broken list of them is capped and would be mended by it."""
    inside = provision.get("provision", "none")
    return inside == "none" or (isinstance(inside, list) and bool(inside))


def add_deny(rng, line):
    """A deny on its own, or as one more exception of any provision."""
    made = by_seed(rng.random()).provision(("deny",), 3)
    made["type"] = "deny"
    parents = [one for one in provisions(line) if is_open(one)]
    if parents and rng.random() < 0.7:
        rng.choice(parents).setdefault("provision", []).append(made)
    else:
        line["consents"].append(consent(made, id="added"))


def leaves(line):
    """Permits with no deny below them, each with the provisions beside it.

    One inside a permit is left alone: it is added to the permit around it and what it states replaces what that says.
    """
    for one in line["consents"]:
        root = one.get("provision")
        if isinstance(root, dict) and root.get("type") == "permit" and "provision" not in root:
            yield root, []
    for parent in provisions(line):
        inside = parent.get("provision")
        if parent.get("type") == "deny" and isinstance(inside, list):
            for child in inside:
                if isinstance(child, dict) and child.get("type") == "permit" and "provision" not in child:
                    yield child, inside


def narrow_permit(rng, line):
    """One more criterion on a permit.

    Not the actor: to name the recipient of a Part 2 record is no narrowing, it is what the law asks for.
    """
    maker = by_seed(rng.random())
    permits = [permit for permit, _ in leaves(line)]
    if permits:
        name = rng.choice(["period", "purpose", "class", "code", "dataPeriod", "data", "securityLabel"])
        rng.choice(permits).setdefault(name, maker.element(name))


def remove_permit(rng, line):
    """One permit less, where other provisions stay beside it."""
    removable = [(permit, beside) for permit, beside in leaves(line) if len(beside) > 1]
    if removable:
        permit, beside = rng.choice(removable)
        beside.remove(permit)


def lose_labeller(rng, line):
    line["labeller"] = "unavailable"


def inject(rng, line):
    """An unknown element anywhere in the consents."""
    places = [one for one in objects(line["consents"]) if one]
    rng.choice(places)["unheardOf"] = rng.choice(["x", 1, {"a": [1]}])


def name_another(rng, line):
    """The resource names one more patient, who has no consent."""
    line["resource"]["note"] = [{"authorReference": {"reference": "Patient/stranger"}}]


def reorder(rng, line):
    """Consents and provisions in another order, and one said twice: changes nothing at all."""
    line["consents"] += copy.deepcopy(rng.sample(line["consents"], 1))
    inside = [one["provision"] for one in provisions(line) if isinstance(one.get("provision"), list)]
    for many in (line["consents"], line["context"], *inside):
        rng.shuffle(many)


NEVER_MORE = [add_deny, narrow_permit, remove_permit, lose_labeller, inject, name_another]
OF_CONSENTS = [add_deny, narrow_permit, remove_permit, inject, reorder]
"""Those that leave the request and the resource as they are."""
