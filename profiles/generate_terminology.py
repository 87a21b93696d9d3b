"""Write the CodeSystems, ValueSets and ConceptMaps of instruments.yaml, and the JSON Schema of such a file.

Run `python -m profiles.generate_terminology` after changing ``instruments.yaml``; a test compares the files
with the registry.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from adapter.summary.loinc import PinnedList
from adapter.summary.registry import Registry
from adapter.summary.spec import instruments_schema
from adapter.summary.terminology import code_systems, concept_maps, value_sets

SCHEMA = "instruments.schema.json"


def files(folder: Path) -> dict[str, dict[str, Any]]:
    """File name and content of every generated resource, from the registry in ``folder``."""
    pinned = PinnedList.load(yaml.safe_load((folder / "loinc.yaml").read_text(encoding="utf-8")))
    rows = yaml.safe_load((folder / "instruments.yaml").read_text(encoding="utf-8"))
    registry = Registry.load(rows, pinned)
    resources = [*code_systems(registry), *value_sets(), *concept_maps(registry)]
    return {f"{resource['resourceType']}-{resource['id']}.json": resource for resource in resources}


def write(folder: Path) -> None:
    """Write the generated resources into ``folder``."""
    for name, resource in {**files(folder), SCHEMA: instruments_schema()}.items():
        text = json.dumps(resource, ensure_ascii=False, indent=2)
        (folder / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(__file__).parent)
