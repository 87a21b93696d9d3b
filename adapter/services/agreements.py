"""The agreements of a site: read with every mistake told, and what they give a partner."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adapter.consent.agreement import Agreement, AnyAgreement, DataUse, holds, terms
from adapter.consent.agreement_spec import KINDS, with_units
from adapter.errors import ConfigurationError, Problem
from adapter.settings import check

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import date, tzinfo

    from adapter.consent.agreement import Grant
    from adapter.settings import Feed, Partner


def read_agreement(document: Any, where: str) -> AnyAgreement:
    """One file of `agreements/`, as written; ``ConfigurationError`` lists all that is wrong with it."""
    kind = document.get("kind", "mou") if isinstance(document, dict) else "mou"
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        problem = Problem(where=where, path="kind", message=f"no kind `{kind}` of agreement", expected=", ".join(KINDS))
        raise ConfigurationError([problem])
    problems = check(model, document, where)
    if problems:
        raise ConfigurationError(problems)
    return model.model_validate(document)


def read_agreements(
    documents: Mapping[str, Any], partners: Mapping[str, Partner], feeds: Mapping[str, Feed] | None = None
) -> list[AnyAgreement]:
    """Every agreement of `agreements/*.yaml`, each partner written out with its units.

    ``ConfigurationError`` lists all that is wrong.
    """
    problems: list[Problem] = []
    found: dict[str, AnyAgreement] = {}
    units = units_of(partners)
    for where, document in documents.items():
        try:
            agreement = read_agreement(document, where)
        except ConfigurationError as error:
            problems += error.problems
            continue
        if agreement.agreement in found:
            problems.append(
                Problem(
                    where=where,
                    path="agreement",
                    message=f"`{agreement.agreement}` is the id of another file too",
                    expected="an id of its own",
                )
            )
        problems += _strangers(agreement, where, partners, units)
        if isinstance(agreement, DataUse):
            problems += _contract_problems(agreement, where, partners, units, feeds or {})
        found[agreement.agreement] = agreement.with_units(units)
    if problems:
        raise ConfigurationError(problems)
    return list(found.values())


def units_of(partners: Mapping[str, Partner]) -> dict[str, frozenset[str]]:
    """The units of each partner, those of its units included."""
    above = {key: partner.part_of for key, partner in partners.items()}
    units: dict[str, set[str]] = {}
    for key, parent in above.items():
        seen: set[str] = set()
        while parent is not None and parent not in seen:
            units.setdefault(parent, set()).add(key)
            seen.add(parent)
            parent = above.get(parent)  # noqa: PLW2901 - climbing
    return {key: frozenset(found) for key, found in units.items()}


def _strangers(
    agreement: AnyAgreement, where: str, partners: Collection[str], units: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    """Whoever is named as a party and is no partner, and senders that are no party."""
    named = {"vendor": (agreement.vendor,), "sources": agreement.sources} if isinstance(agreement, DataUse) else {}
    for path, keys in (named or {"parties": agreement.parties}).items():
        for key in keys:
            if key not in partners:
                expected = ", ".join(sorted(partners))
                yield Problem(where=where, path=path, message=f"`{key}` is not a partner", expected=expected)
    if isinstance(agreement, Agreement):
        parties = with_units(agreement.parties, units)
        listed = [("directions", agreement.directions)]
        listed += [
            (f"amendments[{place}].directions", item.directions) for place, item in enumerate(agreement.amendments)
        ]
        for path, directions in listed:
            for sender in sorted({sender for one in directions for sender in one.senders} - set(parties)):
                expected = ", ".join(sorted(parties))
                yield Problem(where=where, path=path, message=f"`{sender}` sends and is no party", expected=expected)


def _contract_problems(
    contract: DataUse,
    where: str,
    partners: Mapping[str, Partner],
    units: Mapping[str, Collection[str]],
    feeds: Mapping[str, Feed],
) -> Iterator[Problem]:
    sources = with_units(contract.sources, units)
    programs = [key for key in sources if key in partners and partners[key].entity == "part2-program"]
    if "part2" in contract.regimes and len(programs) > 1:
        yield Problem(
            where=where,
            path="sources",
            message="a qualified service organization agreement is with one Part 2 program (42 CFR 2.11)",
            expected=f"one agreement each for {', '.join(sorted(programs))}",
        )
    for feed in contract.feeds:
        if feed not in feeds:
            expected = ", ".join(sorted(feeds)) or "a file feeds/<name>.yaml"
            yield Problem(where=where, path="feeds", message=f"no feed `{feed}`", expected=expected)
        elif feeds[feed].organization not in sources:
            yield Problem(
                where=where,
                path="feeds",
                message=f"feed `{feed}` is sent by `{feeds[feed].organization}`, which is none of `sources`",
                expected=", ".join(sorted(sources)),
            )


def purposes_of(agreements: Sequence[AnyAgreement], recipient: str, *, at: int, zone: tzinfo) -> set[str]:
    """The purposes of use that agreements in force grant a partner."""
    return {purpose for grant in _grants(agreements, recipient, at, zone) for purpose in grant.purposes}


def unattended_of(agreements: Sequence[AnyAgreement], recipient: str, *, at: int, zone: tzinfo) -> set[str]:
    """The purposes for which agreements in force let a partner's software ask without a user."""
    return {purpose for grant in _grants(agreements, recipient, at, zone) for purpose in grant.unattended}


def rights_of(agreements: Sequence[AnyAgreement], recipient: str, *, at: int, zone: tzinfo) -> set[str]:
    """The rights beyond asking about one person that agreements in force grant a partner."""
    return {right for grant in _grants(agreements, recipient, at, zone) for right in grant.rights}


def _grants(agreements: Sequence[AnyAgreement], recipient: str, at: int, zone: tzinfo) -> Iterable[Grant]:
    for agreement in agreements:
        for term in terms(agreement, recipient, zone):
            if term.start <= at < term.stop:
                yield term.grant


def signed_by(agreement: AnyAgreement) -> set[str]:
    """The partners someone signed for, in the agreement or in an amendment."""
    return {item.organisation for one in (agreement, *agreement.amendments) for item in one.signatories}


def state(agreement: AnyAgreement, *, at: int, zone: tzinfo) -> str:
    """`in force`, `lapsed`, `starts` (not yet begun) or `unsigned` (nobody who receives has signed)."""
    start, stop = holds(agreement, zone)
    if stop <= at:
        return "lapsed"
    if at < start:
        return "starts"
    receiving = {agreement.vendor} if isinstance(agreement, DataUse) else {g.recipient for g in agreement.every_grant()}
    return "in force" if receiving & signed_by(agreement) else "unsigned"


def day(at: int, zone: tzinfo) -> date:
    """The calendar day of an instant."""
    return datetime.fromtimestamp(at / 1_000_000, tz=UTC).astimezone(zone).date()
