"""User agreements of a site: who has to sign which text, who has signed, and whose word still counts.

A signature counts for one user in one organisation. It counts until it has to be certified again, until a new version
has to be signed, or until the user leaves; then tokens issued for this user stop working with the next request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapter.consent.agreement_spec import with_units
from adapter.consent.agreement_user import DAY, DEPARTED, SIGNED, UserAgreement, current, versions, why_not
from adapter.errors import ConfigurationError, Problem
from adapter.fhir.dates import MAX
from adapter.services.agreements import units_of
from adapter.settings import check
from adapter.store.shapes import NOTHING_SAID, LastWord, UserEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from adapter.consent.agreement_user import Version
    from adapter.settings import Partner
    from adapter.store.port import Store

ORGANIZATION = "Organization/"


def read_user_agreement(document: Any, where: str) -> UserAgreement:
    """One file of `user_agreements/`, as written; ``ConfigurationError`` lists all that is wrong with it."""
    problems = check(UserAgreement, document, where)
    if problems:
        raise ConfigurationError(problems)
    return UserAgreement.model_validate(document)


def read_user_agreements(documents: Mapping[str, Any], partners: Mapping[str, Partner]) -> list[UserAgreement]:
    """Every version of `user_agreements/*.yaml`; ``ConfigurationError`` lists all that is wrong.

    ``required_of`` is written out with the units of its partners.
    """
    problems: list[Problem] = []
    found: list[UserAgreement] = []
    units = units_of(partners)
    for where, document in documents.items():
        try:
            one = read_user_agreement(document, where)
        except ConfigurationError as error:
            problems += error.problems
            continue
        problems += _problems(one, where, found, partners, units)
        found.append(one.model_copy(update={"required_of": with_units(one.required_of, units)}))
    if problems:
        raise ConfigurationError(problems)
    return found


def _problems(
    one: UserAgreement,
    where: str,
    earlier: Iterable[UserAgreement],
    partners: Collection[str],
    units: Mapping[str, Collection[str]],
) -> Iterator[Problem]:
    for key in sorted(set(one.required_of) - set(partners)):
        expected = ", ".join(sorted(partners))
        yield Problem(where=where, path="required_of", message=f"`{key}` is not a partner", expected=expected)
    for other in earlier:
        if other.user_agreement != one.user_agreement:
            shared = sorted(set(with_units(one.required_of, units)) & set(other.required_of))
            if shared:
                yield Problem(
                    where=where,
                    path="required_of",
                    message=f"users of {', '.join(shared)} sign `{other.user_agreement}` already",
                    expected="one user agreement for each partner",
                )
        elif other.version == one.version or other.effective == one.effective:
            yield Problem(
                where=where,
                path="version" if other.version == one.version else "effective",
                message=f"version `{other.version}` of `{one.user_agreement}` has the same",
                expected="another version with a later day",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A user's place in one organisation: the last word, whether it counts, and until when it does."""

    event: UserEvent
    why_not: str
    until: int | None


class UserAgreements:
    """Answers whether a user may ask. It remembers texts only; what was signed comes with each token from the store.

    Nobody asks for an organisation that is no partner of the site, or no more.
    """

    def __init__(self, agreements: Sequence[UserAgreement], partners: Iterable[str], zone: tzinfo) -> None:
        self.texts = tuple(agreements)
        self._partners = frozenset(ORGANIZATION + key for key in partners)
        by_partner: dict[str, list[UserAgreement]] = {}
        for one in agreements:
            for key in one.required_of:
                by_partner.setdefault(ORGANIZATION + key, []).append(one)
        self._versions: dict[str, tuple[Version, ...]] = {
            organisation: versions(texts, zone) for organisation, texts in by_partner.items()
        }

    def text(self, organisation: str, at: int) -> UserAgreement | None:
        """The version that users of an organisation have to sign at an instant."""
        version = current(self._versions.get(organisation, ()), at)
        if version is None:
            return None
        return next(one for one in self.texts if one.text_hash() == version.text_hash)

    def why_not(self, organisation: str, user: str, last_word: LastWord, at: int) -> str:
        """Why a user of an organisation may not ask now; empty if they may. No user is nobody's word."""
        if organisation not in self._partners:
            return "the agency is no partner of this site"
        kind, text_hash, signed = last_word
        required = self._versions.get(organisation, ())
        if not user:
            return "no user is named" if current(required, at) else ""
        return why_not(required, kind, text_hash, signed, at)

    def unsigned(self, organisation: str, user: str, at: int) -> str:
        """Why a user of whom nothing is recorded may not ask; empty where nothing has to be signed."""
        return self.why_not(organisation, user, NOTHING_SAID, at)

    def may_ask(self, organisation: str, user: str, last_word: LastWord, at: int) -> bool:
        """Whether a user may ask now. Asked with every request."""
        if not user and organisation not in self._versions:
            return organisation in self._partners
        return not self.why_not(organisation, user, last_word, at)

    async def sign(self, store: Store, event: UserEvent) -> UserEvent:
        """Keep a signature. ``event`` names the user, and in ``certified`` the boxes that were ticked.

        ``ConfigurationError`` if nothing has to be signed, something is left out or a box is not ticked.
        """
        text = self.text(event.organisation, event.at)
        if text is None:
            raise _mend("required_of", f"users of {event.organisation} have nothing to sign", "a partner listed there")
        known = set(text.certifications)
        if open_boxes := [key for key in text.certifications if key not in event.certified]:
            raise _mend("certifications", f"not certified: {', '.join(open_boxes)}", "every box ticked by the user")
        if strange := sorted(set(event.certified) - known):
            raise _mend("certifications", f"no box {', '.join(strange)}", ", ".join(sorted(known)))
        if missing := [name for name in ("user", "name", "role", "client") if not getattr(event, name).strip()]:
            raise _mend("", f"a signature needs {', '.join(missing)}", "who signs, in which role, on which client")
        signed = UserEvent(
            kind=SIGNED,
            user=event.user,
            organisation=event.organisation,
            at=event.at,
            name=event.name,
            role=event.role,
            client=event.client,
            agreement=text.user_agreement,
            version=text.version,
            text_hash=text.text_hash(),
            certified=tuple(text.certifications),
        )
        await _keep(store, signed)
        return signed

    async def depart(self, store: Store, *, user: str, organisation: str, at: int) -> None:
        """Keep that a user has left an organisation; signing again brings them back."""
        if not any(one.organisation == organisation for one in await store.user_events(user)):
            raise _mend("", f"nobody called `{user}` has signed for {organisation}", "a user of `list`")
        await _keep(store, UserEvent(kind=DEPARTED, user=user, organisation=organisation, at=at))

    async def standing(self, store: Store, *, at: int, user: str | None = None) -> list[Standing]:
        """The last word of every user in every organisation, or of one user."""
        last: dict[tuple[str, str], tuple[UserEvent, UserEvent]] = {}
        for event in await store.user_events(user):
            key = (event.organisation, event.user)
            signature = event if event.kind == SIGNED or key not in last else last[key][1]
            last[key] = event, signature
        return [self._standing(event, signature, at) for _, (event, signature) in sorted(last.items())]

    def _standing(self, event: UserEvent, signature: UserEvent, at: int) -> Standing:
        required = self._versions.get(event.organisation, ())
        word = LastWord(kind=event.kind, text_hash=event.text_hash, at=event.at)
        why = self.why_not(event.organisation, event.user, word, at)
        version = current(required, at)
        if why or version is None:
            return Standing(event=signature, why_not=why, until=None)
        replaced = min((one.since for one in required if one.since > at), default=MAX)
        until = min(signature.at + version.lasts, replaced)
        return Standing(event=signature, why_not=why, until=until)


async def _keep(store: Store, event: UserEvent) -> None:
    async with store.transaction() as change:
        await change.add_user_event(event)


def _mend(path: str, message: str, expected: str) -> ConfigurationError:
    return ConfigurationError([Problem(where="user_agreements/", path=path, message=message, expected=expected)])


def days_left(until: int, at: int) -> int:
    """Whole days between two instants."""
    return (until - at) // DAY
