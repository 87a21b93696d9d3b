"""Filters of a subscription: which of the resources of its topic it is told of.

What is compared is only what the subscriber is shown of a resource, and whose it is as far as the subscriber sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapter.errors import RequestError
from adapter.fhir.index import index_rows, satisfies
from adapter.fhir.paths import values
from adapter.fhir.search import parse_query

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import tzinfo

    from adapter.fhir.search import Filter
    from adapter.subscription.topic import Topic

PANEL = "_in"
_OF_PATIENT = frozenset({"patient", "subject"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The filters of one subscription, ready to be asked.

    ``patients`` are groups of ``Patient/id``, of each of which one must be the person. ``panels`` are ids of Groups, of
    which one must name the person; which it does is asked where they are kept.
    ``agencies``, ``facilities`` and ``results`` are groups of accepted values, ``search`` search filters by resource
    type ("" for all).
    """

    patients: tuple[frozenset[str], ...] = ()
    panels: tuple[str, ...] = ()
    agencies: tuple[frozenset[str], ...] = ()
    facilities: tuple[frozenset[str], ...] = ()
    results: tuple[frozenset[str], ...] = ()
    search: tuple[tuple[str, Filter], ...] = ()

    @property
    def of_persons(self) -> bool:
        """Whether they say whom the subscription is about."""
        return bool(self.patients or self.panels)

    def person(self, patients: Collection[str]) -> bool:
        """Whether the patients they name are somebody, of whom the subscriber sees these records."""
        return all(not group.isdisjoint(patients) for group in self.patients)

    def resource(self, resource: Mapping[str, Any], agency: str, zone: tzinfo) -> bool:
        """Whether a resource is one of those asked for. ``agency`` is where it is from, if the subscriber may know."""
        if any(agency not in group for group in self.agencies):
            return False
        places = _facilities_of(resource) | {agency} if self.facilities else set()
        if any(group.isdisjoint(places) for group in self.facilities):
            return False
        told = _results_of(resource) if self.results else set()
        if any(group.isdisjoint(told) for group in self.results):
            return False
        kind = resource["resourceType"]
        own = [one for name, one in self.search if name in {"", kind}]
        rows = index_rows(resource, zone) if own else []
        return all(satisfies(resource.get("id", ""), rows, one) for one in own)


def _facilities_of(resource: Mapping[str, Any]) -> set[str]:
    """Where a person is: references, and what the sender calls the place, whole and in its parts (HL7 v2 PL)."""
    places = [one for one in resource.get("location", ()) if isinstance(one, dict) and one.get("status") != "completed"]
    told = [one.get("location") for one in places] + [resource.get("serviceProvider")]
    found: set[str] = set()
    for one in told:
        if isinstance(one, dict):
            number = (one.get("identifier") or {}).get("value", "")
            found |= {one.get("reference", ""), one.get("display", ""), number, *number.split("^")}
    return found - {""}


def _results_of(resource: Mapping[str, Any]) -> set[str]:
    """The categories of a result, with and without their system."""
    codings = [one for one in values(resource.get("valueCodeableConcept"), ("coding",)) if isinstance(one, dict)]
    return {f"{one.get('system', '')}|{one['code']}" for one in codings if "code" in one} | {
        one["code"] for one in codings if "code" in one
    }


def read_filters(
    filters: Iterable[tuple[str, tuple[tuple[str, str], ...]]], topic: Topic, *, base_url: str, zone: tzinfo
) -> Filters:
    """Make filters ready; `RequestError` where a value cannot be read."""
    patients, agencies, facilities, results = [], [], [], []
    search: list[tuple[str, Filter]] = []
    panels: list[str] = []
    for kind, pairs in filters:
        for name, value in pairs:
            if name in _OF_PATIENT:
                patients.append(frozenset(_named("Patient", value, base_url)))
            elif name == PANEL:
                if panels:
                    told = "expected `_in` once; name several Groups with commas between them"
                    raise RequestError(told, expression="Subscription.criteria")
                panels = [one.removeprefix("Group/") for one in _named("Group", value, base_url)]
            elif name == "agency":
                agencies.append(frozenset(_named("Organization", value, base_url)))
            elif name == "facility":
                facilities.append(frozenset(_short(one, base_url) for one in value.split(",")))
            elif name == "result":
                results.append(frozenset(value.split(",")))
            else:
                search += [(of, one) for of, one in _search(kind, name, value, topic, base_url, zone)]
    return Filters(
        patients=tuple(patients),
        panels=tuple(dict.fromkeys(panels)),
        agencies=tuple(agencies),
        facilities=tuple(facilities),
        results=tuple(results),
        search=tuple(search),
    )


def _search(
    kind: str, name: str, value: str, topic: Topic, base_url: str, zone: tzinfo
) -> Iterable[tuple[str, Filter]]:
    """A search filter for the types of a topic that have the parameter."""
    for of in (kind,) if kind else topic.kinds:
        try:
            for one in parse_query(of, [(name, value)], base_url=base_url, zone=zone).filters:
                yield of, one
        except RequestError as error:
            raise RequestError(f"a filter cannot be read: {error}", expression="Subscription.criteria") from None


def _short(value: str, base_url: str) -> str:
    if not value:
        raise RequestError("a filter names no facility", expression="Subscription.criteria")
    return value.removeprefix(f"{base_url.rstrip('/')}/")


def _named(kind: str, value: str, base_url: str) -> Iterable[str]:
    for one in value.split(","):
        name = one.removeprefix(f"{base_url.rstrip('/')}/").removeprefix(f"{kind}/")
        if not name or "/" in name:
            raise RequestError(f"a filter names no {kind}", expression="Subscription.criteria")
        yield f"{kind}/{name}"
