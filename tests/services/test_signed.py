"""Stored Consents read by form: what comes out is what reading each by itself gives."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.consent.directive import read
from adapter.consent.policy import timeline
from adapter.fhir.served import split
from adapter.services.signed import SignedConsents
from adapter.store.shapes import StoredResource

DENVER = ZoneInfo("America/Denver")
SCOPES = "http://terminology.hl7.org/CodeSystem/consentscope"
PRIVACY = {"coding": [{"system": SCOPES, "code": "patient-privacy"}]}
moments = st.sampled_from(["2026", "2026-03-02", "2026-03-02T10:00:00-07:00", "2027-01-01"])
periods = st.one_of(
    st.none(),
    st.fixed_dictionaries({}, optional={"start": moments, "end": moments}).filter(bool),
    st.just({"start": "2026-03-02", "extension": [{"url": "urn:x", "valueString": "y"}]}),
)


def provisions(depth):
    inner = st.lists(provisions(depth - 1), max_size=2) if depth else st.just([])
    return st.builds(
        lambda kind, period, code, children: {
            "type": kind,
            **({"period": period} if period else {}),
            **({"purpose": [{"system": "urn:p", "code": code}]} if code else {}),
            **({"provision": children} if children else {}),
        },
        st.sampled_from(["permit", "deny"]),
        periods,
        st.sampled_from(["", "a", "b"]),
        inner,
    )


consents = st.builds(
    lambda ident, patient, status, signed, provision, identifier, elements: (
        {
            "resourceType": "Consent",
            "id": ident,
            "meta": {"versionId": ident, "security": [{"code": "N"}]},
            "identifier": [{"system": "urn:s", "value": identifier}],
            "status": status,
            "scope": PRIVACY,
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
            "patient": {"reference": f"Patient/{patient}"},
            "dateTime": signed,
            "provision": provision,
        }
        | elements
    ),
    st.sampled_from("cde"),
    st.sampled_from("pq"),
    st.sampled_from(["active", "inactive", "draft"]),
    moments,
    provisions(2),
    st.sampled_from("st"),
    st.sampled_from([{}, {"language": "es"}, {"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}]),
)


def stored(consent, version):
    parts = split(consent)
    return StoredResource(
        type="Consent",
        id=consent["id"],
        rid=1,
        patient=1,
        segment=1,
        version=version,
        updated=0,
        head=parts.head,
        tail=parts.tail,
    )


def told(directive):
    return (
        directive.source,
        directive.patient,
        directive.status,
        directive.scope,
        directive.identifiers,
        directive.signed,
        directive.provision,
        [(span.start, span.stop, span.policy.canonical(), span.ends) for span in timeline([directive], DENVER)],
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(consents, min_size=1, max_size=4))
def test_reading_by_form_is_reading_each_by_itself(signed):
    by_form = SignedConsents()
    for number, consent in enumerate(signed):
        found = by_form.read(stored(consent, str(number)))
        assert told(found.directive) == told(read(orjson.loads(orjson.dumps(consent))))
        if found.form is not None and not found.directive.body.capped:
            spans = timeline([found.directive], DENVER)
            held = [span for span in spans if span.sources]
            assert all(span.policy.canonical() == found.form.policy for span in held)


def test_one_form_is_read_once():
    by_form = SignedConsents()
    consent = {
        "resourceType": "Consent",
        "id": "c",
        "meta": {"security": [{"code": "N"}]},
        "status": "active",
        "scope": PRIVACY,
        "patient": {"reference": "Patient/p"},
        "provision": {"type": "deny", "period": {"start": "2026", "end": "2027"}, "provision": [{"type": "permit"}]},
    }
    one = by_form.read(stored(consent, "1"))
    provision = consent["provision"] | {"period": {"end": "2030"}}
    other = by_form.read(stored(consent | {"id": "d", "provision": provision}, "2"))
    assert one.form is other.form
    assert (one.life, other.life) == (("2026", "2027"), (None, "2030"))
    assert by_form.read(stored(consent, "1")) is one


def test_what_is_remembered_is_bounded():
    by_form = SignedConsents()
    consent = {
        "resourceType": "Consent",
        "id": "c",
        "meta": {"security": [{"code": "N"}]},
        "status": "active",
        "patient": {"reference": "Patient/p"},
    }
    for number in range(2100):
        assert by_form.read(stored(consent, str(number))).directive.patient == "Patient/p"
