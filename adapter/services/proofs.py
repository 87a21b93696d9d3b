"""What the ledger tells of a client that asked for a token, about one, or to take one back, in words for the county."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.store.shapes import LedgerEntry

AUTHORIZING: Final = frozenset({"token", "introspect", "revoke"})
"""The interactions of the authorization endpoints."""
_DONE: Final[Mapping[str, str]] = {
    "token": "It was given an access token.",
    "introspect": "It was told about a token: what it grants if it is its own and live, else that it is not active.",
    "revoke": "It gave a token back.",
}
_WHY: Final[Mapping[str, str]] = {
    "grant-type": "It did not ask for `client_credentials`.",
    "no-assertion": "It sent no client assertion.",
    "no-token": "It named no token.",
    "bearer": "It came with a token that is not live or was not issued to registered software.",
    "malformed": "What it sent is no signed assertion that can be read.",
    "algorithm": "The assertion is not signed with RS384 or ES384.",
    "unknown-client": "`iss` names no client of partners.yaml.",
    "unknown-key": (
        "The key id (`kid`) is among none of the client's keys, or the address at which it publishes them gave none. "
        "Keys that are published are fetched anew at most once a minute."
    ),
    "bad-signature": "The signature was not made with the registered key of that id.",
    "wrong-type": "The header says that it is another kind of token (`typ`).",
    "foreign-key-set": "`jku` is not the address registered for the client.",
    "wrong-subject": "`sub`, `iss` and `client_id` are not all the client.",
    "wrong-audience": "`aud` is not the address of the token endpoint, letter for letter.",
    "no-id": "`jti` is missing or too long.",
    "no-expiry": "`exp` is missing.",
    "no-instant": "`exp`, `iat` or `nbf` is no number of seconds.",
    "expired": "The assertion had expired. If it was made just before, the clock of the client is behind.",
    "lives-too-long": "`exp` is more than five minutes ahead. If not, the clock of the client is ahead.",
    "not-yet-valid": "`iat` or `nbf` is in the future: the clock of the client is ahead.",
    "replayed": "The same assertion (`jti`) was used before. If the client made it once, somebody else may have it.",
    "stopped": "The client is shut out (`sallyport client stop`).",
    "unreadable-claims": "The `hl7-b2b` extension cannot be read: version 1, `organization_id`, `purpose_of_use`.",
    "foreign-organisation": "It asked for an organisation that is not registered under it.",
    "no-organisation-chosen": "It acts for several organisations, or none, and chose none of them.",
    "foreign-purpose": "A purpose of use is of a code system that is not used here.",
    "no-signature-that-counts": (
        "The user it named has no signature under the user agreement that counts now, or users of that organisation "
        "sign none (`required_of`)."
    ),
    "purpose-not-agreed": "No agreement in force grants the organisation one of the purposes it asked for.",
    "purpose-not-agreed-without-user": (
        "It named no user, and no agreement in force lets the organisation's software ask alone for one of the "
        "purposes it asked for (`unattended`)."
    ),
    "nothing-agreed": "No agreement in force gives the organisation anything that it could ask for in this way.",
    "unreadable-scope": "A scope is malformed, or of a resource type or parameter that is not known.",
    "scope-not-registered": "Of one of the scopes it asked for nothing is registered for it.",
}


def authorization_told(entry: LedgerEntry) -> str:
    """What came of a request to an authorization endpoint, and why."""
    if not entry.outcome:
        return _DONE[entry.interaction]
    status, code, why = entry.outcome.split(" ")
    return f"Refused with {status} `{code}`. {_WHY[why]} Its answer named the code alone."


def asker(entry: LedgerEntry) -> str:
    """Who asked, as far as it is known."""
    who = f"client `{entry.client}`" if entry.client else "software that did not prove who it is"
    return f"`{entry.interaction}` for {who}"
