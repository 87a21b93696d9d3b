"""The list of functions in docs/reference/mapping-language.md, written from the registry."""

from __future__ import annotations

from adapter.mapping import functions as _registers  # noqa: F401 - importing registers the functions
from adapter.mapping.registry import FUNCTIONS

BEGIN = "<!-- functions: written by adapter.mapping.reference -->"
END = "<!-- end of functions -->"


def function_table() -> str:
    """A Markdown table of every function: its parameters with their kinds, and what it gives."""
    rows = [
        f"| `{function.name}` | {', '.join(_parameters(function.signature))} | {function.summary} |"
        for function in sorted(FUNCTIONS.values(), key=lambda function: function.name)
    ]
    return "\n".join(["| Function | Parameters | Gives |", "|---|---|---|", *rows])


def _parameters(signature: str) -> list[str]:
    return [f"`{parameter}`" for parameter in signature.split(", ")]


def with_functions(page: str) -> str:
    """``page`` with the part between the marks written anew. Raises ValueError where a mark is missing."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"the page lacks `{BEGIN}` or `{END}`")
    return f"{before}{BEGIN}\n{function_table()}\n{END}{after}"
