"""Booking, release and custody-status messages of the NIEM kind (3 to 5), with what they say of health kept apart.

Shapes: BookingReport, CustodyReleaseReport and CustodyStatusChangeReport of the exchanges that counties use; NIEM
justice domain: https://github.com/niemopen/niem-model. Schemas are not enforced: real messages break their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, cast

from adapter.errors import ConfigurationError, Problem
from adapter.source import ExtractOptions, Malformed, Position, SourceRecord
from connectors.jail.sensitive import names_health
from connectors.xml_document import bad, documents, local
from connectors.xml_tree import add, attribute, by_id, outermost, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

    from connectors.xml_slices import Slice

KINDS = {"BookingReport": "booking", "CustodyReleaseReport": "release", "CustodyStatusChangeReport": "status"}
"""The record kind of each message."""
HEALTH = "behavioral-health"
"""The kind of the record that holds what a message says of health. It needs a consent."""
POLICIES = ("quarantine", "refuse")
_SUBJECTS = frozenset({"BookingSubject", "DetentionSubject", "CustodySubject", "Subject", "Inmate"})
_ROLE = "RoleOfPerson"
_PERSON = "Person"


class NiemBooking:
    """Reads booking messages: kinds ``booking``, ``release``, ``status``, and ``behavioral-health`` beside them.

    Columns are the elements right below the message, each an element with what is in it; ``Subject`` is the person
    that was booked, ``Role`` what the message says of the person as inmate. Everything that names health is taken out
    of them first. Setting ``behavioral_health``: with ``quarantine`` (as here) it is a record of its own that nothing
    reads before a consent of the person is in force, with ``refuse`` it is told as refused and read by nothing.
    """

    name = "jail.niem_booking"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """The records of all messages.

        Codes: ``connectors.xml_document.documents``; ``ambiguous-subject`` where a message does not say which of
        several people was booked; ``behavioral-health-refused``.
        """
        refused = _policy(options) == "refuse"

        def read(element: etree._Element, message: Slice, part: str) -> Iterator[SourceRecord | Malformed]:
            return _Message(element, message, part).records(refused=refused)

        return documents(stream, options, tuple(KINDS), read)


def _policy(options: ExtractOptions) -> str:
    chosen = options.settings.get("behavioral_health", POLICIES[0])
    if chosen not in POLICIES:
        problem = Problem(
            where="feed",
            path="settings.behavioral_health",
            message=f"`{chosen}` is not known",
            expected="one of " + ", ".join(POLICIES),
        )
        raise ConfigurationError([problem])
    return chosen


class _Message:
    """One message, taken apart: who was booked, what is said of health, and the rest."""

    def __init__(self, element: etree._Element, message: Slice, part: str) -> None:
        self._element = element
        self._message = message
        self._part = part
        self._named = by_id(element)

    def records(self, *, refused: bool) -> Iterator[SourceRecord | Malformed]:
        """The records of the message, what it says of health last."""
        role, person, ambiguous = self._subject()
        if ambiguous:
            yield bad(
                self._message, self._message.line, self._part, "ambiguous-subject", "one subject that says who it is"
            )
            return
        health = self._health({one for one in (role, person) if one is not None})
        about: dict[str, Any] = {}
        if person is not None:
            add(about, "Subject", tree(person, health))
        if role is not None:
            add(about, "Role", tree(role, {*health, *_children(role, _ROLE)}))
        without = {one for one in (role, person) if one is not None} | health
        values = dict(about)
        for child in self._element:
            if child not in without:
                add(values, local(child.tag), tree(child, without))
        yield self._record(KINDS[local(self._element.tag)], self._message.line, values)
        if health:
            yield self._kept_apart(health, about, values, refused=refused)

    def _subject(self) -> tuple[etree._Element | None, etree._Element | None, bool]:
        """The subject's role, the person, and whether it cannot be told who of several it is."""
        roles = [one for one in self._element.iter() if local(one.tag) in _SUBJECTS]
        people = [one for one in self._element if local(one.tag) == _PERSON]
        if len(roles) > 1 or (not roles and len(people) > 1):
            return None, None, True
        if not roles:
            return None, (people[0] if people else None), False
        role = roles[0]
        inside = next(iter(_children(role, _ROLE)), None)
        for one in (inside, role):
            if one is not None and (target := self._target(one)) is not None:
                return role, target, False
        if inside is not None and len(inside):
            return role, inside, False
        if len(people) == 1:
            return role, people[0], False
        return role, None, bool(people)

    def _target(self, element: etree._Element) -> etree._Element | None:
        """The element that ``element`` refers to."""
        name = attribute(element, "ref") or attribute(element, "uri").removeprefix("#")
        found = self._named.get(name) if name else None
        return None if found is element else found

    def _health(self, known: set[etree._Element]) -> set[etree._Element]:
        """The outermost elements that speak of health, and those that only they refer to: who treats somebody."""
        found = {one for one in self._element.iter() if one is not self._element and names_health(local(one.tag))}
        frontier = list(found)
        while frontier:
            for one in frontier.pop().iter():
                target = self._target(one)
                if target is not None and target not in found | known and not _holds(target, known):
                    found.add(target)
                    frontier.append(target)
        return set(outermost(found))

    def _kept_apart(
        self, health: set[etree._Element], about: dict[str, Any], values: dict[str, Any], *, refused: bool
    ) -> SourceRecord | Malformed:
        line = min(_line(one, self._message) for one in health)
        if refused:
            position = Position(line=line, part=f"{self._part}/{HEALTH}")
            expected = "a message without what it says of health; its sender is to leave it out"
            return Malformed(position=position, code="behavioral-health-refused", expected=expected, raw=b"")
        block: dict[str, Any] = {}
        for one in sorted(health, key=lambda each: _line(each, self._message)):
            add(block, local(one.tag), tree(one))
        stay = {"Booking": values["Booking"]} if "Booking" in values else {}
        return self._record(HEALTH, line, about | stay | {"BehavioralHealth": block}, consent=True)

    def _record(self, kind: str, line: int, values: dict[str, Any], *, consent: bool = False) -> SourceRecord:
        position = Position(line=line, part=self._part if not consent else f"{self._part}/{kind}")
        return SourceRecord(kind=kind, position=position, values=values, raw=self._message.raw, consent=consent)


def _children(element: etree._Element, name: str) -> list[etree._Element]:
    return [one for one in element if local(one.tag) == name]


def _holds(element: etree._Element, others: set[etree._Element]) -> bool:
    return any(one in others for one in element.iter())


def _line(element: etree._Element, message: Slice) -> int:
    at = cast("int | None", element.sourceline)
    return message.line + (at or 1) - 1
