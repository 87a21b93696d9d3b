"""The agreements of a site: read with every mistake told, and what they give a partner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter.consent.agreement import Agreement
from adapter.errors import ConfigurationError, Problem
from adapter.settings import check

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from adapter.consent.agreement import Grant


def read_agreements(documents: Mapping[str, Any], partners: Iterable[str]) -> list[Agreement]:
    """Every agreement of `agreements/*.yaml`; ``ConfigurationError`` lists all that is wrong."""
    problems: list[Problem] = []
    found = []
    known = set(partners)
    for where, document in documents.items():
        wrong = check(Agreement, document, where)
        problems += wrong
        if not wrong:
            agreement = Agreement.model_validate(document)
            found.append(agreement)
            problems += [
                Problem(
                    where=where,
                    path="parties",
                    message=f"`{party}` is not a partner",
                    expected=", ".join(sorted(known)),
                )
                for party in agreement.parties
                if party not in known
            ]
    if problems:
        raise ConfigurationError(problems)
    return found


def purposes_of(agreements: Sequence[Agreement], recipient: str, *, at: int, zone: tzinfo) -> set[str]:
    """The purposes of use that agreements in force grant a partner."""
    return {purpose for grant in _grants(agreements, recipient, at, zone) for purpose in grant.purposes}


def rights_of(agreements: Sequence[Agreement], recipient: str, *, at: int, zone: tzinfo) -> set[str]:
    """The rights beyond asking about one person that agreements in force grant a partner."""
    return {right for grant in _grants(agreements, recipient, at, zone) for right in grant.rights}


def _grants(agreements: Sequence[Agreement], recipient: str, at: int, zone: tzinfo) -> Iterable[Grant]:
    for agreement in agreements:
        start, stop = agreement.holds(zone)
        if start <= at < stop:
            yield from (grant for grant in agreement.grants if grant.recipient == recipient)
