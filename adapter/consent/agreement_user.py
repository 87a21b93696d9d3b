"""The agreement that each user signs before asking: its text, its check-boxes, and whether a signature still counts.

Who uses a partner's access certifies that they understand what it is for and keep it confidential; yearly, and anew
whenever the text changes. The signature names the text by its hash, so a text changed afterwards is a text nobody
signed.

45 CFR 164.308(a)(5), 164.530(b); 42 CFR 2.16.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date  # noqa: TC003  # pydantic reads the annotation when the class is made
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import orjson
from pydantic import Field

from adapter.consent.agreement_spec import Key, Spec, Words
from adapter.fhir.dates import interval

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

SIGNED: Final = "signed"
DEPARTED: Final = "departed"
DAY: Final = 86_400 * 1_000_000
"""Microseconds."""


class UserAgreement(Spec):
    """One version of a user agreement: one file of `user_agreements/`."""

    user_agreement: Key
    version: Words
    title: Words
    effective: date = Field(description="From this day it is the version that has to be signed.")
    required_of: tuple[Key, ...] = Field(min_length=1, description="Partners whose users sign it.")
    text: Words
    certifications: dict[Key, Words] = Field(min_length=1, description="Boxes, each to be ticked by the user.")
    valid_days: int = Field(default=365, ge=1, le=366)
    contact: Words

    def text_hash(self) -> bytes:
        """SHA-256 of everything the user reads and certifies."""
        return sha256(
            orjson.dumps(
                [self.user_agreement, self.version, self.title, self.text, self.certifications],
                option=orjson.OPT_SORT_KEYS,
            )
        ).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a check needs of one version: from when it counts, its hash and for how long a signature lasts."""

    since: int
    text_hash: bytes
    lasts: int
    name: str


def versions(agreements: Sequence[UserAgreement], zone: tzinfo) -> tuple[Version, ...]:
    """The versions of one user agreement, the latest first."""
    found = (
        Version(
            since=interval(one.effective.isoformat(), zone)[0],
            text_hash=one.text_hash(),
            lasts=one.valid_days * DAY,
            name=one.version,
        )
        for one in agreements
    )
    return tuple(sorted(found, key=lambda one: -one.since))


def current(known: Sequence[Version], at: int) -> Version | None:
    """The version that has to be signed at an instant; None before the first one counts."""
    return next((one for one in known if one.since <= at), None)


def why_not(known: Sequence[Version], kind: str, text_hash: bytes, signed: int, at: int) -> str:
    """Why a user's last word does not let them ask at ``at``; empty if it does.

    ``kind`` is `SIGNED`, `DEPARTED` or empty for a user of whom nothing is recorded; ``signed`` its instant.
    """
    if kind == DEPARTED:
        return "has left the agency"
    version = current(known, at)
    if version is None:
        return ""
    if kind != SIGNED or signed > at:
        return "has not signed the user agreement"
    if text_hash != version.text_hash:
        others = {one.text_hash for one in known}
        return "has signed an earlier version" if text_hash in others else "has signed a text that is not on file"
    if at >= signed + version.lasts:
        return "has to certify again"
    return ""
