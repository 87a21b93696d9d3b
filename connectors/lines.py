"""Lines of an extract in blocks, with their numbers, in memory that grows with neither file nor line.

A line ends at LF (CR LF included). Some jail exports end theirs with CR alone: on request that is
recognised by a start that has CR and no LF.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_LINE = 16 * 2**20
"""Bytes of the longest line that is read as one; what is longer comes back in pieces marked ``cut``."""

SAMPLE = 64 * 1024
"""Bytes at the start of a file that tell whether CR alone ends its lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Some whole lines in a row, terminators included, or one piece of a line that is too long (``cut``)."""

    first: int
    data: bytes
    end: bytes
    cut: bool = False

    def lines(self) -> list[bytes]:
        """The lines with their terminators; together they are ``data``."""
        lines = [line + self.end for line in self.data.split(self.end)]
        last = lines.pop()[: -len(self.end)]
        if last:
            lines.append(last)
        return lines


def blocks(arriving: Iterator[bytes], *, carriage_return: bool = False, longest: int = LONGEST_LINE) -> Iterator[Block]:
    """The chunks ``arriving`` as blocks of whole lines: every byte exactly once and in order.

    ``carriage_return`` lets a file whose first ``SAMPLE`` bytes have CR but no LF be one of CR-ended lines.
    ``longest`` is in bytes.
    """
    carry = _head(arriving) if carriage_return else b""
    end = b"\r" if b"\r" in carry[:SAMPLE] and b"\n" not in carry[: SAMPLE + 1] else b"\n"
    number, cutting = 1, False
    chunk: bytes | None = b""
    while chunk is not None:
        carry += chunk
        if cutting and (stop := carry.find(end) + 1):
            yield Block(first=number, data=carry[:stop], end=end, cut=True)
            number, cutting, carry = number + 1, False, carry[stop:]
        if not cutting and (stop := carry.rfind(end) + 1):
            yield Block(first=number, data=carry[:stop], end=end)
            number += carry.count(end)
            carry = carry[stop:]
        while len(carry) > longest:
            yield Block(first=number, data=carry[:longest], end=end, cut=True)
            cutting, carry = True, carry[longest:]
        chunk = next(arriving, None)
    if carry:
        yield Block(first=number, data=carry, end=end, cut=cutting)


def _head(arriving: Iterator[bytes]) -> bytes:
    """The first bytes: up to an LF, or ``SAMPLE`` and the one that may make a CR LF of the last."""
    head = b""
    for chunk in arriving:
        head += chunk
        if b"\n" in chunk or len(head) > SAMPLE:
            break
    return head
