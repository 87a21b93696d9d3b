"""Requests drawn from the OpenAPI document, right ones and wrong ones; every answer has to be one it describes."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager

import httpx2
import records
import registered_clients
import requests
import schemathesis
import smart_clients as sc
import worlds
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from adapter.services.measures import RIGHT

load_all_checks()
ADDRESS = "http://127.0.0.1:8080"
LIST = b"key,family,given,birth_date,sex\r\nF1,Marsh,Ada,1980-04-02,female\r\n"
FEEDS = ("jail-roster", "jail-medical-hl7", "no-such-feed")
CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
)
"""What an answer is held against; whether a token is asked for is checked here, request by request."""
_FITTING = {"feeds": "jail", "panels": "lists", "metrics": "metrics", "auth": "clinic-chart"}
"""Whose token an address is for."""
_OPEN = ("/health/live", "/health/ready")
RENEWED = 60
"""After so many requests the software asks for another token."""
_BETWEEN = {"seconds": 2}
"""The time between two requests: no client asks more often than it may."""


class Site:
    """A county with tokens, receipts and software that is registered."""

    def __init__(self, world, client):
        self.world, self.client = world, client
        self.answered, self.tokens, self.receipts, self.group = Counter(), {}, [], ""

    @classmethod
    async def opened(cls, folder):
        """A county into which something was pushed already."""
        world = await worlds.open_site(folder / "site", adjust=registered_clients.register_all)
        transport = httpx2.ASGITransport(app=world.app)
        site = cls(world, httpx2.AsyncClient(transport=transport, base_url=ADDRESS))
        for name, of, right in (
            ("jail", "jail", "feed:jail-medical-hl7"),
            ("court", "pretrial", ""),
            ("metrics", "jail", RIGHT),
            ("lists", "cottonwood", "patient-match"),
        ):
            site.tokens[name] = await world.services.tokens.issue(
                client="feeder",
                organisation=f"Organization/{of}",
                purposes=["TREAT"],
                rights=[right] if right else [],
                lifetime=365 * 86_400,
            )
        await site.renew()
        bearer = {"authorization": f"Bearer {site.tokens['jail']}"}
        for feed, body in (
            ("jail-roster", records.roster(records.roster_row())),
            ("jail-roster", records.roster(records.roster_row()).replace(b"J1", b"")),
        ):
            answer = await site.client.post(f"/feeds/{feed}", content=body, headers=bearer)
            site.receipts.append(answer.json()["receipt"])
        headers = {"authorization": f"Bearer {site.tokens['lists']}", "content-type": "text/csv"}
        answer = await site.client.post("/panels", content=LIST, headers=headers)
        site.group = answer.json()["group"].removeprefix("Group/")
        await site.client.post("/feeds/jail-medical-hl7", content=records.hl7(records.phq9(4)), headers=bearer)
        await world.services.intake.drain()
        return site

    async def renew(self):
        """A new token for the software, whose tokens live for minutes."""
        answer = await registered_clients.ask_token(self.world, sc.EC_KEY, "clinic-chart")
        self.tokens["clinic-chart"] = answer.json()["access_token"]

    async def closed(self):
        """Close what was opened."""
        await self.client.aclose()
        await self.world.close()

    def improved(self, case, data):
        """A drawn request, now and then with what makes it one that is known here."""
        path, draw = case.operation.path, data.draw
        if case.path_parameters and draw(st.booleans()):
            known = {"feed": draw(st.sampled_from(FEEDS)), "receipt": draw(st.sampled_from(self.receipts))}
            known["group"] = self.group
            case.path_parameters = {name: known[name] for name in case.path_parameters}
        if path == "/feeds/{feed}" and draw(st.booleans()):
            case.body = draw(st.sampled_from((records.hl7(records.phq9(5)), b"MSH|^^^^|broken\r", b"a,b\r\n1,2\r\n")))
        if path.startswith("/panels") and draw(st.booleans()):
            case.body = draw(st.sampled_from((LIST, b"key,family\r\n,\r\n", b"no,such,column\r\n1,2,3\r\n")))
        if path.endswith("/receipts") and isinstance(case.query, dict) and draw(st.booleans()):
            case.query["control-id"] = "R1"
        if path.startswith("/auth/") and isinstance(case.body, dict):
            if draw(st.booleans()):
                said = sc.claims("clinic-chart", self.world.clock.now)
                case.body |= sc.form(sc.sign(said))
            if "token" in case.body and draw(st.booleans()):
                case.body["token"] = self.tokens["clinic-chart"]
        return case

    async def document(self):
        """What a developer is told."""
        return (await self.client.get("/openapi.json")).json()

    async def ask(self, case, bearer):
        """The answer to a drawn request, checked, and whether it asks for a token."""
        self.world.clock.forward(**_BETWEEN)
        if self.answered.total() % RENEWED == 0:
            await self.renew()
        sent = requests.Request(
            **{
                name: value
                for name, value in case.as_transport_kwargs(base_url=ADDRESS).items()
                if name not in {"timeout", "verify", "allow_redirects", "cert", "proxies"}
            }
        ).prepare()
        headers = {name: value for name, value in sent.headers.items() if name.lower() != "authorization"}
        headers |= {} if bearer is None else {"authorization": f"Bearer {bearer}"}
        answer = await self.client.request(sent.method, sent.url, headers=headers, content=sent.body)
        case.validate_response(answer, checks=[*CHECKS.get_by_names(list(CHECKED))])
        assert answer.headers["x-request-id"]
        assert answer.headers["cache-control"] == "no-store"
        if bearer is None and not case.operation.path.startswith("/auth/") and case.operation.path not in _OPEN:
            assert answer.status_code in {401, 404}, f"{case.operation.label} without a token: {answer.status_code}"
        self.answered[case.operation.label, answer.status_code] += 1


async def _document(app):
    """What a developer is told of an application."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=ADDRESS) as client:
        return (await client.get("/openapi.json")).json()


@contextmanager
def opened(folder):
    """A county and the runner of its loop."""
    with asyncio.Runner() as runner:
        site = runner.run(Site.opened(folder))
        try:
            yield runner, site
        finally:
            runner.run(site.closed())


def go(folder, number, count):
    """Send ``count`` right and as many wrong requests to each address; answers by operation and status."""
    with opened(folder) as (runner, site):
        document = runner.run(site.document())
        held_to(document, runner, site, number, count)
        return site.answered


def held_to(document, runner, site, number, count):
    """Send requests that a document describes, and hold the answers against it."""
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _sent(runner, site, found.ok(), mode, number, count)


def _sent(runner, site, operation, mode, number, count):
    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[*HealthCheck],
    )
    @given(operation.as_strategy(generation_mode=mode), st.data())
    def asked(case, data):
        # Looked up for each: they are renewed.
        fitting = site.tokens[_FITTING.get(operation.path.split("/")[1], "jail")]
        others = [None, "", "unknown", *site.tokens.values()]
        bearer = data.draw(st.one_of(st.just(fitting), st.sampled_from(others)))
        runner.run(site.ask(site.improved(case, data), bearer))

    try:
        asked()
    except Unsatisfiable:
        # An address that takes nothing has no wrong requests.
        assert mode is GenerationMode.NEGATIVE, operation.label
