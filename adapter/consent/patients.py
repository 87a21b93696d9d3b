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
    """One walk through a resource, collecting the keys of patients and whether some name stayed unread."""

    def __init__(self, at_hand: AtHand) -> None:
        self.at_hand = at_hand
        self.keys: set[str] = set()
        self.unread = False

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
                            self._subject(value)
                    elif name == "reference":
                        self._literal(value)
                    elif name in _SUBJECTS:
                        self.unread = True
                    elif value == "Patient" and name == "type" and "reference" not in node:
                        self._identified(node)

    def _literal(self, reference: object) -> None:
        key = literal_key(reference)
        kind = type_of(key) if key else ""
        if key and kind == "Patient":
            self.keys.add(key)
        elif key and kind == "Group":
            self._group(key)

    def _subject(self, value: object) -> None:
        for one in items(value):
            if not isinstance(one, dict) or literal_key(one.get("reference")) is None:
                self._identified(one)

    def _identified(self, node: object) -> None:
        key = reference_key(node)
        found = self.at_hand.identified(key, "Patient") if key else None
        if found is None:
            self.unread = True
        else:
            self.keys.add(found)

    def _group(self, key: str) -> None:
        group = self.at_hand.get(key)
        if group is None:
            self.unread = True
        else:
            self.members(group)

    def members(self, group: Mapping[str, Any]) -> None:
        """A group is its members; one without any may be anybody."""
        entities = [reference_key(one.get("entity")) for one in items(group.get("member")) if isinstance(one, dict)]
        for member in entities:
            if member is not None and type_of(member) == "Patient":
                self.keys.add(member)
            elif member is None or type_of(member) not in _STAFF:
                self.unread = True
        if not entities:
            self.unread = True


def patients(resource: Mapping[str, Any], at_hand: AtHand) -> tuple[frozenset[str], bool]:
    """The keys of every patient ``resource`` names, and whether it names someone nobody can identify.

    A Patient names itself; a Group stands for its members.
    """
    search = _Search(at_hand)
    kind = resource.get("resourceType")
    if kind == "Patient":
        key = own_key(resource)
        if key is None:
            return frozenset(), True
        search.keys.add(key)
    elif kind == "Group":
        search.members(resource)
    search.walk(resource)
    return frozenset(search.keys), search.unread
