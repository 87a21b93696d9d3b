"""Client assertions, right ones and hostile ones: every wrong one is the same refusal."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import smart_clients as sc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from adapter.auth.assertion import LIFE, LONGEST, SECOND, SKEW, Assertions
from adapter.auth.keys import InlineKeys, read_keys
from adapter.auth.refusal import Refusal

pytestmark = pytest.mark.anyio
URL = "https://ehr.example/jwks.json"


class Spent:
    def __init__(self):
        self.digests = {}

    async def spend(self, digest, *, expires):
        unused = digest not in self.digests
        self.digests.setdefault(digest, expires)
        return unused


@dataclass
class Client:
    id: str
    keys: InlineKeys
    jwks_url: str | None = None


CLIENTS = {
    "ehr": Client("ehr", InlineKeys(read_keys(sc.jwks(sc.EC_KEY, sc.RSA_KEY))), URL),
    "other": Client("other", InlineKeys(read_keys(sc.jwks(sc.OTHER_KEY)))),
}


@pytest.fixture
def world(clock):
    spent = Spent()
    made = Assertions(find=CLIENTS.get, spent=spent, audiences=[sc.TOKEN_URL], clock=clock)
    return SimpleNamespace(verify=made.verify, spent=spent, now=lambda: clock.now, clock=clock)


def said(world, client="ehr", **changes):
    return sc.claims(client, world.now(), **changes)


async def why(world, assertion, client_id=None):
    """Why an assertion is refused, for the county; the code is always the same."""
    with pytest.raises(Refusal) as refused:
        await world.verify(assertion, client_id)
    assert refused.value.code == "invalid_client"
    return refused.value.why


@pytest.mark.parametrize("key", [sc.EC_KEY, sc.RSA_KEY])
async def test_a_signed_statement_proves_the_client(world, key):
    claims = said(world)
    proven = await world.verify(sc.sign(claims, key), "ehr")
    assert (proven.client, proven.claims) == ("ehr", claims)


async def test_it_is_good_once_and_remembered_until_it_is_too_old(world):
    claims = said(world)
    await world.verify(sc.sign(claims))
    assert list(world.spent.digests.values()) == [claims["exp"] * SECOND + SKEW]
    assert await why(world, sc.sign(claims)) == "replayed"
    # Another signature over the same statement is the same statement.
    assert await why(world, sc.sign(claims, sc.RSA_KEY)) == "replayed"
    assert await why(world, sc.sign(said(world, jti=claims["jti"], exp=claims["exp"] - 1))) == "replayed"


async def test_what_two_clients_call_by_the_same_id_is_not_the_same(world):
    await world.verify(sc.sign(said(world, jti="same")))
    assert (await world.verify(sc.sign(said(world, "other", jti="same"), sc.OTHER_KEY))).client == "other"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"iss": "nobody"}, "unknown-client"),
        ({"iss": None}, "unknown-client"),
        ({"iss": ["ehr"]}, "unknown-client"),
        ({"iss": "x" * 300}, "unknown-client"),
        ({"sub": "other"}, "wrong-subject"),
        ({"sub": None}, "wrong-subject"),
        ({"aud": None}, "wrong-audience"),
        ({"aud": sc.TOKEN_URL + "/"}, "wrong-audience"),
        ({"aud": "https://elsewhere.example/auth/token"}, "wrong-audience"),
        ({"aud": []}, "wrong-audience"),
        ({"aud": [sc.TOKEN_URL, "https://elsewhere.example"]}, "wrong-audience"),
        ({"jti": None}, "no-id"),
        ({"jti": ""}, "no-id"),
        ({"jti": 7}, "no-id"),
        ({"jti": "x" * 300}, "no-id"),
        ({"exp": None}, "no-expiry"),
        ({"exp": "soon"}, "no-instant"),
        ({"exp": True}, "no-instant"),
        ({"exp": 10**15}, "no-instant"),
        ({"iat": "then"}, "no-instant"),
    ],
)
async def test_what_no_correct_client_says_is_refused(world, changes, expected):
    assert await why(world, sc.sign(said(world, **changes))) == expected
    assert not world.spent.digests


async def test_one_audience_may_stand_in_a_list(world):
    assert (await world.verify(sc.sign(said(world, aud=[sc.TOKEN_URL])))).client == "ehr"


@pytest.mark.parametrize(
    ("claim", "seconds", "expected"),
    [
        ("exp", 0, None),
        ("exp", -29, None),
        ("exp", -30, "expired"),
        ("exp", -3000, "expired"),
        ("exp", 330, None),
        ("exp", 331, "lives-too-long"),
        ("exp", 3600, "lives-too-long"),
        ("nbf", 30, None),
        ("nbf", 31, "not-yet-valid"),
        ("iat", 30, None),
        ("iat", 31, "not-yet-valid"),
        ("iat", -3000, None),
    ],
)
async def test_instants_are_kept_to_within_the_skew_of_clocks(world, claim, seconds, expected):
    assertion = sc.sign(said(world, **{claim: world.now() // SECOND + seconds}))
    if expected is None:
        assert (await world.verify(assertion)).client == "ehr"
    else:
        assert await why(world, assertion) == expected
    assert (LIFE, SKEW) == (300 * SECOND, 30 * SECOND)


async def test_a_name_beside_the_assertion_has_to_be_the_same(world):
    assert await why(world, sc.sign(said(world)), "other") == "wrong-subject"


async def test_no_algorithm_is_no_signature(world):
    for alg in ("none", "None", "NONE", ""):
        unsigned = f"{sc.part({'alg': alg, 'kid': 'ec-1'})}.{sc.part(said(world))}."
        assert await why(world, unsigned) == "algorithm"


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
async def test_a_public_key_is_no_shared_secret(world, alg):
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[alg]
    for key in (sc.RSA_KEY, sc.EC_KEY):
        for secret in (key.as_pem(private=False), json.dumps(key.as_dict(private=False)).encode()):
            signed = f"{sc.part({'alg': alg, 'typ': 'JWT', 'kid': key.kid})}.{sc.part(said(world))}"
            mac = base64.urlsafe_b64encode(hmac.new(secret, signed.encode(), digest).digest()).rstrip(b"=").decode()
            assert await why(world, f"{signed}.{mac}") == "algorithm"


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        (sc.RSA_KEY, "RS256"),
        (sc.RSA_KEY, "RS512"),
        (sc.RSA_KEY, "PS384"),
        (ECKey.generate_key("P-256", {"kid": "ec-1"}), "ES256"),
    ],
)
async def test_other_algorithms_are_not_taken(world, key, alg):
    bare = type(key).import_key({name: value for name, value in key.as_dict(private=True).items() if name != "alg"})
    header = {"alg": alg, "typ": "JWT", "kid": key.kid}
    assertion = jws.serialize_compact(header, json.dumps(said(world)).encode(), bare, algorithms=[alg])
    assert await why(world, assertion) == "algorithm"


async def test_the_algorithm_has_to_be_that_of_the_key(world):
    assert await why(world, sc.sign(said(world), sc.EC_KEY, kid="rsa-1")) == "bad-signature"
    assert await why(world, sc.sign(said(world), sc.RSA_KEY, kid="ec-1")) == "bad-signature"


async def test_a_key_of_another_client_proves_nothing(world):
    assert await why(world, sc.sign(said(world), sc.OTHER_KEY)) == "bad-signature"
    assert await why(world, sc.sign(said(world, "other"), sc.EC_KEY)) == "bad-signature"


@pytest.mark.parametrize("kid", [None, "", "ec-2", 7, ["ec-1"], "../ec-1"])
async def test_an_unknown_key_id_proves_nothing(world, kid):
    header = {"alg": "ES384", "typ": "JWT"} | ({} if kid is None else {"kid": kid})
    body = f"{sc.part(header)}.{sc.part(said(world))}"
    signature = sc.sign(said(world)).rpartition(".")[2]
    assert await why(world, f"{body}.{signature}") == "unknown-key"


async def test_keys_that_come_with_the_assertion_are_not_used(world):
    mine = ECKey.generate_key("P-384", {"kid": "ec-1"})
    for header in ({"jwk": mine.as_dict(private=False)}, {"x5u": "https://me.example"}, {"x5c": ["x"]}):
        assert await why(world, sc.sign(said(world), mine, **header)) == "bad-signature"
    assert await why(world, sc.sign(said(world), jku="https://me.example/jwks.json")) == "foreign-key-set"
    assert (await world.verify(sc.sign(said(world), jku=URL))).client == "ehr"
    assert await why(world, sc.sign(said(world, "other"), sc.OTHER_KEY, jku=URL)) == "foreign-key-set"


@pytest.mark.parametrize("header", [{"typ": "at+jwt"}, {"typ": "JWS"}])
async def test_another_kind_of_token_is_no_assertion(world, header):
    assert await why(world, sc.sign(said(world), **header)) == "wrong-type"


async def test_a_header_that_has_to_be_understood_is_refused(world):
    for header in ({"crit": ["exp"], "exp": 1}, {"b64": False}):
        body = f"{sc.part({'alg': 'ES384', 'kid': 'ec-1'} | header)}.{sc.part(said(world))}.AAAA"
        assert await why(world, body) == "malformed"


async def test_a_changed_letter_breaks_it(world):
    header, body, signature = sc.sign(said(world)).split(".")
    richer = sc.part(said(world) | {"extensions": {}})
    assert await why(world, f"{header}.{richer}.{signature}") == "bad-signature"
    assert await why(world, f"{header}.{body}.") == "bad-signature"
    zeros = base64.urlsafe_b64encode(bytes(96)).decode()
    assert await why(world, f"{header}.{body}.{zeros}") == "bad-signature"


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.b.c", "a.b", "a.b.c.d", "x" * (LONGEST + 1), "é.a.b", "eyJhbGciOiJFUzM4NCJ9.W10.AA", "\x00"],
)
async def test_what_is_no_assertion_at_all_is_refused(world, text):
    assert await why(world, text) == "malformed"


async def test_a_huge_one_is_not_looked_at(world):
    assert await why(world, sc.sign(said(world, extensions={"filler": "x" * LONGEST}))) == "malformed"


async def test_a_deep_one_is_refused(world):
    deep = base64.urlsafe_b64encode(b'{"a":' * 1200 + b"1" + b"}" * 1200).decode().rstrip("=")
    assert await why(world, f"{sc.part({'alg': 'ES384', 'kid': 'ec-1'})}.{deep}.AA") == "malformed"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=100))
async def test_no_guess_proves_anyone(world, header, body, signature):
    parts = (base64.urlsafe_b64encode(one).decode().rstrip("=") for one in (header, body, signature))
    await why(world, ".".join(parts))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "jti"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.lists(st.text(max_size=3)),
        min_size=1,
    )
)
async def test_strange_claims_are_refused_or_still_those_of_the_client(world, changes):
    try:
        proven = await world.verify(sc.sign(said(world, **changes)))
    except Refusal:
        return
    assert proven.claims["sub"] == proven.claims["iss"] == proven.client == "ehr"
    assert proven.claims["aud"] in (sc.TOKEN_URL, [sc.TOKEN_URL])
    assert abs(proven.claims["exp"] * SECOND - world.now()) <= LIFE + SKEW
