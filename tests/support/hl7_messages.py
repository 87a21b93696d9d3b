"""HL7 v2 messages by hand, and what the base mapping makes of them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import cache

import orjson
import yaml

from adapter import assets
from adapter.errors import RecordError
from adapter.fhir.facts import Facts
from adapter.mapping import Environment, compile_mapping, read_table
from adapter.source import ExtractOptions, Malformed
from connectors.jail.hl7v2.connector import Hl7v2

ZONE = Environment(zone="America/Denver")
SENDER = """
mapping: 1
source: jail.hl7v2
extends: hl7v2
constants:
  person: {authority: ALDERJAIL, type: PCN}
  identifier_systems: {ALDERJAIL: "https://alder-jail.example/person"}
  code_systems: {L: "https://alder-jail.example/codes"}
"""
"""A sender that says no more than it has to."""


def message(kind, *lines, control="M1", at="20260302080000-0700", processing="P", charset="", end="\r", msh8=""):
    """A message of these segments after its MSH; text that may not be ASCII is written as ``charset`` says."""
    head = f"MSH|^~\\&|JAILEHR|ALDERJAIL|SALLYPORT|ALDERCOUNTY|{at}|{msh8}|{kind}|{control}|{processing}|2.5.1"
    head += f"||||||{charset}" if charset else ""
    return "".join(line + end for line in (head, *lines))


def evn(event, at="20260302080000-0700", occurred=""):
    return f"EVN|{event}|{at}||||{occurred}".rstrip("|")


def pid(person="J1", *, name="MARSH^ADA", born="19800402", sex="F", race="2106-3^White^CDCREC", ssn="", rest=""):
    number = f"{person}^^^ALDERJAIL^PCN" if person and "^" not in person else person
    return f"PID|1||{number}||{name}||{born}|{sex}||{race}{'|' * 9}{ssn}{rest}"


def pv1(visit="B1", *, place="A^1^1^ALDERJAIL", start="20260301081000-0700", end="", reason=""):
    number = f"{visit}^^^ALDERJAIL^VN" if visit else ""
    return f"PV1|1|I|{place}{'|' * 16}{number}{'|' * 17}{reason}{'|' * 8}{start}|{end}".rstrip("|")


def adt(event, *lines, at="20260302080000-0700", control=None, **header):
    """An ADT message; ``at`` is when the event happened."""
    return message(f"ADT^{event}", evn(event, at), *lines, at=at, control=control or f"{event}-{at}", **header)


def oru(*lines, **header):
    """An ORU message of one order with these OBX."""
    return message(
        "ORU^R01^ORU_R01", pid(), "OBR|1||O1^JAILEHR|44249-1^PHQ-9^LN|||20260302080000-0700", *lines, **header
    )


@cache
def _basis():
    bases = assets.base_mappings()
    tables = {name: read_table(table, name=name, file=name) for name, table in assets.code_tables().items()}
    return bases, tables, Facts(assets.r4_facts())


@cache
def mapping(text=SENDER):
    """The mapping that a sender's file amounts to."""
    bases, tables, facts = _basis()
    return compile_mapping(yaml.safe_load(text), file="sender.yaml", tables=tables, elements=facts, bases=bases)


@dataclass
class Seen:
    """What became of messages: drafts, faults of the connector, records that wait, warnings, leaves."""

    drafts: list = field(default_factory=list)
    mapped: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    waiting: list = field(default_factory=list)
    warnings: list = field(default_factory=list)
    unmapped: list = field(default_factory=list)

    def of(self, kind):
        """The bodies of the drafts of a type."""
        return [draft.body for draft in self.drafts if draft.type == kind]

    def one(self, kind):
        (body,) = self.of(kind)
        return body


def seen(data, *, encoding="utf-8", sender=SENDER, zone=ZONE):
    """Messages, as text or bytes, through connector and mapping."""
    data = data.encode() if isinstance(data, str) else data
    found = Seen()
    for item in Hl7v2().records(io.BytesIO(data), ExtractOptions(encoding=encoding)):
        if isinstance(item, Malformed):
            found.faults.append(item.code)
            continue
        found.warnings += [code for code, _ in item.warnings]
        try:
            mapped = mapping(sender).map(item, zone)
        except RecordError as error:
            found.waiting.append(error.code)
            continue
        found.mapped.append(mapped)
        found.drafts += mapped.drafts
        found.unmapped += mapped.unmapped
        found.warnings += [warning.code for warning in mapped.warnings]
        assert mapped.leaves.total == leaves(item.values)
    return found


def leaves(values):
    """How many non-empty leaves a record has."""
    return sum(1 if isinstance(value, str) else sum(map(len, value)) for value in values.values())


def use_base(folder):
    """Let the jail's HL7 v2 feed of a site read with the base mapping."""
    (folder / "mappings" / "jail_hl7.yaml").write_text(SENDER)


def stored(world, kind, number):
    """Current resources of a type (its number in the store) as the store has them, by id."""
    rows = world.rows("SELECT id, head, tail FROM resource WHERE type = ? AND seeded = 0 ORDER BY id", number)
    found = [orjson.loads(head + b"]" + tail) for _, head, tail in rows]
    assert all(resource["resourceType"] == kind for resource in found)
    return found
