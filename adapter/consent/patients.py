"""Which patients a resource names: every one of them has to permit.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.consent.names import items, literal_key, own_key, reference_key, type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.consent.names import AtHand

_SUBJECTS: Final = frozenset({"patient", "subject", "beneficiary", "for"})
"""Elements that name whom a record is about; one that cannot be read may be anyone."""

_STAFF: Final = frozenset({"Practitioner", "PractitionerRole", "Device", "Medication", "Substance"})

CONTAINERS: Final = frozenset({"Bundle", "Parameters", "Binary"})
"""Never decided as one: what they hold is decided piece by piece."""


class _Search:
    """One walk through a resource, collecting the keys of patients and the first part that names nobody known."""

    def __init__(self, at_hand: AtHand) -> None:
        self.at_hand = at_hand
        self.keys: set[str] = set()
        self.lost: tuple[object, str] | None = None

    def walk(self, resource: Mapping[str, Any]) -> None:
        """Visit every object in ``resource``; the list grows while it is read."""
        pending: list[Any] = [resource]
        for node in pending:
            if type(node) is list:
                pending.extend(node)
            elif type(node) is dict:
                for name, value in node.items():
                    if type(value) is dict or type(value) is list:
                        pending.append(value)
                        if name in _SUBJECTS:
                            self._subject(node, name, value)
                    elif name == "reference":
                        self._literal(node, value)
                    elif name in _SUBJECTS:
                        self._lose(node, name)
                    elif value == "Patient" and name == "type" and "reference" not in node:
                        self._identified(node, "", node)

    def _lose(self, node: object, name: str) -> None:
        self.lost = self.lost or (node, name)

    def _literal(self, node: object, reference: object) -> None:
        key = literal_key(reference)
        kind = type_of(key) if key else ""
        if key and kind == "Patient":
            self.keys.add(key)
        elif key and kind == "Group":
            group = self.at_hand.get(key)
            if group is None:
                self._lose(node, "reference")
            else:
                self.members(group, node)

    def _subject(self, node: object, name: str, value: object) -> None:
        for one in items(value):
            if not isinstance(one, dict) or literal_key(one.get("reference")) is None:
                self._identified(node, name, one)

    def _identified(self, node: object, name: str, named: object) -> None:
        key = reference_key(named)
        found = self.at_hand.identified(key, "Patient") if key else None
        if found is None:
            self._lose(node, name)
        else:
            self.keys.add(found)

    def members(self, group: Mapping[str, Any], named_by: object) -> None:
        """A group is its members; one without any may be anybody."""
        entities = [reference_key(one.get("entity")) for one in items(group.get("member")) if isinstance(one, dict)]
        for member in entities:
            if member is not None and type_of(member) == "Patient":
                self.keys.add(member)
            elif member is None or type_of(member) not in _STAFF:
                self._lose(named_by, "")
        if not entities:
            self._lose(named_by, "")


def _path(resource: Mapping[str, Any], node: object, name: str) -> str:
    """Where ``node`` stands in ``resource``, and ``name`` in it."""
    visited: list[tuple[object, int, str]] = [(resource, -1, "")]  # each with the place of what is around it
    place = 0
    while (one := visited[place][0]) is not node:
        if isinstance(one, dict):
            visited += [(part, place, f".{step}") for step, part in one.items()]
        elif isinstance(one, list):
            visited += [(part, place, f"[{index}]") for index, part in enumerate(one)]
        place += 1
    steps = [f".{name}" if name else ""]
    while place > 0:
        _, place, step = visited[place]
        steps.append(step)
    return "".join(reversed(steps)).removeprefix(".")


def patients(resource: Mapping[str, Any], at_hand: AtHand) -> tuple[frozenset[str], str | None]:
    """The keys of every patient ``resource`` names, and where it names someone nobody can identify, if it does.

    A Patient names itself; a Group stands for its members.
    """
    search = _Search(at_hand)
    kind = resource.get("resourceType")
    if kind == "Patient":
        key = own_key(resource)
        if key is None:
            return frozenset(), "id"
        search.keys.add(key)
    elif kind == "Group":
        search.members(resource, resource)
    search.walk(resource)
    return frozenset(search.keys), None if search.lost is None else _path(resource, *search.lost)
