"""What became of a feed's records: counted, never quoted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(slots=True)
class FeedReport:
    """Counts for one receipt: records, leaves, resources, quarantine by reason, unmapped columns, warnings.

    ``inferred`` are stays that ended without a word, ``absent`` those that a roster no longer names and that are held.
    """

    feed: str
    receipt: str = ""
    records: int = 0
    written: Counter[str] = field(default_factory=Counter)
    unchanged: int = 0
    held: int = 0
    links: int = 0
    inferred: int = 0
    absent: int = 0
    leaves: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> bytes:
        """The report as stored and as printed by `--json`."""
        return orjson.dumps(self.as_dict(), option=orjson.OPT_SORT_KEYS)

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers by name."""
        counters = ("written", "leaves", "quarantined", "unmapped", "warnings")
        return {
            "feed": self.feed,
            "receipt": self.receipt,
            "records": self.records,
            "unchanged": self.unchanged,
            "held": self.held,
            "links": self.links,
            "inferred": self.inferred,
            "absent": self.absent,
            **{name: dict(getattr(self, name)) for name in counters},
        }

    @classmethod
    def from_json(cls, body: bytes) -> FeedReport:
        """Read a stored report back."""
        document = orjson.loads(body)
        counters = ("written", "leaves", "quarantined", "unmapped", "warnings")
        return cls(**document | {name: Counter(document[name]) for name in counters})
