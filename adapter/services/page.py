"""A page for people: headings, paragraphs, lists and tables, written as Markdown or as one HTML file."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading; level 1 is the title of the page."""

    level: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullets:
    """A list of short statements."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a head."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


Block = Heading | Paragraph | Bullets | Table

_STYLE = (
    "body{font:16px/1.5 Georgia,serif;max-width:46em;margin:3em auto;padding:0 1em;color:#111}"
    "h1,h2{line-height:1.25}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #999;padding:.3em .5em;text-align:left;vertical-align:top}th{background:#eee}"
    "@media print{body{margin:0;max-width:none}}"
)


def markdown(blocks: Sequence[Block]) -> str:
    """The page as Markdown, readable as plain text."""
    return "\n".join(line for block in blocks for line in (*_markdown(block), "")).rstrip("\n") + "\n"


def _markdown(block: Block) -> Iterator[str]:
    match block:
        case Heading(level=level, text=text):
            yield f"{'#' * level} {text}"
        case Paragraph(text=text):
            yield text.strip()
        case Bullets(items=items):
            yield from (f"- {_line(item)}" for item in items)
        case Table(head=head, rows=rows):
            yield _row(head)
            yield _row(["---"] * len(head))
            yield from (_row(row) for row in rows)


def _line(text: str) -> str:
    return " ".join(text.split())


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_line(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def html(blocks: Sequence[Block]) -> str:
    """The page as one HTML file that needs nothing else and prints well."""
    title = next((block.text for block in blocks if isinstance(block, Heading)), "")
    body = "\n".join(line for block in blocks for line in _html(block))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _html(block: Block) -> Iterator[str]:
    match block:
        case Heading(level=level, text=text):
            yield f"<h{level}>{escape(text)}</h{level}>"
        case Paragraph(text=text):
            yield from (f"<p>{escape(_line(part))}</p>" for part in text.strip().split("\n\n"))
        case Bullets(items=items):
            yield "<ul>"
            yield from (f"<li>{escape(_line(item))}</li>" for item in items)
            yield "</ul>"
        case Table(head=head, rows=rows):
            yield "<table>"
            yield _cells("th", head)
            yield from (_cells("td", row) for row in rows)
            yield "</table>"


def _cells(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
