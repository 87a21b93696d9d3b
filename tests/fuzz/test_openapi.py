"""A short run of requests from the OpenAPI document; `make fuzz-openapi` is the long one."""

from __future__ import annotations

import random

import openapi_run
import pytest
from schemathesis.core.failures import Failure, FailureGroup

REQUESTS = 6


def test_every_answer_is_one_that_the_document_describes(tmp_path):
    """Whatever is asked; new requests each time, and the seed of a failure is told."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    answered = openapi_run.go(tmp_path, seed, REQUESTS)
    assert {operation for operation, _ in answered} == {
        "GET /feeds/{feed}/receipts",
        "GET /feeds/{feed}/receipts/{receipt}",
        "GET /health/live",
        "GET /health/ready",
        "GET /metrics",
        "POST /auth/introspect",
        "POST /auth/revoke",
        "POST /auth/token",
        "POST /feeds/{feed}",
        "POST /panels",
        "PUT /panels/{group}",
    }


def _without_status(document):
    del document["paths"]["/metrics"]["get"]["responses"]["404"]


def _other_content(document):
    answer = document["paths"]["/health/live"]["get"]["responses"]["200"]
    answer["content"] = {"text/plain": answer["content"]["application/json"]}


def _other_schema(document):
    schema = document["paths"]["/health/live"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    schema["required"] = ["uptime"]


def test_an_answer_that_is_not_described_is_found(tmp_path):
    with openapi_run.opened(tmp_path) as (runner, site):
        for change in (_without_status, _other_content, _other_schema):
            document = runner.run(site.document())
            change(document)
            document["paths"] = {name: document["paths"][name] for name in ("/health/live", "/metrics")}
            with pytest.raises((Failure, FailureGroup)):
                openapi_run.held_to(document, runner, site, 1122, REQUESTS)
