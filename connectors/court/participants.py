"""Who the defendants of a case are, and which of them a part of the case is about.

ECF names participants by role codes, NIEM by the element they stand in; both may refer to a person elsewhere by id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.xml_document import local
from connectors.xml_tree import attribute, outermost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lxml import etree

DEFENDANTS = frozenset({"CaseDefendantParty", "CaseDefendant", "CaseRespondentParty", "SupervisedPerson"})
"""Elements that are a defendant by their name."""
PARTICIPANT, ROLE_CODE = "CaseParticipant", "CaseParticipantRoleCode"
ROLES = frozenset({"DEF", "DEFENDANT", "DFNDT", "DEFT", "RESP", "RESPONDENT"})
"""Role codes of defendants, in upper case; a court may have others besides."""
_PEOPLE = frozenset({"EntityPerson", "RoleOfPerson", "RoleOfPersonReference", "Person"})
_PARTY_IDS = frozenset({"PartyID", "DefendantID", "CaseDefendantPartyID"})


class Participants:
    """The people of one case: ``defendants`` who are persons, and all ``others``.

    ``parts`` are elements that are records of their own: who stands there is no party.
    """

    def __init__(
        self,
        case: etree._Element,
        parts: Sequence[etree._Element],
        named: Mapping[str, etree._Element],
        roles: frozenset[str],
    ) -> None:
        self._roles = ROLES | {role.upper() for role in roles}
        self._named = named
        inside = {one for part in parts for one in part.iter()}
        parties = outermost(one for one in case.iter() if one not in inside and (_is_party(one) or _is_entity(one)))
        self.elements = set(parties)
        told = [(one, self._person(one) if self._is_defendant(one) else None) for one in parties]
        self.defendants = [person for _, person in told if person is not None]
        self.others = [one for one, person in told if person is None]

    def of(self, part: etree._Element) -> etree._Element | None:
        """The defendant a part is about: the one it names, else the only one; None where that is unclear."""
        named: set[etree._Element] = set()
        told = False
        for one in part.iter():
            name = local(one.tag)
            if name in _PARTY_IDS:
                told = True
                wanted = " ".join("".join(map(str, one.itertext())).split())
                named |= {person for person in self.defendants if wanted in _ids(person)}
            elif name in _PEOPLE and attribute(one, "ref"):
                told = True
                target = self._named.get(attribute(one, "ref"))
                named |= {person for person in self.defendants if target in (person, person.getparent())}
        if told:
            return next(iter(named)) if len(named) == 1 else None
        return self.defendants[0] if len(self.defendants) == 1 else None

    def _is_defendant(self, element: etree._Element) -> bool:
        if local(element.tag) in DEFENDANTS:
            return True
        codes = [one.text or "" for one in element.iter() if local(one.tag) == ROLE_CODE]
        return any(code.strip().upper() in self._roles for code in codes)

    def _person(self, party: etree._Element) -> etree._Element | None:
        """The element that says who a party is; None for an organisation."""
        if _is_entity(party):
            return party
        for one in party.iter():
            if local(one.tag) in _PEOPLE:
                target = self._named.get(attribute(one, "ref"))
                if target is not None or len(one):
                    return one if target is None else target
        names = {local(child.tag) for child in party}
        return party if "PersonName" in names else None


def _is_party(element: etree._Element) -> bool:
    name = local(element.tag)
    return name == PARTICIPANT or name in DEFENDANTS


def _is_entity(element: etree._Element) -> bool:
    """A person with its role inside, as ECF 5 writes it."""
    return local(element.tag) == "EntityPerson" and any(local(one.tag) == ROLE_CODE for one in element.iter())


def _ids(person: etree._Element) -> set[str]:
    """Every identification of a person, and of the party it stands in."""
    above = person.getparent()
    around = [person] if above is None else [person, *(one for one in above if local(one.tag) in _PARTY_IDS)]
    return {
        " ".join((one.text or "").split())
        for element in around
        for one in element.iter()
        if local(one.tag) == "IdentificationID" or local(one.tag) in _PARTY_IDS
    } - {""}
