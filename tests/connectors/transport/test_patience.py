"""Requests to partners: what is refused, what is tried again, and for how long."""

from __future__ import annotations

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_exchange import Scripted

from connectors.transport.exchange import ERROR_BYTES, Unanswered, whole
from connectors.transport.patience import Patience, refused, seconds, usable

pytestmark = pytest.mark.anyio
NOW = 1_795_000_000_000_000


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def get(exchange, *, limit=100):
    return await whole(exchange, "GET", "https://clinic.example/fhir/Patient", headers={"accept": "x"}, limit=limit)


async def test_an_answer_is_read_whole():
    answer = await get(Scripted(lambda _: httpx2.Response(200, content=b"abc", headers={"ETag": "1"})))
    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"abc", "1")


async def test_of_an_error_the_start_is_read():
    answer = await get(Scripted(lambda _: httpx2.Response(500, content=b"x" * 1_000_000)), limit=10**9)
    assert ERROR_BYTES <= len(answer.body) < 2 * ERROR_BYTES


async def test_a_redirect_is_no_answer():
    with pytest.raises(Unanswered, match="not followed"):
        usable(await get(Scripted(lambda _: httpx2.Response(302))), "a page")


class Waits:
    def __init__(self):
        self.slept = []

    async def __call__(self, time):
        self.slept.append(time)


def patience(waits, **changes):
    return Patience(sleep=waits, clock=lambda: NOW, **changes)


async def test_what_passes_is_tried_again_after_longer_and_longer_waits():
    answers = [*(httpx2.Response(503) for _ in range(3)), httpx2.Response(200, content=b"x")]
    waits, asked = Waits(), []

    def answer(request):
        asked.append(request)
        return answers.pop(0)

    async def send():
        return usable(await get(Scripted(answer)), "a page")

    found = await patience(waits).ask(send)
    assert (found.body, waits.slept, len(asked)) == (b"x", [1.0, 2.0, 4.0], 4)


async def test_the_last_failure_is_told():
    waits = Waits()

    async def fail():
        raise refused(503, "a page")

    with pytest.raises(Unanswered, match="status 503"):
        await patience(waits, attempts=3, longest=1.5).ask(fail)
    assert waits.slept == [1.0, 1.5]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 501])
async def test_a_refusal_is_not_repeated(status):
    waits = Waits()

    async def fail():
        raise refused(status, "a page")

    with pytest.raises(Unanswered):
        await patience(waits).ask(fail)
    assert waits.slept == []


@pytest.mark.parametrize(
    ("header", "slept"), [("7", [7.0]), ("0", [1.0]), ("Wed, 18 Nov 2026 11:07:30 GMT", [50.0]), ("soon", [1.0])]
)
async def test_the_server_says_how_long_to_wait(header, slept):
    waits, failures = Waits(), [refused(429, "a page", header)]

    async def send():
        if failures:
            raise failures.pop()
        return b"x"

    assert await patience(waits).ask(send) == b"x"
    assert waits.slept == slept


async def test_a_server_that_wants_to_be_left_alone_is():
    waits = Waits()

    async def fail():
        raise refused(429, "a page", "3600")

    with pytest.raises(Unanswered):
        await patience(waits).ask(fail)
    assert waits.slept == []


@given(st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_header_is_a_wait_or_none(text):
    found = seconds(text, NOW)
    assert found is None or 0 <= found <= 10**11


def test_an_instant_is_a_wait_from_now():
    assert seconds("Fri, 20 Nov 2026 00:00:00 GMT", NOW) == pytest.approx(1_795_132_800 - 1_795_000_000)
    assert seconds("Thu, 01 Jan 1970 00:00:00 GMT", NOW) == 0.0
