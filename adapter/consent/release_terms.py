"""For how long a signed form holds, for whom, and what its revocations have made of it.

The shortest of all ends counts: the last day on the form, the longest the law of the place allows, the authority of who
signed, the day before the person comes of age. A consent of 42 CFR 2.35 is not revocable before the moment it names: a
revocation that comes earlier is kept and takes effect at that moment; the final disposition of the case ends it anyway.

42 CFR 2.31(a)(6) and (7), 2.31(c), 2.35(b) and (c); 45 CFR 164.508(b)(5).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from adapter.consent.expiry import DISPOSITION, Expiry
from adapter.consent.release_elements import comes_of_age, day_of, instant_of, under_age
from adapter.consent.release_form import CRIMINAL_JUSTICE, Form
from adapter.errors import RecordError
from adapter.fhir.dates import interval

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from adapter.consent.release_submission import Named, Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long a form holds.

    ``revoked`` is true once all of it is. ``last`` is its last day or instant, None where it has none. ``expiries`` are
    the events that end it. ``closed`` gives for a partner that is revoked the day from which it is, None for at once;
    the partners in ``closed_by`` are revoked with the event that ends it for them.
    """

    revoked: bool
    last: str | None
    expiries: tuple[Expiry, ...]
    closed: Mapping[str, str | None]
    closed_by: tuple[Expiry, tuple[str, ...]] | None = None


def terms(form: Form, submission: Submission, zone: tzinfo, now: int) -> Terms:
    """The terms of a form whose elements and signature have been checked.

    Raises RecordError for dates that cannot be read or contradict each other.
    """
    signed = interval((submission.signed or "")[:10], zone)[0]
    if submission.expires is not None and instant_of(submission.expires, "expires", zone) < signed:
        raise RecordError("bad-date", "expires", "a day on or after the signature")
    everything, partners = _revocations(submission, zone)
    day, event = _revocable(form, submission, zone, now) if everything or partners else (None, None)
    lasts, expiries = _lasts(form, submission, zone), _events(form, submission)
    if everything and day is not None:
        lasts.append((day - timedelta(days=1)).isoformat())
    if everything and event is not None:
        expiries.append(event)
    from_day = None if day is None else day.isoformat()
    return Terms(
        revoked=everything and day is None and event is None,
        last=min(lasts, key=lambda text: interval(text, zone)[1], default=None),
        expiries=tuple(sorted(set(expiries))),
        closed={} if event is not None else dict.fromkeys(partners, from_day),
        closed_by=None if event is None or not partners else (event, tuple(partners)),
    )


def _revocations(submission: Submission, zone: tzinfo) -> tuple[bool, list[str]]:
    """Whether everything is revoked, and the partners that are."""
    everything = False
    partners: set[str] = set()
    for index, revocation in enumerate(submission.revocations):
        # Its date has to be readable; a date to come is a clock that is wrong, and holds at once like any other.
        instant_of(revocation.at, f"revocations[{index}].at", zone)
        if revocation.partners == "all":
            everything = True
        else:
            partners.update(revocation.partners)
    return everything, sorted(partners)


def _revocable(form: Form, submission: Submission, zone: tzinfo, now: int) -> tuple[date | None, Expiry | None]:
    """The day or the event from which a revocation has effect; neither where it has effect at once."""
    condition = submission.condition
    if form.instrument != CRIMINAL_JUSTICE or condition is None:
        return None, None
    if condition.revocable_from is not None:
        day = day_of(condition.revocable_from, "condition.revocable_from", zone)
        return (day, None) if now < interval(day.isoformat(), zone)[0] else (None, None)
    if condition.revocable_on is None:
        return None, None
    return None, _expiry(condition.revocable_on, submission.case if condition.revocable_on == DISPOSITION else None)


def _lasts(form: Form, submission: Submission, zone: tzinfo) -> list[str]:
    """Every last day that the form, the law of the place or the signer sets."""
    found = [text for text in (submission.expires, submission.signer.authority_until) if text is not None]
    if form.longest_days is not None:
        signed = day_of(submission.signed or "", "signed", zone)
        found.append((signed + timedelta(days=form.longest_days)).isoformat())
    adult = comes_of_age(submission, zone)
    if adult is not None and under_age(submission, zone):
        found.append((date.fromisoformat(adult) - timedelta(days=1)).isoformat())
    return found


def _events(form: Form, submission: Submission) -> list[Expiry]:
    """The events that end it: the one on the form, and for 42 CFR 2.35 the final disposition of the case."""
    found = []
    stated = submission.expires_on
    if stated is not None:
        of = stated.of or (submission.case if stated.event == DISPOSITION else None)
        found.append(_expiry(stated.event, of))
    if form.instrument == CRIMINAL_JUSTICE and submission.case is not None:
        found.append(_expiry(DISPOSITION, submission.case))
    return found


def _expiry(event: str, of: Named | None) -> Expiry:
    return Expiry(event=event, system=of.system if of else "", value=of.value if of else "")
