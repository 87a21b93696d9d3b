"""What has to travel with a disclosure: security labels in `meta`, and the Part 2 notice of 42 CFR 2.32."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import orjson

from adapter.consent.obligations import Obligation
from adapter.consent.vocabulary import ACT_CODE
from adapter.fhir.served import PLAIN, fragment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapter.store.port import Store

NOTICE = "https://sallyport.example/fhir/StructureDefinition/disclosure-notice"
"""Extension of `meta` that carries a notice on a single resource."""


class ObligationTexts:
    """Interned sets of obligations and the bytes they become."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sets: dict[int, tuple[Obligation, ...]] = {}
        self._fragments: dict[int, bytes] = {0: PLAIN}

    async def load(self) -> None:
        """Read the sets of this store."""
        for number, body in (await self._store.interned("obligation")).items():
            self._sets[number] = tuple(Obligation(**item) for item in orjson.loads(body))

    async def number(self, obligations: Sequence[Obligation]) -> int:
        """The number of a set; 0 is the empty set."""
        if not obligations:
            return 0
        body = orjson.dumps([_shape(item) for item in obligations])
        number = await self._store.intern("obligation", body)
        self._sets[number] = tuple(obligations)
        return number

    def knows(self, number: int) -> bool:
        """Whether a set is at hand; one that another process added has to be loaded first."""
        return not number or number in self._sets

    def of(self, number: int) -> tuple[Obligation, ...]:
        """The obligations of a set."""
        return self._sets[number] if number else ()

    def fragment(self, number: int, extensions: Sequence[dict[str, Any]] = ()) -> bytes:
        """What is spliced behind the last security label of a resource disclosed under this set."""
        known = self._fragments.get(number)
        if known is None or extensions:
            found = self.of(number)
            known = fragment(
                labels=[{"system": item.system, "code": item.code} for item in found if item.system == ACT_CODE],
                extensions=[{"url": NOTICE, "valueString": item.text} for item in found if item.text]
                + list(extensions),
            )
            if not extensions:
                self._fragments[number] = known
        return known

    def notices(self, numbers: set[int]) -> list[str]:
        """The texts due for a Bundle that holds resources disclosed under these sets, each once."""
        return list(dict.fromkeys(item.text for number in sorted(numbers) for item in self.of(number) if item.text))


def _shape(item: Obligation) -> dict[str, Any]:
    return {field.name: getattr(item, field.name) for field in fields(item)}
