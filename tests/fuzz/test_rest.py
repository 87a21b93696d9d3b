"""A short run of random requests to the FHIR base; `make fuzz-rest` is the long one."""

from __future__ import annotations

import random

import pytest
from rest_run import WrongAnswer, check, go

REQUESTS = 400


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("seed", [1122, random.SystemRandom().randrange(2**32)], ids=["same", "new"])
async def test_no_request_is_answered_as_a_failure_of_the_server(tmp_path, seed):
    """Whatever is sent, the answer is FHIR; the seed of a failure is in its message."""
    answered = await go(tmp_path, seed, REQUESTS)
    assert answered.total() == REQUESTS
    assert {2, 4} <= {status // 100 for _, status in answered} <= {2, 3, 4}


class Told:
    """An answer of a server."""

    def __init__(self, status, content, **headers):
        self.status_code, self.content, self.headers = status, content, headers


@pytest.mark.parametrize(
    ("status", "content", "request_id"),
    [(500, b"", "x"), (200, b"{}", ""), (404, b'{"resourceType":"Patient"}', "x"), (400, b"<Patient/>", "x")],
)
def test_a_wrong_answer_is_one(status, content, request_id):
    headers = {"content-type": "application/fhir+xml" if content[:1] == b"<" else "application/fhir+json"}
    with pytest.raises(WrongAnswer):
        check("GET", Told(status, content, **headers, **({"x-request-id": request_id} if request_id else {})), "asked")
