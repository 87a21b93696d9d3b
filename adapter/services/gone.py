"""Records that their sender has deleted: what they became is retracted, not left standing.

A bulk export tells that a resource is gone by its type and id alone. The last record of it is looked up in the inbox
and runs once more, as entered in error: detail and summaries follow from it as they did before.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status (deleted)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.errors import RecordError
from adapter.source import SourceRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from adapter.services.feed_line import FeedLine
    from adapter.source import Malformed
    from adapter.store.port import Inbox, Store
    from adapter.store.shapes import Receipt

    Named = tuple[str, str]

DELETED: Final = "Deleted"
"""Kind of a record that says that another one is gone: columns ``type`` and ``id``."""
_VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def _condition(values: dict[str, Any]) -> dict[str, Any]:
    # A condition entered in error has no clinical status (FHIR con-5).
    wrong = {"coding": [{"system": _VERIFICATION, "code": "entered-in-error"}]}
    return {name: value for name, value in values.items() if name != "clinicalStatus"} | {"verificationStatus": wrong}


def _status(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"status": "entered-in-error"}


RETRACTED: Final[Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "Observation": _status,
    "QuestionnaireResponse": _status,
    "Encounter": _status,
    "Condition": _condition,
    "Patient": lambda values: values | {"active": False},
}
"""What a record says of itself once it is gone."""


class Gone:
    """Finds what deleted records said last. Those of one receipt are looked up together."""

    def __init__(self, store: Store, inbox: Inbox) -> None:
        self._store = store
        self._inbox = inbox
        self._of = ""
        self._found: dict[Named, SourceRecord] = {}

    def forget(self) -> None:
        """Look up anew what is asked for next: records may have been mended meanwhile."""
        self._of, self._found = "", {}

    async def retraction(self, line: FeedLine, item: SourceRecord, receipt: Receipt) -> SourceRecord | None:
        """The last record of what is gone, as entered in error; None where nothing is known of it.

        Raises ``RecordError``: ``deletion-waits`` while other records of the feed wait, one of which it may be about,
        and ``unsupported-deletion`` for a type that cannot be retracted.
        """
        if self._of != receipt.id:
            self._found = await self._look_up(line, receipt)
            self._of = receipt.id
        kind, ident = str(item.values["type"]), str(item.values["id"])
        known = self._found.get((kind, ident))
        if known is None:
            if await self._store.waits(line.feed.feed):
                raise RecordError(
                    "deletion-waits", "request.url", "the records of this feed that wait to be mended first"
                )
            return None
        if kind not in RETRACTED:
            raise RecordError("unsupported-deletion", "request.url", f"one of {', '.join(RETRACTED)}")
        return known._replace(position=item.position, raw=item.raw, values=RETRACTED[kind](dict(known.values)))

    async def _look_up(self, line: FeedLine, receipt: Receipt) -> dict[Named, SourceRecord]:
        wanted: dict[Named, list[int]] = {}
        for item in self._records(line, receipt):
            if isinstance(item, SourceRecord) and item.kind == DELETED:
                named = str(item.values["type"]), str(item.values["id"])
                wanted[named] = line.assembly.keys_of(line.mapping, *named)
        earlier = [one for one in await self._inbox.receipts(receipt.feed) if one.id != receipt.id]
        found: dict[Named, SourceRecord] = {}
        for one in reversed(earlier):
            here = set()
            for named, rids in wanted.items():
                if named not in found and rids and await self._store.came_from(one.id, rids) is not None:
                    here.add(named)
            if here:
                for item in self._records(line, one):
                    if isinstance(item, SourceRecord) and (item.kind, str(item.values.get("id"))) in here:
                        found[item.kind, str(item.values["id"])] = item
        return found

    def _records(self, line: FeedLine, receipt: Receipt) -> Iterator[SourceRecord | Malformed]:
        with self._inbox.open(receipt.id).stream as stream:
            yield from line.connector.records(stream, line.options)
