"""Stored parts: joined they are the resource, and a fragment adds to its meta alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import InvalidResource
from adapter.fhir.codec import dump, parse
from adapter.fhir.served import PLAIN, Parts, fragment, join, split

TEXT = st.text('ab]}"\\é', max_size=6)
CODINGS = st.lists(st.fixed_dictionaries({"system": TEXT, "code": TEXT}), min_size=1, max_size=3)
METAS = st.fixed_dictionaries(
    {"security": CODINGS}, optional={"versionId": TEXT, "profile": st.lists(TEXT, max_size=2), "source": TEXT}
)
RESOURCES = st.fixed_dictionaries(
    {"meta": METAS, "resourceType": st.just("Patient")},
    optional={
        "id": TEXT,
        "active": st.booleans(),
        "name": st.lists(st.fixed_dictionaries({"text": TEXT}), max_size=2),
    },
)


@settings(max_examples=200, deadline=None)
@given(resource=RESOURCES)
def test_the_parts_joined_are_the_resource(resource):
    parts = split(resource)
    assert parse(join(parts)) == resource
    ordered = {name: value for name, value in resource["meta"].items() if name != "security"}
    ordered["security"] = resource["meta"]["security"]
    assert join(parts) == dump(resource | {"meta": ordered})
    assert parts.head.endswith(b"}")
    assert parts.tail.startswith(b"}")


@settings(max_examples=200, deadline=None)
@given(
    resource=RESOURCES,
    labels=st.just([]) | CODINGS,
    tags=st.just([]) | CODINGS,
    extensions=st.just([]) | CODINGS,
)
def test_a_fragment_adds_labels_tags_and_extensions_and_nothing_else(resource, labels, tags, extensions):
    served = parse(join(split(resource), fragment(labels, tags=tags, extensions=extensions)))
    meta = served["meta"]
    assert meta.pop("tag", []) == tags
    assert meta.pop("extension", []) == extensions
    assert meta["security"] == resource["meta"]["security"] + labels
    meta["security"] = resource["meta"]["security"]
    assert served == resource


def test_the_empty_fragment_is_plain():
    assert fragment() == PLAIN


def test_nothing_but_meta():
    parts = split({"resourceType": "Basic", "meta": {"security": [{"code": "N"}]}})
    assert parts == Parts(b'{"resourceType":"Basic","meta":{"security":[{"code":"N"}', b"}}")


@pytest.mark.parametrize(
    "meta", [None, {}, {"security": []}, {"security": [{}], "tag": []}, {"security": [{}], "extension": []}]
)
def test_what_cannot_be_spliced_is_refused(meta):
    with pytest.raises(InvalidResource, match=r"Patient\.meta"):
        split({"resourceType": "Patient", "meta": meta})
