"""Key sets: what is taken, what is told at once, and how published keys change hands."""

from __future__ import annotations

import asyncio
import json

import pytest
import smart_clients as sc
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, RSAKey

from adapter.auth.keys import KEPT, MINUTE, MOST, FetchedKeys, KeyFault, read_keys
from adapter.outbound import Reply, Unreachable

pytestmark = pytest.mark.anyio
EC = sc.EC_KEY.as_dict(private=False)
RSA = sc.RSA_KEY.as_dict(private=False)


def without(key, *names):
    return {name: value for name, value in key.items() if name not in names}


def test_public_keys_are_read_by_their_id():
    assert set(read_keys({"keys": [EC, RSA]})) == {"ec-1", "rsa-1"}
    assert set(read_keys({"keys": [without(EC, "use", "alg")]})) == {"ec-1"}


def test_keys_for_other_ends_are_passed_over():
    others = [{"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "o"}, RSA | {"use": "enc", "kid": "e"}]
    assert set(read_keys({"keys": [*others, EC]})) == {"ec-1"}


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        (None, "keys", "no list"),
        ([], "keys", "no list"),
        ({"keys": {}}, "keys", "no list"),
        ({"keys": []}, "keys", "no list"),
        ({"keys": [EC] * (MOST + 1)}, "keys", "no list"),
        ({"keys": ["x"]}, "keys[0]", "no JSON Web Key"),
        ({"keys": [OctKey.generate_key(256, {"kid": "s"}).as_dict(private=True)]}, "keys[0]", "private"),
        ({"keys": [EC, sc.RSA_KEY.as_dict(private=True)]}, "keys[1]", "private"),
        ({"keys": [without(EC, "kid")]}, "keys[0].kid", "no id"),
        ({"keys": [EC | {"kid": ""}]}, "keys[0].kid", "no id"),
        ({"keys": [EC, EC]}, "keys[1].kid", "no id of its own"),
        ({"keys": [EC | {"alg": "ES256"}]}, "keys[0].alg", "another algorithm"),
        ({"keys": [RSA | {"alg": "RS256"}]}, "keys[0].alg", "another algorithm"),
        ({"keys": [ECKey.generate_key("P-256", {"kid": "p"}).as_dict(private=False)]}, "keys[0].crv", "another curve"),
        ({"keys": [without(EC, "crv")]}, "keys[0].crv", "another curve"),
        ({"keys": [RSA | {"n": RSA["n"][:170]}]}, "keys[0].n", "too short"),
        ({"keys": [RSA | {"n": RSA["n"] * 5}]}, "keys[0].n", "too long"),
        ({"keys": [without(RSA, "n")]}, "keys[0].n", "too short"),
        ({"keys": [without(RSA, "e")]}, "keys[0]", "cannot be read"),
        ({"keys": [EC | {"x": "!"}]}, "keys[0]", "cannot be read"),
        ({"keys": [EC | {"x": EC["y"]}]}, "keys[0]", "cannot be read"),
        ({"keys": [EC | {"x": 7}]}, "keys[0]", "cannot be read"),
        ({"keys": [{"kty": "OKP", "kid": "o"}]}, "keys", "none of the keys"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(document, path, words):
    with pytest.raises(KeyFault, match=words) as fault:
        read_keys(document)
    assert fault.value.path == path
    assert fault.value.expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["keys", "kty", "kid", "n", "e", "crv", "x", "y", "use", "alg"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_any_json_is_keys_or_a_fault(document):
    try:
        keys = read_keys(document)
    except KeyFault:
        return
    assert all(isinstance(key, RSAKey | ECKey) for key in keys.values())


class Host:
    """Where a client publishes its keys."""

    def __init__(self, *keys):
        self.document, self.asked, self.fails = sc.jwks(*keys), 0, None

    async def get(self, url):
        assert url == "https://ehr.example/jwks.json"
        self.asked += 1
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        return Reply(status=200, body=json.dumps(self.document).encode())


@pytest.fixture
def host():
    return Host(sc.EC_KEY)


@pytest.fixture
def keys(host, clock):
    return FetchedKeys("https://ehr.example/jwks.json", fetch=host, clock=clock)


async def test_published_keys_are_fetched_once_and_kept(keys, host, clock):
    assert (await keys.key("ec-1")).thumbprint() == sc.EC_KEY.thumbprint()
    clock.now += KEPT - 1
    assert await keys.key("ec-1") is not None
    assert host.asked == 1
    clock.now += 1
    assert await keys.key("ec-1") is not None
    assert host.asked == 2


async def test_many_at_once_fetch_once(keys, host):
    found = await asyncio.gather(*(keys.key("ec-1") for _ in range(20)))
    assert all(one is not None for one in found)
    assert host.asked == 1


async def test_a_new_key_is_found_and_an_old_one_gone(keys, host, clock):
    assert await keys.key("ec-1") is not None
    host.document = sc.jwks(sc.RSA_KEY)
    clock.now += MINUTE
    assert await keys.key("rsa-1") is not None
    assert await keys.key("ec-1") is None
    assert host.asked == 2


async def test_unknown_ids_fetch_at_most_once_a_minute(keys, host, clock):
    await keys.key("ec-1")
    for number in range(50):
        assert await keys.key(f"guess-{number}") is None
    assert host.asked == 1
    clock.now += MINUTE
    assert await keys.key("guess") is None
    assert host.asked == 2


@pytest.mark.parametrize("broken", [{"keys": []}, {"keys": [sc.EC_KEY.as_dict(private=True)]}, []])
async def test_what_cannot_be_read_is_no_key(keys, host, clock, broken):
    host.document = broken
    assert await keys.key("ec-1") is None


async def test_a_host_that_fails_keeps_old_keys_for_their_time_and_no_longer(keys, host, clock):
    await keys.key("ec-1")
    host.fails = Unreachable("no answer")
    clock.now += KEPT - 1
    assert await keys.key("ec-1") is not None
    clock.now += 1
    assert await keys.key("ec-1") is None
    host.fails = None
    clock.now += MINUTE
    assert await keys.key("ec-1") is not None


async def test_a_page_of_errors_is_no_key_set(clock):
    class Erring:
        async def get(self, url):
            return Reply(status=404, body=json.dumps(sc.jwks(sc.EC_KEY)).encode())

    assert await FetchedKeys("https://x.example", fetch=Erring(), clock=clock).key("ec-1") is None
