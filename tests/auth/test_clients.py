"""Registrations: read with every mistake told, and the bound of a token at every moment."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
import smart_clients as sc
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from smart_clients import TYPES, Bounds

from adapter.auth.clients import MINUTE, Clients, read_clients
from adapter.auth.limits import Limits
from adapter.auth.requester import Requester
from adapter.auth.tokens import Tokens
from adapter.errors import ConfigurationError, Throttled
from adapter.registration import Client, Outbound
from adapter.store.shapes import LastWord, TokenRow

pytestmark = pytest.mark.anyio
SPEC = {
    "name": "x",
    "organizations": ("clinic",),
    "scopes": ("system/Patient.rs", "system/Observation.r"),
    "rights": ("population-search",),
    "jwks_url": "https://x.example/jwks.json",
    "requests_per_minute": 2,
    "body_kilobytes": 3,
}
ROW = TokenRow(
    digest=b"",
    client="chart",
    organisation="Organization/clinic",
    purposes=("HOPERAT", "TREAT"),
    rights=("population-search",),
    expires=10**17,
    scopes="system/Patient.rs",
)


class Users:
    def __init__(self):
        self.may = {"ana"}

    def may_ask(self, organisation, user, last_word, at):
        return user in self.may


def read(**specs):
    models = {name: Client.model_validate(spec) for name, spec in specs.items()}
    return read_clients(models, types=TYPES, feeds=("roster",), fetch=None, clock=lambda: 0)


def clients(bounds, users=None, **changes):
    return Clients(
        read(chart=SPEC | changes),
        standing=bounds,
        users=users or Users(),
        types=TYPES,
        base_url="https://county.example/fhir",
        zone=ZoneInfo("America/Denver"),
    )


def bounds(**changes):
    said = {
        "attended": {"clinic": ("TREAT", "HOPERAT")},
        "alone": {"clinic": ("TREAT", "HOPERAT")},
        "given": {"clinic": ("population-search",)},
    }
    return Bounds(**said | changes)


def test_what_a_token_was_issued_with_is_what_it_grants_while_nothing_ended():
    assert clients(bounds()).still(ROW, 0) == ROW


def test_what_ended_is_gone_with_the_minute():
    limits = bounds()
    known = clients(limits)
    assert known.still(ROW, 0) == ROW
    limits.alone["clinic"] = ("TREAT",)
    limits.given["clinic"] = ()
    assert known.still(ROW, MINUTE) == replace(ROW, purposes=("TREAT",), rights=())
    limits.alone["clinic"] = ()
    assert known.still(ROW, 2 * MINUTE) is None


def test_a_user_counts_while_the_signature_does():
    users = Users()
    known = clients(bounds(alone={}), users)
    row = replace(ROW, user="ana", last_word=LastWord(kind="signed", text_hash=b"", at=0))
    assert known.still(row, 0) == row
    users.may.clear()
    assert known.still(row, 0) is None


def test_what_is_not_registered_any_more_grants_nothing():
    assert clients(bounds()).still(replace(ROW, client="gone"), 0) is None
    assert clients(bounds(), organizations=("court",)).still(ROW, 0) is None
    assert clients(bounds(), rights=()).still(ROW, 0) == replace(ROW, rights=())


def test_scopes_are_met_with_what_is_registered_now():
    known = clients(bounds(), scopes=("system/Patient.r",))
    scopes = known.scopes(ROW)
    assert (scopes.allows("Patient", "r"), scopes.allows("Patient", "s"), scopes.allows("Observation", "r")) == (
        True,
        False,
        False,
    )
    assert known.scopes(replace(ROW, scopes="")) is None
    assert not known.scopes(replace(ROW, scopes="-")).allows("Patient", "r")


@settings(max_examples=100, deadline=None)
@given(
    st.sets(st.sampled_from(["TREAT", "HOPERAT", "x"])).map(tuple),
    st.sets(st.sampled_from(["population-search", "feed:roster"])).map(tuple),
    st.booleans(),
)
def test_nothing_is_ever_added(purposes, rights, attended):
    row = replace(ROW, purposes=("TREAT", "x"), user="ana" if attended else "")
    limits = bounds(given={"clinic": rights})
    (limits.attended if attended else limits.alone)["clinic"] = purposes
    found = clients(limits).still(row, 0)
    if found is not None:
        assert set(found.purposes) <= set(row.purposes) & set(purposes)
        assert set(found.rights) <= set(row.rights) & set(rights)
        assert replace(found, purposes=(), rights=()) == replace(row, purposes=(), rights=())


def test_every_mistake_is_told_with_its_place():
    with pytest.raises(ConfigurationError) as told:
        read(
            one=SPEC | {"scopes": ["system/Patient.rs", "system/Foo.rs", "patient/Patient.rs"], "rights": ["feed:x"]},
            two=SPEC | {"jwks_url": None, "jwks": sc.jwks(sc.EC_KEY) | {"keys": [{"kty": "RSA", "kid": "a"}]}},
            three=SPEC | {"outside_id": "same"},
            four=SPEC | {"outside_id": "same"},
        )
    assert [(one.where, one.path) for one in told.value.problems] == [
        ("partners.yaml", "clients.one.scopes[1]"),
        ("partners.yaml", "clients.one.scopes[2]"),
        ("partners.yaml", "clients.one.rights[0]"),
        ("partners.yaml", "clients.two.jwks.keys[0].n"),
        ("partners.yaml", "clients.four.outside_id"),
    ]
    assert all(one.expected for one in told.value.problems)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"jwks": {}}, "twice"),
        ({"jwks_url": None}, "no key"),
        ({"organizations": ()}, "acts for nobody"),
        ({"scopes": (), "rights": ()}, "ask for nothing"),
        ({"organizations": (), "introspects": True}, "acts for nobody and has scopes"),
        ({"jwks_url": "http://x.example"}, "pattern"),
        ({"jwks_url": "https://user@x.example"}, "pattern"),
        ({"token_minutes": 61}, "less than"),
        ({"secret": "x"}, "not permitted"),
    ],
)
def test_a_registration_that_cannot_work_is_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        Client.model_validate(SPEC | changes)


def test_networks_are_networks():
    with pytest.raises(ValidationError, match="network"):
        Outbound.model_validate({"private_networks": ["intranet"]})


async def test_each_client_has_a_bucket_of_its_own_and_a_bound_for_bodies(store, clock):
    known = clients(bounds())
    made = iter(f"token-{number:040d}" for number in range(9))
    tokens = Tokens(store=store, clock=clock, new_token=lambda: next(made), registrations=known)
    limits = Limits(clock)
    requester = Requester(tokens=tokens, contexts=store, clients=known, limits=limits, per_minute=1)

    async def ask(token):
        return await requester.caller([(b"authorization", b"Bearer " + token), (b"x-purpose-of-use", b"TREAT")], "r")

    grant = {"organisation": "Organization/clinic", "purposes": ["TREAT"], "lifetime": 600}
    own = (await tokens.issue(client="chart", **grant)).encode()
    theirs = (await tokens.issue(client="chart", scopes="system/Patient.rs", **grant)).encode()
    assert [(await ask(one)).longest_body for one in (theirs, own)] == [3 * 1024, 64 * 1024]
    assert (await ask(theirs)).scopes.allows("Patient", "r")
    for token, wait in ((theirs, 30), (own, 60)):
        with pytest.raises(Throttled) as refused:
            await ask(token)
        assert refused.value.wait == wait
    clock.now += MINUTE // 2
    assert (await ask(theirs)).client == "chart"
