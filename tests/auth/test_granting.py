"""Whatever a client asserts, it is granted nothing beyond its registration, agreements and signatures."""

from __future__ import annotations

import pytest
import smart_clients as sc
from hypothesis import given, settings
from hypothesis import strategies as st
from smart_clients import TYPES, Bounds

from adapter.auth.b2b import Asked, read_b2b, told
from adapter.auth.clients import Registered
from adapter.auth.granting import NOTHING, grant, written
from adapter.auth.keys import InlineKeys
from adapter.auth.refusal import Refusal
from adapter.fhir.scopes import read_scopes
from adapter.registration import Client

pytestmark = pytest.mark.anyio
PARTNERS = ("clinic", "police", "court")
CODES = ("TREAT", "HOPERAT", "diversion", "supervision")
USERS = ("ana", "bo")


def client(organizations=("clinic",), rights=(), scopes="system/Patient.rs"):
    spec = Client(
        name="x", organizations=organizations, scopes=scopes.split(), rights=rights, jwks_url="https://x.example"
    )
    return Registered(id="x", spec=spec, keys=InlineKeys({}), scopes=read_scopes(scopes, TYPES))


def some(values):
    return st.sets(st.sampled_from(values)).map(tuple)


BOUNDS = st.builds(
    Bounds,
    attended=st.dictionaries(st.sampled_from(PARTNERS), some(CODES)),
    alone=st.dictionaries(st.sampled_from(PARTNERS), some(CODES)),
    given=st.dictionaries(st.sampled_from(PARTNERS), some(("population-search", "feed:roster"))),
    signatures=st.sets(st.tuples(st.sampled_from(PARTNERS), st.sampled_from(USERS))),
)
ASKED = st.builds(
    Asked,
    organisation=st.none() | st.sampled_from(PARTNERS),
    purposes=st.none() | st.sets(st.sampled_from(CODES), min_size=1).map(tuple),
    user=st.sampled_from(("", *USERS)),
)


@settings(max_examples=300, deadline=None)
@given(
    ASKED,
    st.sets(st.sampled_from(PARTNERS), min_size=1).map(tuple),
    some(("population-search", "feed:roster")),
    BOUNDS,
    st.none() | st.sampled_from(["system/Patient.r", "system/*.cruds", "system/Observation.rs", "x"]),
)
async def test_nothing_is_ever_wider(asked, organizations, rights, bounds, scopes):
    one = client(organizations, rights)
    try:
        found = await grant(one, asked, scopes, bounds=bounds, types=TYPES, at=0)
    except Refusal:
        return
    assert found.organisation in organizations
    assert asked.organisation in {None, found.organisation}
    assert set(found.rights) <= set(rights) & bounds.rights(found.organisation, at=0)
    allowed = bounds.purposes if found.user else bounds.unattended
    assert set(found.purposes) <= allowed(found.organisation, at=0)
    assert asked.purposes is None or set(found.purposes) == set(asked.purposes)
    assert found.user == asked.user
    assert not found.user or (found.organisation, found.user) in bounds.signatures
    assert all(any(own.holds(scope) for own in one.scopes) for scope in found.scopes)
    assert found.scopes


BOTH = Bounds(attended={"clinic": CODES}, alone={"clinic": ("TREAT",)}, signatures={("clinic", "ana")})


async def refused(asked, bounds=BOTH, **registration):
    with pytest.raises(Refusal) as refusal:
        await grant(client(**registration), asked, None, bounds=bounds, types=TYPES, at=0)
    assert refusal.value.client == "x"
    return refusal.value.code, refusal.value.why


async def test_why_it_is_refused_is_told_to_the_county():
    assert await refused(Asked(organisation="court")) == ("invalid_grant", "foreign-organisation")
    assert await refused(Asked(), organizations=("clinic", "court")) == ("invalid_grant", "no-organisation-chosen")
    for user in ("bo", "nobody", "Ana"):
        assert await refused(Asked(user=user)) == ("invalid_grant", "no-signature-that-counts")
    assert await refused(Asked(purposes=("HOPERAT",))) == ("invalid_grant", "purpose-not-agreed-without-user")
    assert await refused(Asked(user="ana", purposes=("BTG",))) == ("invalid_grant", "purpose-not-agreed")
    assert await refused(Asked(), Bounds()) == ("invalid_grant", "nothing-agreed")


async def test_without_a_user_all_that_works_unattended_is_granted_and_no_more():
    found = await grant(client(), Asked(), None, bounds=BOTH, types=TYPES, at=0)
    assert (found.purposes, found.user) == (("TREAT",), "")
    found = await grant(client(), Asked(user="ana"), None, bounds=BOTH, types=TYPES, at=0)
    assert found.purposes == tuple(sorted(CODES))


async def test_a_client_that_only_feeds_has_no_scope_and_gets_none():
    spec = Client(name="x", organizations=("clinic",), rights=("feed:roster",), jwks_url="https://x.example")
    feeder = Registered(id="x", spec=spec, keys=InlineKeys({}), scopes=())
    bounds = Bounds(given={"clinic": ("feed:roster",)})
    found = await grant(feeder, Asked(), None, bounds=bounds, types=TYPES, at=0)
    assert (found.purposes, found.rights, written(found.scopes)) == ((), ("feed:roster",), NOTHING)
    with pytest.raises(Refusal, match="invalid_scope"):
        await grant(feeder, Asked(), "system/Patient.r", bounds=bounds, types=TYPES, at=0)


def read(claims):
    return read_b2b(claims, organisations=sc.ORGANIZATIONS)


def test_what_udap_says_is_read():
    claims = sc.b2b("clinic", ["TREAT"], "ana", subject_name="Ana", organization_name="Clinic", subject_role="x")
    assert read(claims) == Asked(organisation="clinic", purposes=("TREAT",), user="ana")
    assert read({}) == read({"extensions": {}}) == read({"extensions": {"hl7-b2b": None}}) == Asked()


@pytest.mark.parametrize(
    ("written_", "code"),
    [
        ("TREAT", "TREAT"),
        ("urn:oid:2.16.840.1.113883.5.8#TREAT", "TREAT"),
        ("http://terminology.hl7.org/CodeSystem/v3-ActReason#TREAT", "TREAT"),
        ("https://sallyport.example/fhir/CodeSystem/purpose-of-use#diversion", "diversion"),
        ("diversion", "diversion"),
    ],
)
def test_purposes_are_written_in_several_ways(written_, code):
    assert read(sc.b2b(purpose_of_use=[written_])).purposes == (code,)


@pytest.mark.parametrize(
    "claims",
    [
        {"extensions": []},
        {"extensions": {"hl7-b2b": []}},
        {"extensions": {"hl7-b2b": {}}},
        sc.b2b(version="2"),
        sc.b2b(version=None),
        sc.b2b(organization_id=None),
        sc.b2b(organization_id="clinic"),
        sc.b2b(organization_id="https://other.example/fhir/Organization/clinic"),
        sc.b2b(organization_id=["x"]),
        sc.b2b(purpose_of_use=None),
        sc.b2b(purpose_of_use="TREAT"),
        sc.b2b(purpose_of_use=[]),
        sc.b2b(purpose_of_use=["TREAT"] * 17),
        sc.b2b(purpose_of_use=[7]),
        sc.b2b(purpose_of_use=["urn:oid:1.2.3#TREAT"]),
        sc.b2b(purpose_of_use=["urn:oid:2.16.840.1.113883.5.8#diversion"]),
        sc.b2b(purpose_of_use=["https://sallyport.example/fhir/CodeSystem/purpose-of-use#TREAT"]),
        sc.b2b(purpose_of_use=["urn:oid:2.16.840.1.113883.5.8#"]),
        sc.b2b(subject_id=""),
        sc.b2b(subject_id=7),
        sc.b2b(subject_id=" ana"),
        sc.b2b(subject_id="ana\n"),
        sc.b2b(subject_id="a" * 300),
    ],
)
def test_a_claim_that_cannot_be_read_is_never_passed_over(claims):
    with pytest.raises(Refusal) as refused_:
        read(claims)
    assert refused_.value.code == "invalid_grant"


@settings(max_examples=100, deadline=None)
@given(ASKED)
def test_what_is_told_is_what_was_granted(asked):
    full = Asked(organisation=asked.organisation or "clinic", purposes=asked.purposes or ("TREAT",), user=asked.user)
    assert read({"extensions": told(full, organisations=sc.ORGANIZATIONS)}) == full
