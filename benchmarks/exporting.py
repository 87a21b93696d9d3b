"""`$export` of everyone's Observations through the face: gate, token and ledger on, beside the stored bytes alone.

The people are those of `population`; how many Observations the export has to hold, and which, is counted in plain
Python from how they filled in the form. The bare loop reads the same bytes from the same file and hands them on.
"""

from __future__ import annotations

import asyncio
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import apsw
import orjson
from county import opened
from measure import Row, Scale, check, equal, middle
from population import PARTNER, PURPOSE, fill

from adapter.cli.options import run_loop
from adapter.rest.app import application

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Scope

    from adapter.wired import Services

GOAL = 20_000
"""Resources a second on one processor."""
TIMES = 5
_PREFIX = b"/fhir"


def measure(scale: Scale, folder: Path) -> list[Row]:
    """The row of the export."""
    return run_loop(_measure(scale, folder))


async def _measure(scale: Scale, folder: Path) -> list[Row]:
    async with opened(folder / "site", durable=False) as services:
        laid = await fill(services, scale)
    permitted = {one.ident for one in laid if one.choice.permits(PARTNER, PURPOSE, one.kind)}
    check(0 < len(permitted) < len(laid), "some are permitted and some are withheld")
    async with opened(folder / "site") as services:
        exporting = await _Client.of(services)
        files = await exporting.planned()
        check(bool(files), "there are files")
        await exporting.downloaded(files)  # whatever decisions are missing are made now
        rates, spent = [], []
        for _ in range(TIMES):
            wall, cpu = perf_counter(), process_time()
            lines = await exporting.downloaded(files)
            rates.append(len(lines) / (perf_counter() - wall))
            spent.append(len(lines) / (process_time() - cpu))
            equal({orjson.loads(line)["id"] for line in lines}, permitted, "what the export holds")
            equal(len(lines), len(permitted), "resources, each once")
        bare = [_bare(folder / "site" / "data" / "store.sqlite", len(permitted)) for _ in range(TIMES)]
    return [_row(len(laid), len(permitted), len(files), rates, spent, bare)]


def _row(among: int, permitted: int, files: int, rates: list[float], spent: list[float], bare: list[float]) -> Row:
    rate, cpu = middle(rates), middle(spent)
    return Row(
        name=f"export of everyone, {permitted:,} of {among:,} Observations",
        goal=f">= {GOAL:,}/s",
        measured=f"{cpu:,.0f} resources a second of processor time",
        met=cpu >= GOAL,
        note=f"{files} files; on the wall {rate:,.0f}/s (best {max(rates):,.0f}); gate, token and durable ledger "
        f"included; the stored bytes alone {middle(bare):,.0f}/s, ratio {cpu / middle(bare):.2f}",
        numbers={"per_second": rate, "per_processor_second": cpu, "bare": middle(bare), "ratio": cpu / middle(bare)},
    )


class _Client:
    """A client of the application in this process, so that what is measured is the server alone."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._headers = [(b"authorization", f"Bearer {token}".encode()), (b"prefer", b"respond-async")]

    @classmethod
    async def of(cls, services: Services) -> _Client:
        token = await services.tokens.issue(
            client="benchmark",
            organisation=f"Organization/{PARTNER}",
            purposes=[PURPOSE],
            rights=["population-search"],
            lifetime=3600,
        )
        return cls(application(services), token)

    async def ask(self, path: bytes, query: bytes = b"") -> tuple[int, dict[bytes, bytes], list[bytes]]:
        """Status, headers and the pieces of the body as they are sent."""
        status, headers, pieces = 0, {}, []
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        async def send(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], dict(message["headers"])
            else:
                pieces.append(message["body"])

        async def receive() -> Message:
            return await never

        scope: Scope = {
            "type": "http",
            "method": "GET",
            "path": path.decode(),
            "query_string": query,
            "headers": self._headers,
        }
        await self._app(scope, receive, send)
        never.cancel()
        return status, headers, pieces

    async def planned(self) -> list[bytes]:
        """The paths of the files of an export."""
        status, headers, _ = await self.ask(b"/fhir/Patient/$export", b"_type=Observation")
        equal(status, 202, "status of the kick-off")
        place = headers[b"content-location"]
        while True:
            status, _, pieces = await self.ask(place[place.index(_PREFIX) :])
            if status != 202:
                break
            await asyncio.sleep(0.01)
        manifest: dict[str, Any] = orjson.loads(b"".join(pieces))
        return [one["url"].encode()[one["url"].encode().index(_PREFIX) :] for one in manifest["output"]]

    async def downloaded(self, files: list[bytes]) -> list[bytes]:
        """Every line of these files."""
        lines: list[bytes] = []
        for path in files:
            status, _, pieces = await self.ask(path)
            equal(status, 200, "status of a file")
            lines += b"".join(pieces).splitlines()
        return lines


def _bare(path: Path, count: int) -> float:
    """Rows a second of processor time of reading as many stored resources and joining their bytes."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)

    def bodies() -> Iterator[bytes]:
        rows = db.execute("SELECT head, tail FROM resource WHERE type = 3 LIMIT ?", (count,))
        return (bytes(head) + b"]" + bytes(tail) for head, tail in rows)

    cpu = process_time()
    lines = b"\n".join(bodies()).splitlines()
    rate = len(lines) / (process_time() - cpu)
    equal(len(lines), count, "stored resources read")
    db.close()
    return rate
