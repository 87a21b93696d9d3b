"""Runs files of the world through every connector: none may fail, and every leaf is accounted for.

python benchmarks/samples.py FOLDER [--json]

Mappings are those of the fictional county and of `mappings/layouts/`. Every connector reads every file. For each file
the one that fits its ending and reads most of it is shown: records, faults, and where the leaves went; `waiting` are
those of records that the mapping puts in quarantine. Exit code 1 where a connector failed or a leaf went nowhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from adapter import assets  # noqa: E402
from adapter.connected import CONNECTORS  # noqa: E402
from adapter.errors import RecordError  # noqa: E402
from adapter.fhir.facts import Facts  # noqa: E402
from adapter.mapping.compile import compile_mapping  # noqa: E402
from adapter.mapping.mapped import Environment  # noqa: E402
from adapter.mapping.tables import read_table  # noqa: E402
from adapter.services.preview import leaves_of  # noqa: E402
from adapter.settings import read_document  # noqa: E402
from adapter.source import ExtractOptions, Malformed  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.mapping.compile import CompiledMapping

KINDS = {
    ".csv": ("jail.corerm_roster", "jail.charge_csv", "jail.corerm_alerts", "court.odyssey_csv", "table.csv"),
    ".ini": ("jail.corerm_events",),
    ".json": ("jail.jailtracker_json", "jail.zuercher_json", "court.odyssey_json", "behavioral_health.fhir_ndjson"),
    ".ndjson": ("behavioral_health.fhir_ndjson", "behavioral_health.release_forms"),
    ".hl7": ("jail.hl7v2",),
    ".txt": ("jail.hl7v2",),
    ".xml": ("court.ecf_xml", "court.niem_xml", "jail.niem_booking"),
}
"""The connectors that may read a file, by its ending."""
STATES = ("mapped", "lossy", "ignored", "unmapped", "waiting")


def mappings() -> dict[str, CompiledMapping]:
    """The mappings by their connector."""
    facts, tables = Facts(assets.r4_facts()), assets.code_tables()
    known = {name: read_table(document, name=name, file=name) for name, document in tables.items()}
    found = {}
    for folder in (ROOT / "mappings" / "fictional_county" / "mappings", ROOT / "mappings" / "layouts"):
        for path in sorted(folder.glob("*.yaml")):
            mapping = compile_mapping(read_document(path), file=path.name, tables=known, elements=facts)
            found[mapping.source] = mapping
    return found


def read(path: Path, name: str, mapping: CompiledMapping | None) -> dict[str, Any]:
    """One file through one connector and its mapping."""
    environment = Environment(zone="America/Denver")
    count: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    unmapped: Counter[str] = Counter()
    total = 0
    with path.open("rb") as stream:
        for item in CONNECTORS[name].records(stream, ExtractOptions()):
            if isinstance(item, Malformed):
                faults[item.code] += 1
                continue
            count["records"] += 1
            leaves = sum(1 for _ in leaves_of(item.values))
            total += leaves
            try:
                mapped = mapping.map(item, environment) if mapping is not None else None
            except RecordError as error:
                count["waiting"] += leaves
                faults[error.code] += 1
                continue
            if mapped is None:
                count["unmapped"] += leaves
                continue
            for state in STATES[:-1]:
                count[state] += getattr(mapped.leaves, state)
            unmapped.update(mapped.unmapped)
    told = sum(count[state] for state in STATES)
    return {
        "file": path.name,
        "connector": name,
        "records": count["records"],
        "leaves": {state: count[state] for state in STATES},
        "lost": total - told,
        "faults": dict(faults),
        "not mapped": dict(unmapped.most_common(5)),
    }


def samples(folder: Path) -> Iterator[dict[str, Any]]:
    """Every file below a folder, by the connector that reads most of it; all that may read it have to stand it."""
    known = mappings()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found = []
        for name in CONNECTORS:
            try:
                found.append(read(path, name, known.get(name)))
            except Exception as error:  # noqa: BLE001 - any failure of a connector is what this looks for
                found.append({"file": path.name, "connector": name, "failed": type(error).__qualname__})
        yield from (one for one in found if "failed" in one or one["lost"])
        fitting = [one for one in found if one["connector"] in KINDS.get(path.suffix, ()) and "failed" not in one]
        if fitting:
            yield max(fitting, key=lambda one: (one["records"] - len(one["faults"]), one["records"]))


def main() -> int:
    """Print what became of every file."""
    parser = argparse.ArgumentParser(description="Run files through every connector.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    options = parser.parse_args()
    found = list(samples(options.folder))
    bad = [one for one in found if "failed" in one or one["lost"]]
    if options.json:
        print(json.dumps(found))
        return 1 if bad else 0
    for one in found:
        if "failed" in one:
            print(f"{one['file']}: {one['connector']} FAILED with {one['failed']}")
            continue
        where = ", ".join(f"{number} {state}" for state, number in one["leaves"].items() if number)
        faults = ", ".join(f"{number} {code}" for code, number in one["faults"].items())
        told = [f"{one['records']} records", where, faults] + ([f"{one['lost']} LOST"] if one["lost"] else [])
        print(f"{one['file']} ({one['connector']}): " + "; ".join(part for part in told if part))
    print(f"{len(found)} files, {len(bad)} to look at")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
