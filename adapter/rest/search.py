"""search-type: one page of what a caller may see of a type, by GET or by a posted form.

Filtering happened behind the gate, before sorting, counting and paging: the total is exact over what is
permitted, a page is never short, and nothing here could tell a withheld resource from one that does not
exist.

https://hl7.org/fhir/R4/http.html#search and https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from adapter.errors import Issue
from adapter.fhir.bundle import searchset
from adapter.fhir.codec import dump, parse
from adapter.fhir.outcome import outcome
from adapter.fhir.search import parse_query
from adapter.rest.answer import Answer
from adapter.rest.cursor import PARAMETER as CURSOR
from adapter.rest.refusals import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from adapter.fhir.search import Query
    from adapter.fhir.subset import Subsets
    from adapter.rest.cursor import Cursors
    from adapter.rest.parameters import Pair
    from adapter.services.disclose import Caller, Disclosure, Served

CAUTION = "The absence of a result is not a negative screen."
"""Said to everyone on every page, so that saying it tells nothing."""

_PLAIN = "/:,$"
"""Characters that mean something in search values and may stand in a URL as they are."""
_CAUTION = outcome([Issue(path="", code="informational", message=CAUTION)], severity="information")


class Search:
    """The search interaction over one gate.

    ``base_url`` is the public FHIR base without a trailing slash; ``zone`` reads dates that carry no offset.
    """

    def __init__(
        self, disclosure: Disclosure, *, base_url: str, zone: ZoneInfo, cursors: Cursors, subsets: Subsets
    ) -> None:
        self._disclosure = disclosure
        self._subsets = subsets
        self._base_url = base_url
        self._zone = zone
        self._cursors = cursors

    async def __call__(self, caller: Caller, kind: str, pairs: Sequence[Pair]) -> Answer:
        """One page as a searchset; ``RequestError`` naming the parameter that cannot be honoured."""
        async with Reading(self._disclosure, caller, "search-type", kind):
            query = parse_query(kind, pairs, base_url=self._base_url, zone=self._zone)
            if query.elements:
                self._subsets.check(kind, query.elements)
            after = None
            if query.cursor is not None:
                after = self._cursors.open(query.cursor, caller=caller, query=query)
        page = await self._disclosure.search(caller, query, after)
        understood = _understood(pairs, query)
        links = [("self", self._url(kind, [text for _, text in understood]))]
        if page.next is not None:
            sealed = self._cursors.seal(page.next, caller=caller, query=query)
            onward = [text for name, text in understood if name != CURSOR]
            links.append(("next", self._url(kind, [*onward, f"{CURSOR}={sealed}"])))
        # The elements asked for are those of the type searched: what comes along is given whole.
        body = searchset(
            total=page.total if query.total else None,
            links=links,
            entries=self._entries(page.served, query.summary, query.elements),
            included=self._entries(page.included, query.summary, ()),
            outcome=cautioned(page.notice),
            timestamp=None,
        )
        return Answer(200, body)

    def _entries(
        self, served: Sequence[Served], summary: str | None, elements: tuple[str, ...]
    ) -> list[tuple[str, bytes]]:
        whole = summary is None and not elements
        return [
            (
                f"{self._base_url}/{each.type}/{each.id}",
                each.body if whole else self._subsets.cut(each.body, summary=summary, elements=elements),
            )
            for each in served
        ]

    def _url(self, kind: str, texts: Sequence[str]) -> str:
        url = f"{self._base_url}/{kind}"
        return f"{url}?{'&'.join(texts)}" if texts else url


def _understood(pairs: Sequence[Pair], query: Query) -> list[Pair]:
    """The parameters as they were honoured, each as its name and its text in a URL.

    That is all of them, since what is not understood is refused; the page size is the one in force.
    """
    return [
        (name, f"{quote(name)}={quote(str(query.count) if name == '_count' else value, safe=_PLAIN)}")
        for name, value in pairs
    ]


@lru_cache(maxsize=256)
def cautioned(notice: bytes | None) -> bytes:
    """The notice of the gate as it is, with the caution as its first issue: a page has one outcome entry."""
    if notice is None:
        return _CAUTION
    resource = parse(notice)
    return dump(resource | {"issue": [*parse(_CAUTION)["issue"], *resource["issue"]]})
