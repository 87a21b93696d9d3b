"""Tokens of another authorization server: believed only while it confirms them, and never for more than is ours."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import smart_clients as sc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws
from smart_clients import TYPES, Bounds

from adapter.auth.clients import Registered
from adapter.auth.keys import InlineKeys
from adapter.auth.outside import AT_ONCE, OutsideTokens
from adapter.errors import Unavailable
from adapter.fhir.scopes import read_scopes
from adapter.outbound import Reply, Unreachable
from adapter.registration import Client, Introspection
from adapter.store.shapes import NOTHING_SAID

pytestmark = pytest.mark.anyio
TOKEN = b"a-token-of-the-other-server"
SERVER = Introspection(
    url="https://as.example/introspect",
    issuer="https://as.example",
    audience="https://county.example/fhir",
    client_id="sallyport",
    key_file="outside.json",
    cache_seconds=30,
)
BOUNDS = Bounds(attended={"clinic": ("TREAT",)}, alone={"clinic": ("TREAT",)}, signatures={("clinic", "ana")})


def client():
    spec = Client(name="x", organizations=("clinic",), scopes=("system/Patient.rs",), outside_id="their-name")
    scopes = read_scopes("system/Patient.rs", TYPES)
    return Registered(id="chart", spec=spec, keys=InlineKeys({}), scopes=scopes)


class Other:
    """The other server."""

    def __init__(self):
        self.reply, self.asked, self.fails = {}, [], None

    async def post_form(self, url, form):
        self.asked.append((url, dict(form)))
        if self.fails is not None:
            raise self.fails
        body = self.reply if isinstance(self.reply, bytes) else json.dumps(self.reply).encode()
        return Reply(status=200, body=body)


class Words:
    shut = ()

    async def last_word(self, organisation, user):
        return NOTHING_SAID

    async def stopped(self, ident):
        return ident in self.shut


@pytest.fixture
def world(clock):
    other, words = Other(), Words()
    known = SimpleNamespace(outside={"their-name": client()}.get)
    tokens = OutsideTokens(
        server=SERVER,
        key=sc.EC_KEY,
        post=other,
        clients=known,
        bounds=BOUNDS,
        words=words,
        types=TYPES,
        organisations=sc.ORGANIZATIONS,
        clock=clock,
        new_id=lambda: "id",
    )
    other.reply = confirmed(clock)
    return SimpleNamespace(tokens=tokens, other=other, clock=clock, words=words)


def confirmed(clock, **changes):
    said = {
        "active": True,
        "iss": "https://as.example",
        "aud": "https://county.example/fhir",
        "client_id": "their-name",
        "scope": "system/Patient.r",
        "token_type": "Bearer",
        "exp": clock.now // 1_000_000 + 60,
        **sc.b2b("clinic", ["TREAT"], "ana"),
    } | changes
    return {name: value for name, value in said.items() if value is not None}


async def holder(world, token=TOKEN):
    return await world.tokens.holder(token, world.clock.now)


async def test_what_is_confirmed_is_mapped_to_what_is_registered(world):
    row = await holder(world)
    assert (row.client, row.organisation, row.purposes, row.user) == ("chart", "Organization/clinic", ("TREAT",), "ana")
    assert (row.scopes, row.rights) == ("system/Patient.r", ())
    assert row.expires == (world.clock.now // 1_000_000 + 60) * 1_000_000
    (url, form), *_ = world.other.asked
    assert (url, form["token"], form["client_id"]) == (SERVER.url, TOKEN.decode(), "sallyport")
    proof = jws.deserialize_compact(form["client_assertion"], sc.EC_KEY, algorithms=["ES384"])
    said = json.loads(proof.payload)
    assert (said["iss"], said["sub"], said["aud"]) == ("sallyport", "sallyport", SERVER.url)
    assert 0 < said["exp"] - world.clock.now // 1_000_000 <= 300


@pytest.mark.parametrize(
    "changes",
    [
        {"active": False},
        {"iss": None},
        {"iss": "https://other.example"},
        {"aud": None},
        {"aud": "https://other.example"},
        {"aud": ["https://other.example"]},
        {"aud": {"https://county.example/fhir": 1}},
        {"client_id": None},
        {"client_id": "chart"},
        {"client_id": ["their-name"]},
        {"scope": None},
        {"scope": "system/Observation.rs"},
        {"scope": "patient/Patient.rs"},
        {"scope": ["system/Patient.r"]},
        {"token_type": "DPoP"},
        {"token_type": 7},
        {"exp": None},
        {"exp": 1},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": 10**13},
        sc.b2b("court", ["TREAT"], "ana"),
        sc.b2b("clinic", ["HOPERAT"], "ana"),
        sc.b2b("clinic", ["TREAT"], "bo"),
        {"extensions": []},
    ],
)
async def test_anything_else_is_no_token(world, changes):
    world.other.reply = confirmed(world.clock, **changes)
    assert await holder(world) is None


async def test_one_audience_among_several_is_enough(world):
    world.other.reply = confirmed(world.clock, aud=["https://x.example", "https://county.example/fhir"])
    assert await holder(world) is not None


@pytest.mark.parametrize("reply", [b"", b"<html>", b"[]", b"null", b'{"active": "true"}', b"{}"])
async def test_an_answer_that_cannot_be_read_is_no_answer(world, reply):
    world.other.reply = reply
    with pytest.raises(Unavailable):
        await holder(world)


async def test_a_server_that_cannot_be_asked_is_no_answer_and_old_ones_end(world):
    assert await holder(world) is not None
    world.other.fails = Unreachable("no answer")
    world.clock.now += 29_999_999
    assert await holder(world) is not None
    world.clock.now += 1
    with pytest.raises(Unavailable):
        await holder(world)


async def test_a_confirmation_is_kept_for_seconds_and_not_beyond_its_expiry(world):
    world.other.reply = confirmed(world.clock, exp=world.clock.now // 1_000_000 + 10)
    assert await holder(world) is not None
    world.clock.now += 10_000_000
    assert await holder(world) is None
    assert len(world.other.asked) == 1
    world.clock.now += 20_000_000
    await holder(world)
    assert len(world.other.asked) == 2


async def test_what_is_ours_to_withdraw_is_withdrawn_at_once(world):
    assert await holder(world) is not None
    world.words.shut = ("chart",)
    assert await holder(world) is None
    assert len(world.other.asked) == 1


@pytest.mark.parametrize("token", [b"", b"short", "ä-token-of-some-length".encode()])
async def test_what_is_no_token_is_not_asked_about(world, token):
    assert await holder(world, token) is None
    assert not world.other.asked


async def test_too_many_questions_at_once_are_not_asked(world):
    for _ in range(AT_ONCE):
        await world.tokens._under_way.acquire()
    with pytest.raises(Unavailable):
        await holder(world)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["active", "iss", "aud", "client_id", "scope", "token_type", "exp", "extensions", "x"]),
        st.none() | st.booleans() | st.integers(-5, 10**10) | st.text(max_size=5) | st.lists(st.text(max_size=3)),
    )
)
async def test_nothing_that_a_server_says_is_wider_than_what_is_registered(world, changes):
    world.tokens._kept.clear()
    world.other.reply = confirmed(world.clock) | changes
    try:
        row = await holder(world)
    except Unavailable:
        return
    assert row is None or (row.client, row.organisation, row.purposes) == ("chart", "Organization/clinic", ("TREAT",))
    assert row is None or row.scopes in {"system/Patient.r", "system/Patient.rs"}
