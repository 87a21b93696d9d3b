"""Whole sites for tests: the fictional county ingested into a store of its own, clock and ids frozen."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from urllib.parse import parse_qs, urlsplit

import httpx2
import orjson

from adapter.assets import copy_fictional_county
from adapter.bootstrap import build
from adapter.cli.feeds import files_of
from adapter.fictional.county import write_county
from adapter.rest.app import application
from adapter.settings import load_site

AS_OF = datetime(2026, 11, 22, 19, tzinfo=UTC)
NOW = int(AS_OF.timestamp() * 1_000_000)
SECRET = bytes(range(32))
CALLERS = (
    ("pretrial", "pretrial-release"),
    ("defender", "diversion"),
    ("treatment-court", "supervision"),
    ("cottonwood", "TREAT"),
    ("jail-medical", "discharge-planning"),
    ("riverside-main", "TREAT"),
    ("riverside-otp", "TREAT"),
    ("jail", "supervision"),
    ("registry", "TREAT"),
)
BASE = "http://127.0.0.1:8080/fhir"
RIGHTS = {
    "cottonwood": ("population-search", "patient-match", "population-subscribe"),
    "riverside-main": ("population-search", "patient-match"),
    "pretrial": ("patient-match",),
}


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now

    def set(self, text):
        """Move to an instant written as ISO 8601 with its offset."""
        self.now = int(datetime.fromisoformat(text).timestamp() * 1_000_000)

    def forward(self, **amount):
        """Move on by a timedelta."""
        self.now += int(timedelta(**amount).total_seconds() * 1_000_000)


class World:
    """A running site and how to ask it."""

    def __init__(self, services, clock):
        self.services = services
        self.clock = clock
        self.tokens = {}

    @cached_property
    def app(self):
        return application(self.services)

    async def token(self, recipient, purpose):
        key = (recipient, purpose)
        if key not in self.tokens:
            self.tokens[key] = await self.services.tokens.issue(
                client="test",
                organisation=f"Organization/{recipient}",
                purposes=[purpose],
                rights=RIGHTS.get(recipient, ()),
                lifetime=3600,
            )
        return self.tokens[key]

    async def ask(self, caller, url, *, method="GET", form=None, document=None):
        headers = {"Authorization": f"Bearer {await self.token(*caller)}"}
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            return await client.request(method, url, headers=headers, data=form, json=document)

    async def why(self, caller, **asked):
        """What a caller gets who asks `$explain`."""
        parameters = [{"name": name.replace("_", "-"), "valueString": value} for name, value in asked.items()]
        document = {"resourceType": "Parameters", "parameter": parameters}
        return await self.ask(caller, "/fhir/$explain", method="POST", document=document)

    async def pages(self, caller, url):
        """Every page of a search, followed by its next links; of one in XML the first."""
        answers = []
        while url:
            answer = await self.ask(caller, url)
            answers.append(answer)
            if "xml" in answer.headers["content-type"]:
                return answers
            bundle = orjson.loads(answer.content)
            url = next((link["url"] for link in bundle.get("link", ()) if link["relation"] == "next"), None)
            url = url and "/fhir" + urlsplit(url)._replace(scheme="", netloc="").geturl().partition("/fhir")[2]
        return answers

    async def matches(self, caller, url):
        """The resources that a search finds, without what else its Bundle says."""
        bundle = orjson.loads((await self.ask(caller, url)).content)
        return [entry["resource"] for entry in bundle["entry"] if entry["search"]["mode"] == "match"]

    async def deliver(self, feed, content, name="extract", **progress):
        """Receive one extract and bring it into the store; its report."""
        receipt = await self.services.ingest.receive(feed, name, io.BytesIO(content))
        return await self.services.ingest.process(receipt, **progress)

    def patient(self, feed, *key):
        """The id of the Patient that a feed knows under a key."""
        return self.services.keys.resource_id(feed, "Patient", *key)

    def rows(self, sql, *bindings):
        """Rows of the store's own file, for tests that look inside."""
        return list(self.services.store._writer.execute(sql, bindings))

    async def close(self):
        await self.services.notifying.outbox.stop()
        await self.services.store.close()


class Filtered:
    """A connector that passes over records: those whose (line) the test withholds."""

    def __init__(self, connector, keep):
        self.name, self._connector, self._keep = connector.name, connector, keep

    def records(self, stream, options):
        return (item for item in self._connector.records(stream, options) if self._keep(item))


def extracts(folder, *, people, seed):
    """The extracts of a county."""
    write_county(folder, people=people, seed=seed, as_of=AS_OF)
    return folder


async def open_site(folder, *, adjust=None, now=NOW, first_id=1):
    """A site of the fictional county with nothing ingested, or one opened again. ``adjust`` may edit its files first.

    What a test edited in the folder stays when it is opened again; then ``first_id`` has to be a fresh one.
    """
    if not (folder / "site.toml").exists():
        copy_fictional_county(folder)
    if adjust is not None:
        adjust(folder)
    numbers, clock = itertools.count(first_id), Clock(now)
    site = load_site(folder)
    services = await build(
        site,
        now=clock,
        make_id=lambda: f"id{next(numbers):024d}",
        make_token=lambda: f"token-{next(numbers):040d}",
        secret=SECRET,
        durable=False,
    )
    return World(services, clock)


async def ingest_all(world, source, *, keep=None):
    """Ingest every extract; ``keep(feed, file name, record)`` may leave records out."""
    services = world.services
    reports = []
    for feed in (one for one in services.site.feeds.values() if not one.is_written):
        for path in files_of([source / feed.extract]):
            if keep is not None:
                withhold(services, feed.feed, path.name, keep)
            with path.open("rb") as stream:
                receipt = await services.ingest.receive(feed.feed, path.name, stream)
            reports.append(await services.ingest.process(receipt))
    return reports


def withhold(services, feed, name, keep):
    line = services.ingest._lines[feed]
    inner = line.connector._connector if isinstance(line.connector, Filtered) else line.connector
    services.ingest._lines[feed] = replace(line, connector=Filtered(inner, lambda item: keep(feed, name, item)))


def comparable(answer):
    """What must not differ between two answers: status, headers and body, but for Date and X-Request-Id."""
    headers = sorted((key, value) for key, value in answer.headers.items() if key not in {"date", "x-request-id"})
    return answer.status_code, headers, answer.content


def query_of(url):
    """The parameters of a URL."""
    return parse_qs(urlsplit(url).query)
