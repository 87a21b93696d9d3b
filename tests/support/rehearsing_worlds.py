"""Rehearsals beside what really happens: who is really served what, before and after, and what a change said."""

from __future__ import annotations

import shutil
from collections import Counter

import worlds
import yaml

from adapter.fhir.search import parse_query
from adapter.services.disclose import POPULATION, Caller
from adapter.services.granting import grants_of
from adapter.store.shapes import TYPES

FILE = "agreements/memorandum.yaml"
CONSENTS = """
SELECT CAST(head || ']' || tail AS TEXT) FROM resource
WHERE type = 6 AND CAST(head AS TEXT) NOT LIKE '%consent-share%' ORDER BY rid
"""
"""The Consents that people signed; what tells a recipient of one is none of its own."""


async def contexts_of(world, *more):
    """Every recipient and purpose to compare: those that asked, and those that some agreement grants something."""
    known = {
        (recipient.organisation, purpose)
        for recipient in (await world.services.decisions.contexts()).values()
        for _, purpose in recipient.purposes
    }
    granted = {
        (f"Organization/{grant.recipient}", purpose)
        for one in world.services.agreements
        for grant in grants_of(one)
        for purpose in grant.purposes
    }
    return sorted(known | granted | set(more))


async def seen(world, contexts, *, gate=None):
    """{(recipient, purpose): names of all that is really served}, by searches over everyone, page after page."""
    found = {}
    for organisation, purpose in contexts:
        context = await world.services.decisions.context_of(organisation, purpose)
        caller = Caller(
            client="test",
            organisation=organisation,
            context=context,
            purpose=purpose,
            rights=frozenset({POPULATION}),
            request_id=world.services.new_id(),
        )
        found[organisation, purpose] = served = set()
        for kind in TYPES:
            query = parse_query(kind, [("_count", "200")], base_url=worlds.BASE, zone=world.services.zone)
            after = b""
            while after is not None:
                page = await (gate or world.services.disclosure).search(caller, query, after or None)
                served |= {f"{one.type}/{one.id}" for one in page.served}
                after = page.next
    return found


def difference(before, after):
    """What the real answers of two stores differ by: {(recipient, purpose, resource, released)}."""
    return {
        (*context, name, name in after.get(context, ()))
        for context in before.keys() | after.keys()
        for name in before.get(context, set()) ^ after.get(context, set())
    }


async def rehearsed(world, document, **options):
    change = await world.services.changes.read(document, "change.yaml")
    return await world.services.whatif.rehearse(change, listed=True, **options)


def agreement(world):
    return yaml.safe_load((world.services.site.folder / FILE).read_text())


async def reopened(world, target, *, documents=(), **options):
    """A copy of a site, opened with other documents in place."""
    shutil.copytree(world.services.site.folder, target)
    for name, document in documents:
        (target / name).write_text(yaml.safe_dump(document))
    return await worlds.open_site(target, now=world.clock.now, first_id=500_000, **options)


def consistent(found):
    """Counts and lists say the same, and nothing moves both ways."""
    listed = Counter((one.recipient, one.purpose, one.released) for one in found.moved)
    counted = Counter()
    for place in found.places():
        counted[place.recipient, place.purpose, True] += found.released[place]
        counted[place.recipient, place.purpose, False] += found.withheld[place]
    assert listed == +counted
