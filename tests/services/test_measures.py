"""Counts in the text format of Prometheus, and what their labels cannot hold."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.rest.metrics import Meter
from adapter.services.measures import BUCKETS, Gauge, Measures

LINE = re.compile(
    r'^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z_]+="(\\.|[^"\\])*"(,[a-z_]+="(\\.|[^"\\])*")*\})? [0-9.e+-]+)$'
)
INFO = {"version": '0.1"\\'}


def samples(text):
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


@settings(max_examples=40, deadline=None)
@given(
    answers=st.lists(
        st.tuples(
            st.sampled_from(["GET", "POST"]), st.sampled_from(["/a", "/b"]), st.integers(200, 503), st.floats(0, 99)
        )
    )
)
def test_every_line_has_the_form_and_every_answer_is_counted(answers):
    measures = Measures()
    for one in answers:
        measures.answered(*one)
    gauges = [Gauge(name="waiting", about="What waits.", value=3)]
    text = measures.text(gauges, {"accepted": 2}, INFO)
    assert [line for line in text.splitlines() if not LINE.match(line)] == []
    found = samples(text)
    counted = [int(value) for name, value in found.items() if name.startswith("sallyport_http_answers_total")]
    assert sum(counted) == len(answers)
    for route in {one[1] for one in answers}:
        buckets = [
            int(found[f'sallyport_http_answer_seconds_bucket{{route="{route}",le="{bound}"}}'])
            for bound in [*map(str, BUCKETS), "+Inf"]
        ]
        assert buckets == sorted(buckets)
        assert buckets[-1] == int(found[f'sallyport_http_answer_seconds_count{{route="{route}"}}'])
        within = [seconds for _, path, _, seconds in answers if path == route and seconds <= BUCKETS[3]]
        assert buckets[3] == len(within)
    assert (found["waiting"], found['sallyport_receipts_total{state="accepted"}']) == ("3", "2")


@settings(max_examples=80, deadline=None)
@given(path=st.text(min_size=1, max_size=40), method=st.text(max_size=8))
def test_nothing_that_a_caller_writes_becomes_a_label(path, method):
    measures = Measures()
    meter = Meter(measures, lambda: 0.0, addresses={"/health/live", "/metrics", "/feeds"})
    for name in (path, f"Observation/{path}", f"Patient/{path}", f"metadata/{path}"):
        meter.fhir(method, name, 404, 0.0)
        meter.beside(method, f"/{name}", 404, 0.0)
        meter.beside(method, f"/feeds/{path}", 404, 0.0)
    routes = {route for _, route, _ in measures.answers}
    shapes = {"{id}", "_search", "$match", "$assert-basis", "$explain", "metadata"}
    allowed = {
        f"/fhir/{kind}{f'/{shape}' if shape else ''}" for kind in ("Observation", "Patient") for shape in (*shapes, "")
    }
    types = {"Encounter", "Condition", "Consent", "Organization", "Provenance", "QuestionnaireResponse"}
    allowed |= {
        "/fhir/other",
        "/fhir/metadata",
        "/fhir/_search",
        "/fhir/$match",
        "/fhir/$assert-basis",
        "/fhir/$explain",
    }
    assert routes <= allowed | {"other", "/health/live", "/metrics", "/feeds"} | {f"/fhir/{kind}" for kind in types}
    assert {name for name, _, _ in measures.answers} <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "other"}
