"""What has to travel with a disclosure: security labels in `meta`, and the Part 2 notice of 42 CFR 2.32.

A notice stands in an extension of `meta` of every resource disclosed under it, with the scope of the consent beside it,
so that it goes wherever the resource goes; a Bundle says each text once more, for whoever reads it.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from adapter.consent.obligations import AUTHORITY, NOTICE_CODE, SCOPE_CODE, Obligation
from adapter.consent.scope import until
from adapter.consent.vocabulary import ACT_CODE
from adapter.fhir.served import PLAIN, fragment
from adapter.store.shapes import END

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from adapter.store.port import Store

NOTICE = "https://sallyport.example/fhir/StructureDefinition/disclosure-notice"
"""Extension of `meta` that carries a notice on a single resource."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ObligationTexts:
    """Interned sets of obligations and the bytes they become. ``zone`` is that of the site."""

    def __init__(self, store: Store, zone: tzinfo) -> None:
        self._store = store
        self._zone = zone
        self._sets: dict[int, tuple[Obligation, ...]] = {}
        self._scoped: set[int] = set()
        self._made = lru_cache(maxsize=1024)(self._make)

    async def load(self) -> None:
        """Read the sets of this store."""
        for number, body in (await self._store.interned("obligation")).items():
            self._keep(number, [Obligation(**item) for item in orjson.loads(body)])

    async def number(self, obligations: Sequence[Obligation]) -> int:
        """The number of a set; 0 is the empty set."""
        if not obligations:
            return 0
        body = orjson.dumps([_shape(item) for item in obligations])
        number = await self._store.intern("obligation", body)
        self._keep(number, obligations)
        return number

    def _keep(self, number: int, obligations: Sequence[Obligation]) -> None:
        self._sets[number] = tuple(obligations)
        if any(item.code == SCOPE_CODE for item in obligations):
            self._scoped.add(number)

    def knows(self, number: int) -> bool:
        """Whether a set is at hand; one that another process added has to be loaded first."""
        return not number or number in self._sets

    def of(self, number: int) -> tuple[Obligation, ...]:
        """The obligations of a set."""
        return self._sets[number] if number else ()

    def fragment(self, number: int, extensions: Sequence[dict[str, Any]] = (), *, ends: int = END) -> bytes:
        """What is spliced behind the last security label of a resource disclosed under this set.

        ``ends`` is when what permits it ends, in epoch microseconds, for the explanation of scope.
        """
        if not number and not extensions:
            return PLAIN
        until_then = ends if number in self._scoped else END
        return self._make(number, until_then, extensions) if extensions else self._made(number, until_then)

    def _make(self, number: int, ends: int, extensions: Sequence[dict[str, Any]] = ()) -> bytes:
        found, day = self.of(number), self._last_day(ends)
        labels = [{"system": item.system, "code": item.code} for item in found if item.system == ACT_CODE]
        return fragment(labels=labels, extensions=[*_notices(found, day), *extensions])

    def notices(self, due: Iterable[tuple[int, int]]) -> list[str]:
        """The texts due for a Bundle, each once; ``due`` are the (set, end) pairs of the resources in it."""
        texts: dict[str, None] = {}
        for number, ends in sorted(set(due)):
            day = self._last_day(ends) if number in self._scoped else None
            for item in self.of(number):
                if item.text:
                    texts[until(item.text, day) if item.code == SCOPE_CODE else item.text] = None
        return list(texts)

    def _last_day(self, ends: int) -> str | None:
        """The last day before an instant, in the site's zone."""
        if ends >= END:
            return None
        return (_EPOCH + timedelta(microseconds=ends - 1)).astimezone(self._zone).date().isoformat()


def _notices(obligations: Sequence[Obligation], day: str | None) -> list[dict[str, Any]]:
    """The extensions of a set: the statutory notice with the scope it belongs to, then every other text."""
    scopes = [until(item.text, day) for item in obligations if item.code == SCOPE_CODE]
    found = []
    for item in obligations:
        if not item.text or item.code == SCOPE_CODE:
            continue
        parts = [{"url": "statement", "valueString": item.text}]
        if item.code == NOTICE_CODE:
            parts += [{"url": "scope", "valueString": text} for text in scopes]
            parts.append({"url": "authority", "valueUri": AUTHORITY})
        found.append({"url": NOTICE, "extension": parts})
    return found


def _shape(item: Obligation) -> dict[str, Any]:
    return {field.name: getattr(item, field.name) for field in fields(item)}
