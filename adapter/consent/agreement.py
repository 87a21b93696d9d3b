"""Agreements between agencies: the upper bound of what any consent or other basis can release to a partner.

An agreement names who receives which classes of data, of which legal regimes, for which purposes and on which bases,
between two dates. No agreement in force, no disclosure; only a unit's own records and the public directory need none,
and threat, emergency and court order are never bounded. Who has not signed neither sends nor receives under it.

45 CFR 164.504(e), 42 CFR 2.33.
"""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from operator import or_
from typing import TYPE_CHECKING, Final, NamedTuple

from adapter.consent.agreement_spec import Agreement, AnyAgreement, DataUse, Grant
from adapter.consent.bases import ALL, CONTRACT, OWN, mask
from adapter.consent.basis import AUTHOR, DIRECTORY, OWN_RECORD, is_author, is_own
from adapter.consent.names import literal_key
from adapter.fhir.dates import MAX, MIN, interval

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import date, tzinfo

    from adapter.consent.agreement_spec import Direction
    from adapter.consent.recipient import RecipientContext
    from adapter.consent.segment import Segment

__all__ = [
    "Agreement",
    "AnyAgreement",
    "Bound",
    "DataUse",
    "Grant",
    "Term",
    "bound",
    "contracts",
    "data_class",
    "holds",
    "part2_enabled",
    "rights",
    "sent",
    "terms",
]

ORGANIZATION = "Organization/"


class Bound(NamedTuple):
    """What agreements allow during ``[start, stop)``, epoch microseconds.

    ``bases`` is a mask of the grounds they allow, with those that no agreement bounds; ``names`` are the agreements.
    """

    start: int
    stop: int
    bases: int
    names: tuple[str, ...]


class Term(NamedTuple):
    """A grant with the half-open interval in which its recipient may rely on it, whoever sends."""

    grant: Grant
    instrument: int
    start: int
    stop: int


class _Part(NamedTuple):
    """What one grant adds to a bound."""

    start: int
    stop: int
    bases: int
    name: str


def data_class(segment: Segment) -> str:
    """The class of data of a segment as agreements name it; empty for what no agreement can grant.

    The domains ``court`` and ``booking`` name their class themselves; an Encounter of any other domain is a
    booking, and a Consent is handed on only as the share of it that was made for one recipient.
    """
    if segment.tier in _TIER_CLASS:
        return _TIER_CLASS[segment.tier]
    if segment.type == "Consent" or segment.tier != "detail":
        return ""
    if segment.domain in {"court", "booking"}:
        return segment.domain
    return "booking" if segment.type == "Encounter" else "screening-detail"


CONTACT: Final = "contact"
"""The tier, and the class, of what tells how to reach a person: addresses, telephone numbers, relatives."""
CARE: Final = frozenset({"TREAT", "ETREAT", "ERTREAT", "discharge-planning"})
"""Purposes for which a grant of contact details needs nothing more; for any other, counsel enables the partner."""
_TIER_CLASS = {
    "identity": "identity",
    "summary": "screening-summary",
    "share": "consent-share",
    CONTACT: "contact",
}


def _first(day: date, zone: tzinfo) -> int:
    return interval(day.isoformat(), zone)[0]


def holds(agreement: AnyAgreement, zone: tzinfo) -> tuple[int, int]:
    """The half-open interval it is written for, in epoch microseconds; the last day included, signatures apart."""
    stop = MAX if agreement.end is None else interval(agreement.end.isoformat(), zone)[1]
    return _first(agreement.start, zone), stop


def _signed(agreement: AnyAgreement, organisation: str, instrument: int, zone: tzinfo) -> int:
    """From when an organisation is bound by the agreement (0) or an amendment; `MAX` while it has not signed.

    Who signs a later amendment joins the agreement as it stands then; who signed earlier has not signed the amendment.
    """
    papers = (agreement, *agreement.amendments)[instrument:]
    days = (one.date for paper in papers for one in paper.signatories if one.organisation == organisation)
    return min((_first(day, zone) for day in days), default=MAX)


def _left(agreement: AnyAgreement, organisation: str, zone: tzinfo) -> int:
    """When an organisation leaves the agreement; `MAX` while it does not."""
    return min((_first(one.date, zone) for one in agreement.amendments if organisation in one.withdraws), default=MAX)


def _instruments(agreement: AnyAgreement, zone: tzinfo) -> Iterator[tuple[int, int, Sequence[Grant]]]:
    """The number, first instant and grants of the agreement and of each of its amendments."""
    yield 0, MIN, agreement.grants
    for amendment in agreement.amendments:
        yield amendment.number, _first(amendment.date, zone), amendment.adds


def _ended(agreement: AnyAgreement, grant: Grant, zone: tzinfo) -> int:
    if grant.grant is None:
        return MAX
    return next((_first(item.date, zone) for item in agreement.amendments if grant.grant in item.ends), MAX)


def terms(agreement: AnyAgreement, recipient: str, zone: tzinfo) -> Iterator[Term]:
    """The grants of an agreement to a partner (by key) with the interval in which each holds; never an empty one."""
    first, last = holds(agreement, zone)
    for instrument, begins, grants in _instruments(agreement, zone):
        for grant in grants:
            if grant.recipient != recipient:
                continue
            start = max(first, begins, _signed(agreement, recipient, instrument, zone))
            stop = min(last, _ended(agreement, grant, zone), _left(agreement, recipient, zone))
            if start < stop:
                yield Term(grant, instrument, start, stop)


def _sent(agreement: AnyAgreement, sender: str, term: Term, kind: str, zone: tzinfo) -> tuple[int, int]:
    """The interval in which a partner sends under a term; empty if it never does."""
    if isinstance(agreement, DataUse):
        directed = MIN if sender in agreement.sources else MAX
    else:
        directed = _directed(agreement, sender, term.grant.recipient, kind, zone)
    start = max(term.start, directed, _signed(agreement, sender, term.instrument, zone))
    return start, min(term.stop, _left(agreement, sender, zone))


def _directed(agreement: Agreement, sender: str, recipient: str, kind: str, zone: tzinfo) -> int:
    """From when an agreement lets a partner send a class of data to another; `MAX` if it never does."""
    if not agreement.directions:
        return MIN if sender in agreement.parties else MAX
    since: list[tuple[int, Sequence[Direction]]] = [(MIN, agreement.directions)]
    since += [(_first(item.date, zone), item.directions) for item in agreement.amendments]
    return min(
        (
            begins
            for begins, directions in since
            for one in directions
            if sender in one.senders and recipient in one.recipients and kind in one.classes
        ),
        default=MAX,
    )


def _covers(grant: Grant, purposes: set[str], kind: str, regime: str) -> bool:
    return bool(purposes) and purposes <= set(grant.purposes) and kind in grant.classes and regime in grant.regimes


def _parts(
    agreements: Iterable[AnyAgreement], recipient: RecipientContext, segment: Segment, zone: tzinfo
) -> Iterator[_Part]:
    asks, sender = _key(recipient.organisation), _key(segment.unit)
    kind, purposes = data_class(segment), {code for _, code in recipient.purposes}
    for agreement in agreements:
        for term in terms(agreement, asks, zone):
            if _covers(term.grant, purposes, kind, segment.regime):
                start, stop = _sent(agreement, sender, term, kind, zone)
                if kind == CONTACT and not purposes <= CARE:
                    start = max(start, _reached(agreement, asks, zone))
                bases = _bases(agreement, term.grant)
                if start < stop and bases:
                    yield _Part(start, stop, bases, agreement.agreement)


def _reached(agreement: AnyAgreement, recipient: str, zone: tzinfo) -> int:
    """From when counsel lets a partner learn how to reach people outside of care; `MAX` while it does not."""
    enabled = agreement.counsel.contact_details if isinstance(agreement, Agreement) else ()
    return min((_first(one.date, zone) for one in enabled if one.partner == recipient), default=MAX)


def _bases(agreement: AnyAgreement, grant: Grant) -> int:
    # Q exists per contract: a memorandum cannot stand in for one (42 CFR 2.11, 45 CFR 164.504(e)).
    allowed = CONTRACT if isinstance(agreement, DataUse) else ALL & ~CONTRACT
    return allowed & reduce(or_, map(mask, grant.bases))


def _key(reference: str) -> str:
    """The key of the partner that an Organization reference names; empty for anything else."""
    return (literal_key(reference) or "").removeprefix(ORGANIZATION)


def bound(
    agreements: Iterable[AnyAgreement],
    recipient: RecipientContext,
    segment: Segment,
    *,
    zone: tzinfo,
    floor: int = 0,
) -> list[Bound]:
    """On which grounds agreements let ``recipient`` receive ``segment``, and when: disjoint and in order.

    ``floor`` are grounds that hold without an agreement: `UNBOUND` for a recipient to whom law gave one; then the rows
    cover all time. A row without any ground is left out. A unit's own records and the directory are allowed for all
    time, under the name of that ground. Outside of care no ground by itself opens how to reach a person.
    """
    if segment.tier == "directory":
        return [Bound(MIN, MAX, OWN, (DIRECTORY,))]
    if is_own(recipient, segment):
        return [Bound(MIN, MAX, OWN, (OWN_RECORD,))]
    if is_author(recipient, segment):
        return [Bound(MIN, MAX, OWN, (AUTHOR,))]
    if segment.tier == CONTACT and not {code for _, code in recipient.purposes} <= CARE:
        floor = 0
    parts = list(_parts(agreements, recipient, segment, zone))
    edges = sorted({MIN, MAX, *(edge for part in parts for edge in part[:2])})
    found = (_bound_at(parts, start, stop, floor) for start, stop in pairwise(edges))
    return _merged(one for one in found if one.bases)


def _bound_at(parts: Sequence[_Part], start: int, stop: int, floor: int) -> Bound:
    holding = [part for part in parts if part.start <= start < part.stop]
    allowed = reduce(or_, (part.bases for part in holding), floor)
    return Bound(start, stop, allowed, tuple(sorted({part.name for part in holding})))


def _merged(rows: Iterable[Bound]) -> list[Bound]:
    """The same rows with neighbours that say the same joined."""
    joined: list[Bound] = []
    for row in rows:
        if joined and joined[-1].stop == row.start and joined[-1][2:] == row[2:]:
            joined[-1] = joined[-1]._replace(stop=row.stop)
        else:
            joined.append(row)
    return joined


def rights(agreements: Iterable[AnyAgreement], organisation: str, *, at: int, zone: tzinfo) -> frozenset[str]:
    """The rights beyond single persons that agreements in force at ``at`` give to an organisation."""
    return frozenset(
        right
        for agreement in agreements
        for term in terms(agreement, _key(organisation), zone)
        if term.start <= at < term.stop
        for right in term.grant.rights
    )


def sent(agreements: Iterable[AnyAgreement], senders: Collection[str], *, at: int, zone: tzinfo) -> frozenset[str]:
    """The classes of data that agreements in force at ``at`` let one of these partners (keys) send to anyone.

    A memorandum without directions lets each of its parties send what it grants. A contract with a vendor directs
    nothing between partners.
    """
    found: set[str] = set()
    for agreement in agreements:
        first, last = holds(agreement, zone)
        if isinstance(agreement, DataUse) or not first <= at < last:
            continue
        bound_now = {one for one in senders if _signed(agreement, one, 0, zone) <= at < _left(agreement, one, zone)}
        found |= _sends(agreement, bound_now, at, zone)
    return frozenset(found)


def _sends(agreement: Agreement, senders: Collection[str], at: int, zone: tzinfo) -> set[str]:
    if not agreement.directions:
        return {kind for grant in agreement.every_grant() for kind in grant.classes} if senders else set()
    amended = [one for item in agreement.amendments if _first(item.date, zone) <= at for one in item.directions]
    return {
        kind
        for one in (*agreement.directions, *amended)
        if not set(senders).isdisjoint(one.senders)
        for kind in one.classes
    }


def contracts(agreements: Iterable[AnyAgreement]) -> frozenset[tuple[str, str]]:
    """The contracts that give the basis Q: (source unit, recipient), as Organization references.

    Both have signed. When a contract holds is left to `bound`, which allows Q only while it does.
    """
    return frozenset(
        (ORGANIZATION + source, ORGANIZATION + agreement.vendor)
        for agreement in agreements
        if isinstance(agreement, DataUse)
        for source in agreement.sources
        if {source, agreement.vendor} <= {signatory.organisation for signatory in agreement.signatories}
    )


def part2_enabled(agreements: Iterable[AnyAgreement], *, at: int, zone: tzinfo) -> frozenset[str]:
    """Partners (Organization references) for which counsel enabled Part 2 records under a general release.

    An enablement counts for the agreement it stands in. So a partner is enabled if, at ``at``, every agreement that
    grants it Part 2 records on consent, now or later, holds one: then no lapse can leave the wrong one in force.
    """
    granted: dict[str, list[bool]] = {}
    for agreement in agreements:
        if not isinstance(agreement, Agreement) or holds(agreement, zone)[1] <= at:
            continue
        approved = {
            item.partner for item in agreement.counsel.part2_under_general_release if _first(item.date, zone) <= at
        }
        receiving = {
            grant.recipient
            for grant in agreement.every_grant()
            if "part2" in grant.regimes and "consent" in grant.bases
        }
        for partner in receiving:
            granted.setdefault(partner, []).append(partner in approved)
    return frozenset(ORGANIZATION + partner for partner, approvals in granted.items() if all(approvals))
