"""Paper that the custodian's staff has in hand: consents signed on paper, and revocations of what was signed.

Both go the way of every release: the raw inbox first, then the feed, so that nothing is lost and a replay gives the
same. A written revocation is kept for itself as well, because a registry that has not heard of it goes on exporting the
form. A revocation by word of mouth is a hold at once, until the paper comes.

42 CFR 2.31(a)(6); 45 CFR 164.508(b)(5), (b)(6).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import orjson

from adapter.consent.standing import HOLD, fact_of
from adapter.errors import NotFound, RecordError, RequestError
from adapter.services.authorities import Whom
from adapter.services.recordings import ORAL, hold
from adapter.services.revocations import form_key
from adapter.source import SourceRecord
from adapter.store.shapes import Revoked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.services.authorities import Author, Authorities
    from adapter.services.feed_line import FeedLine
    from adapter.services.ingest import Ingest
    from adapter.services.keys import SiteKeys
    from adapter.services.report import FeedReport
    from adapter.store.port import Inbox, Store
    from adapter.store.shapes import QuarantinedRecord

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Form(NamedTuple):
    """A form that was handed in: the feed it came on, whose it is, and what stands on it."""

    feed: str
    patient: str
    submission: str
    person: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a paper: the Patient it is about, the report, and what of it waits to be mended."""

    patient: str
    report: FeedReport
    waiting: Sequence[QuarantinedRecord]
    released: Sequence[str] = ()
    """Holds that ended because the paper came."""


class Papers:
    """The way in for paper."""

    def __init__(
        self,
        store: Store,
        inbox: Inbox,
        *,
        ingest: Ingest,
        lines: Mapping[str, FeedLine],
        authorities: Authorities,
        keys: SiteKeys,
        zone: ZoneInfo,
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._ingest = ingest
        self._lines = lines
        self._authorities = authorities
        self._keys = keys
        self._zone = zone
        self._clock = clock

    async def record(self, form: str, content: bytes, by: Author) -> Taken:
        """Take in a form that was signed on paper and typed in by staff, as JSON.

        ``RequestError`` where it is no such form at all; what is deficient waits in quarantine and denies until it is
        mended.
        """
        feed, body = self._feed_of(form), _object(content)
        if body.get("form") != form:
            raise RequestError(f"the file is of another form; expected `form` to be `{form}`", expression="form")
        found = next(self._forms(feed, BytesIO(orjson.dumps(body))), None)
        if found is None or not all(form_key(found.values)):
            raise RequestError("the file names no `submission` or no `person.id`", expression="submission")
        return await self._take(self._form(feed, found), body, by, "record-consent")

    async def revoke(self, submission: str, partners: Sequence[str], by: Author) -> Taken:
        """Take in a written revocation of a form, of these partners or of everything where there are none.

        It holds for the next request. Holds of the same revocation by word of mouth end with it.
        """
        form = await self.find(submission)
        told = await self._revocation(form, sorted(set(partners)) or "all", by)
        said = form.values.get("revocations")
        listed = said if isinstance(said, list) else []
        body = form.values | {"revocations": listed if told in listed else [*listed, told]}
        taken = await self._take(form, body, by, "revoke-consent")
        released = [ident async for ident in self._release(form, set(partners), by)]
        return Taken(patient=taken.patient, report=taken.report, waiting=taken.waiting, released=released)

    async def _revocation(self, form: Form, partners: list[str] | str, by: Author) -> dict[str, Any]:
        """The revocation as it stands on the form; the same that was recorded before is that one, with its time."""
        at = self._clock()
        async with self._store.transaction() as change:
            recorded = (await change.revocations(form.feed)).get((form.submission, form.person), [])
            for earlier in map(orjson.loads, recorded):
                if earlier["partners"] == partners:
                    return dict(earlier)
            told = {"at": self._now(at), "partners": partners}
            await change.revoke(
                Revoked(
                    feed=form.feed,
                    submission=form.submission,
                    person=form.person,
                    body=orjson.dumps(told),
                    author=by.name,
                    at=at,
                )
            )
        return told

    async def hold(self, submission: str, partners: Sequence[str], by: Author) -> tuple[str, list[str]]:
        """Hold what somebody revoked by word of mouth, for these partners or everyone; the Patient and the holds."""
        form = await self.find(submission)
        held: list[str] = []
        for organisation in sorted({f"Organization/{key}" for key in partners}) or [""]:
            what = hold(ORAL, partner=organisation, submission=submission)
            held.append(await self._authorities.record(what, Whom(patient=form.patient), by.numbered(len(held))))
        return form.patient, held

    async def find(self, submission: str) -> Form:
        """The last state of a form that was received. ``NotFound`` if none was, ``RequestError`` if ambiguous."""
        found: dict[tuple[str, str], SourceRecord] = {}
        for feed in (line.feed for line in self._lines.values() if line.feed.forms):
            for receipt in reversed(await self._inbox.receipts(feed.feed)):
                with self._inbox.open(receipt.id).stream as stream:
                    keyed = ((form_key(item.values), item) for item in self._forms(feed.feed, stream))
                    forms = {(feed.feed, person): item for (named, person), item in keyed if named == submission}
                if forms:
                    found |= forms
                    break
        if not found:
            raise NotFound("no form was received under this submission")
        if len(found) > 1:
            raise RequestError("forms of several people have this submission; ask who exports them", expression="form")
        (((feed_name, _), item),) = found.items()
        return self._form(feed_name, item)

    def _forms(self, feed: str, stream: BinaryIO) -> Iterator[SourceRecord]:
        line = self._lines[feed]
        return (item for item in line.connector.records(stream, line.options) if isinstance(item, SourceRecord))

    def _form(self, feed: str, item: SourceRecord) -> Form:
        line = self._lines[feed]
        try:
            person = line.mapping.map(item, line.environment).person
        except RecordError as error:
            raise RequestError(
                f"the form cannot be read: {error.code} at `{error.element}`; expected {error.expected}",
                expression=error.element,
            ) from None
        submission, name = form_key(item.values)
        return Form(feed, self._keys.resource_id(feed, "Patient", *person), submission, name, orjson.loads(item.raw))

    def _feed_of(self, form: str) -> str:
        feeds = [line.feed.feed for line in self._lines.values() if form in line.feed.forms]
        if len(feeds) != 1:
            known = ", ".join(sorted({name for line in self._lines.values() for name in line.feed.forms}))
            raise RequestError(f"no feed takes the form `{form}`; expected one of {known}", expression="form")
        return feeds[0]

    async def _take(self, form: Form, body: Mapping[str, Any], by: Author, interaction: str) -> Taken:
        # The same paper again is the same receipt, unless the form has come in another state since.
        name = f"{interaction} {form.submission}"
        if await self._superseded(form, name, body):
            name += f" {by.request_id}"
        receipt = await self._ingest.receive(form.feed, name, BytesIO(orjson.dumps(body) + b"\n"))
        await self._authorities.enter(by, interaction, f"Patient/{form.patient} receipt {receipt.id}")
        report = await self._ingest.process(receipt)
        waiting = [one for one in await self._store.quarantined(form.feed) if one.receipt == receipt.id]
        return Taken(patient=form.patient, report=report, waiting=waiting)

    async def _superseded(self, form: Form, name: str, body: Mapping[str, Any]) -> bool:
        if name not in {receipt.name for receipt in await self._inbox.receipts(form.feed)}:
            return False
        try:
            return (await self.find(form.submission)).values != body
        except RequestError:
            return True

    async def _release(self, form: Form, partners: set[str], by: Author) -> AsyncIterator[str]:
        for one in await self._authorities.listed(form.patient):
            if one.fact.kind == HOLD and one.fact.stop > self._clock():
                key = fact_of(orjson.loads(one.fact.fact)).recipient.removeprefix("Organization/")
                same = orjson.loads(one.fact.evidence).get("submission") == form.submission
                if same and (not partners or key in partners):
                    await self._authorities.end(one.fact.id, by, because="the written revocation came")
                    yield one.fact.id

    def _now(self, at: int) -> str:
        return (_EPOCH + timedelta(microseconds=at)).astimezone(self._zone).isoformat(timespec="seconds")


def _object(content: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise RequestError("the file is no JSON; expected one form as a JSON object", expression="file") from None
    if not isinstance(body, dict):
        raise RequestError("the file is no JSON object; expected one form", expression="file")
    return body
