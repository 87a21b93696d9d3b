"""What a benchmark hands back, and the conditions it was measured under.

A row states a goal, what was measured and whether that meets it. A wrong answer is no row: it is raised,
because the speed of a wrong answer says nothing.
"""

from __future__ import annotations

import gc
import os
import platform
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CALIBRATION_LOOPS = 10_000_000


class WrongAnswer(AssertionError):
    """What was measured did not give the answer it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. ``met`` is None where there is no goal; ``numbers`` are for programs."""

    name: str
    measured: str
    goal: str = ""
    met: bool | None = None
    note: str = ""
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """One word for the table."""
        return {True: "pass", False: "MISS", None: ""}[self.met]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much one run measures; everything else is the same in the short run, the long run and the tests."""

    rounds: int
    seconds: float
    readers: int
    roster_rows: int
    observations: int
    candidates: tuple[int, ...]
    people: int
    decisions: int
    rebuilt: int
    matched: int
    among: int
    stream_bytes: int = 0
    stored_rows: int = 0


SHORT = Scale(
    rounds=3,
    seconds=2.5,
    readers=100,
    roster_rows=6_000,
    observations=100_000,
    candidates=(400, 1_000, 4_000),
    people=1_000,
    decisions=4_000,
    rebuilt=10_000,
    matched=4_000,
    among=50_000,
)
FULL = Scale(
    rounds=3,
    seconds=5.0,
    readers=400,
    roster_rows=20_000,
    observations=100_000,
    candidates=(400, 1_000, 4_000),
    people=10_000,
    decisions=20_000,
    rebuilt=100_000,
    matched=10_000,
    among=1_000_000,
    stream_bytes=1 << 30,
    stored_rows=100_000,
)


def check(fact: bool, what: str) -> None:  # noqa: FBT001 - the fact is the point of the call
    """Raise ``WrongAnswer`` saying ``what`` was expected unless ``fact`` holds."""
    if not fact:
        raise WrongAnswer(what)


def equal(found: object, expected: object, what: str) -> None:
    """Raise ``WrongAnswer`` unless both are equal."""
    if found != expected:
        raise WrongAnswer(f"{what}: expected {expected}, found {found}")


@dataclass(slots=True)
class Timed:
    """Seconds of one block: on the wall, and on the processor by this process."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def timed() -> Iterator[Timed]:
    """Time a block with the garbage of what was done before out of the way."""
    gc.collect()
    result = Timed()
    wall, cpu = perf_counter(), process_time()
    try:
        yield result
    finally:
        result.wall, result.cpu = perf_counter() - wall, process_time() - cpu


def each(action: Callable[[], Any], *, times: int, repeats: int = 5) -> float:
    """Seconds of one ``action``: the median over ``repeats`` of the mean over ``times``."""
    means = []
    for _ in range(repeats):
        with timed() as spent:
            for _ in range(times):
                action()
        means.append(spent.wall / times)
    return median(means)


def each_cpu(action: Callable[[], Any], *, times: int, repeats: int = 5) -> float:
    """Seconds one ``action`` keeps the processor: as ``each``, so that other work on the machine counts less."""
    means = []
    for _ in range(repeats):
        with timed() as spent:
            for _ in range(times):
                action()
        means.append(spent.cpu / times)
    return median(means)


def middle(values: Sequence[float]) -> float:
    """The median."""
    return median(values)


def share(values: Sequence[float], part: float) -> float:
    """The value that ``part`` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def spread(values: Sequence[float], form: str = "{:.2f}") -> str:
    """Smallest to largest."""
    return f"{form.format(min(values))} to {form.format(max(values))}"


def peak_megabytes() -> float:
    """The largest resident size of this process since it started, in MB (10^6 bytes).

    ``getrusage`` also remembers what the process was before it became this program, so it is used only where
    the kernel does not tell the size of the program alone.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    import resource  # noqa: PLC0415 - there is none on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def cores() -> list[int]:
    """The processors this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pin(process: int, place: int) -> None:
    """Bind a process (0 is this one) to the ``place``-th processor, where there are several."""
    allowed = cores()
    if len(allowed) > 1:
        os.sched_setaffinity(process, {allowed[place % len(allowed)]})


def calibrate() -> Row:
    """How fast a plain loop of this Python is here, so that absolute figures can be read elsewhere."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    seconds = []
    for _ in range(3):
        with timed() as spent:
            for _ in range(CALIBRATION_LOOPS):
                pass
        seconds.append(spent.wall)
    return Row(
        name="calibration",
        measured=f"10 million empty loops {middle(seconds):.3f} s ({spread(seconds, '{:.3f}')})",
        note=f"Python {platform.python_version()}, {len(cores()) or os.cpu_count()} cores, load at start {load:.2f}",
        numbers={"seconds": middle(seconds), "load": load},
    )


def table(rows: Sequence[Row]) -> str:
    """The rows in columns; notes below their row."""
    heads = ("what", "goal", "measured", "")
    cells = [(row.name, row.goal, row.measured, row.verdict) for row in rows]
    widths = [max(len(line[column]) for line in [heads, *cells]) for column in range(len(heads))]
    lines = []
    for place, line in enumerate([heads, *cells]):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if place == 0:
            lines.append("-" * (sum(widths) + 2 * (len(widths) - 1)))
        elif rows[place - 1].note:
            lines.append(f"    {rows[place - 1].note}")
    return "\n".join(lines)


def plain(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as JSON takes them."""
    return [asdict(row) for row in rows]
