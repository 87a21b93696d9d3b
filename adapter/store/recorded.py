"""The shapes of what people record: facts of a person, what was done about them, revocations of forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalFact:
    """What someone recorded of a person besides consents, for ``[start, stop)``.

    ``kind`` is "hold", "restriction", "treatment", the code of the basis asserted, or names what no decision reads.
    ``fact`` and ``evidence`` are JSON: what decisions read (null where none does), and what the law wants recorded with
    it. Evidence never leaves with an answer. ``request`` is a digest of what was asked, to tell a repeat from another
    request under the same key.
    """

    id: str
    patient: int
    kind: str
    start: int
    stop: int
    fact: bytes
    evidence: bytes
    author: str
    recorded: int
    request: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalAct:
    """What someone did about a recorded fact: ended it, closed a review. ``words`` say why or what was found."""

    fact: str
    act: str
    author: str
    at: int
    words: str


class Awaited(NamedTuple):
    """A record that shares a key with a person of whom something was recorded; ``theirs`` and ``ours`` are known."""

    patient: int
    person: int
    theirs: Mapping[str, str]
    ours: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """A written revocation of a form that was recorded here; ``body`` is JSON, as it stands on the form."""

    feed: str
    submission: str
    person: str
    body: bytes
    author: str
    at: int
