"""The grounds for an answer that no consent decides: own records, own shares, the directory, undeclared units.

What a unit made itself, or an organisation wrote here itself, is no disclosure when it comes back to it. The directory
is public to every context. A unit whose legal regime nobody declared has its records held: visible to it alone until
someone declares it.

42 CFR 2.11, 2.12(c)(3); 45 CFR 164.501.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from adapter.consent.bases import CONSENT, OWN
from adapter.consent.evaluate import Effect, Verdict
from adapter.consent.names import literal_key

if TYPE_CHECKING:
    from adapter.consent.recipient import RecipientContext
    from adapter.consent.segment import Segment

DIRECTORY: Final = "directory"
OWN_RECORD: Final = "own-record"
AUTHOR: Final = "author"
OWN_SHARE: Final = "own-share"
UNDECLARED: Final = "undeclared"


def is_own(recipient: RecipientContext, segment: Segment) -> bool:
    """Whether the organisation that asks is the very unit that made the record."""
    unit = literal_key(segment.unit)
    return unit is not None and literal_key(recipient.organisation) == unit


def is_author(recipient: RecipientContext, segment: Segment) -> bool:
    """Whether the software of the organisation that asks wrote the record here: it has in hand what it would be given.

    A share is the custodian's record of what somebody else may receive, whoever wrote the release behind it.
    """
    writer = literal_key(segment.writer)
    return writer is not None and not segment.audience and literal_key(recipient.organisation) == writer


def basis(recipient: RecipientContext, segment: Segment) -> Verdict | None:
    """The verdict where no consent is asked, else None."""
    if segment.tier == "directory":
        return _settled(Effect.PERMIT, DIRECTORY, "the directory is public to every recipient")
    if segment.audience:
        return _share(recipient, segment)
    if is_author(recipient, segment):
        return _settled(Effect.PERMIT, AUTHOR, "the recipient wrote this record here itself")
    if is_own(recipient, segment):
        return _settled(Effect.PERMIT, OWN_RECORD, "the recipient made this record itself")
    if segment.regime == "undeclared":
        return _settled(Effect.DENY, UNDECLARED, "nobody declared the legal regime of the unit that made this record")
    return None


def _share(recipient: RecipientContext, segment: Segment) -> Verdict:
    if literal_key(recipient.organisation) == literal_key(segment.audience):
        # It tells of a release, so it is no more the recipient's own than what the release opens: agreements bound it.
        return replace(_settled(Effect.PERMIT, OWN_SHARE, "this was made for the recipient alone"), bases=CONSENT)
    return _settled(Effect.DENY, OWN_SHARE, "this was made for another recipient alone")


def _settled(effect: Effect, rule: str, because: str) -> Verdict:
    bases = OWN if effect is Effect.PERMIT else 0
    return Verdict(effect=effect, notes=((-1, "", rule, effect.value.lower(), because),), bases=bases)
