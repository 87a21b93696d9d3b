"""Every patient a resource names has to permit; one nobody can identify permits nothing."""

import pytest
from consent_builders import consent, effect, observation, permit

from adapter.consent.names import AtHand
from adapter.consent.patients import patients

FORM = {"system": "https://example.org/mrn", "value": "17"}
B = {"resourceType": "Patient", "id": "b", "identifier": FORM}
GROUP = {"resourceType": "Group", "id": "g", "member": [{"entity": {"reference": "Patient/b"}}]}


def named(resource, *context):
    keys, unread = patients(resource, AtHand(context))
    return sorted(keys), unread is not None


@pytest.mark.parametrize(
    ("elements", "keys", "unread"),
    [
        ({}, ["Patient/a"], False),
        ({"focus": [{"reference": "Patient/b"}]}, ["Patient/a", "Patient/b"], False),
        (
            {"performer": [{"reference": "https://elsewhere.example/Patient/b"}]},
            ["Patient/a", "https://elsewhere.example/Patient/b"],
            False,
        ),
        ({"subject": {"reference": "Device/d"}}, [], False),
        ({"subject": {"display": "Bob"}}, [], True),
        ({"subject": {"reference": "urn:uuid:0"}}, [], True),
        ({"subject": "Patient/a"}, [], True),
        ({"subject": {"identifier": FORM}}, ["Patient/b"], False),
        ({"subject": {"identifier": {**FORM, "value": "18"}}}, [], True),
        ({"focus": [{"type": "Patient", "identifier": FORM}]}, ["Patient/a", "Patient/b"], False),
        ({"focus": [{"type": "Patient", "display": "Bob"}]}, ["Patient/a"], True),
        ({"focus": [{"type": "Patient", "reference": "Patient/a"}]}, ["Patient/a"], False),
        ({"subject": {"reference": "Group/g"}}, ["Patient/b"], False),
        ({"subject": {"reference": "Group/lost"}}, [], True),
        ({"subject": [{"reference": "Patient/a"}, 5]}, ["Patient/a"], True),
        (
            {"contained": [{"resourceType": "Observation", "subject": {"reference": "Patient/b"}}]},
            ["Patient/a", "Patient/b"],
            False,
        ),
    ],
)
def test_a_resource_names(elements, keys, unread):
    assert named(observation(**elements), B, GROUP) == (keys, unread)


@pytest.mark.parametrize(
    ("members", "keys", "unread"),
    [
        (
            [{"entity": {"reference": "Patient/b"}}, {"entity": {"reference": "Device/d"}}],
            ["Patient/b"],
            False,
        ),
        ([{"entity": {"reference": "Group/other"}}], [], True),
        ([{"entity": {"display": "Bob"}}], [], True),
        ([], [], True),
        (["Bob"], [], True),
    ],
)
def test_a_group_names_its_members(members, keys, unread):
    group = {"resourceType": "Group", "id": "h", "member": members}
    assert named(group) == (keys, unread)


def test_a_patient_names_itself():
    assert named({"resourceType": "Patient", "id": "a"}) == (["Patient/a"], False)
    assert named({"resourceType": "Patient"}) == ([], True)


@pytest.mark.parametrize("kind", ["Bundle", "Parameters", "Binary", 5, None])
def test_a_container_is_never_decided_as_one(kind):
    resource = {"resourceType": kind, "id": "b", "subject": {"reference": "Patient/a"}}
    assert effect(consent(permit()), resource=resource) == "DENY"


def test_a_resource_about_nobody_is_denied():
    assert effect(consent(permit()), resource={"resourceType": "Library", "id": "l"}) == "DENY"


def test_both_patients_may_permit():
    both = observation(focus=[{"reference": "Patient/b"}])
    other = consent(permit(), id="d", patient={"reference": "Patient/b"})
    assert effect(consent(permit()), other, resource=both) == "PERMIT"
