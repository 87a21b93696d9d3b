"""The mapping language: from source columns to FHIR elements.

A mapping file is compiled once (`compile_mapping`) and then makes drafts of resources from records,
accounting for every leaf. The language is described in docs/reference/mapping-language.md.
"""

from __future__ import annotations

from adapter.mapping.compile import CompiledMapping, compile_mapping
from adapter.mapping.elements import Elements
from adapter.mapping.extend import mapping_schema
from adapter.mapping.mapped import Draft, Environment, LeafCounts, Mapped, Warning  # noqa: A004 - the word of the field
from adapter.mapping.tables import CodeTable, read_table

__all__ = [
    "CodeTable",
    "CompiledMapping",
    "Draft",
    "Elements",
    "Environment",
    "LeafCounts",
    "Mapped",
    "Warning",
    "compile_mapping",
    "mapping_schema",
    "read_table",
]
