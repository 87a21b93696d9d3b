"""Access tokens as the county gives them out: within the agreements in force, and for users who have signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapter.errors import ConfigurationError, Problem
from adapter.services.agreements import purposes_of, rights_of, unattended_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import tzinfo

    from adapter.consent.agreement import AnyAgreement
    from adapter.services.feed_contracts import FeedGate
    from adapter.services.user_agreements import UserAgreements
    from adapter.settings import Feed, Partner
    from adapter.store.port import Store

FEED = "feed:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A token somebody asks for: partner key, purposes, rights, and the user it is for, if any."""

    recipient: str
    purposes: Collection[str]
    rights: Collection[str] = ()
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a token may be issued for."""

    partners: Mapping[str, Partner]
    feeds: Mapping[str, Feed]
    agreements: Sequence[AnyAgreement]
    gate: FeedGate
    users: UserAgreements
    zone: tzinfo

    def check(self, wanted: Wanted, *, at: int) -> None:
        """Refuse what no agreement in force grants: ``ConfigurationError`` with what would be granted."""
        problems: list[Problem] = []
        if wanted.recipient not in self.partners:
            problems.append(
                _problem("partners.yaml", f"no partner `{wanted.recipient}`", ", ".join(sorted(self.partners)))
            )
        granted = purposes_of(self.agreements, wanted.recipient, at=at, zone=self.zone)
        if refused := sorted(set(wanted.purposes) - granted):
            told = f"no agreement in force grants `{wanted.recipient}` the purpose {', '.join(refused)}"
            problems.append(_problem("agreements/", told, ", ".join(sorted(granted)) or "a grant for this recipient"))
        rights = self.rights(wanted.recipient, at=at)
        if refused := sorted(set(wanted.rights) - rights):
            told = f"nothing in force gives `{wanted.recipient}` the right {', '.join(refused)}"
            problems.append(_problem("agreements/", told, ", ".join(sorted(rights)) or "no right is given"))
        if not wanted.purposes and not any(right.startswith(FEED) for right in wanted.rights):
            problems.append(_problem("", "a token needs a purpose of use, or the right to push a feed", "--purpose"))
        if problems:
            raise ConfigurationError(problems)

    def rights(self, recipient: str, *, at: int) -> set[str]:
        """The rights a partner can have now: those granted, and the feeds it sends or handles under a contract."""
        pushed = {
            FEED + name
            for name, feed in self.feeds.items()
            if feed.organization == recipient or recipient in self.gate.vendors(name, at)
        }
        return rights_of(self.agreements, recipient, at=at, zone=self.zone) | pushed

    def purposes(self, recipient: str, *, at: int) -> set[str]:
        """The purposes of use that agreements in force grant a partner now."""
        return purposes_of(self.agreements, recipient, at=at, zone=self.zone)

    def unattended(self, recipient: str, *, at: int) -> set[str]:
        """Those of them for which its software may ask when nobody sits in front of it."""
        return unattended_of(self.agreements, recipient, at=at, zone=self.zone)

    async def signed(self, store: Store, recipient: str, user: str, *, at: int) -> bool:
        """Whether a user has signed for a partner what its users have to sign, and the signature counts now."""
        organisation = f"Organization/{recipient}"
        if not user or self.users.text(organisation, at) is None:
            # Where nobody signs there is no signature that a name could be matched with.
            return False
        standing = await self.users.standing(store, at=at, user=user)
        return any(one.event.organisation == organisation and not one.why_not for one in standing)

    async def check_user(self, store: Store, wanted: Wanted, *, at: int) -> None:
        """Refuse a user whose signature does not count, or nobody where the partner's users sign."""
        organisation = f"Organization/{wanted.recipient}"
        standing = await self.users.standing(store, at=at, user=wanted.user) if wanted.user else []
        why = next((one.why_not for one in standing if one.event.organisation == organisation), None)
        if why is None:
            why = self.users.unsigned(organisation, wanted.user, at)
        if why:
            who = f"`{wanted.user}` of `{wanted.recipient}`" if wanted.user else f"`{wanted.recipient}`"
            expected = "a current signature: `sallyport user-agreement sign`"
            raise ConfigurationError([_problem("user_agreements/", f"{who}: {why}", expected)])


def _problem(where: str, message: str, expected: str) -> Problem:
    return Problem(where=where, path="", message=message, expected=expected)
