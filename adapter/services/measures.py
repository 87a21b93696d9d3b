"""What is counted while the server runs: answers by route and status, how long they took, intake, ledger, queues.

Counts say nothing of a person and nothing of what was withheld: a denied, an absent and an empty answer are counted
alike, routes are known by their shape and never by an id or a value, and no count is of what the store holds.

Prometheus text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds; the last bucket has none."""
MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
RIGHT: Final = "metrics"
"""The right of an access token with which the counts may be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A value as it is at the moment of asking."""

    name: str
    about: str
    value: float


@dataclass(slots=True)
class Measures:
    """The counts of one process since it started."""

    answers: dict[tuple[str, str, int], int] = field(default_factory=dict)
    """By method, route and status."""
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """By route: a count for each bucket, then the sum."""

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        key = (method, route, status)
        self.answers[key] = self.answers.get(key, 0) + 1
        counts = self.seconds.get(route)
        if counts is None:
            counts = self.seconds[route] = [0.0] * (len(BUCKETS) + 2)
        counts[bisect_left(BUCKETS, seconds)] += 1
        counts[-1] += seconds

    def text(self, gauges: Iterable[Gauge], receipts: Mapping[str, int], info: Mapping[str, str]) -> str:
        """Everything in the text format; ``receipts`` by what happened to them, ``info`` the labels of what runs."""
        lines = [
            *_head("sallyport_build_info", "gauge", "What is running."),
            f"sallyport_build_info{_labels(info)} 1",
            *_head("sallyport_http_answers_total", "counter", "Answers by method, route and status."),
            *(_answers(*key, count) for key, count in sorted(self.answers.items())),
            *_head("sallyport_http_answer_seconds", "histogram", "Seconds until an answer was sent, by route."),
            *(line for route, counts in sorted(self.seconds.items()) for line in _histogram(route, counts)),
            *_head("sallyport_receipts_total", "counter", "Receipts taken in by this process."),
            *(f'sallyport_receipts_total{{state="{state}"}} {count}' for state, count in receipts.items()),
        ]
        for gauge in gauges:
            lines += [*_head(gauge.name, "gauge", gauge.about), f"{gauge.name} {gauge.value:g}"]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, about: str) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"


def _labels(values: Mapping[str, str]) -> str:
    quoted = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in values.items()}
    return "{" + ",".join(f'{name}="{value}"' for name, value in quoted.items()) + "}"


def _answers(method: str, route: str, status: int, count: int) -> str:
    labels = _labels({"method": method, "route": route, "status": str(status)})
    return f"sallyport_http_answers_total{labels} {count}"


def _histogram(route: str, counts: Sequence[float]) -> Iterator[str]:
    name, reached = "sallyport_http_answer_seconds", 0
    for bound, count in zip([*map(str, BUCKETS), "+Inf"], counts, strict=False):
        reached += int(count)
        yield f"{name}_bucket{_labels({'route': route, 'le': bound})} {reached}"
    yield f"{name}_sum{_labels({'route': route})} {counts[-1]:.6f}"
    yield f"{name}_count{_labels({'route': route})} {reached}"
