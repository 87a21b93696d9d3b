"""Who may write what: the feed a client writes, the contract that keeps it open, the agreement that covers it.

All of it is settled before anything is looked up, so that a refusal says nothing of any record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.consent.agreement import sent
from adapter.errors import Issue, NotAllowed, OutOfScope, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from adapter.consent.agreement import AnyAgreement
    from adapter.services.disclose import Caller
    from adapter.services.feed_contracts import FeedGate
    from adapter.settings import Feed

_SCREENED: Final = frozenset({"screening-summary", "screening-detail"})
NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "Patient": frozenset(),
    "Observation": _SCREENED,
    "QuestionnaireResponse": _SCREENED,
    "Condition": _SCREENED,
    "AllergyIntolerance": _SCREENED,
    "Encounter": _SCREENED | {"booking"},
    "Consent": frozenset({"consent-share"}),
    "RelatedPerson": frozenset(),
    "DocumentReference": frozenset(),
    "Provenance": frozenset(),
}
"""The types that may be written, each with the classes of data one of which its sender must be allowed to send; where
none is named, any."""
LETTERS: Final = {"create": "c", "update": "u", "patch": "u", "delete": "d"}
"""What a scope has to hold for each interaction."""
UNIT: Final = "urn:unit:"
"""Before the name of the unit that made a resource, in `meta.source`."""


class Writers:
    """The clients that write, and what they may write now."""

    def __init__(
        self, feeds: Iterable[Feed], agreements: Sequence[AnyAgreement], gate: FeedGate, *, zone: tzinfo
    ) -> None:
        self._feeds = {(feed.client, f"Organization/{feed.organization}"): feed for feed in feeds if feed.is_written}
        self._agreements = agreements
        self._gate = gate
        self._zone = zone

    @property
    def feeds(self) -> list[Feed]:
        """The feeds that clients write."""
        return list(self._feeds.values())

    def feed_of(self, caller: Caller, at: int) -> Feed:
        """The feed that a caller writes; ``NotAllowed`` if none, ``FeedClosed`` while no contract keeps it open."""
        feed = self._feeds.get((caller.client.partition(" for ")[0], caller.organisation))
        if feed is None:
            raise NotAllowed(
                "this client writes no feed of this site for this organisation: ask the county for a file in `feeds/` "
                "with `connector: fhir.rest` and this client"
            )
        self._gate.admit(feed.feed, at)
        return feed

    def allow(self, caller: Caller, feed: Feed, kinds: Iterable[tuple[str, str]], at: int) -> None:
        """Refuse interactions with types (interaction, type) that no scope or no agreement in force covers."""
        needed: set[str] = set()
        for interaction, kind in kinds:
            caller.require(kind, LETTERS[interaction])
            needed.add(kind)
        senders = {feed.organization, *(unit.organization for unit in feed.units.values())}
        classes = sent(self._agreements, senders, at=at, zone=self._zone)
        for kind in sorted(needed):
            asked = NEEDED[kind]
            if not classes or (asked and classes.isdisjoint(asked)):
                told = " or ".join(f"`{name}`" for name in sorted(asked)) or "any class"
                raise NotAllowed(
                    f"no agreement in force lets this organisation send what a {kind} holds: ask the county for a "
                    f"direction (`directions` of an agreement) that names it among `senders` and {told} in `classes`",
                    expression=kind,
                )


def unit_of(feed: Feed, resource: Mapping[str, Any], place: str) -> str:
    """What the client calls the unit that made a resource; ``Rejected`` if it names none that the feed declares."""
    source = (resource.get("meta") or {}).get("source")
    named = source.removeprefix(UNIT) if isinstance(source, str) and source.startswith(UNIT) else None
    if named is None and len(feed.units) == 1:
        return next(iter(feed.units))
    if named in feed.units:
        return str(named)
    expected = ", ".join(f"{UNIT}{name}" for name in feed.units)
    told = f"names no unit whose legal regime is declared; expected one of {expected}"
    raise Rejected([Issue(path=f"{place}.meta.source", code="value", message=told)])


def covered(caller: Caller, resource: Mapping[str, Any], interaction: str) -> None:
    """``OutOfScope`` where scopes are narrowed to resources that this one is not among."""
    if caller.scopes is not None and not caller.scopes.covers(resource, LETTERS[interaction]):
        raise OutOfScope("no scope of this access token holds this interaction with this resource")
