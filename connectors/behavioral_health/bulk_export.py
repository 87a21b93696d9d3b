"""Fetches resources of a FHIR server by bulk export: asked for once, prepared by the server, then file by file.

The checkpoint holds what the export is at: the address of its status, then the list of its files and how many of them
are kept. An export that the server has forgotten meanwhile is asked for again, from the same moment.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from adapter.source import Fetched
from connectors.behavioral_health.fhir_search import FHIR_JSON
from connectors.transport.exchange import Unanswered, whole
from connectors.transport.patience import refused, seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from adapter.source import Checkpoint
    from connectors.behavioral_health.fhir_search import FhirServer
    from connectors.transport.exchange import Arriving

NDJSON: Final = "application/fhir+ndjson"
MOST_POLLS: Final = 20_000
"""Questions after an export in one run; one that takes longer is asked after again in the next."""
SECTIONS: Final = ("output", "deleted", "error")
"""Of a manifest, in the order in which they are read: what is gone is told after what is there."""
_UNSAID_WAIT: Final = 10.0
"""Seconds between two questions where the server names none."""
_GONE: Final = frozenset({404, 410})
_SUCCESS, _ACCEPTED, _UNAUTHORISED = 200, 202, 401


class BulkExport:
    """Pulls by export. ``path`` is what is exported (``$export``, ``Patient/$export``, ``Group/x/$export``)."""

    def __init__(
        self,
        server: FhirServer,
        *,
        path: str,
        searches: Mapping[str, Mapping[str, str]],
        limit: int,
        hosts: tuple[str, ...] = (),
    ) -> None:
        self._server = server
        self._path = path
        self._searches = searches
        self._limit = limit
        self._hosts = hosts

    async def fetch(self, checkpoint: Checkpoint) -> AsyncIterator[Fetched]:
        """The files of one export, or what is left of one that was cut short."""
        resumed = bool(checkpoint.get("job"))
        try:
            async for fetched in self._export(checkpoint):
                resumed = False
                yield fetched
        except Unanswered as error:
            if not (resumed and error.status in _GONE):
                raise
            async for fetched in self._export({name: checkpoint[name] for name in ("since",) if name in checkpoint}):
                yield fetched

    async def _export(self, checkpoint: Checkpoint) -> AsyncIterator[Fetched]:
        since, job = checkpoint.get("since"), dict(checkpoint.get("job") or {})
        earlier: Checkpoint = {} if since is None else {"since": since}
        if "status" not in job:
            job = {"status": await self._kick_off(since)}
            yield Fetched(name="export", checkpoint={**earlier, "job": job})
        if "files" not in job:
            job = {**job, **await self._manifest(job["status"])}
            yield Fetched(name="export", checkpoint={**earlier, "job": job}, total=len(job["files"]))
        files: list[list[str]] = job["files"]
        for place in range(int(job.get("done", 0)), len(files)):
            name, url = files[place]
            following = {**earlier, "job": {**job, "done": place + 1}}
            # Opened before it is given out, so that a file that is gone ends the export and not its reader.
            async with AsyncExitStack() as opened:
                arriving = await self._file(url, opened, with_token=bool(job["token"]))
                yield Fetched(name=name, checkpoint=following, chunks=arriving.chunks, total=len(files))
        await self._delete(job["status"])
        yield Fetched(name="export", checkpoint={"since": job["at"]}, total=len(files))

    async def _kick_off(self, since: str | None) -> str:
        asked = {"_outputFormat": NDJSON, "_type": ",".join(self._searches)}
        filters = [f"{kind}?{urlencode(search)}" for kind, search in self._searches.items() if search]
        if filters:
            asked["_typeFilter"] = ",".join(filters)
        if since is not None:
            asked["_since"] = since
        url = f"{self._server.base_url}/{self._path}?{urlencode(asked)}"
        answer = await self._server.get(url, "the export", headers={"prefer": "respond-async"})
        where = answer.headers.get("content-location", "")
        if answer.status != _ACCEPTED or not where:
            raise Unanswered("the export: the server does not say where to ask after it (Content-Location)")
        return self._server.own(where)

    async def _manifest(self, status: str) -> dict[str, Any]:
        """What was prepared, once it is: its files, whether they need a token, and as of when."""
        patience = self._server.patience
        for _ in range(MOST_POLLS):
            answer = await self._server.get(status, "the status of the export", headers={"accept": "application/json"})
            if answer.status != _ACCEPTED:
                return self._read(answer.body)
            asked = seconds(answer.headers.get("retry-after", ""), patience.clock())
            await patience.sleep(min(patience.longest, _UNSAID_WAIT if asked is None else max(asked, patience.first)))
        raise Unanswered("the export is not ready yet; the next pull asks after it again")

    def _read(self, body: bytes) -> dict[str, Any]:
        try:
            manifest = json.loads(body)
            files = [
                [one["type"] if section == "output" else section, self._address(one["url"])]
                for section in SECTIONS
                for one in manifest.get(section) or ()
            ]
            at = manifest["transactionTime"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Unanswered("the export: its manifest cannot be read") from None
        # Resources refer to the Patients, which are read first.
        files.sort(key=lambda one: one[0] != "Patient")
        return {"files": files, "at": str(at), "token": manifest.get("requiresAccessToken") is True, "done": 0}

    def _address(self, url: str) -> str:
        """Where a file is: on the server, or on a host that the feed names."""
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.netloc in self._hosts:
            return url
        return self._server.own(url)

    async def _file(self, url: str, opened: AsyncExitStack, *, with_token: bool) -> Arriving:
        """A file as it comes, open as long as ``opened``. Until it comes a failure that passes is waited out."""

        async def start(*, fresh: bool = False) -> Arriving:
            headers = {"accept": NDJSON, **(await self._server.smart.header(fresh=fresh) if with_token else {})}
            asked = self._server.exchange.open("GET", url, headers=headers, limit=self._limit)
            arriving = await opened.enter_async_context(asked)
            if arriving.status == _SUCCESS:
                return arriving
            await opened.aclose()
            if arriving.status == _UNAUTHORISED and with_token and not fresh:
                return await start(fresh=True)
            raise refused(arriving.status, "a file of the export", arriving.headers.get("retry-after", ""))

        return await self._server.patience.ask(start)

    async def _delete(self, status: str) -> None:
        """Tell the server that its files are not needed any more; where it does not care, nor do we."""
        with suppress(Unanswered):
            headers = {"accept": FHIR_JSON, **await self._server.smart.header()}
            await whole(self._server.exchange, "DELETE", status, headers=headers, limit=self._server.limit)


def export_path(export: str) -> str:
    """``system``, ``patient`` or ``group/ID`` as the path of the operation."""
    kind, _, ident = export.partition("/")
    return {"system": "$export", "patient": "Patient/$export"}.get(kind, f"Group/{ident}/$export")
