"""Agreements between agencies: the upper bound of what any consent can release to a partner.

An agreement names who receives which classes of data, of which legal regimes and for which purposes, between
two dates. No agreement, no interval, no disclosure; only a unit's own records and the public directory need
none.

45 CFR 164.504(e), 42 CFR 2.33.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003  # pydantic reads the annotation when the class is made
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapter.consent.bases import CONSENT, OWN
from adapter.consent.basis import DIRECTORY, OWN_RECORD, is_own
from adapter.fhir.dates import MAX, MIN, interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from adapter.consent.recipient import RecipientContext
    from adapter.consent.segment import Segment

DataClass = Literal["screening-summary", "screening-detail", "booking", "court", "identity", "consent-share"]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
Code = Annotated[str, Field(pattern=r"^[^\s]+$")]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Grant(_Spec):
    """What one recipient may receive under an agreement; what is not listed is not granted."""

    recipient: Key = Field(description="Key of the partner that receives.", examples=["pretrial"])
    purposes: tuple[Code, ...] = Field(min_length=1, description="Codes of purposes of use.")
    classes: tuple[DataClass, ...] = Field(min_length=1, description="Classes of data.")
    regimes: tuple[Literal["justice", "hipaa", "part2"], ...] = Field(
        min_length=1,
        description="Legal regimes of the units whose records may be received.",
    )
    rights: tuple[Literal["population-search"], ...] = Field(
        default=(),
        description="Rights beyond asking about one person at a time.",
    )


class Agreement(_Spec):
    """One agreement file."""

    agreement: Key = Field(description="Id of the agreement.", examples=["mou-2026"])
    title: str = Field(min_length=1)
    kind: Literal["mou"] = "mou"
    authority: str = Field(min_length=1, description="The statute or ordinance the parties act under.")
    parties: tuple[Key, ...] = Field(min_length=1, description="Keys of the partners that signed.")
    start: date = Field(description="First day it holds, in the time zone of the site.")
    end: date | None = Field(default=None, description="Last day it holds; null while it has no end.")
    contact: str = Field(min_length=1, description="Whom to ask about it.")
    grants: tuple[Grant, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Agreement:
        if self.end is not None and self.end < self.start:
            raise ValueError("expected `end` on or after `start`")
        strangers = sorted({grant.recipient for grant in self.grants} - set(self.parties))
        if strangers:
            raise ValueError(f"expected every recipient among `parties`, not {', '.join(strangers)}")
        return self

    def holds(self, zone: tzinfo) -> tuple[int, int]:
        """The half-open interval it holds for, in epoch microseconds; the last day included."""
        start = interval(self.start.isoformat(), zone)[0]
        return start, MAX if self.end is None else interval(self.end.isoformat(), zone)[1]


def data_class(segment: Segment) -> str:
    """The class of data of a segment as agreements name it; empty for what no agreement can grant.

    The domains ``court`` and ``booking`` name their class themselves; an Encounter of any other domain is a
    booking, and a Consent is handed on only as the share of it that was made for one recipient.
    """
    if segment.tier == "identity":
        return "identity"
    if segment.tier == "summary":
        return "screening-summary"
    if segment.tier == "share":
        return "consent-share"
    if segment.type == "Consent" or segment.tier != "detail":
        return ""
    if segment.domain in {"court", "booking"}:
        return segment.domain
    return "booking" if segment.type == "Encounter" else "screening-detail"


def _grants(grant: Grant, recipient: RecipientContext, segment: Segment) -> bool:
    asked = {code for _, code in recipient.purposes}
    return (
        recipient.organisation == f"Organization/{grant.recipient}"
        and bool(asked)
        and asked <= set(grant.purposes)
        and data_class(segment) in grant.classes
        and segment.regime in grant.regimes
    )


class Bound(NamedTuple):
    """What agreements allow during ``[start, stop)``, epoch microseconds.

    ``bases`` is a mask of the grounds they allow, with those that no agreement bounds; ``names`` are the agreements.
    """

    start: int
    stop: int
    bases: int
    names: tuple[str, ...]


def bound(
    agreements: Iterable[Agreement],
    recipient: RecipientContext,
    segment: Segment,
    *,
    zone: tzinfo,
    floor: int = 0,
) -> list[Bound]:
    """On which grounds agreements let ``recipient`` receive ``segment``, and when: disjoint and in order.

    ``floor`` are grounds that hold without an agreement: `UNBOUND` for a recipient to whom law gave one. A unit's own
    records and the directory are allowed for all time, under the name of that ground.
    """
    if segment.tier == "directory":
        return [Bound(MIN, MAX, OWN, (DIRECTORY,))]
    if is_own(recipient, segment):
        return [Bound(MIN, MAX, OWN, (OWN_RECORD,))]
    granted = [
        (*agreement.holds(zone), CONSENT, agreement.agreement)
        for agreement in agreements
        if any(_grants(grant, recipient, segment) for grant in agreement.grants)
    ]
    edges = sorted({MIN, MAX, *(edge for start, stop, _, _ in granted for edge in (start, stop))})
    found = (_bound_at(granted, start, stop, floor) for start, stop in pairwise(edges))
    return [one for one in found if one.bases]


def _bound_at(granted: Sequence[tuple[int, int, int, str]], start: int, stop: int, floor: int) -> Bound:
    holding = [(bases, name) for begins, ends, bases, name in granted if begins <= start < ends]
    allowed = reduce(or_, (bases for bases, _ in holding), floor)
    return Bound(start, stop, allowed, tuple(sorted(name for _, name in holding)))


def rights(agreements: Iterable[Agreement], organisation: str, *, at: int, zone: tzinfo) -> frozenset[str]:
    """The rights beyond single persons that agreements in force at ``at`` give to an organisation."""
    found: set[str] = set()
    for agreement in agreements:
        start, stop = agreement.holds(zone)
        if start <= at < stop:
            for grant in agreement.grants:
                if organisation == f"Organization/{grant.recipient}":
                    found.update(grant.rights)
    return frozenset(found)
