"""Random requests to a whole server in this process; every answer has to be one that FHIR knows."""

from __future__ import annotations

import random
from collections import Counter
from urllib.parse import quote

import httpx2
import orjson
import subscribers
import worlds
import writers
from lxml import etree
from rest_requests import Requests

_BETWEEN = {"milliseconds": 25}
"""The time between two requests: no client of these asks more often than it may."""


class WrongAnswer(AssertionError):
    """What was asked, and what is wrong with the answer."""


async def go(folder, seed, count, progress=lambda _: None):
    """Send so many requests; answers counted by method and status."""
    world = await worlds.open_site(folder / "site", adjust=subscribers.register)
    world.receiver = subscribers.attach(world)
    await worlds.ingest_all(world, worlds.extracts(folder / "extracts", people=8, seed=seed % 97))
    token = await writers.token(world, rights=("population-search", "population-subscribe", "patient-match"))
    kinds = ("Patient", "Observation", "Organization")
    known = [
        f"{kind}/{one['id']}"
        for kind in kinds
        for one in await world.matches(writers.COTTONWOOD, f"/fhir/{kind}?_count=20")
    ]
    requests, answered = Requests(random.Random(seed), known), Counter()  # noqa: S311 - reproducible
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        for number in range(count):
            world.clock.forward(**_BETWEEN)
            method, url, headers, body = requests.draw()
            bearer = {} if number % 50 == 0 else {"Authorization": f"Bearer {token}"}
            address = "/fhir" + quote(url, safe="/?&=%:|$,")
            answer = await client.request(method, address, headers=bearer | headers, content=body)
            told = f"seed {seed}, request {number}: {method} {address} {headers} {body!r:.2000}"
            check(method, answer, told)
            answered[method, answer.status_code] += 1
            made = answer.headers.get("location", "").partition("/fhir/")[2].partition("/_history")[0]
            if answer.status_code == 201 and made:
                requests.known = [*requests.known[-60:], made]
            progress(number + 1)
    await world.close()
    return answered


def check(method, answer, told):
    """``WrongAnswer`` for a failure of the server, and for what is no FHIR."""
    if answer.status_code >= 500:
        raise WrongAnswer(f"{told}\nanswered {answer.status_code}")
    if "x-request-id" not in answer.headers:
        raise WrongAnswer(f"{told}\nanswered without a request id")
    if method == "HEAD" or not answer.content:
        return
    kind = answer.headers["content-type"]
    if "xml" in kind:
        found = etree.QName(etree.fromstring(answer.content)).localname
    else:
        document = orjson.loads(answer.content.splitlines()[0] if "ndjson" in kind else answer.content)
        found = document.get("resourceType") or ("discovery" if "token_endpoint" in document else "manifest")
    if answer.status_code >= 400 and found != "OperationOutcome":
        raise WrongAnswer(f"{told}\nanswered {answer.status_code} with {found}")
