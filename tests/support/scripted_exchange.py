"""A partner's server that answers as a test says, without a network."""

from __future__ import annotations

from contextlib import asynccontextmanager

import httpx2

from connectors.transport.exchange import Arriving, Unanswered


class Scripted:
    """Asks ``answer``, which gets a request and gives a response or raises."""

    def __init__(self, answer):
        self._answer = answer

    @asynccontextmanager
    async def open(self, method, url, *, headers, limit, form=None):
        response = self._answer(httpx2.Request(method, url, headers=headers, data=form))

        async def chunks():
            for start in range(0, len(response.content), 100):
                if start + 100 > limit:
                    raise Unanswered(f"the answer is larger than {limit} bytes")
                yield response.content[start : start + 100]

        told = {name.lower(): value for name, value in response.headers.items()}
        yield Arriving(status=response.status_code, headers=told, chunks=chunks())
