"""The profiles that are known here, compiled, and what resources break of those they claim.

Profiles come as StructureDefinitions with a differential (ours), or as the compact rows of ``profiles/us_core.json``.
Each is compiled when it is first asked for; ``compile_all`` finds what is wrong with any of them. Extensions with a
known address are checked wherever they stand, also where no profile is claimed.

https://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import Issue
from adapter.fhir.fhirpath import Paths
from adapter.fhir.places import Place
from adapter.fhir.profile_checks import Checks, Compiler
from adapter.fhir.profile_tree import ProfileError, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from adapter.fhir.facts import Facts
    from adapter.fhir.profile_values import Codes

    Resource = Mapping[str, Any]

HL7: Final = "http://hl7.org/fhir/StructureDefinition/"
HL7_VALUE_SETS: Final = "http://hl7.org/fhir/ValueSet/"
EXTENSION: Final = "Extension"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A profile as it is written: its type, what it is based on, its rows and, for an extension, where it may stand."""

    url: str
    type: str
    base: str
    rows: Sequence[Mapping[str, Any]]
    context: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name by which messages call it."""
        return self.url.rpartition("/")[2]


def definition_of(resource: Resource) -> Definition:
    """The definition in a StructureDefinition with a differential."""
    return Definition(
        url=resource["url"],
        type=resource["type"],
        base=resource["baseDefinition"],
        rows=resource["differential"]["element"],
        context=tuple(entry["expression"] for entry in resource.get("context", ())),
    )


def codes_of(value_set: Resource, code_systems: Mapping[str, Resource]) -> dict[str, frozenset[str] | None]:
    """The codes of a ValueSet by system; None stands for every code of a system whose content is not here."""
    found: dict[str, frozenset[str] | None] = {}
    for include in value_set["compose"]["include"]:
        system = include["system"]
        if "concept" in include:
            codes = frozenset(concept["code"] for concept in include["concept"])
        elif system in code_systems:
            codes = frozenset(_concepts(code_systems[system]["concept"]))
        else:
            found[system] = None
            continue
        known = found.get(system, frozenset())
        found[system] = None if known is None else known | codes
    return found


def _concepts(concepts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from _concepts(concept.get("concept", ()))


class Profiles:
    """The profiles that can be claimed. ``value_sets`` are those they bind to, beside those of R4."""

    def __init__(
        self, facts: Facts, definitions: Iterable[Definition] = (), value_sets: Mapping[str, Codes] | None = None
    ) -> None:
        self.facts = facts
        self.paths = Paths(facts)
        self._definitions = {definition.url: definition for definition in definitions}
        self._value_sets = value_sets or {}
        self._compiled: dict[str, Checks] = {}
        self._extensions = tuple(url for url, one in self._definitions.items() if one.type == EXTENSION)

    def __contains__(self, url: object) -> bool:
        """Whether a profile is known."""
        return url in self._definitions

    @property
    def urls(self) -> tuple[str, ...]:
        """Every profile that can be claimed, extensions left out."""
        return tuple(url for url in self._definitions if url not in self._extensions)

    def extensions(self) -> Iterator[Definition]:
        """The definitions of extensions."""
        return (self._definitions[url] for url in self._extensions)

    def context(self, url: str) -> tuple[str, ...]:
        """The types on which a known extension may stand; of a path, the type that stands at its end."""
        return tuple(self._type_at(expression) for expression in self._definitions[url].context)

    def _type_at(self, expression: str) -> str:
        kind, *names = expression.split(".")
        for name in names:
            kind = next(iter(self.facts.types[kind].element(name).forms.values()))
        return kind

    def compile_all(self) -> None:
        """Compile everything; ProfileError names what is wrong with a profile."""
        for url in self._definitions:
            self._checks(url)

    def claimed(self, resource: Resource) -> list[Issue]:
        """What a resource breaks of the profiles it claims. Profiles that are not known claim nothing here."""
        found: list[Issue] = []
        for claim in resource.get("meta", {}).get("profile", ()):
            # Null stands where only an extension does.
            url = claim if claim in self._definitions else str(claim).partition("|")[0]
            if url in self._definitions:
                found += self.against(url, resource)
        return found

    def against(self, url: str, resource: Resource) -> list[Issue]:
        """What a resource breaks of one known profile."""
        kind, own = resource["resourceType"], self._definitions[url].type
        if kind != own:
            message = f"expected a resource of type {own} to claim this profile"
            return [Issue(path=f"{kind}.meta.profile", code="structure", message=message)]
        found: list[Issue] = []
        self._checks(url).ask(resource, Place(None, kind), resource, found)
        return found

    def content(self, profile: str, value: Any, place: Place, resource: Resource, found: list[Issue]) -> None:
        """Add what a value breaks of a profile on its type; nothing is known of the profiles of others."""
        if profile in self._definitions and isinstance(value, dict):
            self._checks(profile).ask(value, place, resource, found)

    def codes(self, value_set: str) -> Codes | None:
        """The codes of a value set, of ours or of those that R4 requires somewhere."""
        url = value_set.partition("|")[0]
        if url in self._value_sets:
            return self._value_sets[url]
        name = url.removeprefix(HL7_VALUE_SETS)
        if url.startswith(HL7_VALUE_SETS) and name in self.facts.codes:
            return {system: frozenset(codes) for system, codes in self.facts.codes[name].items()}
        return None

    def type_of(self, profile: str) -> str | None:
        """The type that a profile constrains."""
        if profile in self._definitions:
            return self._definitions[profile].type
        name = profile.removeprefix(HL7)
        return name if profile.startswith(HL7) and name in self.facts.all_resources | {"Resource"} else None

    def _checks(self, url: str) -> Checks:
        found = self._compiled.get(url)
        if found is None:
            definition = self._definitions[url]
            compiler = Compiler(self, definition.label)
            tree = tree_of(definition.type, definition.rows)
            base = None
            if definition.base in self._definitions:
                base = self._checks(definition.base)
            elif definition.base != HL7 + definition.type:
                raise ProfileError(f"{definition.label}: the base {definition.base} is not known")
            found = self._compiled[url] = compiler.whole(tree, self.facts.types[definition.type], base)
        return found
