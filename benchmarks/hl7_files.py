"""Every HL7 v2 file of a folder through tokenizer, connector and the base mapping, with what became of each leaf.

    python benchmarks/hl7_files.py FOLDER

For each file: whether its bytes can be put together again from the tokens, messages and records, faults by code,
what was drafted, and the leaves: mapped, lossy, ignored by rule, unmapped, and lost, which has to be 0. A message
that is not from production is mapped here all the same. Exit code 1 where anything crashes, is lost or is not
counted. No content is printed.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapter import assets
from adapter.errors import RecordError
from adapter.fhir.facts import Facts
from adapter.mapping import Environment, compile_mapping, read_table
from adapter.source import Malformed
from connectors.jail.hl7v2.batch import pieces
from connectors.jail.hl7v2.columns import filled
from connectors.jail.hl7v2.connector import delivered
from connectors.jail.hl7v2.message import Message, read_message
from connectors.jail.hl7v2.refusal import refused
from connectors.jail.hl7v2.tokenizer import segments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.mapping import CompiledMapping

STATES = ("mapped", "lossy", "ignored", "unmapped")
BY_THE_CONNECTOR = {("MSH", 1), ("MSH", 2)}
_PLACE = re.compile(r"\[\d+\]")
Leaf = tuple[str, str, str]


def base() -> CompiledMapping:
    """The base mapping, compiled."""
    bases = assets.base_mappings()
    tables = {name: read_table(table, name=name, file=name) for name, table in assets.code_tables().items()}
    return compile_mapping(
        bases["hl7v2"],
        file="mappings/base/hl7v2.yaml",
        tables=tables,
        elements=Facts(assets.r4_facts()),
        bases=bases,
    )


def sent(message: Message) -> set[Leaf]:
    """Every leaf of a message: field, path in its repetition, and text."""
    found: set[Leaf] = set()
    for line in message.lines:
        for number, field in filled(message, line):
            found |= {(f"{line.name}-{number}", path, text) for one in field for path, text in one.items()}
    return found


def handed_over(values: dict[str, Any]) -> tuple[set[Leaf], int]:
    """The leaves of a record, named as in the message, and their number."""
    found: set[Leaf] = set()
    number = 0
    for column, value in values.items():
        if isinstance(value, str):
            number += 1
            continue
        name = _PLACE.sub("", column).rpartition(".")[2]
        for one in value:
            number += len(one)
            found |= {(name, path, text) for path, text in one.items()}
    return found, number


def records(data: bytes) -> Iterator[tuple[Message | None, list[Any], str]]:
    """Each message of a file with its records and faults, and the code with which the connector holds it back."""
    for piece in pieces(iter([data])):
        if piece.name != "MSH":
            if not piece.is_blank and not piece.name:
                yield None, [], "missing-msh"
            continue
        message = read_message(piece.raw, line=piece.line, fallback="cp1252")
        if isinstance(message, Malformed):
            yield None, [], message.code
            continue
        held = refused(message, piece.line)
        supported = held is None or held.code != "unsupported-message"
        yield message, list(delivered(message, "cp1252")) if supported else [], held.code if held else ""


def look_at(path: Path, mapping: CompiledMapping, environment: Environment) -> Counter[str]:
    """What became of one file."""
    data = path.read_bytes()
    told: Counter[str] = Counter()
    told["not the same bytes"] += b"".join(segment.raw for segment in segments(data)) != data
    told["not the same bytes"] += b"".join(piece.raw for piece in pieces(io.BytesIO(data))) != data
    for message, found, code in records(data):
        told["messages"] += 1
        told[f"fault {code}"] += bool(code)
        if message is None:
            continue
        seen: set[Leaf] = set()
        cut = False
        for record in found:
            if isinstance(record, Malformed):
                told[f"fault {record.code}"] += 1
                cut = True
                continue
            told["records"] += 1
            leaves, number = handed_over(record.values)
            seen |= leaves
            try:
                mapped = mapping.map(record, environment)
            except RecordError as error:
                told[f"waits {error.code}"] += 1
                continue
            told["not counted"] += mapped.leaves.total != number
            for state in STATES:
                told[state] += getattr(mapped.leaves, state)
            for draft in mapped.drafts:
                told[draft.type] += 1
        if found and not cut:
            told["lost"] += len(sent(message) - seen)
    return told


def main() -> int:
    """Look at every file of the folder and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    mapping, environment = base(), Environment(zone="America/Denver")
    total: Counter[str] = Counter()
    crashed = 0
    head = ("messages", "records", *STATES, "lost")
    print(" ".join(f"{name:>9}" for name in head), " file")
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in paths:
        try:
            told = look_at(path, mapping, environment)
        except Exception as error:  # noqa: BLE001 - the point is to see every file
            crashed += 1
            print(f"{'crashed':>9} {type(error).__name__:>9}", path.relative_to(folder))
            continue
        total += told
        rest = ", ".join(f"{name} {number}" for name, number in sorted(told.items()) if name not in head and number)
        print(" ".join(f"{told[name]:>9}" for name in head), f" {path.relative_to(folder)}: {rest}")
    print(" ".join(f"{total[name]:>9}" for name in head), f" {len(paths)} files, {crashed} crashed")
    for name, number in sorted(total.items()):
        if name not in head:
            print(f"{number:>9} {name}")
    return int(bool(crashed or total["lost"] or total["not counted"] or total["not the same bytes"]))


if __name__ == "__main__":
    sys.exit(main())
