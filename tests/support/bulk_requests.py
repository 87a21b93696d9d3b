"""A client of `$export`: kick-off, status, files."""

from __future__ import annotations

import asyncio

import httpx2
import orjson

BASE = "http://127.0.0.1:8080"
ASYNC = {"Prefer": "respond-async"}


async def get(world, token, url, method="GET", document=None, **headers):
    """The answer to one request by the holder of a token."""
    asked = {"Authorization": f"Bearer {token}"} | {name.replace("_", "-"): text for name, text in headers.items()}
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        return await client.request(method, url.removeprefix(BASE), headers=asked, json=document)


async def upload(world, token, content, group=""):
    """The answer to a list of people that the holder of a token follows."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        place = f"/panels/{group.removeprefix('Group/')}" if group else "/panels"
        return await client.request("PUT" if group else "POST", place, headers=headers, content=content)


async def kick_off(world, token, url="/fhir/Patient/$export", **headers):
    """The address of a new export."""
    answer = await get(world, token, url, **ASYNC, **headers)
    assert answer.status_code == 202, answer.content
    return answer.headers["content-location"]


async def manifest(world, token, place):
    """What an export says of itself once it is planned."""
    answer = await get(world, token, place)
    while answer.status_code == 202:
        await asyncio.sleep(0)
        answer = await get(world, token, place)
    assert answer.status_code == 200, answer.content
    return answer.json()


async def files(world, token, told):
    """The resources of every file of a manifest, by type."""
    found = {}
    for one in told["output"]:
        answer = await get(world, token, one["url"])
        assert answer.status_code == 200
        found.setdefault(one["type"], []).extend(orjson.loads(line) for line in answer.content.splitlines())
    return found


async def export(world, token, url="/fhir/Patient/$export"):
    """Everything an export holds, by type."""
    return await files(world, token, await manifest(world, token, await kick_off(world, token, url)))


def ids(found):
    """Type and id of each resource; each is there once."""
    names = [f"{kind}/{one['id']}" for kind, resources in found.items() for one in resources]
    assert len(names) == len(set(names))
    return set(names)
