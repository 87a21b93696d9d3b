"""What goes into and comes out of a mapping: the constants of a feed, and the drafts made from one record.

Resources: https://hl7.org/fhir/R4/resource.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapter.errors import ConfigurationError, Problem

MAPPED: Final = 0
"""The leaf was read by a rule that could use all of it."""
IGNORED: Final = 1
"""A written rule passes the leaf by: the unused list, a sentinel, a `when` that did not hold."""
LOSSY: Final = 2
"""The leaf was read, but something of it was cut off, guessed or replaced; a warning says which."""
UNMAPPED: Final = 3
"""No rule reads the leaf, or the rule that does could not understand it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The constants of one feed.

    ``zone`` is the IANA time zone the sender's clocks are set to; a time without an offset is in it, never
    in the zone of this server. A year of two digits is read as the latest year with these digits that is
    not after ``newest_birth_year`` (births) or ``newest_year`` (everything else). Raises ConfigurationError
    for a zone that does not exist.
    """

    zone: str
    newest_birth_year: int = 2026
    newest_year: int = 2049
    clock: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            clock = ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            problem = Problem(
                where="feed",
                path="zone",
                message=f"there is no time zone `{self.zone}`",
                expected="an IANA name such as `America/Denver`",
            )
            raise ConfigurationError([problem]) from error
        object.__setattr__(self, "clock", clock)


class Warning(NamedTuple):  # noqa: A001 - the word of the field; nothing here uses Python's warnings
    """Something to look at: ``code`` is a stable word, ``column`` says where; never any content."""

    code: str
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafCounts:
    """How many non-empty leaves of a record went where. Every leaf is counted once."""

    mapped: int = 0
    lossy: int = 0
    ignored: int = 0
    unmapped: int = 0

    @property
    def total(self) -> int:
        """All non-empty leaves of the record."""
        return self.mapped + self.lossy + self.ignored + self.unmapped

    def __add__(self, other: LeafCounts) -> LeafCounts:
        return LeafCounts(
            mapped=self.mapped + other.mapped,
            lossy=self.lossy + other.lossy,
            ignored=self.ignored + other.ignored,
            unmapped=self.unmapped + other.unmapped,
        )


class Restrictions(NamedTuple):
    """What a record restricts and what it lifts, by the sender's own codes.

    ``because`` are the labels that stand for a code, as (code, system, label); ``lifts`` are codes that no longer hold.
    ``plain`` are the labels, as (system, code), that stand for no such code.
    """

    because: tuple[tuple[str, str, str], ...] = ()
    lifts: tuple[str, ...] = ()
    plain: tuple[tuple[str, str], ...] = ()

    @property
    def says(self) -> bool:
        """Whether there is any."""
        return bool(self.because or self.lifts)


class Draft(NamedTuple):
    """One resource before it has an id, ``meta`` and ``subject``. A tuple, because every record makes some.

    ``name`` is the name the mapping gives it, ``key`` identifies it within its feed and type: the same key
    is the same resource. ``profile`` is the canonical URL it is meant to conform to, or "". Parts of ``body``
    are shared between drafts, so only its top level may be changed. ``labels`` are its own, besides the record's;
    ``person`` whose it is, where that is another than the record's person; ``replaces`` the name of the Patient
    draft whose place it takes. ``cleared`` are the paths of what the record takes back (`amend`).
    """

    name: str
    type: str
    key: tuple[str, ...]
    body: dict[str, Any]
    profile: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    person: tuple[str, ...] = ()
    replaces: str = ""
    cleared: tuple[str, ...] = ()
    restrictions: Restrictions = Restrictions()


class Tracing(NamedTuple):
    """What a Provenance of the event behind a record says: what happened, and the sender's number of the record."""

    activity: dict[str, Any]
    source: str


class Mapped(NamedTuple):
    """What one record became. A tuple, as a draft.

    ``unit`` is the programme within the sender that wrote the record (None: the sender has one), ``person``
    the key of the person within the feed, ``labels`` the security labels the record came with as (system,
    code). ``unmapped`` lists the paths of the unmapped leaves, without their content; ``unlisted`` the codes that a
    code table does not list, each as (table, column, code). ``amends`` tells that what the record leaves unsaid stays
    as it was; ``event`` is when what it tells happened (dateTime), ``provenance`` what should be kept of that. ``same``
    are keys of persons of the feed whom the source says to be this one.
    """

    unit: str | None
    person: tuple[str, ...]
    drafts: tuple[Draft, ...]
    leaves: LeafCounts
    unmapped: tuple[str, ...] = ()
    warnings: tuple[Warning, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    unlisted: tuple[tuple[str, str, str], ...] = ()
    amends: bool = False
    event: str | None = None
    provenance: Tracing | None = None
    same: tuple[tuple[str, ...], ...] = ()
    restrictions: Restrictions = Restrictions()
