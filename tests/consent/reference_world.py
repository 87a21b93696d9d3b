"""The resources that came with a request, and how one names another, for the slow evaluator."""

import re

from reference_terms import many, objects

LITERAL = re.compile(r"(https?://[^\s?#]+/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(/_history/[A-Za-z0-9.-]{1,64})?")


def literal(text):
    """``Type/id``, or the whole address where it is on another server; without a version."""
    match = LITERAL.fullmatch(text) if isinstance(text, str) else None
    return f"{match[1] or ''}{match[2]}/{match[3]}" if match else None


def by_identifier(identifier):
    if isinstance(identifier, dict) and identifier.get("system") and identifier.get("value"):
        return f"={identifier['system']}|{identifier['value']}"
    return None


def key_of(reference):
    """Whom a Reference names: its literal, else its identifier, else nobody anyone knows."""
    if not isinstance(reference, dict):
        return None
    if "reference" in reference:
        return literal(reference["reference"])
    return by_identifier(reference.get("identifier"))


def kind_of(key):
    """The type in a key; nothing for an identifier."""
    match = LITERAL.fullmatch(key)
    return match[2] if match else ""


def same(one, other):
    """Whether two keys name one resource; unknown where only the server differs."""
    if one == other:
        return True
    left, right = LITERAL.fullmatch(one), LITERAL.fullmatch(other)
    return None if left and right and left.group(2, 3) == right.group(2, 3) else False


def identifiers_of(resource):
    return {key for key in map(by_identifier, many(resource.get("identifier"))) if key}


def own_key(resource):
    kind, identity = resource.get("resourceType"), resource.get("id")
    return literal(f"{kind}/{identity}") if isinstance(kind, str) and isinstance(identity, str) else None


def references_in(node):
    """The keys of everything a resource refers to."""
    found = (key_of(one) for one in objects(node) if "reference" in one or "identifier" in one)
    return {key for key in found if key}


class World:
    def __init__(self, resources):
        self.resources = [one for one in resources if isinstance(one, dict)]
        self.found = {}
        self.carriers = {}
        for one in self.resources:
            key = own_key(one)
            if key:
                self.found.setdefault(key, []).append(one)
                for identifier in identifiers_of(one):
                    self.carriers.setdefault(identifier, set()).add(key)

    def get(self, key):
        """The resource; None where it is absent, stands for two, or may mean something else."""
        found = self.found.get(key, [])
        plain = all("modifierExtension" not in one and "implicitRules" not in one for one in found)
        if plain and found and all(one == found[0] for one in found):
            return found[0]
        return None

    def keys(self, *kinds):
        return [key for key in self.found if kind_of(key) in kinds and self.get(key) is not None]

    def provenances(self):
        return [one for one in self.resources if one.get("resourceType") == "Provenance"]

    def carrier(self, identifier, kind):
        """The one resource of that type with the identifier."""
        keys = [key for key in self.carriers.get(identifier, ()) if kind_of(key) == kind]
        return keys[0] if len(keys) == 1 else None
