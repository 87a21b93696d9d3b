"""Named queries: every statement lives in a `.sql` file beside this module, under a `-- name:` line.

A fragment, meant to be part of a larger statement, is named the same way.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)[^\n]*\n", re.MULTILINE)


@cache
def load(document: str) -> dict[str, str]:
    """The queries of ``adapter/store/sql/<document>.sql`` by name; comments are left out."""
    text = files("adapter.store").joinpath("sql", f"{document}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)
    return {
        name: "\n".join(line for line in body.splitlines() if not line.lstrip().startswith("--")).strip()
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }
