"""Nesting has no limit: neither of provisions nor of anything else, and nothing here is done by recursion.

The bulk runs in a process of its own that may not recurse: 150 calls is all it may have on top of each other.
"""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from consent_builders import DENVER, answered, case, consent, observation, permit

from adapter.consent import cases
from adapter.consent.cases import answer
from adapter.consent.decide import decide
from adapter.consent.directive import read
from adapter.consent.explain import explain
from adapter.consent.names import AtHand
from adapter.consent.policy import Policy, timeline
from adapter.consent.rules import exception, rule
from adapter.consent.segment import segment_of
from adapter.fhir.deep import loads

ROOT = Path(__file__).resolve().parents[2]
LEVELS = 5000
WITHOUT_RECURSION = """
import sys
sys.path.insert(0, "tests/consent")
from test_depth import everything_about
text = sys.stdin.buffer.read()
sys.setrecursionlimit(150)
print(everything_about(text))
"""


def nested(levels, innermost="permit", inside=""):
    """The bytes of a consent whose provisions are ``levels`` deep, a permit and a deny in turn."""
    kinds = ["permit", "deny"] if innermost == "permit" else ["deny", "permit"]
    opening = b"".join(
        b'{"type":"%s","provision":[' % kinds[(levels - level) % 2].encode() for level in range(1, levels)
    )
    last = b'{"type":"%s"%s}' % (innermost.encode(), inside.encode())
    made = orjson.dumps(consent())[:-1] + b',"provision":'
    return made + opening + last + b"]}" * (levels - 1) + b"}"


def line(made, resource=None):
    parts = orjson.dumps({**case(), "resource": resource or observation()}).replace(
        b'"consents":[]', b'"consents":[%s]'
    )
    return parts % made


def everything_about(text):
    """Effect of a consent, by every way there is to decide, and how much its explanation says."""
    directive = read(loads(text))
    asked = cases.case_of(orjson.loads(line(text[:0] + b"null")))
    decided = decide(cases.Case(**{**fields(asked), "directives": (directive,)}))
    (span,) = timeline([directive], DENVER)
    policy = Policy.parse(span.policy.canonical())
    segment = segment_of(observation(), tier="detail", regime="justice")
    compiled = rule(policy, asked.recipient, segment)
    single = exception(policy, asked.recipient, segment, observation(), AtHand(), zone=DENVER)
    written, _ = answer(line(text))
    said = max(map(len, explain(decided)))
    told = orjson.loads(written)["effect"]
    return " ".join([decided.effect.value, compiled.effect.value, single.effect.value, told, str(said < 600)])


def fields(asked):
    return {name: getattr(asked, name) for name in asked.__slots__}


@pytest.mark.parametrize(
    ("innermost", "inside", "expected"),
    [
        ("permit", "", "PERMIT PERMIT PERMIT PERMIT True"),
        ("deny", "", "DENY DENY DENY DENY True"),
        ("permit", ',"code":[{"coding":[{"system":"http://loinc.org","code":"1"}]}]', "DENY EXCEPTION DENY DENY True"),
        ("permit", ',"type":"maybe"', "DENY DENY DENY DENY True"),
        ("deny", ',"somethingNew":1', "DENY DENY DENY DENY True"),
    ],
)
def test_provisions_are_read_weighed_compiled_and_explained_at_any_depth(innermost, inside, expected):
    ran = subprocess.run(  # noqa: S603  # our own script
        [sys.executable, "-c", WITHOUT_RECURSION],
        input=nested(LEVELS, innermost, inside),
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    assert (ran.stdout.decode().strip(), ran.stderr.decode()) == (expected, "")


def test_deep_provisions_are_named_by_number():
    verdict = orjson.loads(answer(line(nested(40, "permit")))[0])
    sources = [one["source"] for one in verdict["reasons"]]
    assert sources[0].endswith(".provision[0]…provision 39")
    assert sources[10] == "Consent/c#" + ".".join(["provision[0]"] * 30)
    assert len(set(sources)) == len(sources)


def test_a_fault_at_any_depth_is_named():
    verdict = orjson.loads(answer(line(nested(LEVELS, "permit", ',"purpose":[{"code":7}]')))[0])
    assert verdict["effect"] == "DENY"
    assert "…provision 4999.purpose[0].code: expected text" in verdict["reasons"][0]["because"]


DEEP = 3000
ANYWHERE = [
    '{"a":' * DEEP + "1" + "}" * DEEP,
    "[" * DEEP + "]" * DEEP,
    '{"reference":"Patient/a","identifier":{"assigner":' * DEEP + "1" + "}}" * DEEP,
    '{"extension":[{"url":"x","extension":' * DEEP + "[]" + "}]}" * DEEP,
    '{"coding":[{"system":' * DEEP + '"x"' + "}]}" * DEEP,
]


@pytest.mark.parametrize("deep", ANYWHERE, ids=range(len(ANYWHERE)))
@pytest.mark.parametrize("name", ["provision", "patient", "scope", "contained", "extension", "meta", "id", "text"])
def test_any_element_of_a_consent_may_be_deep(name, deep):
    made = {**consent(permit()), name: "DEEP"}
    verdict = orjson.loads(answer(line(orjson.dumps(made).replace(b'"DEEP"', deep.encode())))[0])
    assert verdict["effect"] == ("PERMIT" if name == "text" or (name, deep) in HARMLESS else "DENY")


HARMLESS = {("extension", ANYWHERE[1]), ("contained", ANYWHERE[1]), ("meta", ANYWHERE[3])}


@pytest.mark.parametrize("deep", ANYWHERE, ids=range(len(ANYWHERE)))
@pytest.mark.parametrize("name", ["id", "consents", "context", "request", "resource", "labeller", "other"])
def test_any_part_of_a_case_may_be_deep(name, deep):
    made = orjson.dumps({**case(consent(permit())), name: "DEEP"}).replace(b'"DEEP"', deep.encode())
    told, readable = answer(made)
    verdict = orjson.loads(told)
    if name in ("id", "other"):
        assert verdict["effect"] == "PERMIT"
    elif readable:
        assert verdict["effect"] == ("PERMIT" if name == "context" else "DENY")
    else:
        assert name in verdict["error"]


def test_a_resource_nested_without_end_is_decided():
    value = {"reference": "Patient/a"}
    for _ in range(LEVELS):
        value = {"part": [value]}
    made = b'{"part":[' * LEVELS + b'{"reference":"Patient/a"}' + b"]}" * LEVELS
    text = orjson.dumps({**case(consent(permit())), "resource": {**observation(), "extra": "DEEP"}})
    assert orjson.loads(answer(text.replace(b'"DEEP"', made))[0])["effect"] == "PERMIT"


def test_two_resources_too_deep_to_compare_stand_for_neither():
    def deep():
        value = {}
        for _ in range(LEVELS):
            value = {"part": value}
        return {"resourceType": "Organization", "id": "x", "part": value}

    assert AtHand([deep(), deep()]).get("Organization/x") is None


def test_what_is_cut_off_in_the_depth_is_no_case():
    told, readable = answer(b'{"id":"x","consents":[' + b'{"provision":[' * LEVELS)
    assert not readable
    assert orjson.loads(told)["error"] == "expected a line of JSON"
    assert answered(case(consent(permit())))["effect"] == "PERMIT"
