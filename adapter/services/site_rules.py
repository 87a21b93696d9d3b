"""What the documents of a site compile to: agreements, forms, mappings and the law, with every mistake told at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from adapter import assets
from adapter.consent.agreement import contracts, part2_enabled
from adapter.consent.law.law import Law
from adapter.consent.law.partners import PartnerFacts
from adapter.consent.law.tables import tables
from adapter.errors import ConfigurationError, Problem
from adapter.mapping.compile import compile_mapping
from adapter.mapping.tables import CodeTable, read_table
from adapter.services.agreements import read_agreements
from adapter.services.assertion_rules import asserter_problems
from adapter.services.forms import read_form
from adapter.services.profiles import shipped_validator
from adapter.services.user_agreements import read_user_agreements
from adapter.settings import WRITTEN, read_document
from adapter.summary.loinc import PinnedList
from adapter.summary.registry import Registry
from adapter.summary.urgent import Urgency

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from adapter.consent.agreement import AnyAgreement
    from adapter.consent.agreement_user import UserAgreement
    from adapter.consent.release_form import Form
    from adapter.fhir.facts import Facts
    from adapter.fhir.validate import Validator
    from adapter.settings import Feed, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRules:
    """What the site's documents and the shipped ones compile to. Making it needs no store."""

    agreements: tuple[AnyAgreement, ...]
    user_agreements: tuple[UserAgreement, ...]
    forms: dict[str, dict[str, Form]]
    mappings: dict[str, Any]
    law: Law
    registry: Registry
    facts: Facts
    validator: Validator
    tables: dict[str, CodeTable]
    urgency: Urgency


def compile_rules(site: Site, connectors: Collection[str], *, at: int) -> SiteRules:
    """Check and compile every document of a site; ``ConfigurationError`` lists all problems.

    ``connectors`` are the names a feed may choose from; ``at`` is now, in epoch microseconds: what counsel enabled
    counts from a day on.
    """
    problems: list[Problem] = []
    validator, tables = shipped_validator(), _shipped_tables()
    facts = validator.facts
    registry = _collect(problems, partial(registry_of, site), None)
    agreements = _collect(problems, partial(read_agreements, site.agreements, site.partners, site.feeds), ())
    user_agreements = _collect(problems, partial(read_user_agreements, site.user_agreements, site.partners), ())
    forms: dict[str, dict[str, Form]] = {}
    said: dict[str, Form] = {}
    for where, document in site.forms.items():
        form = _collect(problems, partial(read_form, document, where), None)
        if form is not None:
            forms.setdefault(form.form, {})[form.version] = form
            said[where] = form
    mappings: dict[str, Any] = {}
    for feed in site.feeds.values():
        problems += _feed_problems(feed, forms, connectors)
        if feed.is_written:
            continue
        mapping = _collect(problems, partial(_mapping, site, feed, tables, facts), None)
        if mapping is not None:
            mappings[feed.feed] = mapping
    law = _collect(problems, partial(law_of, site, agreements, at=at), None)
    if law is not None:
        problems += asserter_problems(site.site.assert_basis, law)
        problems += _unsaid(said, law)
    if problems:
        raise ConfigurationError(problems)
    return SiteRules(
        law=law,
        agreements=tuple(agreements),
        user_agreements=tuple(user_agreements),
        forms=forms,
        mappings=mappings,
        registry=registry,
        facts=facts,
        validator=validator,
        tables=tables,
        urgency=Urgency(registry),
    )


@cache
def _shipped_tables() -> dict[str, CodeTable]:
    documents = assets.code_tables()
    return {name: read_table(document, name=name, file=f"tables/{name}.yaml") for name, document in documents.items()}


def registry_of(site: Site) -> Registry:
    """The screening instruments of a site: those that ship, and its own. ``ConfigurationError`` lists all problems."""
    local = tuple(site.own_instruments.items())
    return _registry(local) if local else _shipped_registry()


@cache
def _shipped_registry() -> Registry:
    return _registry(())


def _registry(local: Sequence[tuple[str, Any]]) -> Registry:
    return Registry.load(assets.instruments(), PinnedList.load(assets.loinc()), local=local)


def _collect(problems: list[Problem], make: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return make()
    except ConfigurationError as error:
        problems += error.problems
        return otherwise


def _mapping(site: Site, feed: Feed, tables: Any, facts: Facts) -> Any:
    path = site.folder / PurePosixPath(feed.mapping)
    mapping = compile_mapping(
        read_document(path), file=feed.mapping, tables=tables, elements=facts, bases=assets.base_mappings()
    )
    if mapping.source != feed.connector:
        raise ConfigurationError(
            [
                Problem(
                    where=feed.mapping,
                    path="source",
                    message=f"feed `{feed.feed}` reads with another connector",
                    expected=feed.connector,
                )
            ]
        )
    return mapping


def _unsaid(forms: Mapping[str, Form], law: Law) -> list[Problem]:
    """What a form that may still be signed does not say and has to by the law of the place."""
    return [
        Problem(
            where=where,
            path="statements.further",
            message="the law of an overlay in force wants a statement above the signature that is not there",
            expected=statement,
        )
        for where, form in forms.items()
        for statement in sorted(law.jurisdiction.extra_statements - {*form.statements.further})
        if form.retired is None
    ]


def _feed_problems(feed: Feed, forms: dict[str, dict[str, Form]], connectors: Collection[str]) -> list[Problem]:
    where = f"feed {feed.feed}"
    problems = []
    if feed.connector not in connectors and not feed.is_written:
        expected = ", ".join(sorted([*connectors, WRITTEN]))
        problems.append(
            Problem(where=where, path="connector", message=f"no connector `{feed.connector}`", expected=expected)
        )
    expected = ", ".join(sorted(forms)) or "a file in forms/"
    problems += [
        Problem(where=where, path="forms", message=f"no form `{name}`", expected=expected)
        for name in feed.forms
        if name not in forms
    ]
    try:
        "".encode(feed.encoding)
    except LookupError:
        problems.append(
            Problem(
                where=where,
                path="encoding",
                message=f"no encoding `{feed.encoding}`",
                expected="utf-8, cp1252, latin-1",
            )
        )
    return problems


def law_of(site: Site, agreements: Sequence[AnyAgreement], *, at: int) -> Law:
    """The law of a site: what its jurisdictions, counsel and contracts state, over what its partners are."""
    known = tables(
        **assets.law(),
        overlays=assets.law_overlays() | site.own_overlays,
        names=site.site.overlays,
        enabled=site.site.enabled,
    )
    partners = {
        f"Organization/{key}": PartnerFacts(
            entity=partner.entity,
            part_of=partner.part_of and f"Organization/{partner.part_of}",
            intermediary=partner.intermediary,
            programme=partner.programme,
        )
        for key, partner in site.partners.items()
    }
    return Law(
        bases=known.bases,
        matrix=known.matrix,
        overlays=known.overlays,
        partners=partners,
        contracts=contracts(agreements),
        enabled=part2_enabled(agreements, at=at, zone=site.zone),
    )
