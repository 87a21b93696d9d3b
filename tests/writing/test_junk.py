"""Whatever is sent in place of a resource, a Bundle or a patch: it is answered, and never with a defect."""

from __future__ import annotations

import copy

import pytest
import worlds
import writers
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from writers import entry, release, urn

pytestmark = pytest.mark.anyio
JUNK = st.sampled_from(
    [
        None,
        True,
        0,
        "",
        "x",
        "#",
        "urn:uuid:x",
        "Patient/x",
        "Patient?identifier=x",
        [],
        {},
        [[]],
        [{}],
        {"reference": 3},
    ]
) | st.dictionaries(st.sampled_from(["reference", "system", "value", "type", "id", "item", "resourceType"]), st.none())
SEEDS = (
    (
        "",
        writers.bundle(
            *release(urn(1)),
            entry("POST", "Patient", writers.patient("j", link=[{"type": "seealso"}]), full_url=urn(1)),
            entry("PUT", "Observation?patient=x", writers.phq9("x"), ifMatch='W/"1"'),
            entry("GET", "Patient/x"),
        ),
    ),
    ("/Patient", writers.patient("j") | {"meta": {"security": [{"code": "R"}], "profile": ["p"], "source": "s"}}),
    ("/Observation", writers.phq9("x", contained=[writers.patient("k")], derivedFrom=[{"reference": "#"}])),
)


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


@st.composite
def broken(draw):
    url, document = draw(st.sampled_from(SEEDS))
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from([path for path in places(document) if path]))
        holder = document
        for step in way:
            holder = holder[step]
        holder[last] = copy.deepcopy(draw(JUNK))
    return url, document


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def world(tmp_path_factory):
    made = await worlds.open_site(tmp_path_factory.mktemp("junk") / "site")
    made.subject = await writers.registered(made)
    yield made
    await made.close()


@settings(max_examples=150, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(sent=broken(), kind=st.sampled_from(["batch", "transaction"]))
async def test_a_resource_that_is_broken_anywhere_is_refused_or_kept(world, sent, kind):
    url, document = sent
    if not url and document.get("type") == "transaction":
        document["type"] = kind
    answer = await writers.send(world, "POST", url, document)
    assert answer.status_code in {200, 201, 400, 404, 409, 412, 422}, answer.text
    assert '"exception"' not in answer.text


@settings(max_examples=60, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(
    patch=st.lists(
        st.fixed_dictionaries(
            {"op": st.sampled_from(["add", "replace", "remove", "copy", "move"])},
            optional={
                "path": st.sampled_from(
                    ["", "/meta", "/link", "/name/0", "/identifier/0/value", "/contained/-", "/id"]
                ),
                "from": st.sampled_from(["", "/name", "/identifier"]),
                "value": JUNK,
            },
        ),
        max_size=3,
    )
)
async def test_a_patch_leads_to_a_resource_or_to_a_refusal(world, patch):
    answer = await writers.send(
        world, "PATCH", f"/Patient/{world.subject}", patch, media="application/json-patch+json", content=None
    )
    assert answer.status_code in {200, 400, 409, 412, 422}, answer.text
